"""What a mosaic knows of each mapped scene: where it lies, when it was seen, and that all were mapped alike."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError

from pipeline.dates import Period
from pipeline.errors import MosaicError
from pipeline.record.result import ITEM_NAME, read_fingerprint
from tiles.errors import GridError
from tiles.grid import Grid
from tiles.products.name import find_tile
from tiles.times import parse_moment

__all__ = ["MappedScene", "MappedScenes", "group_acquisitions", "read_mapped_scenes"]

_MOST_NAMED = 5
"""Scenes that a note names."""

_PASS = timedelta(minutes=30)
"""A satellite needs 100 minutes for an orbit, and minutes for the coast of one area."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedScene:
    """One result of ``map_scene``.

    Attributes:
        id: Id of its item, and name of its folder.
        folder: Where ``water.tif`` and ``probability.tif`` are.
        grid: Their grid.
        acquired: Time of sensing in UTC, where known.
        platform: ``sentinel-2a`` …, where known.
        tile: MGRS tile such as ``30UXB``, where its name says so.
        simulated: It shows no place on Earth.
        tide_m: Height of the tide at that moment, where known.
        tide_source: Name of what says so; heights of one source may be compared.
    """

    id: str
    folder: Path
    grid: Grid
    acquired: datetime | None = None
    platform: str | None = None
    tile: str | None = None
    simulated: bool = False
    tide_m: float | None = None
    tide_source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedScenes:
    """The scenes of a folder, all mapped by one model with one threshold.

    Attributes:
        scenes: By time, then by id; those without a time come first.
        fingerprints: What each stands for, in the same order; see ``compute_fingerprint``.
        model: Name and version of the model.
        model_sha256: Of its file.
        threshold: Probability from which a pixel is water.
        surface_error: Error near the coastline of what it is drawn from, 0 to 1, the mean over the scenes: of the share
            of water, or of the model's probability where a scene states none.
        notes: What was left out, a sentence each.
        lacking: Ids of scenes that belong here and were not mapped, sorted.
    """

    scenes: tuple[MappedScene, ...]
    fingerprints: tuple[str, ...]
    model: str
    model_sha256: str
    threshold: float
    surface_error: float
    notes: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()


_Pair = tuple[MappedScene, dict[str, Any]]
"""A scene, and the properties of its item."""


def read_mapped_scenes(
    folder: Path, *, period: Period | None = None, wanted: Collection[str] | None = None
) -> MappedScenes:
    """Read what was mapped into a folder.

    Args:
        folder: Where ``<scene id>/item.json`` are, as ``strandline map`` and ``strandline batch`` leave them.
        period: Scenes of other days are left out, and those of no known day; ``None``: all belong here.
        wanted: Ids of the scenes that belong here; ``None``: all that are there.

    Returns:
        The scenes that are whole.

    Raises:
        MosaicError: There is none, or they were mapped by different models or with different thresholds.
    """
    pairs: list[_Pair] = []
    broken: list[str] = []
    for path in sorted(folder.glob(f"*/{ITEM_NAME}")):
        if read_fingerprint(path.parent) is None:
            broken.append(path.parent.name)
            continue
        document = json.loads(path.read_text(encoding="utf-8"))
        if "strandline:radiometry" in document["properties"]:  # a map of a scene, not a mosaic
            pairs.append((_read_scene(path.parent, document), document["properties"]))
    if wanted is not None:
        pairs = [pair for pair in pairs if pair[0].folder.name in wanted]
    lacking = sorted(set(wanted or ()) - {scene.folder.name for scene, _ in pairs})
    pairs, undated = _keep_dates(pairs, period, folder)
    if not pairs:
        raise MosaicError(
            f"Expected mapped scenes in {folder} (<scene id>/{ITEM_NAME}), found none"
            f"{f' that is whole ({len(broken)} are not)' if broken else ''}. Map some first: strandline batch."
        )
    pairs.sort(key=lambda pair: (pair[0].acquired or datetime.min.replace(tzinfo=UTC), pair[0].id))
    facts = [_read_facts(properties) for _, properties in pairs]
    _require_same(folder, [scene for scene, _ in pairs], facts)
    scenes, notes = _keep_comparable_heights([scene for scene, _ in pairs])
    if undated:
        notes = (f"Left out, since no date of theirs is known: {_list_names(undated)}.", *notes)
    if broken:
        notes = (f"Left out, since an output is missing: {', '.join(broken)}.", *notes)
    if lacking:
        notes = (f"It lacks {len(lacking)} of its scenes, which could not be mapped: {_list_names(lacking)}.", *notes)
    return MappedScenes(
        scenes=scenes,
        fingerprints=tuple(str(properties["strandline:fingerprint"]) for _, properties in pairs),
        model=facts[0][0],
        model_sha256=facts[0][1],
        threshold=facts[0][2],
        surface_error=sum(fact[3] for fact in facts) / len(facts),
        notes=notes,
        lacking=tuple(lacking),
    )


