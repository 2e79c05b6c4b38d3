"""Map many scenes on Dask: each is a unit of work, and none takes the others down with it.

A unit is a scene; where there are fewer scenes than workers, some rows of one (``pipeline.batch.strips``). A scene
that fails is tried again where that may help, then set aside with its reason. What is mapped already is not done
again, so a run that ended half way, however it ended, is gone on with by the same command.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.runtimes.registry import resolve_path
from pipeline.batch.record import (
    RECORD_NAME,
    Entry,
    append_entries,
    begin_journal,
    hold_batch,
    items_folder,
    require_same_choices,
    resolve_record,
)
from pipeline.batch.sources import SceneSource, Sources, list_sources
from pipeline.batch.summary import BatchSummary, write_summary
from pipeline.batch.units import SceneUnit, compute_unit_part, describe_failure, map_unit, write_item_file
from pipeline.cluster.client import ClusterError, ClusterOptions, compute_threads, open_client, require_shared_folder
from pipeline.cluster.tasks import Outcome, Task, run_tasks
from pipeline.mapping.options import MapOptions
from pipeline.publish.outlet import Outlet, open_outlet
from pipeline.search.plan import Plan
from tiles.products.open import StackOptions

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Report", "run_batch"]

Report = Callable[[Mapping[str, Any]], None]
"""Told what happens, as values that JSON can hold; ``event`` says which: see ``docs/clusters.md``."""

_RESOURCES = ("GPU", "READ")
"""Resources of workers that are heeded where the cluster declares them: one of each is a scene's."""


def run_batch(
    source: str | Path | Plan,
    out: str | Path,
    *,
    options: MapOptions | None = None,
    stack: StackOptions | None = None,
    cluster: ClusterOptions | None = None,
    retries: int = 2,
    report: Report | None = None,
) -> BatchSummary:
    """Map all scenes into ``out/<scene id>/``, with ``summary.json`` beside them.

    Args:
        source: A plan or its file, a folder of scenes, or a list; see ``pipeline.batch.sources.list_sources``.
        out: Folder for results; or the URL of a store, to which each result goes when it is whole.
        options: Choices for each scene.
        stack: What metadata does not say, for stacks.
        cluster: Where to work; left out, on this machine.
        retries: How often a scene is tried again after an error that may pass.
        report: Told what happens.

    Returns:
        What came of it.

    Raises:
        StrandlineError: Nothing can be mapped at all, or the cluster went away; what was mapped until then stands.
    """
    sources = list_sources(source if isinstance(source, Plan) else Path(source), stack=stack)
    options, cluster, place = _anchor(options or MapOptions()), cluster or ClusterOptions(), open_outlet(out)
    out = place.folder.absolute()
    record = resolve_record(options, stack)
    place.fetch_file(RECORD_NAME)
    if not options.overwrite:
        require_same_choices(out, record)
    with open_client(cluster) as client, hold_batch(out):
        if not cluster.is_local:
            require_shared_folder(client, out)
        begin_journal(out, record, (scene.id for scene in sources.scenes))
        place.deliver_file(RECORD_NAME)
        options = options.replace(threads=compute_threads(cluster))
        run = _Run(client, place, options, stack=stack, retries=retries, report=report or _ignore_event)
        summary = run.map_all(sources)
    if summary.done:
        place.write_catalogue()
    return summary


def _ignore_event(_event: Mapping[str, Any]) -> None:
    """A ``Report`` for callers who do not want to know."""


def _anchor(options: MapOptions) -> MapOptions:
    """Paths as workers find them, which stand in folders of their own."""
    changes: dict[str, Any] = {}
    if Path(options.model).suffix:
        changes["model"] = str(resolve_path(options.model).absolute())
    if options.aoi is not None and Path(options.aoi).is_file():
        changes["aoi"] = str(Path(options.aoi).absolute())
    if options.mask is not None and "://" not in options.mask and not options.mask.startswith("/vsi"):
        changes["mask"] = str(Path(options.mask).absolute())
    if options.ocean is not None:
        changes["ocean"] = options.ocean.absolute()
    return options.model_copy(update=changes)


