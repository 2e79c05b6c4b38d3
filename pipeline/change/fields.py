"""The three vector layers of a comparison; ``pipeline/data/layers/change.toml`` says what their fields mean."""

from __future__ import annotations

from typing import Final

from pipeline.output.fields import read_layers

__all__ = ["CHANGE_LAYERS", "SHIFT"]

CHANGE_LAYERS: Final = tuple(read_layers("change").values())
"""``gained``, ``lost`` and ``shift``, in the order in which they are written."""

SHIFT: Final = CHANGE_LAYERS[2]
