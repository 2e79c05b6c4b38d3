"""Bring the images of all dates to one place, that of the clearest of each tile, before their shores are crossed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.output.texture import TEXTURE_NAME
from pipeline.record.mapped_scene import MappedScene
from pipeline.register.chips import DatedImage
from pipeline.register.measure_shift import measure_shift
from pipeline.register.registration import Registration
from pipeline.timeseries.options import TimeseriesOptions
from tiles.progress import Progress

__all__ = ["explain_registrations", "register_scenes"]


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
    groups: dict[Any, list[MappedScene]] = {}
    for scene in scenes:
        groups.setdefault((scene.tile or scene.grid.transform, scene.grid.crs.to_wkt()), []).append(scene)
    registered: dict[str, Registration] = {}
    for group in groups.values():
        kept = [scene for scene in group if (scene.folder / TEXTURE_NAME).is_file()] if options.coregister else []
        reference = max(kept, key=count_clear, default=None)
        for scene in group:
            progress("registering", len(registered) / len(scenes))
            registered[scene.id] = _register_scene(scene, reference, known=scene in kept, options=options)
    return registered


def _register_scene(
    scene: MappedScene, reference: MappedScene | None, *, known: bool, options: TimeseriesOptions
) -> Registration:
    if not known or reference is None:
        reason = f"no {TEXTURE_NAME} in its map" if options.coregister else "not asked for (--no-coregister)"
        return Registration(offset=None, offset_m=None, sigma_m=options.registration_m, reason=reason)
    if scene is reference:
        return Registration(offset=None, offset_m=None, sigma_m=0.0, reason="the reference: the others are moved to it")
    return measure_shift(_find_image(reference), _find_image(scene), assumed_m=options.registration_m)


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
