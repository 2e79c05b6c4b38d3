"""What became of a scene: only who has it in hand says so, once, and what failed is due again or never."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import OptionError
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import BackOff, Counts, LostClaimError, Row
from tests.pipeline.watch.ledger.ledger_places import (
    HERE,
    NOON,
    THERE,
    Clock,
    claim_one,
    list_events,
    name_dead_holder,
    publish_one,
    read_row,
    sight,
)


def test_what_a_look_set_aside_stays_so_until_a_newer_product_or_a_retry(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    ledger.mark_skipped(claim_one(ledger), HERE, kind="coverage", reason="3% of the area")
    for sighting in (sight(), sight(skip="cloud", reason="80%")):
        assert ledger.record("coast", [sighting]) == Counts(skipped=1)
        assert (read_row(ledger).skip, read_row(ledger).reason) == ("coverage", "3% of the area")
    assert ledger.retry("coast") == 0
    assert ledger.retry("coast", ["a N05.09"]) == 1
    assert read_row(ledger).state == "seen"


def test_a_failure_that_may_pass_is_due_again_ever_later_and_then_final(ledger: Ledger, clock: Clock) -> None:
    back_off = BackOff(first_s=60, factor=3, most_s=400, tries=5)
    ledger.record("coast", [sight()])
    for tries, wait_s in enumerate((60, 180, 400, 400), start=1):
        row = ledger.mark_failed(claim_one(ledger), HERE, error="host is down", may_pass=True, back_off=back_off)
        assert (row.state, row.tries, row.last_error, row.is_final) == ("failed", tries, "host is down", False)
        assert row.next_try == clock.now + timedelta(seconds=wait_s)
        assert [(f.kind, f.tries) for f in ledger.untold()] == [("tried", 1)]
        clock.move(seconds=wait_s - 1)
        assert ledger.claim("coast", limit=1, holder=HERE) == []
        clock.move(seconds=1)
    row = ledger.mark_failed(claim_one(ledger), HERE, error="host is down", may_pass=True, back_off=back_off)
    assert (row.is_final, row.tries) == (True, 5)
    clock.move(days=365)
    assert ledger.claim("coast", limit=1, holder=HERE) == []
    assert [(f.product, f.tries) for f in ledger.untold()] == [("a N05.09", 1), ("a N05.09", 5)]


def test_a_failed_publishing_leaves_the_map_made(ledger: Ledger, clock: Clock) -> None:
    ledger.record("coast", [sight()])
    row = ledger.mark_mapped(claim_one(ledger), HERE, fingerprint="f", folder="/maps/a")
    ledger.mark_failed(row, HERE, error="bucket is gone", may_pass=True)
    clock.move(hours=1)
    row = claim_one(ledger)
    assert (row.is_mapped, row.folder, row.fingerprint) == (True, "/maps/a", "f")
    ledger.mark_failed(row, HERE, error="bucket is gone", may_pass=False)
    assert ledger.retry("coast") == 1
    assert read_row(ledger).state == "mapped"
    row = claim_one(ledger)
    assert ledger.mark_published(row, HERE, to="/public").state == "published"


MARKS: dict[str, Callable[[Ledger, Row, str], Row]] = {
    "mapped": lambda ledger, row, holder: ledger.mark_mapped(row, holder, fingerprint="g", folder="/other"),
    "published": lambda ledger, row, holder: ledger.mark_published(row, holder, to="/other"),
    "failed": lambda ledger, row, holder: ledger.mark_failed(row, holder, error="other", may_pass=False),
    "skipped": lambda ledger, row, holder: ledger.mark_skipped(row, holder, kind="unfit", reason="other"),
}


@pytest.mark.parametrize("mark", MARKS)
def test_only_who_has_a_scene_in_hand_says_what_became_of_it(ledger: Ledger, mark: str) -> None:
    ledger.record("coast", [sight()])
    old = claim_one(ledger)
    ledger.release(HERE)
    now = claim_one(ledger)  # by the same holder: the claim decides, not the name
    before = read_row(ledger)
    for row, holder in ((old, HERE), (now, THERE), (replace(now, product="another"), HERE)):
        with pytest.raises(LostClaimError, match="no longer in the hands of"):
            MARKS[mark](ledger, row, holder)
    assert read_row(ledger) == before


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_whose_answer_was_lost_may_be_said_again(ledger: Ledger, mark: str) -> None:
    ledger.record("coast", [sight()])
    row = claim_one(ledger)
    if mark == "published":
        row = ledger.mark_mapped(row, HERE, fingerprint="g", folder="/other")
    once = MARKS[mark](ledger, row, HERE)
    assert MARKS[mark](ledger, row, HERE) == once == read_row(ledger)


def test_what_was_not_mapped_cannot_be_published(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    with pytest.raises(OptionError, match=r"Expected a map of a N05\.09"):
        ledger.mark_published(claim_one(ledger), HERE, to="/public")


def test_what_was_pruned_stays_published(ledger: Ledger, clock: Clock) -> None:
    ledger.record("coast", [sight("a"), sight("b", day=1), sight("c", day=2)])
    publish_one(ledger)
    publish_one(ledger)
    clock.move(days=40)
    publish_one(ledger)
    old = [row for row in ledger.rows("coast", states=["published"]) if row.published_at == NOON]
    assert [row.acquisition for row in old] == ["a", "b"]
    ledger.record("coast", [sight("b", day=1, baseline="05.10")])
    assert ledger.mark_pruned(old) == 1  # of b a newer product has come since
    row = ledger.rows()[0]
    assert (row.state, row.folder, row.pruned_at, list_events(row)[-1]) == ("published", None, clock.now, "pruned")
    assert ledger.record("coast", [sight("a")]) == Counts(again=1)
    assert [row.acquisition for row in ledger.claim("coast", limit=9, holder=HERE)] == ["b"]


@pytest.mark.parametrize(
    ("values", "events"),
    [
        ({"fingerprint": "f", "folder": "/maps/a"}, ["seen", "mapped"]),
        ({"fingerprint": "f", "folder": Path("/maps/a")}, ["seen", "mapped"]),
        ({"fingerprint": "g", "folder": "/maps/a"}, ["seen", "mapped", "mapped"]),
        ({"fingerprint": "f", "folder": "/maps/b"}, ["seen", "mapped", "mapped"]),
    ],
)
def test_a_map_that_is_said_twice_is_written_once(
    local: Ledger, clock: Clock, values: dict[str, Any], events: list[str]
) -> None:
    local.record("coast", [sight()])
    row = local.mark_mapped(claim_one(local), HERE, fingerprint="f", folder="/maps/a")
    assert row.lease_until == NOON + timedelta(minutes=3)
    clock.move(minutes=1)
    again = local.mark_mapped(row, HERE, **values)
    assert list_events(again) == events
    assert (again.fingerprint, again.folder) == (values["fingerprint"], str(values["folder"]))
    assert again.lease_until == NOON + timedelta(minutes=3 if len(events) == 2 else 4)


def test_a_map_that_was_claimed_again_is_not_yet_made_again(local: Ledger) -> None:
    local.record("coast", [sight()])
    local.mark_mapped(claim_one(local), HERE, fingerprint="f", folder="/maps/a")
    local.release(HERE)
    row = claim_one(local)
    assert row.state == "working"
    assert list_events(local.mark_mapped(row, HERE, fingerprint="f", folder="/maps/a")) == ["seen", "mapped", "mapped"]


def test_deaths_are_forgotten_when_the_work_is_done(local: Ledger) -> None:
    local.record("coast", [sight()])
    local.claim("coast", limit=1, holder=name_dead_holder())
    row = claim_one(local)
    assert row.deaths == 1
    dead = name_dead_holder()
    mapped = local.mark_mapped(row, HERE, fingerprint="f", folder="/maps/a")
    assert mapped.deaths == 0
    local.release(HERE)
    local.claim("coast", limit=1, holder=dead)
    row = claim_one(local)
    assert (row.deaths, row.is_mapped) == (1, True)
    assert local.mark_published(row, HERE, to="/public").deaths == 0


def test_a_failure_counts_and_says_when_the_next_try_is(local: Ledger, clock: Clock) -> None:
    local.record("coast", [sight("a"), sight("b", day=1)])
    row = local.mark_failed(claim_one(local), HERE, error="host\nis down", may_pass=True)
    assert (row.tries, row.next_try, row.last_error, row.holder) == (
        1,
        NOON + timedelta(minutes=1),
        "host is down",
        None,
    )
    assert row.history[-1] == {
        "at": clock.now.isoformat(),
        "what": "failed",
        "product": "a N05.09",
        "error": "host is down",
        "tries": 1,
        "final": False,
    }
    last = BackOff(tries=1)
    row = local.mark_failed(claim_one(local), HERE, error="x", may_pass=True, back_off=last)
    assert (row.tries, row.is_final, row.history[-1]["final"]) == (1, True, True)
    clock.move(minutes=1)
    row = local.mark_failed(claim_one(local), HERE, error="x", may_pass=False, back_off=BackOff())
    assert (row.tries, row.is_final, row.history[-1]["tries"]) == (2, True, 2)
    told = sorted((failure.kind, failure.tries) for failure in local.untold())
    assert told == [("given up", 1), ("given up", 2), ("tried", 1)]


def test_a_failure_is_of_no_account_where_a_newer_product_waits(local: Ledger) -> None:
    local.record("coast", [sight()])
    row = claim_one(local)
    local.record("coast", [sight(baseline="05.10")])
    row = local.mark_failed(row, HERE, error="x", may_pass=True)
    assert (row.product, row.state, row.tries, row.next_try) == ("a N05.10", "seen", 0, None)
    assert list_events(row) == ["seen", "failed", "replaced"]


def test_a_newer_product_waits_until_the_map_in_hand_is_published(local: Ledger) -> None:
    local.record("coast", [sight()])
    row = claim_one(local)
    local.record("coast", [sight(baseline="05.10")])
    row = local.mark_mapped(row, HERE, fingerprint="f", folder="/maps/a")
    assert (row.product, row.state, row.holder) == ("a N05.09", "mapped", HERE)
    row = local.mark_published(row, HERE, to="/public")
    assert (row.product, row.state, row.published_to, row.folder) == ("a N05.10", "seen", "/public", None)
    assert list_events(row) == ["seen", "mapped", "published", "replaced"]


def test_a_scene_is_set_aside_for_a_reason_that_is_known(local: Ledger) -> None:
    local.record("coast", [sight()])
    row = claim_one(local)
    wrong: Any = "rain"
    with pytest.raises(OptionError, match=r"Expected cloud, .*, limit, excluded as reason to skip, found 'rain'"):
        local.mark_skipped(row, HERE, kind=wrong, reason="x")
    row = local.mark_skipped(row, HERE, kind="coverage", reason="3%\nof the area")
    assert (row.state, row.skip, row.reason, row.holder) == ("skipped", "coverage", "3% of the area", None)
    assert row.history[-1]["reason"] == "3% of the area"


def test_an_outcome_that_was_written_already_is_not_another_s(local: Ledger) -> None:
    local.record("coast", [sight()])
    row = claim_one(local)
    local.mark_skipped(row, HERE, kind="unfit", reason="x")
    for wrong in (replace(row, holder=THERE), replace(row, fence=row.fence + 1), replace(row, id=row.id + 1)):
        with pytest.raises(LostClaimError):
            local.mark_skipped(wrong, HERE, kind="unfit", reason="x")
    for mark in ("published", "failed"):
        with pytest.raises(LostClaimError):
            MARKS[mark](local, row, HERE)
    assert list_events(read_row(local)) == ["seen", "skipped"]


@pytest.mark.parametrize("late", MARKS)
@pytest.mark.parametrize("first", [None, "mapped", "failed"])
def test_what_is_said_after_a_scene_was_given_back_counts_no_more(local: Ledger, first: str | None, late: str) -> None:
    local.record("coast", [sight()])
    if first is not None:
        MARKS[first](local, claim_one(local), HERE)
        local.release(HERE)
        local.retry("coast")
    row = claim_one(local)
    local.release(HERE)
    before = read_row(local)
    with pytest.raises(LostClaimError):
        MARKS[late](local, row, HERE)
    assert read_row(local) == before


def test_an_outcome_is_dropped_where_the_scene_was_taken_over_just_now(
    local: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.record("coast", [sight()])
    row = claim_one(local)
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.watch.ledger.outcomes.change_row", lambda *_, **__: False)
        with pytest.raises(
            LostClaimError, match=r"a N05\.09 of coast was taken over just now: this result is dropped\."
        ):
            local.mark_skipped(row, HERE, kind="unfit", reason="x")
    assert read_row(local).state == "working"


def test_scenes_are_tried_again_by_area_and_name(local: Ledger) -> None:
    for area in ("coast", "delta"):
        local.record(area, [sight(name, day=day) for day, name in enumerate("abcdef")])
        failed, aside, waits, held, skipped, published = local.claim(area, limit=6, holder=HERE)
        local.mark_failed(failed, HERE, error="x", may_pass=False)
        local.mark_skipped(aside, HERE, kind="unfit", reason="x")
        row = local.mark_mapped(waits, HERE, fingerprint="f", folder="/maps/c")
        local.mark_failed(row, HERE, error="x", may_pass=True)
        row = local.mark_mapped(published, HERE, fingerprint="f", folder="/maps/f")
        local.mark_published(row, HERE, to="/public")
        local.release(HERE)
        local.record(area, [sight("e", day=4, skip="cloud")])
        assert {held.acquisition, skipped.acquisition} == {"d", "e"}
    assert local.retry("coast", ["nothing"]) == 0
    names = [f"{name} N05.09" for name in "abdef"]
    assert local.retry("coast", names) == 2  # a look set b aside; e was skipped by a search alone
    states = {row.acquisition: row.state for row in local.rows("coast")}
    assert states == {"a": "seen", "b": "seen", "c": "failed", "d": "seen", "e": "skipped", "f": "published"}
    assert local.retry("coast") == 1
    rows = {row.acquisition: row for row in local.rows("coast")}
    assert (rows["c"].state, rows["c"].next_try) == ("mapped", None)
    assert (rows["b"].skip, rows["b"].reason) == (None, "")
    for name in "abc":
        assert (rows[name].tries, rows[name].deaths, rows[name].history[-1]["what"]) == (0, 0, "retry")
    assert [row.state for row in local.rows("delta")] == ["failed", "skipped", "failed", "seen", "skipped", "published"]


def test_a_scene_that_killed_is_tried_again_without_its_deaths(local: Ledger) -> None:
    local.record("coast", [sight()])
    for _ in range(2):
        local.claim("coast", limit=1, holder=name_dead_holder(), most_deaths=2)
    local.claim("coast", limit=1, holder=HERE, most_deaths=2)
    assert (read_row(local).is_final, read_row(local).deaths) == (True, 2)
    assert (local.retry("coast"), read_row(local).deaths, read_row(local).tries) == (1, 0, 0)


def test_a_failed_scene_that_is_in_hand_is_not_tried_again_by_others(local: Ledger, clock: Clock) -> None:
    local.record("coast", [sight()])
    local.mark_failed(claim_one(local), HERE, error="x", may_pass=True)
    clock.move(hours=1)
    claim_one(local)
    assert local.retry("coast") == 0


def test_only_what_stands_published_as_it_was_read_is_pruned(local: Ledger) -> None:
    local.record("coast", [sight("a"), sight("b", day=1), sight("c", day=2), sight("d", day=3)])
    for _ in range(3):
        publish_one(local)
    rows = local.rows("coast")
    local.record("coast", [sight("c", day=2, baseline="05.10")])
    wrong = [replace(rows[0], product="another"), replace(rows[0], id=99), rows[2], rows[3]]
    assert local.mark_pruned(wrong) == 0
    assert local.mark_pruned([]) == 0
    assert local.mark_pruned([*rows, rows[0]]) == 2  # the second time it is pruned already
    assert local.mark_pruned(rows) == 0
    pruned = local.rows("coast")[0]
    assert pruned.history[-1] == {"at": NOON.isoformat(), "what": "pruned", "product": "a N05.09", "folder": "/maps/a"}
    assert [row.pruned_at for row in local.rows("coast")] == [NOON, NOON, None, None]
    assert [row.folder for row in local.rows("coast")] == [None] * 4
