"""What a shoreline is with regard to the tide: the words of the column ``datum``."""

from __future__ import annotations

from typing import Final

__all__ = ["COMPOSITE", "INSTANTANEOUS"]

INSTANTANEOUS: Final = "instantaneous"
"""Of one date: where the water stood at the moment of sensing, whatever the tide."""

COMPOSITE: Final = "composite"
"""Of several dates: their middle or their latest, at no one height of the tide."""