class _Run:
    """One run over many scenes: hands them out, and keeps account."""

    def __init__(
        self,
        client: Client,
        place: Outlet,
        options: MapOptions,
        *,
        stack: StackOptions | None,
        retries: int,
        report: Report,
    ) -> None:
        self._client, self._place, self._options = client, place, options
        self._out = place.folder.absolute()
        self._stack, self._retries, self._report = stack, retries, report
        self._slots, self._resources = _resolve_slots(client, options.device)
        self._began = time.perf_counter()
        self._entries: list[Entry] = []
        self._notes: Counter[str] = Counter()

    def map_all(self, sources: Sources) -> BatchSummary:
        """Map the scenes; the summary is written even where the run is stopped."""
        left_out = [Entry(id=entry.id, kind=entry.kind, reason=entry.reason) for entry in sources.left_out]
        self._keep(left_out)
        self._report_start(sources)
        complete = False
        try:
            self._compute_parts(sources.scenes)
            scenes = {scene.id: scene for scene in sources.scenes}
            tasks = (self._make_task(scene) for scene in sources.scenes)
            for outcome in run_tasks(self._client, map_unit, tasks, retries=self._retries):
                self._record_outcome(outcome, scenes[outcome.key], len(scenes))
            complete = True
        finally:
            summary = self._summarise(len(sources.scenes), complete=complete)
            self._place.deliver_file(write_summary(self._out, summary).name)
            self._report({"event": "finished", "complete": complete, "counts": dict(summary.counts)})
        return summary

    def _compute_parts(self, scenes: Sequence[SceneSource]) -> None:
        """With fewer scenes than workers, first compute each in parts; an error will be met again, and told, later."""
        parts = -(-self._slots // len(scenes))
        if parts < 2:
            return
        tasks = (
            Task(key=f"{scene.id} {part}", arguments=(self._make_unit(scene), part, parts), resources=self._resources)
            for scene in scenes
            for part in range(parts)
        )
        outcomes = run_tasks(self._client, compute_unit_part, tasks, retries=self._retries)
        for done, _ in enumerate(outcomes, start=1):
            self._report({"event": "part", "done": done, "total": parts * len(scenes)})

    def _make_task(self, scene: SceneSource) -> Task:
        return Task(key=scene.id, arguments=(self._make_unit(scene),), resources=self._resources)

    def _make_unit(self, scene: SceneSource) -> SceneUnit:
        source = scene.source if scene.item is None else write_item_file(items_folder(self._out), scene)
        stack = self._stack
        if scene.item is not None:  # which says all that a stack's options would, but what it may be of
            wanted = scene.any_platform or (stack is not None and stack.any_platform)
            stack = StackOptions(any_platform=True) if wanted else None
        store = "" if self._place.store is None else self._place.store.text
        return SceneUnit(source=source, out=str(self._out), options=self._options, stack=stack, store=store)

    def _record_outcome(self, outcome: Outcome, scene: SceneSource, total: int) -> None:
        if outcome.error is not None:
            kind, reason = describe_failure(outcome.error, scene, tries=outcome.tries)
            entry = Entry(id=scene.id, kind=kind, reason=reason, tries=outcome.tries)
        else:
            kind = "already mapped" if outcome.value.already_made else "mapped"
            entry = Entry(id=scene.id, kind=kind, tries=outcome.tries, seconds=round(outcome.value.seconds, 2))
            self._notes.update(note.replace(scene.id, "the scene") for note in outcome.value.notes)
        self._keep([entry])
        done = sum(entry.tries > 0 for entry in self._entries)
        told = {"id": entry.id, "kind": entry.kind, "reason": entry.reason, "tries": entry.tries}
        self._report({"event": "scene", **told, "seconds": entry.seconds, "done": done, "total": total})

    def _keep(self, entries: Sequence[Entry]) -> None:
        self._entries += entries
        append_entries(self._out, entries)

    def _report_start(self, sources: Sources) -> None:
        self._report(
            {
                "event": "started",
                "scenes": len(sources.scenes),
                "left_out": len(sources.left_out),
                "workers": self._slots,
                "threads": self._options.threads,
                "resources": dict(self._resources),
                "dashboard": self._client.dashboard_link or "",
            }
        )

    def _summarise(self, planned: int, *, complete: bool) -> BatchSummary:
        return BatchSummary(
            planned=planned,
            counts=dict(sorted(Counter(entry.kind for entry in self._entries).items())),
            problems=tuple(entry for entry in self._entries if entry.reason),
            seconds=round(time.perf_counter() - self._began, 1),
            workers=self._slots,
            complete=complete,
            notes=dict(self._notes.most_common(50)),
        )


def _resolve_slots(client: Client, device: str) -> tuple[int, dict[str, float]]:
    """How many scenes can be mapped at a time, and what each takes of the resources that workers declare.

    Raises:
        ClusterError: No worker has all of them.
    """
    workers = list(_list_workers(client))
    wanted = [name for name in _RESOURCES if any(name in worker["resources"] for worker in workers)]
    if device == "cpu":
        wanted = [name for name in wanted if name != "GPU"]
    slots = sum(
        min([int(worker["nthreads"]), *(int(worker["resources"].get(name, 0)) for name in wanted)])
        for worker in workers
    )
    if slots < 1:
        raise ClusterError(
            f"Expected a worker that declares {' and '.join(f'{name}=1' for name in wanted)}, found none: start one "
            "with --resources, or leave the GPU out (--device cpu)."
        )
    return slots, dict.fromkeys(wanted, 1.0)


def _list_workers(client: Client) -> Iterator[Mapping[str, Any]]:
    yield from client.scheduler_info(n_workers=-1)["workers"].values()
