"""What a round does with one scene: maps it, publishes it, compares it, tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.watch import compare, locks, neighbours
from pipeline.watch import map as mapping
from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.areas.settings import AreaSettings
from pipeline.watch.compare import PublishedScene, Publisher
from pipeline.watch.ledger.values import LedgerError, LostClaimError
from pipeline.watch.map import map_rows
from pipeline.watch.neighbours import find_folder, find_predecessor, find_successor
from pipeline.watch.values import AreaFolders
from tests.pipeline.stac_items import make_item

Ends = Sequence[tuple[int, str, str]]
NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)


def name(day: int, *, tile: str = "T30UYA") -> str:
    return f"S2A_MSIL2A_202406{day:02d}T112000_N0511_R037_{tile}_20240731T150000"


def row(day: int, *, tile: str = "T30UYA", **changes: Any) -> Any:  # noqa: ANN401
    usual = {
        "id": day,
        "area": "bay",
        "acquisition": f"sentinel2a_{tile}_202406{day:02}T112000",
        "product": name(day, tile=tile),
        "acquired": NOON + timedelta(days=day),
        "item": make_item(name(day, tile=tile)),
        "folder": None,
        "history": (),
        "failure_id": None,
        "fingerprint": "f",
        "lane": "new",
    }
    values = usual | changes
    made = (Path(event["folder"]).name for event in values["history"] if event["what"] == "mapped")
    return SimpleNamespace(**values, maps=tuple(dict.fromkeys(made)))


@pytest.fixture
def area(tmp_path: Path) -> AreaSettings:
    return AreaSettings(name="bay", aoi="8,53,9,54", destination=str(tmp_path / "out"))


@pytest.fixture
def settings(tmp_path: Path, area: AreaSettings) -> WatchSettings:
    return WatchSettings(areas=(area,), work=str(tmp_path / "work"))


class Desk:
    """A ledger that takes down what it is told."""

    def __init__(self, *, trouble: Exception | None = None, again: bool = True) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.trouble, self.again = trouble, again

    def mark_mapped(self, one: Any, _: object, *, fingerprint: str, folder: Path, recipe: str) -> Any:  # noqa: ANN401
        if self.trouble is not None:
            raise self.trouble
        assert len(recipe) == 16
        self.told.append(("mapped", one.id, fingerprint, folder.name))
        return one

    def mark_skipped(self, one: Any, _: object, *, kind: str, reason: str) -> None:  # noqa: ANN401
        self.told.append(("skipped", one.id, kind, reason))

    def mark_failed(self, one: Any, _: object, *, error: str, may_pass: bool, back_off: Any) -> Any:  # noqa: ANN401
        self.told.append(("failed", one.id, error, may_pass, back_off is not None))
        return SimpleNamespace(next_try=NOON if self.again else None)


def run_map(
    monkeypatch: pytest.MonkeyPatch, settings: WatchSettings, desk: Desk, *events: tuple[int, str, str], ends: Ends = ()
) -> tuple[Any, list[dict[str, Any]], dict[str, Any]]:
    asked: dict[str, Any] = {}
    rows, said = [row(day) for day in range(1, 6)], []

    def batch(plan: object, out: Path, **choices: Any) -> object:  # noqa: ANN401
        asked.update(choices, plan=plan, out=out)
        choices["report"]({"event": "started"})
        for day, kind, reason in events:
            choices["report"]({"event": "scene", "id": name(day), "kind": kind, "reason": reason})
        choices["report"]({"event": "scene", "id": "foreign", "kind": "mapped", "reason": ""})
        return SimpleNamespace(problems=[SimpleNamespace(id=name(day), kind=k, reason=r) for day, k, r in ends])

    monkeypatch.setattr(mapping, "run_batch", batch)
    monkeypatch.setattr(mapping, "read_fingerprint", lambda folder: "mark" if folder.name == name(1) else None)
    done = map_rows(
        rows,
        settings=settings,
        area=settings.areas[0],
        ledger=desk,  # type: ignore[arg-type]
        holder="me",  # type: ignore[arg-type]
        report=said.append,
    )
    return done, said, asked


def test_what_became_of_each_scene_is_written_down(monkeypatch: pytest.MonkeyPatch, settings: WatchSettings) -> None:
    desk = Desk()
    events = [(1, "mapped", ""), (2, "already mapped", ""), (3, "empty", "no data")]
    done, said, asked = run_map(monkeypatch, settings, desk, *events, ends=[(4, "duplicate", "older")])
    assert desk.told == [
        ("mapped", 1, "mark", name(1)),
        ("mapped", 2, "", name(2)),
        ("skipped", 3, "coverage", "no data"),
        ("skipped", 4, "duplicate", "older"),
        ("failed", 5, "the batch ended before its turn", True, True),
    ]
    assert ([one.id for one in done.rows], done.mapped, done.failed, done.trouble) == ([1, 2], 1, 1, None)
    assert [(event["event"], event["level"]) for event in said] == [
        ("mapped", "info"),
        ("already mapped", "info"),
        ("skipped", "info"),
        ("skipped", "info"),
        ("failed", "warning"),
    ]
    assert said[2]["text"] == f"{name(3)}: skipped (no data)"
    assert said[4]["text"] == f"{name(5)}: failed, next try 2024-06-01 12:00 UTC (the batch ended before its turn)"
    assert (said[0]["area"], said[0]["product"]) == ("bay", name(1))
    assert asked["retries"] == 1
    assert asked["out"] == AreaFolders(work=Path(settings.work), area="bay").scenes
    plan = asked["plan"]
    assert (plan.query.dates, plan.source.host, len(plan.items)) == ("2024-06-02/2024-06-06", "earth-search", 5)
    assert plan.source.href == "https://earth-search.aws.element84.com/v1"


def test_a_scene_that_is_not_tried_again_says_so(monkeypatch: pytest.MonkeyPatch, settings: WatchSettings) -> None:
    _, said, _ = run_map(monkeypatch, settings, Desk(again=False), (1, "failed", "broken"))
    assert said[0]["text"] == f"{name(1)}: failed, not tried again (broken)"


@pytest.mark.parametrize(
    ("trouble", "kept", "events"), [(LostClaimError("gone"), False, 1), (LedgerError("away"), True, 0)]
)
def test_trouble_with_the_ledger_stops_no_other_scene(
    monkeypatch: pytest.MonkeyPatch, settings: WatchSettings, trouble: Exception, kept: bool, events: int
) -> None:
    desk = Desk(trouble=trouble)
    done, said, _ = run_map(monkeypatch, settings, desk, (1, "mapped", ""))
    assert (done.trouble is trouble) == kept
    assert [event["event"] for event in said].count("lost") == events
    assert len(desk.told) == 4


# publish and compare


def test_the_scene_before_on_the_same_tile_is_compared_with() -> None:
    here = row(5)
    others = [row(2), row(4), here, row(7), row(3, tile="T30UYB"), row(5, id=99)]
    assert find_predecessor(here, others).id == 4  # type: ignore[union-attr]
    twins = [row(4, id=8), row(4, id=3)]
    assert find_predecessor(here, twins).id == 8  # type: ignore[union-attr]
    assert find_predecessor(here, [here, row(7)]) is None
    assert find_successor(here, [*others, row(9)]).id == 7  # type: ignore[union-attr]
    assert find_successor(here, [here, row(2), row(6, tile="T30UYB")]) is None


def test_the_map_of_a_scene_is_its_working_copy_or_what_is_published(
    monkeypatch: pytest.MonkeyPatch, area: AreaSettings, tmp_path: Path
) -> None:
    whole: set[Path] = set()
    monkeypatch.setattr(neighbours, "read_fingerprint", lambda place: "f" if place in whole else None)
    made = [{"what": "seen", "folder": "/x/no"}, *({"what": "mapped", "folder": f"/w/{one}"} for one in "aba")]
    kept, gone = row(1, folder="/w/c"), row(1, history=made)
    assert find_folder(kept, area) is find_folder(gone, area) is None
    whole |= {tmp_path / "out" / "c", tmp_path / "out" / "b"}
    assert find_folder(kept, area) == tmp_path / "out" / "c"
    assert find_folder(gone, area) == tmp_path / "out" / "b"
    whole.add(Path("/w/c"))
    assert find_folder(kept, area) == Path("/w/c")
    store = area.model_copy(update={"destination": "memory://out"})
    assert find_folder(gone, store) is None


def make_change(*areas: float) -> Any:  # noqa: ANN401
    alerts = [
        SimpleNamespace(
            **{"lat": 54.1234567 + number, "lon": 8.7654321, "why": f"{size:g} m2", "area_m2": size},
            **{"layer": "lost", "id": number, "max_shift_m": -30.0, "least_shift_m": -21.0},
        )
        for number, size in enumerate(areas)
    ]
    summary = SimpleNamespace(gained_m2=12_345.6, lost_m2=7.5, moved_km=1.26)
    return SimpleNamespace(alerts=alerts, summary=summary, folder=Path("/c/S2A"))


def publish(
    monkeypatch: pytest.MonkeyPatch,
    settings: WatchSettings,
    one: Any,  # noqa: ANN401
    change: object,
    **later: Any,  # noqa: ANN401
) -> tuple[list[Any], dict[str, Any]]:
    asked: dict[str, Any] = {}

    def put(folder: Path, to: str, **choices: Any) -> object:  # noqa: ANN401
        asked.update(choices, folder=folder, to=to)
        return SimpleNamespace(href="https://here/item.json")

    monkeypatch.setattr(compare, "publish_result", put)
    publisher = Publisher(settings, settings.areas[0], ledger=None, holder=None)  # type: ignore[arg-type]

    def compare_one(scene: PublishedScene) -> PublishedScene:
        return replace(scene, change=change, notes=("a note",), **later)  # type: ignore[arg-type]

    monkeypatch.setattr(publisher, "_compare", compare_one)
    scene, events = publisher.publish(one)
    assert (scene.href, scene.notes, scene.change) == ("https://here/item.json", ("a note",), change)
    return list(events), asked


def test_a_scene_that_is_published_is_told(monkeypatch: pytest.MonkeyPatch, settings: WatchSettings) -> None:
    history = [{"what": "mapped", "folder": f"/w/{one}"} for one in ("older", "now", "oldest", "older")]
    events, asked = publish(monkeypatch, settings, row(1, folder="/w/now", history=history), None)
    assert (asked["folder"], asked["to"], asked["keep_free"]) == (
        Path("/w/now"),
        settings.areas[0].destination,
        5_000_000_000,
    )
    assert list(asked["replaces"]) == ["older", "oldest"]
    (event,) = events
    assert (event.kind, event.title) == ("published", "bay: 2024-06-02 is published")
    assert event.text == f"{name(1)}, acquired 2024-06-02 12:00 UTC, is mapped and published."
    assert event.facts == {
        "product": name(1),
        "acquired": "2024-06-02T12:00:00+00:00",
        "item": "https://here/item.json",
    }
    assert len(event.id) == 32


@pytest.mark.parametrize(("count", "told"), [(1, 1), (10, 10), (12, 10)])
def test_each_shore_is_an_alert_the_largest_first(
    monkeypatch: pytest.MonkeyPatch, settings: WatchSettings, count: int, told: int
) -> None:
    areas = [10.4 * (number + 1) for number in range(count)]
    events, _ = publish(monkeypatch, settings, row(1), make_change(*areas))
    alerts = events[1:]
    assert [alert.kind for alert in alerts] == ["alert"] * told
    assert len({alert.id for alert in alerts}) == told
    largest, place = alerts[0], 54.1234567 + count - 1
    which = f" (shore 1 of {count})" if count > 1 else ""
    assert largest.title == f"bay: the coast moved, 2024-06-02{which}"
    assert largest.text == (
        f"At {place:.5f}, 8.76543, land was lost since the date before: {areas[-1]:g} m2. In all 12,346 m² were gained "
        "and 8 m² lost along 1.3 km of shore."
    )
    assert {**largest.facts, "product": "", "acquired": "", "item": ""} == {
        "product": "",
        "acquired": "",
        "item": "",
        "shores": count,
        "layer": "lost",
        "feature": count - 1,
        "area_m2": round(areas[-1]),
        "shift_m": -30.0,
        "least_shift_m": -21.0,
        "latitude": round(place, 6),
        "longitude": 8.765432,
        "gained_m2": 12_346,
        "lost_m2": 8,
        "comparison": "S2A",
    }
    assert [alert.facts["area_m2"] for alert in alerts] == sorted(map(round, areas), reverse=True)[:told]


def test_a_date_that_came_late_is_told_of_with_both_its_neighbours(
    monkeypatch: pytest.MonkeyPatch, settings: WatchSettings
) -> None:
    later = {"later": row(4, folder="/w/S2A"), "later_change": make_change(30.0)}
    events, _ = publish(monkeypatch, settings, row(1), make_change(20.0), **later)
    before, after = events[1:]
    assert (before.kind, before.facts["product"], before.facts["area_m2"]) == ("alert", name(1), 20)
    assert (after.kind, after.facts["product"], after.facts["area_m2"]) == ("alert", name(4), 30)
    assert after.facts["late"] == name(1)
    assert after.facts["item"] == f"{settings.areas[0].destination}/S2A/item.json"
    assert "land was lost since 2024-06-02, a date that came late: 30 m2." in after.text
    plain, _ = publish(monkeypatch, settings, row(4), make_change(30.0))
    assert after.id != plain[1].id  # it was told of before, against another date
    again, _ = publish(monkeypatch, settings, row(1), make_change(20.0), **later)
    assert [event.id for event in again] == [event.id for event in events]


def test_a_newer_product_of_a_date_says_nothing_new_of_the_date_after_it(
    monkeypatch: pytest.MonkeyPatch, settings: WatchSettings
) -> None:
    later = {"later": row(4, folder="/w/S2A"), "later_change": make_change(30.0)}
    one = row(1, history=[{"what": "published"}])
    events, _ = publish(monkeypatch, settings, one, make_change(20.0), **later)
    assert [event.facts["product"] for event in events] == [name(1), name(1)]


@pytest.mark.parametrize("lane", ["backfill", "remap"])
def test_nobody_is_alarmed_about_the_past(monkeypatch: pytest.MonkeyPatch, settings: WatchSettings, lane: str) -> None:
    later = {"later": row(4, folder="/w/S2A"), "later_change": make_change(30.0)}
    events, _ = publish(monkeypatch, settings, row(1, lane=lane), make_change(20.0), **later)
    assert [event.kind for event in events] == ["published"]


# locks


def test_one_at_a_time_works_in_an_area_and_others_are_told(tmp_path: Path) -> None:
    folders = AreaFolders(work=tmp_path / "deep", area="bay")
    with locks.hold_area(folders) as first:
        assert first is True
        with locks.hold_area(folders) as second:
            assert second is False
        with locks.hold_area(folders) as third:
            assert third is False
    with locks.hold_area(folders) as again:
        assert again is True


def test_this_machine_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags: list[int] = []
    monkeypatch.setattr(locks.fcntl, "flock", lambda _, flag: flags.append(flag))
    with locks.wait_for_machine(tmp_path / "deep"):
        assert (tmp_path / "deep" / "mapping.lock").is_file()
    with locks.hold_area(AreaFolders(work=tmp_path, area="bay")):
        pass
    assert flags == [locks.fcntl.LOCK_EX, locks.fcntl.LOCK_EX | locks.fcntl.LOCK_NB]
