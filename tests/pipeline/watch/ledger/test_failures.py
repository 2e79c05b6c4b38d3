"""A failure is told once, at least, and kept until then."""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa

from pipeline.watch.ledger.failures import add_untold, describe_failure
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.tables import ROUNDS, SCENES
from pipeline.watch.ledger.values import BackOff, Counts
from tests.pipeline.watch.ledger.ledger_places import (
    HERE,
    NOON,
    Clock,
    claim_one,
    fail_one,
    publish_one,
    read_row,
    sight,
)


def test_each_failure_for_good_is_told_once_with_an_id_of_its_own(ledger: Ledger, clock: Clock) -> None:
    ledger.record("coast", [sight()])
    row = fail_one(ledger)
    (failure,) = ledger.untold()
    assert (failure.id, failure.area, failure.error, failure.at) == (row.failure_id, "coast", "no band B08", NOON)
    assert ledger.untold() == [failure]  # who dies between sending and marking sends the same again
    assert ledger.mark_told([failure.id, "another"]) == {failure.id}
    assert (ledger.untold(), read_row(ledger).told) == ([], NOON)
    assert ledger.mark_told([failure.id]) == set()
    assert ledger.record("coast", [sight()]) == Counts(again=1)
    assert ledger.untold() == []
    assert ledger.retry("coast") == 1
    again = fail_one(ledger)
    assert again.failure_id not in {None, failure.id}
    assert [f.id for f in ledger.untold()] == [again.failure_id]


