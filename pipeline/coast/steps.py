"""How the steps of a coast are done: silently here, and by a command so that they are seen."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pipeline.batch.run_batch import Report, run_batch
from pipeline.batch.summary import BatchSummary
from pipeline.cluster.client import ClusterOptions, open_client
from pipeline.coast.job import CoastJob
from pipeline.coast.join_part import Build
from pipeline.coast.plan_coast import CoastPlan
from pipeline.mosaic.build_mosaic import MosaicOptions, MosaicResult, build_mosaic
from pipeline.view.add_page import add_page, is_page_old
from pipeline.view.write_page import ViewError

__all__ = ["CoastSteps", "QuietSteps"]


class CoastSteps(Protocol):
    """What ``make_coast`` has others do."""

    def tell_plan(self, plan: CoastPlan) -> Sequence[str]:
        """Hear the plan before any work; returns the commands that do the same, for the record."""

    def map_scenes(self, plan: Path, maps: Path) -> BatchSummary:
        """Map the scenes of a plan, and draw the page of the maps."""

    def open_join(self) -> AbstractContextManager[Build]:
        """What builds each mosaic and draws its page."""

    def draw_page(self, out: Path) -> None:
        """Draw the page of all mosaics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietSteps:
    """Steps that nobody watches.

    Attributes:
        job: What is asked.
        cluster: Where to work.
        retries: How often a scene is tried again after an error that may pass.
        view: Draw pages.
        report: Told what happens.
        notes: What the user should be told, gathered as it comes.
    """

    job: CoastJob
    cluster: ClusterOptions
    retries: int
    view: bool
    report: Report | None
    notes: list[str] = field(default_factory=list)

    def tell_plan(self, plan: CoastPlan) -> Sequence[str]:
        """Keep what the search had to say; no command was typed."""
        self.notes.extend(plan.notes)
        return ()

    def map_scenes(self, plan: Path, maps: Path) -> BatchSummary:
        """Map the scenes of a plan."""
        summary = run_batch(
            plan,
            maps,
            options=self.job.mapping,
            stack=self.job.stack,
            cluster=self.cluster,
            retries=self.retries,
            report=self.report,
        )
        self.notes.extend(summary.notes)
        if summary.done:
            is_new = summary.counts.get("mapped") or summary.failed or is_page_old(maps)
            self._add_page(maps, already_made=not is_new)
        return summary

    @contextmanager
    def open_join(self) -> Iterator[Build]:
        """Build on the cluster."""
        with open_client(self.cluster) as client:

            def build(maps: Path, folder: Path, options: MosaicOptions, scenes: Collection[str]) -> MosaicResult:
                result = build_mosaic(maps, folder, options=options, scenes=scenes, client=client)
                self.notes.extend(result.notes)
                self._add_page(folder, already_made=result.already_made)
                return result

            yield build

    def draw_page(self, out: Path) -> None:
        """Draw the page of all mosaics."""
        self._add_page(out, already_made=False)

    def _add_page(self, folder: Path, *, already_made: bool) -> None:
        if self.view:
            try:
                add_page(folder, already_made=already_made)
            except ViewError as error:
                self.notes.append(str(error))
