"""What must hold of a watcher, whatever happened to it: the ledger, the destination, the catalogue and what was told.

Each check gives findings, a sentence each; without any, all holds.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.watch_rig import Rig, Scene
from pipeline.publish.publish import open_destination
from pipeline.record.result import read_fingerprint
from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.ledger.ledger import Ledger, open_ledger
from pipeline.watch.ledger.values import Row
from pipeline.watch.values import AreaFolders
from tests.pipeline.watch.notify.notify_receivers import Hook

__all__ = ["Told", "check_all", "check_status", "find_fates", "read_told"]


def find_fates(scenes: Iterable[Scene]) -> dict[str, Scene]:
    """The product that stands for each acquisition in the end: the newest.

    Args:
        scenes: What the host has of one area.
    """
    fates: dict[str, Scene] = {}
    for scene in sorted(scenes, key=lambda scene: scene.baseline):
        fates[scene.acquisition] = scene
    return fates


def check_all(settings: WatchSettings, rig: Rig, hook: Hook, *, quiet: bool = True) -> list[str]:
    """All that must hold once the watcher had time to do its work.

    Args:
        settings: Of the watcher.
        rig: What the host has.
        hook: Who was told.
        quiet: Nothing disturbed it: each scene was mapped once; else once or more, and published once all the same.
    """
    findings: list[str] = []
    ledger = open_ledger(settings.reveal_ledger_url(), create=False)
    for coast in rig.coasts:
        fates = find_fates(rig.list_shown(coast.name))
        rows = ledger.rows(coast.name, items=False)
        area = AreaFolders(work=Path(settings.work), area=coast.name)
        home = settings.get_area(coast.name).destination
        found = [
            *_check_rows(fates, rows, quiet=quiet),
            *_check_destination(Path(home), fates, rows),
            *_check_leftovers(Path(home), area),
            *_check_told(hook, coast.name, rows),
        ]
        findings += [f"{coast.name}: {line}" for line in found]
    findings += [f"not told: {failure}" for failure in ledger.untold()]
    return findings


def _check_rows(fates: Mapping[str, Scene], rows: Sequence[Row], *, quiet: bool) -> Iterator[str]:
    """Every acquisition once, in the state that its cloud gives it, and mapped and published once a product."""
    products = Counter(row.product for row in rows)
    yield from (f"{product} has {count} rows" for product, count in products.items() if count > 1)
    kept = {row.product: row for row in rows if row.skip != "duplicate"}
    wanted = {scene.product for scene in fates.values()}
    yield from (f"{name} is missing in the ledger" for name in sorted(wanted - kept.keys()))
    yield from (f"{name} is too much in the ledger" for name in sorted(kept.keys() - wanted))
    for scene in fates.values():
        row = kept.get(scene.product)
        if row is None:
            continue
        state = "skipped" if scene.is_clouded else "published"
        if row.state != state or (scene.is_clouded and (row.skip != "cloud" or f"over {60}%" not in row.reason)):
            yield f"{row.product} is {row.state} ({row.skip} {row.reason} {row.last_error}), expected {state}"
        yield from _check_history(row, quiet=quiet)


def _check_history(row: Row, *, quiet: bool) -> Iterator[str]:
    """Of each product that was sighted, how often it was mapped and published."""
    for what in ("mapped", "published"):
        counts = Counter(str(event["product"]) for event in row.history if event["what"] == what)
        doubled = {name: count for name, count in counts.items() if count > 1 and (quiet or what == "published")}
        yield from (f"{name} was {what} {count} times" for name, count in doubled.items())
        if row.state == "published" and not counts[row.product]:
            yield f"{row.product} was never {what}, as its history says"


def _check_destination(home: Path, fates: Mapping[str, Scene], rows: Sequence[Row]) -> Iterator[str]:
    """What stands there is what is to stand there, whole, and the same as the ledger says."""
    wanted = {scene.product for scene in fates.values() if not scene.is_clouded}
    found = {result.name: result for result in open_destination(str(home)).list_results() if result.name != "changes"}
    yield from (f"{name} is not published" for name in sorted(wanted - found.keys()))
    yield from (f"{name} is published and should not be" for name in sorted(found.keys() - wanted))
    marks = {row.product: (row.fingerprint, row.folder) for row in rows if row.state == "published"}
    for name, result in found.items():
        mark, folder = marks.get(name, (None, None))
        work = read_fingerprint(Path(folder)) if folder else None
        if not result.whole or len({result.fingerprint, mark, work, read_fingerprint(home / name)}) != 1:
            yield f"{name}: whole {result.whole}, fingerprints {result.fingerprint}, {mark} (ledger), {work} (work)"
    yield from _check_catalogue(home, set(found))
    changes = {result.name: result.whole for result in open_destination(str(home / "changes")).list_results()}
    yield from (f"changes/{name} is of no scene" for name in changes.keys() - found.keys())
    yield from (f"changes/{name} is not whole" for name, whole in changes.items() if not whole)


def _check_catalogue(home: Path, names: set[str]) -> Iterator[str]:
    """Both forms of the catalogue list each result once."""
    if not names and not (home / "catalog.json").exists():
        return
    links = json.loads((home / "catalog.json").read_text())["links"]
    listed = Counter(Path(link["href"]).parent.name for link in links if link["rel"] == "item")
    table = Counter(pq.read_table(home / "items.parquet", columns=["id"]).column("id").to_pylist())
    for form, found in (("catalog.json", listed), ("items.parquet", table)):
        if found != Counter(names):
            much, lacks = sorted((found - Counter(names)).elements()), sorted(names - set(found))
            yield f"{form} has {much} too much, lacks {lacks}"


def _check_leftovers(home: Path, area: AreaFolders) -> Iterator[str]:
    """Nothing half-made is left, and nobody holds a thing."""
    for folder in (home, home / "changes", area.scenes, area.changes):
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        yield from (f"left over: {folder.name}/{name}" for name in names if ".begun-" in name or name.endswith(".old"))
    kept = list(area.outbox.iterdir()) if area.outbox.is_dir() else []
    yield from (f"left in the outbox: {path.name}" for path in kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a receiver was told.

    Attributes:
        deliveries: How often it was called.
        events: The events, each once, by id.
    """

    deliveries: int
    events: Mapping[str, Mapping[str, Any]]

    @property
    def doubled(self) -> int:
        """Deliveries that a receiver that knows ids would drop."""
        return self.deliveries - len(self.events)

    def count(self) -> dict[str, int]:
        """Events by kind."""
        return dict(sorted(Counter(event["kind"] for event in self.events.values()).items()))