def test_a_failure_is_told_even_where_a_newer_product_went_well_since(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    fail_one(ledger)
    ledger.record("coast", [sight(baseline="05.10")])
    publish_one(ledger)
    failure, recovery = sorted(ledger.untold(), key=lambda one: one.kind)
    assert (failure.product, failure.error, failure.kind) == ("a N05.09", "no band B08", "given up")
    assert (recovery.product, recovery.kind) == ("a N05.10", "recovered")
    assert read_row(ledger).failure_id is None
    ledger.mark_told([failure.id, recovery.id])
    assert ledger.untold() == []


def test_of_very_many_failures_the_latest_hundred_are_kept() -> None:
    untold: list[dict[str, Any]] = []
    for number in range(101):
        untold = add_untold(untold, number, kind="round", error="x", tries=1, product=None, now=NOON)
        assert len(untold) == min(number + 1, 100)
    assert len({failure["id"] for failure in untold}) == 100
    assert untold[-1] == add_untold([], 100, kind="round", error="x", tries=1, product=None, now=NOON)[0]
    assert untold[0] == add_untold([], 1, kind="round", error="x", tries=1, product=None, now=NOON)[0]


def test_a_failure_is_named_by_what_tells_it_from_others() -> None:
    (failure,) = add_untold([], "round", "coast", "é\ud800", kind="tried", error="a\nb", tries=3, product="p", now=NOON)
    assert failure == {
        "id": hashlib.sha256("round\ncoast\né\ud800".encode("utf-8", "surrogatepass")).hexdigest()[:16],
        "kind": "tried",
        "product": "p",
        "error": "a b",
        "tries": 3,
        "at": "2024-06-01T12:00:00+00:00",
    }


def test_a_failure_for_good_is_the_next_try_of_its_scene(local: Ledger) -> None:
    local.record("coast", [sight()])
    row = fail_one(local, error="no\nband")
    (failure,) = local.untold()
    assert (row.tries, row.last_error, row.next_try, row.told) == (1, "no band", None, None)
    assert (failure.tries, failure.error, failure.product, failure.id) == (1, "no band", "a N05.09", row.failure_id)
    columns = {"area": "coast", "acquisition": "a", "product": "p", "fence": 3, "deaths": 2, "tries": 4, "untold": []}
    changes = describe_failure(columns, "x", next_try=None, now=NOON)
    assert (changes["tries"], changes["untold"][0]["tries"], changes["failure_id"]) == (
        5,
        5,
        changes["untold"][0]["id"],
    )
    for other in ({"fence": 4}, {"deaths": 3}, {"product": "q"}, {"acquisition": "b"}, {"area": "delta"}):
        assert (
            describe_failure({**columns, **other}, "x", next_try=None, now=NOON)["failure_id"] != changes["failure_id"]
        )
    again = describe_failure({**columns, "untold": changes["untold"], "fence": 4}, "x", next_try=None, now=NOON)
    assert again["untold"] == [*changes["untold"], {**changes["untold"][0], "id": again["failure_id"]}]


def test_failures_come_by_time_and_area_and_are_marked_one_by_one(local: Ledger, clock: Clock) -> None:
    for area in ("delta", "coast"):
        local.record(area, [sight("a"), sight("b", day=1)])
        for _ in range(2):
            (row,) = local.claim(area, limit=1, holder=HERE)
            local.mark_failed(row, HERE, error="broken", may_pass=False)
    clock.move(minutes=-1)
    local.note_round("delta", began=NOON, ended=NOON, error="host is down")
    failures = local.untold()
    assert [(failure.area, failure.product) for failure in failures[:1]] == [("delta", None)]
    assert [failure.area for failure in failures[1:]] == ["coast", "coast", "delta", "delta"]
    assert failures[1:3] == sorted(failures[1:3], key=lambda failure: failure.id)
    told = [failures[0].id, failures[1].id, "unknown"]
    clock.move(hours=1)
    assert local.mark_told(told) == set(told[:2])
    assert local.untold() == failures[2:]
    marked = [row for row in local.rows() if row.told is not None]
    assert [(row.failure_id, row.told) for row in marked] == [(failures[1].id, clock.now)]
    assert local.mark_told(told) == set()
    assert local.mark_told([]) == set()


def test_an_older_failure_of_a_scene_that_failed_again_is_told_alone(local: Ledger) -> None:
    local.record("coast", [sight()])
    older = fail_one(local)
    local.retry("coast")
    newer = fail_one(local)
    assert local.mark_told([older.failure_id or ""]) == {older.failure_id}
    assert (read_row(local).told, [failure.id for failure in local.untold()]) == (None, [newer.failure_id])


def test_the_first_failure_and_the_last_are_told_and_so_is_their_end(ledger: Ledger, clock: Clock) -> None:
    ledger.record("coast", [sight()])
    kinds = []
    for _ in range(3):
        row = ledger.mark_failed(claim_one(ledger), HERE, error="cut", may_pass=True, back_off=BackOff(tries=3))
        kinds.append([(failure.kind, failure.tries) for failure in ledger.untold()])
        clock.move(days=1)
    assert kinds == [[("tried", 1)], [("tried", 1)], [("tried", 1), ("given up", 3)]]
    assert row.failure_id == ledger.untold()[1].id
    ledger.retry("coast")
    publish_one(ledger)
    end = ledger.untold()[-1]
    assert (end.kind, end.product, end.error, end.area) == ("recovered", "a N05.09", "cut", "coast")
    ledger.mark_told([failure.id for failure in ledger.untold()])
    ledger.record("coast", [sight(baseline="05.10")])
    publish_one(ledger)
    assert ledger.untold() == []  # all is well, and that was told


def test_failures_of_a_ledger_of_before_are_told_as_what_they_were(local: Ledger) -> None:
    local.record("coast", [sight()])
    fail_one(local)
    local.note_round("coast", began=NOON, ended=NOON, error="host is down")
    with local._database.write() as connection:
        for table in (SCENES, ROUNDS):
            (kept,) = connection.execute(sa.select(table.c.untold)).scalar_one()
            del kept["kind"]
            connection.execute(sa.update(table).values(untold=[kept]))
    assert {failure.kind for failure in local.untold()} == {"given up", "round"}
