"""How far a long piece of work is, told while it goes on."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "ignore_progress"]

Progress = Callable[[str, float], None]
"""Called with the name of the stage and the share of it that is done, 0 to 1."""


def ignore_progress(_stage: str, _share: float) -> None:
    """A ``Progress`` for callers who do not want to know."""
