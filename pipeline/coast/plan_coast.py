"""Plan a coast: which scenes are mapped, and into which mosaics they are joined.

The plan is kept, so that a run that was stopped, at whatever point, goes on with the very scenes that it began with,
whatever a catalogue answers by then; and so that a person can read it, and take lines out. It is a file that
``strandline batch`` takes: ``plan.json`` of a search, or ``scenes.txt``, a line a scene, of scenes that are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.atomic import write_whole
from pipeline.batch.sources import SceneSource, list_sources
from pipeline.coast.job import CoastJob
from pipeline.coast.record import begin_record, is_kept
from pipeline.dates import divide_period, parse_period
from pipeline.search.errors import EmptySearchError
from pipeline.search.item_facts import read_moment
from pipeline.search.plan import Plan, write_plan
from pipeline.search.search_scenes import search_scenes
from strandline import StrandlineError
from tiles.products.name import parse_product_name
from tiles.products.open import StackOptions, open_scene

__all__ = ["CoastPart", "CoastPlan", "plan_coast"]

WHOLE = "mosaic"
"""Name of the mosaic of all dates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoastPart:
    """One mosaic of a coast.

    Attributes:
        name: Of its folder: ``mosaic``, ``2024`` or ``2024-Q3``.
        dates: Its days, as ``strandline mosaic --dates`` takes them; ``None``: all.
        scenes: Names of the maps that belong to it, by time where one is known.
    """

    name: str
    dates: str | None
    scenes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoastPlan:
    """What is mapped and joined.

    Attributes:
        file: The plan, as ``strandline batch`` takes it.
        parts: By time; one without scenes is among them.
        scenes: Number of scenes that are mapped.
        first: Earliest moment of a scene; ``None`` where none is known.
        last: Latest.
        is_new: It was made now, and not kept from an earlier run.
        notes: What the user should be told, a sentence each.
    """

    file: Path
    parts: tuple[CoastPart, ...]
    scenes: int
    first: datetime | None
    last: datetime | None
    is_new: bool
    notes: tuple[str, ...] = ()


def plan_coast(job: CoastJob, out: Path) -> CoastPlan:
    """Read the plan that is kept in the folder, or make and keep one.

    Args:
        job: What is asked.
        out: Folder for all of it; the caller holds it, see ``hold_coast``.

    Returns:
        The plan, with a scene at least.

    Raises:
        StaleResultError: The folder is of another coast.
        StrandlineError: Nothing was found, or what was asked makes no sense.
    """
    basis = job.compute_basis()
    file = out / ("plan.json" if job.scenes is None else "scenes.txt")
    is_new = job.overwrite or not is_kept(out, basis, overwrite=job.overwrite) or not file.is_file()
    notes: tuple[str, ...] = ()
    if is_new:
        found, notes = _search(job, file) if job.scenes is None else _list_scenes(job, file)
        for old in ("plan.json", "scenes.txt"):
            (out / old).unlink(missing_ok=True)
        begin_record(out, basis)
        if isinstance(found, Plan):
            write_plan(found, file)
        else:
            write_whole(file, found)
    moments = {scene.id: _find_moment(scene, job.stack) for scene in list_sources(file, stack=job.stack).scenes}
    known = [moment for moment in moments.values() if moment is not None]
    parts = _divide(job, moments)
    divided = sum(len(part.scenes) for part in parts)
    if divided < len(moments):
        notes = (*notes, f"{len(moments) - divided} scenes of no known day are mapped, and belong to no {job.every}.")
    return CoastPlan(
        file=file,
        parts=parts,
        scenes=len(moments),
        first=min(known, default=None),
        last=max(known, default=None),
        is_new=is_new,
        notes=notes,
    )


def _divide(job: CoastJob, moments: Mapping[str, datetime | None]) -> tuple[CoastPart, ...]:
    """The mosaics; scenes of no known day belong to the one of all dates alone."""
    ordered = sorted(moments, key=lambda name: (str(moments[name] or ""), name))
    if job.every is None:
        return (CoastPart(name=WHOLE, dates=None, scenes=tuple(ordered)),)
    known = {name: moment for name in ordered if (moment := moments[name]) is not None}
    periods = divide_period(parse_period(job.search.dates), job.every, list(known.values()))
    return tuple(
        CoastPart(
            name=one.name,
            dates=one.period.describe(),
            scenes=tuple(name for name, moment in known.items() if one.period.contains(moment)),
        )
        for one in periods
    )


def _find_moment(scene: SceneSource, stack: StackOptions | None) -> datetime | None:
    """When a scene was sensed, as its map will say; of one that does not open, as its name says."""
    if scene.item is not None:
        return read_moment(scene.item)
    try:
        return open_scene(scene.source, options=stack).acquired
    except StrandlineError:  # mapping it will say what is wrong
        name = parse_product_name(Path(scene.source).name)
        return None if name is None else name.acquired


def _search(job: CoastJob, file: Path) -> tuple[Plan, tuple[str, ...]]:
    """The answer of a search, and notes on it."""
    plan = search_scenes(job.search)
    if not plan.set_aside:
        return plan, plan.notes
    return plan, (*plan.notes, f"{len(plan.set_aside)} scenes were set aside, see set_aside in {file}.")


def _list_scenes(job: CoastJob, file: Path) -> tuple[str, tuple[str, ...]]:
    """A list of the scenes of a folder that are of the dates, and notes on it."""
    assert job.scenes is not None  # noqa: S101 (asked before)
    sources = list_sources(job.scenes, stack=job.stack)
    period = parse_period(job.search.dates)
    kept, left_out = [], [f"{entry.id}: {entry.reason}" for entry in sources.left_out]
    for scene in sources.scenes:
        moment = _find_moment(scene, job.stack)
        if moment is None and not scene.is_product:
            left_out.append(f"{scene.source}: states no time of sensing")
        elif moment is not None and not period.contains(moment):
            left_out.append(f"{scene.source}: of {moment:%Y-%m-%d}")
        else:
            kept.append(scene.source)
    if not kept:
        raise EmptySearchError(
            f"Found no scene of {period.describe()} in {job.scenes} ({len(left_out)} entries). Choose other --dates."
        )
    text = "".join([*(f"{line}\n" for line in kept), *(f"# left out: {line}\n" for line in left_out)])
    return text, (f"{len(left_out)} entries of {job.scenes} were left out, see {file}.",) if left_out else ()
