"""The work: map a scene, trace its coastline, export it, evaluate it, record where it came from."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.cubes.segment import CubeOptions, segment
    from pipeline.mapping.map_scene import MapOptions, MapResult, map_scene

__all__ = ["CubeOptions", "MapOptions", "MapResult", "map_scene", "segment"]

_OF_CUBES = ("CubeOptions", "segment")


def __getattr__(name: str) -> object:
    """Give the calls that most need, without importing torch for those who do not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = importlib.import_module("pipeline.cubes.segment" if name in _OF_CUBES else "pipeline.mapping.map_scene")
    return getattr(room, name)
