"""What ``strandline coast`` does once its options are read: plan, map, join, draw the pages, record.

Each step is that of a command of its own, which the plan shows: see ``workflows.runs.batch`` and ``.mosaic``.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from pipeline.batch.summary import BatchSummary
from pipeline.cluster.client import ClusterOptions
from pipeline.coast.job import CoastJob
from pipeline.coast.join_part import join_part
from pipeline.coast.outlet import fetch_coast, upload_coast, upload_maps
from pipeline.coast.plan_coast import CoastPart, CoastPlan, plan_coast
from pipeline.coast.record import PartOutcome, hold_coast, write_record
from pipeline.mapping.options import MapOptions
from pipeline.mosaic.build_mosaic import MosaicOptions, build_mosaic
from pipeline.mosaic.statistics import COMPOSITES
from pipeline.publish.outlet import Outlet, open_outlet
from pipeline.record.catalogue import write_catalogue
from pipeline.search.search_scenes import SearchOptions
from tiles.products.asset_hosts import strip_credentials
from tiles.products.open import StackOptions
from workflows.runs.batch import EXIT_NONE, EXIT_SOME, map_scenes
from workflows.runs.console import open_console, print_event
from workflows.runs.map import read_options, read_stack
from workflows.runs.mosaic import join_scenes, open_cluster, read_mosaic_options
from workflows.runs.view import add_page

__all__ = ["run_coast"]

_OF_LINES = MosaicOptions.model_fields.keys() - {"grid", "statistic", "dates", "ocean", "overwrite"}
"""Choices that a map has too, and that are meant for the mosaics alone."""

_WORDS = {
    "no scene": "no scene of these days",
    "not mapped": "none of its scenes could be mapped",
    "nothing clear": "no pixel was seen clear",
}


def run_coast(said: Mapping[str, Any], typed: Mapping[str, str]) -> None:
    """Map a coast; what went wrong with all of it is raised.

    Args:
        said: All that the command line read.
        typed: Of the options that were typed, the word of each by its name.

    Raises:
        typer.Exit: Not all scenes could be mapped, or none.
    """
    console = open_console(quiet=said["progress"] != "bar")
    place = open_outlet(said["out"])
    job = _read_job(said, place)
    with hold_coast(job.out):
        fetch_coast(place)
        plan = plan_coast(job)
        facts = {
            "plan": plan.file.name,
            "composite": COMPOSITES[job.mosaic.statistic],
            "steps": list(_list_steps(job, plan, said, typed)),
        }
        _show_plan(console, job, plan, facts["steps"])
        if plan.is_new:
            planned = [_describe_planned(part) for part in plan.parts]
            write_record(job.out, job.compute_basis(), planned, **facts)
        if said["dry_run"]:
            return
        summary = map_scenes(plan.file, job.maps, _of_maps(said), retries=said["retries"], progress=said["progress"])
        upload_maps(place)
        outcomes = _join_parts(console, job, plan, summary, said)
        write_record(job.out, job.compute_basis(), outcomes, **facts)
        made = [outcome for outcome in outcomes if outcome.state == "made"]
        if made:
            write_catalogue(job.out)
            if job.every and said["view"]:
                add_page(job.out, console, already_made=False)  # any of the parts may be another than before
        upload_coast(place)
    if place.store is not None:
        console.out(f"In the store: {place.store.text}")
    if said["progress"] == "json":
        print_event("finished", folder=str(job.out) if place.store is None else place.store.text)
    if summary.failed or not made:
        raise typer.Exit(EXIT_SOME if made else EXIT_NONE)


def _read_job(said: Mapping[str, Any], place: Outlet) -> CoastJob:
    mapping = read_options(_of_maps(said))
    return CoastJob(
        out=place.folder,
        search=SearchOptions.pick(said),
        scenes=said["scenes"],
        every=said["every"],
        mapping=mapping,
        stack=read_stack(said),
        mosaic=read_mosaic_options({**said, "dates": None}),
        overwrite=said["overwrite"],
    )


def _of_maps(said: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of the maps: the shape of the lines is that of the mosaics."""
    return {name: value for name, value in said.items() if name not in _OF_LINES}


def _join_parts(
    console: Console, job: CoastJob, plan: CoastPlan, summary: BatchSummary, said: Mapping[str, Any]
) -> list[PartOutcome]:
    """Join part by part, and add their pages."""
    empty = {entry.id for entry in summary.problems if entry.kind == "empty"}
    outcomes = []
    with open_cluster(said) if summary.done else nullcontext() as client:

        def build(maps: Path, folder: Path, options: MosaicOptions, scenes: Collection[str]) -> None:
            make = partial(build_mosaic, maps, folder, options=options, scenes=scenes, client=client)
            result = join_scenes(make, console, said["progress"])
            if said["view"]:
                add_page(folder, console, already_made=result.already_made)

        for part in plan.parts:
            outcome = join_part(job, part, empty, build)
            outcomes.append(outcome)
            if outcome.state != "made":
                where = f"{part.name} ({part.dates})" if part.dates else part.name
                typer.echo(f"No mosaic of {where}: {_WORDS[outcome.state]}.", err=True)
    return outcomes


def _describe_planned(part: CoastPart) -> PartOutcome:
    return PartOutcome(name=part.name, dates=part.dates, state="planned", planned=len(part.scenes))


def _show_plan(console: Console, job: CoastJob, plan: CoastPlan, steps: Sequence[str]) -> None:
    for note in plan.notes:
        console.out(f"Note: {note}")
    days = f", {plan.first:%Y-%m-%d} to {plan.last:%Y-%m-%d}" if plan.first and plan.last else ""
    console.out(f"{'Plan' if plan.is_new else 'Plan as kept'}: {plan.scenes} scenes{days}: {plan.file}")
    for part in plan.parts if job.every else ():
        console.out(f"  {part.name}  {part.dates}  {len(part.scenes) or 'no'} scene{'s' * (len(part.scenes) != 1)}")
    for step in steps:
        console.out(f"  {step}")


def _list_steps(job: CoastJob, plan: CoastPlan, said: Mapping[str, Any], typed: Mapping[str, str]) -> Iterator[str]:
    """The commands that do the same, one by one."""
    aoi = ["--aoi", job.search.aoi]
    if job.scenes is None:
        more = _repeat(said, typed, SearchOptions.model_fields.keys() - {"aoi", "dates"})
        yield shlex.join(["strandline", "search", *aoi, "--dates", job.search.dates, *more, "--out", str(plan.file)])
    cluster = ClusterOptions.model_fields.keys()
    names = (MapOptions.model_fields.keys() - _OF_LINES - {"aoi"}) | StackOptions.model_fields.keys() | cluster
    more = _repeat(said, typed, names | {"retries"})
    yield shlex.join(["strandline", "batch", str(plan.file), *aoi, *more, "--out", str(job.maps)])
    names = (MosaicOptions.model_fields.keys() | cluster) - {"dates", "threads"}
    for part in plan.parts:
        if part.scenes:
            dates = [] if part.dates is None else ["--dates", part.dates]
            more = _repeat(said, typed, names)
            yield shlex.join(["strandline", "mosaic", str(job.maps), *dates, *more, "--out", str(job.out / part.name)])


def _repeat(said: Mapping[str, Any], typed: Mapping[str, str], names: Collection[str]) -> Iterator[str]:
    """The options of some names as they were typed, without credentials."""
    for name, word in typed.items():
        if name in names:
            yield word
            if said[name] is not True:
                yield ",".join(strip_credentials(one) for one in str(said[name]).split(","))