def read_told(hook: Hook) -> Told:
    """What a webhook was told.

    Args:
        hook: The receiver.
    """
    found = [(headers["Idempotency-Key"], json.loads(body)) for _, headers, body in list(hook.got)]
    return Told(deliveries=len(found), events=dict(found))


def _check_told(hook: Hook, area: str, rows: Sequence[Row]) -> Iterator[str]:
    """Every product that was published was told of once."""
    told = Counter(
        event["facts"]["product"]
        for event in read_told(hook).events.values()
        if event["area"] == area and event["kind"] == "published"
    )
    done = Counter({str(event["product"]) for row in rows for event in row.history if event["what"] == "published"})
    yield from (f"{name} was published, and told {told[name]} times" for name in done if told[name] != 1)
    yield from (f"{name} was told, and not published" for name in told - done)


def check_status(status: Mapping[str, Any], ledger: Ledger, rig: Rig, *, at_rest: bool) -> list[str]:
    """Hold what ``strandline status --json`` says against the ledger's rows and against the truth.

    Args:
        status: What it said.
        ledger: The ledger; where the watcher is at work, it may be further than the status by now.
        rig: What the host has.
        at_rest: No round is under way.
    """
    findings: list[str] = []
    names = [area["area"] for area in status["areas"]]
    if names != [coast.name for coast in rig.coasts]:
        findings.append(f"the areas are {names}")
    for area in status["areas"]:
        seen = sum(area["states"].values())
        most = len(rig.list_shown(area["area"]))
        found = [f"counts {seen} scenes, the host has {most}"] if seen > most else []
        found += _check_area_at_rest(area, ledger.rows(area["area"], items=False), rig) if at_rest else []
        findings += [f"status of {area['area']}: {line}" for line in found]
    return findings


def _check_area_at_rest(area: Mapping[str, Any], rows: Sequence[Row], rig: Rig) -> Iterator[str]:
    fates = find_fates(rig.list_shown(area["area"]))
    clouded = sum(scene.is_clouded for scene in fates.values())
    last = max(fates.values(), key=lambda scene: scene.acquired).product if fates else None
    published = [row.published_at for row in rows if row.published_at is not None]
    success = area["last_success"] and datetime.fromisoformat(area["last_success"])
    for name, found, wanted in (
        ("published", area["states"].get("published", 0), len(fates) - clouded),
        ("skipped for cloud", area["skips"].get("cloud", 0), clouded),
        ("states", area["states"], dict(Counter(row.state for row in rows))),
        ("skips", area["skips"], dict(Counter(row.skip for row in rows if row.skip))),
        ("backlog", area["backlog"], 0),
        ("failures", area["failures"], []),
        ("last scene", area["last_scene"], last),
        ("last success", success, max(published, default=None)),
        ("round", area["round"], "well"),
        ("round's error", area["round_error"], None),
        ("overdue", area["overdue"], False),
        ("scenes", sorted(scene["product"] for scene in area["scenes"]), sorted(row.product for row in rows)),
    ):
        if found != wanted:
            yield f"{name}: {found}, expected {wanted}"
    wrong = {scene["product"]: scene["state"] for scene in area["scenes"]}
    for row in rows:
        if wrong.get(row.product) != row.state:
            yield f"{row.product} is told as {wrong.get(row.product)}, and is {row.state}"
