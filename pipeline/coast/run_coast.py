"""Map a coast: search once, map, join, draw the pages, record. A run that was stopped, however, is gone on with."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.batch.run_batch import Report
from pipeline.batch.summary import BatchSummary
from pipeline.cluster.client import ClusterOptions
from pipeline.coast.job import CoastJob
from pipeline.coast.join_part import join_part
from pipeline.coast.outlet import fetch_coast, upload_coast, upload_maps, upload_plan
from pipeline.coast.plan_coast import CoastPart, CoastPlan, plan_coast
from pipeline.coast.record import MAPS, PartOutcome, hold_coast, write_record
from pipeline.coast.status import read_coast_status
from pipeline.coast.steps import CoastSteps, QuietSteps
from pipeline.mosaic.build_mosaic import MosaicOptions
from pipeline.mosaic.statistics import COMPOSITES
from pipeline.publish.outlet import Outlet, open_outlet
from pipeline.record.catalogue import write_catalogue
from pipeline.record.result import read_fingerprint

__all__ = ["CoastResult", "make_coast", "run_coast"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoastResult:
    """What came of a coast.

    Attributes:
        folder: In which it was made; of one in a store, the scratch folder.
        address: URL of it in a store; empty: it is in the folder.
        plan: What was to be mapped and joined.
        maps: What became of the scenes; ``None`` where it was only planned.
        parts: What became of each mosaic, by time.
        already_made: All of it stood, and nothing was done.
        notes: What the user should be told, a sentence each.
    """

    folder: Path
    address: str
    plan: CoastPlan
    maps: BatchSummary | None
    parts: tuple[PartOutcome, ...]
    already_made: bool
    notes: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """Where it stands: a folder, or a URL."""
        return self.address or str(self.folder)

    @property
    def made(self) -> tuple[PartOutcome, ...]:
        """The mosaics that stand."""
        return tuple(part for part in self.parts if part.state == "made")


def run_coast(
    job: CoastJob,
    out: str | Path,
    *,
    cluster: ClusterOptions | None = None,
    retries: int = 2,
    view: bool = True,
    plan_only: bool = False,
    report: Report | None = None,
) -> CoastResult:
    """Map a coast, as ``strandline coast`` does: the same call goes on where a run was stopped, either's.

    Args:
        job: What is asked.
        out: Folder for all of it, or the URL of a store.
        cluster: Where to work; left out, on this machine.
        retries: How often a scene is tried again after an error that may pass.
        view: Draw pages to look at.
        plan_only: Search, keep the plan, and map nothing.
        report: Told what happens: the events of a batch, and ``joined`` with the ``name`` and ``state`` of a mosaic.

    Returns:
        What came of it, scenes that failed and mosaics that could not be made among it.

    Raises:
        StaleResultError: Another coast stands there, which was not to be replaced.
        StrandlineError: Nothing was found, the cluster or the store went away; what was made until then stands.
    """
    steps = QuietSteps(job=job, cluster=cluster or ClusterOptions(), retries=retries, view=view, report=report)
    result = make_coast(job, open_outlet(out), steps, plan_only=plan_only, report=report)
    return replace(result, notes=tuple(dict.fromkeys(steps.notes)))


def make_coast(
    job: CoastJob, place: Outlet, steps: CoastSteps, *, plan_only: bool = False, report: Report | None = None
) -> CoastResult:
    """Map a coast, each step as it is said.

    Args:
        job: What is asked.
        place: For all of it.
        steps: How scenes are mapped, mosaics built and pages drawn.
        plan_only: Map nothing.
        report: Told what became of each mosaic.

    Raises:
        StrandlineError: As ``run_coast``.
    """
    out = place.folder
    with hold_coast(out):
        stood = fetch_coast(place)
        plan = plan_coast(job, out)
        facts = {
            "plan": plan.file.name,
            "composite": COMPOSITES[job.mosaic.statistic],
            "steps": list(steps.tell_plan(plan)),
        }
        if plan.is_new:
            write_record(out, job.compute_basis(), [_describe_planned(part) for part in plan.parts], **facts)
        upload_plan(place)
        summary, parts, before = None, read_coast_status(out).parts, _list_fingerprints(out, plan)
        if not plan_only:
            summary = steps.map_scenes(plan.file, out / MAPS)
            upload_maps(place)
            parts = tuple(_join_parts(job, out, plan, summary, steps, report))
            write_record(out, job.compute_basis(), parts, **facts)
            if any(part.state == "made" for part in parts):
                write_catalogue(out)
                if job.every:
                    steps.draw_page(out)  # any of the parts may be another than before
            upload_coast(place, stood=stood)
        is_new = summary is None or summary.counts.get("mapped") or _list_fingerprints(out, plan) != before
    return CoastResult(
        folder=out,
        address="" if place.store is None else place.store.text,
        plan=plan,
        maps=summary,
        parts=parts,
        already_made=not is_new,
    )


def _join_parts(
    job: CoastJob, out: Path, plan: CoastPlan, summary: BatchSummary, steps: CoastSteps, report: Report | None
) -> Iterator[PartOutcome]:
    empty = {entry.id for entry in summary.problems if entry.kind == "empty"}
    with steps.open_join() if summary.done else nullcontext(_build_nothing) as build:
        for part in plan.parts:
            outcome = join_part(job, out, part, empty, build)
            if report is not None:
                report({"event": "joined", "name": part.name, "dates": part.dates, "state": outcome.state})
            yield outcome


def _build_nothing(_maps: Path, _folder: Path, _options: MosaicOptions, _scenes: Collection[str]) -> None:
    """A ``Build`` for where there is no map to join."""


def _list_fingerprints(out: Path, plan: CoastPlan) -> list[str | None]:
    return [read_fingerprint(out / part.name) for part in plan.parts]


def _describe_planned(part: CoastPart) -> PartOutcome:
    return PartOutcome(name=part.name, dates=part.dates, state="planned", planned=len(part.scenes))
