"""Bring the images of all dates to one place, that of the clearest of each tile, before their shores are crossed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import shapely

from pipeline.output.texture import TEXTURE_NAME
from pipeline.record.mapped_scene import MappedScene
from pipeline.register.chips import DatedImage
from pipeline.register.measure_shift import measure_shift
from pipeline.register.registration import Registration
from pipeline.timeseries.options import TimeseriesOptions
from tiles.progress import Progress

__all__ = ["explain_registrations", "register_scenes"]

_REFERENCE: Final = Registration(
    offset=None, offset_m=None, sigma_m=0.0, reason="the reference: the others are moved to it"
)


def register_scenes(
    scenes: Sequence[MappedScene],
    *,
    count_clear: Callable[[MappedScene], float],
    options: TimeseriesOptions,
    progress: Progress,
) -> dict[str, Registration]:
    """Measure how far each scene lies beside the clearest of its tile.

    Args:
        scenes: All that are followed.
        count_clear: How much of a scene shows the ground.
        options: Whether to, and what is assumed where it cannot be measured.
        progress: Told how far the work is.

    Returns:
        By the id of the scene; the clearest of a tile lies where it lies.
    """
    if not options.coregister:
        return {scene.id: _assume(options, "not asked for (--no-coregister)") for scene in scenes}
    kept = [scene for scene in scenes if (scene.folder / TEXTURE_NAME).is_file()]
    registered = {scene.id: _assume(options, f"no {TEXTURE_NAME} in its map") for scene in scenes if scene not in kept}
    references: list[MappedScene] = []
    for scene in sorted(kept, key=count_clear, reverse=True):
        progress("registering", len(registered) / len(scenes))
        reference = next((one for one in references if _is_of_one_tile(one, scene)), None)
        if reference is None:
            references.append(scene)
            registered[scene.id] = _REFERENCE
        else:
            images = (_find_image(reference), _find_image(scene))
            registered[scene.id] = measure_shift(*images, assumed_m=options.registration_m)
    return registered


def _assume(options: TimeseriesOptions, reason: str) -> Registration:
    return Registration(offset=None, offset_m=None, sigma_m=options.registration_m, reason=reason)


def _is_of_one_tile(one: MappedScene, other: MappedScene) -> bool:
    """By their names; where these say no tile, most of the smaller image lies in the other."""
    if one.grid.crs != other.grid.crs or one.tile != other.tile:
        return False
    first, second = (shapely.box(*scene.grid.bounds) for scene in (one, other))
    return one.tile is not None or first.intersection(second).area > min(first.area, second.area) / 2


def _find_image(scene: MappedScene) -> DatedImage:
    return DatedImage(grid=scene.grid, texture=scene.folder / TEXTURE_NAME, water=scene.folder / "water.tif")


def explain_registrations(registered: Mapping[str, Registration], *, options: TimeseriesOptions) -> list[str]:
    """What the user should be told of them, a sentence.

    Args:
        registered: By scene.
        options: Where nothing was asked for, nothing is said.
    """
    moved = [one.offset_m for one in registered.values() if one.is_clear and one.offset_m is not None]
    unknown = sum(one.offset_m is None and one.sigma_m > 0 for one in registered.values())
    notes = []
    if moved:
        farthest = max((east**2 + north**2) ** 0.5 for east, north in moved)
        notes.append(
            f"{len(moved)} of {len(registered)} images lay beside the clearest of their tile, by {farthest:.1f} m at "
            "most: that was taken out."
        )
    if unknown and options.coregister and unknown < len(registered):
        notes.append(
            f"{unknown} of {len(registered)} images could not be registered: their place is good to "
            f"{options.registration_m:g} m."
        )
    return notes
