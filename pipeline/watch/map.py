"""Map the scenes that a watcher has in hand, through the batch engine, and write down what became of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline.batch.record import resolve_record
from pipeline.batch.run_batch import run_batch
from pipeline.cluster.client import ClusterOptions
from pipeline.mapping.options import MapOptions
from pipeline.publish.publish import open_destination
from pipeline.record.result import read_fingerprint
from pipeline.search.hosts import find_host, resolve_address, split_sources
from pipeline.search.plan import Plan, PlanQuery, PlanSource
from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.areas.settings import AreaSettings
from pipeline.watch.ledger.holder import Holder
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import LedgerError, LostClaimError, Row
from pipeline.watch.values import AreaFolders, Mapped, Report, compute_back_off
from tiles.products.name import make_scene_id
from tiles.products.open import StackOptions

__all__ = ["compute_recipe", "make_due_again", "map_rows"]

_RETRIES_AT_ONCE = 1
"""Of a scene within a round; what takes longer to pass waits for another round."""


def map_rows(
    rows: Sequence[Row],
    *,
    settings: WatchSettings,
    area: AreaSettings,
    ledger: Ledger,
    holder: Holder,
    report: Report,
) -> Mapped:
    """Map scenes; what is mapped already is found to be.

    Args:
        rows: In hand of ``holder``, with their items.
        settings: Of the watcher.
        area: How.
        ledger: Where it is written down, scene by scene.
        holder: Who has them in hand.
        report: Told of each scene.

    Returns:
        What became of them; those that are in nobody's mention stay in hand.

    Raises:
        StrandlineError: None can be mapped: the cluster, the disk or the model is not there.
    """
    desk = _Desk(rows, ledger, holder, area, settings, report)
    cluster = ClusterOptions(workers=settings.dask.workers, scheduler=settings.dask.scheduler)
    summary = run_batch(
        _make_plan(rows, area),
        desk.scenes,
        options=MapOptions(**area.to_map_choices()),
        stack=_make_stack(area),
        cluster=cluster,
        retries=_RETRIES_AT_ONCE,
        report=desk.take,
    )
    reasons = {entry.id: (entry.kind, entry.reason) for entry in summary.problems}
    desk.record_rest(reasons)
    return desk.done


def make_due_again(area: AreaSettings, ledger: Ledger) -> int:
    """Make scenes due whose map is of another model or other choices, if it still stands at the destination.

    Args:
        area: Whose.
        ledger: That knows of which make each map is.

    Returns:
        How many.

    Raises:
        StrandlineError: The model, the destination or the ledger is not there.
    """
    standing = {result.name for result in open_destination(area.destination).list_results()}
    return ledger.remap(area.name, compute_recipe(area), standing=standing)


def compute_recipe(area: AreaSettings) -> str:
    """Name the model and the choices of an area's maps: of another name, a map is another one.

    Args:
        area: How it is mapped.

    Raises:
        StrandlineError: Its model is not there.
    """
    record = asdict(resolve_record(MapOptions(**area.to_map_choices()), _make_stack(area)))
    del record["version"]  # whether a newer one answers otherwise is in its number of answers
    text = json.dumps(record, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _make_stack(area: AreaSettings) -> StackOptions | None:
    return None if area.nodata is None else StackOptions(nodata=area.nodata)


class _Desk:
    """Takes what the batch tells of each scene to the ledger."""

    def __init__(
        self,
        rows: Sequence[Row],
        ledger: Ledger,
        holder: Holder,
        area: AreaSettings,
        settings: WatchSettings,
        report: Report,
    ) -> None:
        self._open = {make_scene_id(str(row.item["id"])): row for row in rows}
        self.scenes = AreaFolders(work=Path(settings.work), area=area.name).scenes
        self._ledger, self._holder, self._area = ledger, holder, area
        self._hide, self._report = settings.hide, report
        self._recipe = compute_recipe(area)
        self.done = Mapped()

    def take(self, event: Mapping[str, Any]) -> None:
        """An event of the batch."""
        if event["event"] == "scene" and event["id"] in self._open:
            self._record_outcome(str(event["id"]), str(event["kind"]), str(event["reason"]))

    def record_rest(self, reasons: Mapping[str, tuple[str, str]]) -> None:
        """Scenes that the batch set aside before it began, or had no turn for.

        Args:
            reasons: Kind and reason of each, by scene.
        """
        for name in list(self._open):
            self._record_outcome(name, *reasons.get(name, ("failed", "the batch ended before its turn")))

    def _record_outcome(self, name: str, kind: str, reason: str) -> None:
        row = self._open.pop(name)
        line = self._hide(reason)
        try:
            self._write(row, name, kind, line)
        except LostClaimError as error:
            self._report_scene(row, "lost", str(error), level="warning")
        except LedgerError as error:
            self.done.trouble = error

    def _write(self, row: Row, name: str, kind: str, line: str) -> None:
        folder = self.scenes / name
        if kind in {"mapped", "already mapped"}:
            mark = read_fingerprint(folder) or ""
            mapped = self._ledger.mark_mapped(row, self._holder, fingerprint=mark, folder=folder, recipe=self._recipe)
            self.done.rows.append(mapped)
            self.done.mapped += kind == "mapped"
            self._report_scene(row, kind, f"{row.product}: {kind}")
        elif kind == "empty":
            self._ledger.mark_skipped(row, self._holder, kind="coverage", reason=line)
            self._report_scene(row, "skipped", f"{row.product}: skipped ({line})")
        elif kind == "duplicate":
            self._ledger.mark_skipped(row, self._holder, kind="duplicate", reason=line)
            self._report_scene(row, "skipped", f"{row.product}: skipped ({line})")
        else:
            back_off = compute_back_off(self._area.retries)
            failed = self._ledger.mark_failed(row, self._holder, error=line, may_pass=True, back_off=back_off)
            self.done.failed += 1
            when = f"next try {failed.next_try:%Y-%m-%d %H:%M} UTC" if failed.next_try else "not tried again"
            self._report_scene(row, "failed", f"{row.product}: failed, {when} ({line})", level="warning")

    def _report_scene(self, row: Row, event: str, text: str, *, level: str = "info") -> None:
        facts = {"event": event, "area": row.area, "product": row.product}
        self._report({**facts, "text": text, "level": level})


def _make_plan(rows: Sequence[Row], area: AreaSettings) -> Plan:
    sources = tuple(map(_describe_source, split_sources(area.source)))
    days = [f"{moment:%Y-%m-%d}" for moment in (min(row.acquired for row in rows), max(row.acquired for row in rows))]
    return Plan(
        source=sources[0],
        others=sources[1:],
        query=PlanQuery(aoi=area.aoi, dates="/".join(days), collection=area.collection, any_platform=area.any_platform),
        items=tuple(dict(row.item) for row in rows),
    )


def _describe_source(source: str) -> PlanSource:
    host = find_host(source)
    return PlanSource(
        href=resolve_address(source),
        kind="ledger",
        host=host.name if host else None,
        offset_rule=host.offset_rule if host else None,
    )
