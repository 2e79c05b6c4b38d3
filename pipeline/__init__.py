"""The work: map a scene, trace its coastline, export it, evaluate it, record where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.mapping import MapOptions, MapResult, map_scene

__all__ = ["MapOptions", "MapResult", "map_scene"]


def __getattr__(name: str) -> object:
    """Give the one call that most need, without importing torch for those who do not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pipeline import mapping  # noqa: PLC0415 (late on purpose)

    return getattr(mapping, name)
