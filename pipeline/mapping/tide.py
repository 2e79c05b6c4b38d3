"""How high the tide stood when a scene was sensed, where a table or a model of the tide is given."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipeline.mapping.options import MapOptions
from pipeline.output.map_scale import compute_center
from pipeline.tides import compute_model_heights, read_tide_heights
from tiles.grid import Grid
from tiles.scene import Scene
from tiles.times import has_time_of_day

__all__ = ["Tide", "resolve_tide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tide:
    """The tide of a scene, which its line is not corrected for.

    Attributes:
        height_m: Above the datum of its source; ``None`` where not known.
        source: Name of the table or of the model; ``None`` where none is given.
        note: Why the height is not known although there is a source.
    """

    height_m: float | None = None
    source: str | None = None
    note: str | None = None


def resolve_tide(options: MapOptions, scene: Scene, grid: Grid) -> Tide:
    """Find the height of the tide at the moment of sensing; a model is asked in the middle of the map.

    Args:
        options: Name the table or the model.
        scene: Says when it was sensed.
        grid: Of the map.

    Raises:
        TideError: The table or the model cannot be read.
        MissingExtraError: pyTMD is not installed.
    """
    if not options.has_tides:
        return Tide()
    source = options.tides.name if options.tides is not None else options.tide_model
    if scene.acquired is None or not has_time_of_day(scene.acquired):
        known = "no date" if scene.acquired is None else "a day without a time"
        return Tide(source=source, note=f"The tide is not known: {known} is known of the scene. --date says more.")
    if options.tides is not None:
        (height,) = read_tide_heights(options.tides, [scene.acquired], partial=True)
    else:
        lon, lat = compute_center(grid)
        model, folder = str(options.tide_model), options.require_folder()
        (height,) = compute_model_heights(model, folder, [scene.acquired], lon=lon, lat=lat, partial=True)
    if math.isnan(height):
        moment = f"{scene.acquired:%Y-%m-%dT%H:%M}Z"
        return Tide(source=source, note=f"The tide is not known: {source} says nothing of {moment}, or of this place.")
    return Tide(height_m=round(float(height), 3), source=source)
