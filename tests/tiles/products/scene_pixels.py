"""What comes of a scene's pixels, for tests that open it."""

from __future__ import annotations

from tiles.pixels.reader import Pixels, ReadPlan, read_strips
from tiles.scene import Scene

__all__ = ["read_pixels"]


def read_pixels(scene: Scene) -> Pixels:
    """All of a scene, as the network sees it."""
    plan = ReadPlan(scene=scene, bands=scene.bands, threads=1)
    (strip,) = read_strips(plan, [scene.grid.window])
    return strip.read(scene.grid.window)