def _keep_dates(pairs: list[_Pair], period: Period | None, folder: Path) -> tuple[list[_Pair], list[str]]:
    """The scenes of a period, and the ids of those of no known day.

    Raises:
        MosaicError: There are scenes, and none of them is of the period.
    """
    if period is None or not pairs:
        return pairs, []
    kept = [pair for pair in pairs if pair[0].acquired is not None and period.contains(pair[0].acquired)]
    if not kept:
        days = sorted(f"{scene.acquired:%Y-%m-%d}" for scene, _ in pairs if scene.acquired is not None)
        found = f"those of {days[0]} to {days[-1]}" if days else "some of no known day"
        raise MosaicError(
            f"Expected mapped scenes of {period.describe()} in {folder}, found {found}. Choose other --dates."
        )
    return kept, [scene.id for scene, _ in pairs if scene.acquired is None]


def _list_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _read_scene(folder: Path, document: dict[str, Any]) -> MappedScene:
    properties = document["properties"]
    try:
        crs = CRS.from_user_input(properties.get("proj:code") or properties["proj:wkt2"])
        height, width = properties["proj:shape"]
        grid = Grid(crs=crs, transform=Affine(*properties["proj:transform"][:6]), width=width, height=height)
    except (KeyError, TypeError, ValueError, CRSError, GridError) as error:
        raise MosaicError(
            f"Expected proj:code, proj:shape and proj:transform in {folder / ITEM_NAME}, found {error}. Map it again."
        ) from error
    return MappedScene(
        id=str(document["id"]),
        folder=folder,
        grid=grid,
        acquired=parse_moment(properties.get("datetime")),
        platform=properties.get("platform"),
        tile=find_tile(str(document["id"])),
        simulated=bool(properties.get("strandline:simulated")),
        tide_m=properties.get("strandline:tide_m"),
        tide_source=properties.get("strandline:parameters", {}).get("tides"),
    )


def _keep_comparable_heights(scenes: Sequence[MappedScene]) -> tuple[tuple[MappedScene, ...], tuple[str, ...]]:
    """The scenes, without heights of the tide where these are above the datums of several sources; and a note of it."""
    sources = sorted({str(scene.tide_source) for scene in scenes if scene.tide_m is not None})
    if len(sources) < 2:
        return tuple(scenes), ()
    note = f"Heights of the tide that maps record were left out, since they are from {' and '.join(sources)}."
    return tuple(replace(scene, tide_m=None) for scene in scenes), (note,)


def _read_facts(properties: dict[str, Any]) -> tuple[str, str, float, float]:
    model = str(properties["mlm:name"])
    stated = properties.get("strandline:statistics", {}).get("share_error")
    return (
        model,
        str(properties["strandline:model_sha256"]),
        float(properties["strandline:parameters"]["threshold"]),
        float(stated if stated is not None else properties.get("strandline:probability_rmse", 0.0)),
    )


def _require_same(folder: Path, scenes: Sequence[MappedScene], facts: Sequence[tuple[str, str, float, float]]) -> None:
    for scene, fact in zip(scenes, facts, strict=True):
        if fact[1:3] != facts[0][1:3]:
            raise MosaicError(
                f"Expected scenes of one model and threshold in {folder}, found {facts[0][0]} at {facts[0][2]:g} "
                f"({scenes[0].id}) and {fact[0]} at {fact[2]:g} ({scene.id}). Map them into folders of their own."
            )


def group_acquisitions(scenes: Sequence[MappedScene]) -> list[list[int]]:
    """Group the tiles of one overpass, so that where they overlap a place counts as seen once.

    Args:
        scenes: By time, see ``read_mapped_scenes``.

    Returns:
        Numbers of scenes, a list an overpass, by time: of one platform, each within half an hour of the one before.
        A scene without a time is an overpass of its own.
    """
    groups: list[list[int]] = []
    last: dict[str | None, int] = {}
    for number, scene in enumerate(scenes):
        group = last.get(scene.platform)
        if scene.acquired is not None and group is not None:
            before = scenes[groups[group][-1]].acquired
            if before is not None and scene.acquired - before <= _PASS:
                groups[group].append(number)
                continue
        last[scene.platform] = len(groups)
        groups.append([number])
    return groups
