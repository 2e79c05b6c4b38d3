"""What ``strandline coast`` does once its options are read: ``pipeline.coast.run_coast``, seen by a person.

Each step is that of a command of its own, which the plan shows: see ``workflows.runs.batch`` and ``.mosaic``.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from pipeline.batch.summary import BatchSummary
from pipeline.cluster.client import ClusterOptions
from pipeline.coast.job import OF_LINES, CoastJob
from pipeline.coast.join_part import Build
from pipeline.coast.plan_coast import CoastPlan
from pipeline.coast.record import MAPS
from pipeline.coast.run_coast import make_coast
from pipeline.mapping.options import MapOptions
from pipeline.mosaic.build_mosaic import MosaicOptions, build_mosaic
from pipeline.publish.outlet import open_outlet
from pipeline.search.search_scenes import SearchOptions
from tiles.products.asset_hosts import strip_credentials
from tiles.products.open import StackOptions
from workflows.runs.batch import EXIT_NONE, EXIT_SOME, map_scenes
from workflows.runs.console import open_console, print_event
from workflows.runs.map import read_options, read_stack
from workflows.runs.mosaic import join_scenes, open_cluster, read_mosaic_options
from workflows.runs.view import add_page

__all__ = ["run_coast"]

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
    place, job = open_outlet(said["out"]), _read_job(said)
    steps = _ShownSteps(job=job, out=place.folder, console=console, said=said, typed=typed)
    result = make_coast(job, place, steps, plan_only=said["dry_run"], report=_tell_part)
    if result.maps is None:
        return
    if result.address:
        console.out(f"In the store: {result.address}")
    if said["progress"] == "json":
        print_event("finished", folder=result.where)
    if result.maps.failed or not result.made:
        raise typer.Exit(EXIT_SOME if result.made else EXIT_NONE)


def _read_job(said: Mapping[str, Any]) -> CoastJob:
    return CoastJob(
        search=SearchOptions.pick(said),
        scenes=said["scenes"],
        every=said["every"],
        mapping=read_options(_of_maps(said)),
        stack=read_stack(said),
        mosaic=read_mosaic_options({**said, "dates": None}),
        overwrite=said["overwrite"],
    )


def _of_maps(said: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of the maps: the shape of the lines is that of the mosaics."""
    return {name: value for name, value in said.items() if name not in OF_LINES}


def _tell_part(event: Mapping[str, Any]) -> None:
    """Say of a mosaic that was not made why."""
    if event["state"] != "made":
        where = f"{event['name']} ({event['dates']})" if event["dates"] else event["name"]
        typer.echo(f"No mosaic of {where}: {_WORDS[event['state']]}.", err=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShownSteps:
    """The steps of other commands, which show how they go."""

    job: CoastJob
    out: Path
    console: Console
    said: Mapping[str, Any]
    typed: Mapping[str, str]

    def tell_plan(self, plan: CoastPlan) -> Sequence[str]:
        steps = list(_list_steps(self.job, self.out, plan, self.said, self.typed))
        _show_plan(self.console, self.job, plan, steps)
        return steps

    def map_scenes(self, plan: Path, maps: Path) -> BatchSummary:
        retries, progress = self.said["retries"], self.said["progress"]
        return map_scenes(plan, maps, _of_maps(self.said), retries=retries, progress=progress)

    @contextmanager
    def open_join(self) -> Iterator[Build]:
        with open_cluster(self.said) as client:

            def build(maps: Path, folder: Path, options: MosaicOptions, scenes: Collection[str]) -> None:
                make = partial(build_mosaic, maps, folder, options=options, scenes=scenes, client=client)
                result = join_scenes(make, self.console, self.said["progress"])
                if self.said["view"]:
                    add_page(folder, self.console, already_made=result.already_made)

            yield build

    def draw_page(self, out: Path) -> None:
        if self.said["view"]:
            add_page(out, self.console, already_made=False)


def _show_plan(console: Console, job: CoastJob, plan: CoastPlan, steps: Sequence[str]) -> None:
    for note in plan.notes:
        console.out(f"Note: {note}")
    days = f", {plan.first:%Y-%m-%d} to {plan.last:%Y-%m-%d}" if plan.first and plan.last else ""
    console.out(f"{'Plan' if plan.is_new else 'Plan as kept'}: {plan.scenes} scenes{days}: {plan.file}")
    for part in plan.parts if job.every else ():
        console.out(f"  {part.name}  {part.dates}  {len(part.scenes) or 'no'} scene{'s' * (len(part.scenes) != 1)}")
    for step in steps:
        console.out(f"  {step}")


def _list_steps(
    job: CoastJob, out: Path, plan: CoastPlan, said: Mapping[str, Any], typed: Mapping[str, str]
) -> Iterator[str]:
    """The commands that do the same, one by one."""
    aoi = ["--aoi", job.search.aoi]
    if job.scenes is None:
        more = _repeat(said, typed, SearchOptions.model_fields.keys() - {"aoi", "dates"})
        yield shlex.join(["strandline", "search", *aoi, "--dates", job.search.dates, *more, "--out", str(plan.file)])
    cluster = ClusterOptions.model_fields.keys()
    names = (MapOptions.model_fields.keys() - OF_LINES - {"aoi"}) | StackOptions.model_fields.keys() | cluster
    more = _repeat(said, typed, names | {"retries"})
    yield shlex.join(["strandline", "batch", str(plan.file), *aoi, *more, "--out", str(out / MAPS)])
    names = (MosaicOptions.model_fields.keys() | cluster) - {"dates", "threads"}
    for part in plan.parts:
        if part.scenes:
            dates = [] if part.dates is None else ["--dates", part.dates]
            more = _repeat(said, typed, names)
            yield shlex.join(["strandline", "mosaic", str(out / MAPS), *dates, *more, "--out", str(out / part.name)])


def _repeat(said: Mapping[str, Any], typed: Mapping[str, str], names: Collection[str]) -> Iterator[str]:
    """The options of some names as they were typed, without credentials."""
    for name, word in typed.items():
        if name in names:
            yield word
            if said[name] is not True:
                yield ",".join(strip_credentials(one) for one in str(said[name]).split(","))
