"""What the ledger says of a scene on its way, the same in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pipeline.errors import OptionError
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.rows import add_history
from pipeline.watch.ledger.values import BackOff, Counts, LostClaimError, Row, Sighting
from tests.pipeline.watch.ledger.ledger_places import HERE, NOON, THERE, Clock, sight


def claim_one(ledger: Ledger, holder: str = HERE) -> Row:
    (row,) = ledger.claim("coast", limit=1, holder=holder)
    return row


def publish_one(ledger: Ledger) -> Row:
    row = ledger.mark_mapped(claim_one(ledger), HERE, fingerprint="f", folder="/maps/a")
    return ledger.mark_published(row, HERE, to="s3://coast")


def fail_one(ledger: Ledger, *, may_pass: bool = False, error: str = "no band B08") -> Row:
    return ledger.mark_failed(claim_one(ledger), HERE, error=error, may_pass=may_pass)


def only(ledger: Ledger) -> Row:
    (row,) = ledger.rows("coast")
    return row


def events(row: Row) -> list[str]:
    return [event["what"] for event in row.history]


def test_a_scene_goes_from_seen_to_published(ledger: Ledger, clock: Clock) -> None:
    item = {"id": "a", "assets": {"B08": {"href": "https://host/é.tif"}}, "geometry": {"coordinates": [[1.5, None]]}}
    assert ledger.record("coast", [sight(item=item)]) == Counts(new=1)
    row = claim_one(ledger)
    assert (row.state, row.holder, row.is_mapped, row.item) == ("working", HERE, False, item)
    clock.move(minutes=4)
    mapped = ledger.mark_mapped(row, HERE, fingerprint="f", folder="/maps/a")
    assert (mapped.state, mapped.holder, mapped.is_mapped) == ("mapped", HERE, True)
    assert ledger.claim("coast", limit=9, holder=THERE) == []
    published = ledger.mark_published(mapped, HERE, to="s3://coast")
    assert (published.state, published.holder, published.lease_until) == ("published", None, None)
    assert (published.published_at, published.published_to) == (NOON + timedelta(minutes=4), "s3://coast")
    assert events(published) == ["seen", "mapped", "published"]
    assert ledger.claim("coast", limit=9, holder=THERE) == []
    assert ledger.rows("coast", items=False) == [replace(published, item={})]


def test_the_oldest_come_first_and_areas_keep_apart(ledger: Ledger) -> None:
    ledger.record("coast", [sight(name, day=day) for name, day in (("c", 3), ("a", 1), ("b", 2))])
    ledger.record("delta", [sight("a", day=1)])
    assert [row.acquisition for row in ledger.claim("coast", limit=2, holder=HERE)] == ["a", "b"]
    assert [row.acquisition for row in ledger.claim("coast", limit=2, holder=HERE)] == ["c"]
    assert [row.area for row in ledger.rows(states=["seen"])] == ["delta"]


def test_saying_it_again_changes_nothing(ledger: Ledger, clock: Clock) -> None:
    sightings = [sight("a"), sight("b", skip="cloud", reason="92% cloud, limit 60%"), sight("c")]
    assert ledger.record("coast", sightings) == Counts(new=2, skipped=1)
    before = ledger.rows()
    clock.move(hours=1)
    assert ledger.record("coast", sightings) == Counts(again=2, skipped=1)
    assert ledger.rows() == before


@pytest.mark.parametrize("reach", ["seen", "skipped", "failed", "mapped", "published"])
def test_a_newer_product_replaces_the_older_and_history_says_so(ledger: Ledger, reach: str) -> None:
    ledger.record("coast", [sight(skip="cloud" if reach == "skipped" else None)])
    if reach == "failed":
        fail_one(ledger)
    if reach == "mapped":
        ledger.mark_mapped(claim_one(ledger), HERE, fingerprint="f", folder="/maps/a")
        ledger.release(HERE)
    if reach == "published":
        publish_one(ledger)
    assert only(ledger).state == reach
    newer = sight(baseline="05.10", item={"id": "newer"})
    assert ledger.record("coast", [sight(), newer, sight(baseline="05.00")]) == Counts(replaced=1, again=2)
    row = only(ledger)
    assert (row.state, row.product, row.item, row.tries) == ("seen", newer.product, newer.item, 0)
    assert (row.folder, row.fingerprint, row.skip) == (None, None, None)
    change = row.history[-1]
    assert (change["what"], change["product"], change["state"]) == ("replaced", "a N05.09", reach)
    if reach == "published":
        assert (row.published_to, change["folder"]) == ("s3://coast", "/maps/a")
    assert claim_one(ledger).product == newer.product


@pytest.mark.parametrize(
    ("known", "other", "replaces"),
    [
        (sight(baseline="05.09"), sight(baseline="05.10"), True),
        (sight(baseline="05.10"), sight(baseline="05.09"), False),
        (sight(baseline="N0509"), sight(baseline="N0511"), True),
        (sight(baseline=None), sight(baseline="02.14"), True),
        (sight(product="p"), sight(product="q"), False),
        (sight(product="q", generated=NOON), sight(product="p", generated=NOON + timedelta(days=1)), True),
        (sight(product="p", generated=NOON), sight(product="q", generated=NOON), False),
        (sight(product="p"), sight(product="q", generated=NOON), False),
    ],
)
def test_only_what_is_surely_newer_replaces(ledger: Ledger, known: Sighting, other: Sighting, replaces: bool) -> None:
    ledger.record("coast", [known])
    ledger.record("coast", [other])
    assert (only(ledger).product == other.product) is replaces


def test_of_two_products_found_together_the_newer_is_taken(ledger: Ledger) -> None:
    assert ledger.record("coast", [sight(), sight(baseline="05.10")]) == Counts(new=1, again=1)
    assert only(ledger).baseline == "05.10"


@pytest.mark.parametrize("end", ["published", "failed", "skipped", "released"])
def test_a_newer_product_of_a_scene_in_hand_waits_until_that_work_ends(ledger: Ledger, end: str) -> None:
    ledger.record("coast", [sight()])
    row = claim_one(ledger)
    for baseline in ("05.11", "05.10"):
        ledger.record("coast", [sight(baseline=baseline)])
    assert (only(ledger).product, only(ledger).holder) == (row.product, HERE)
    assert ledger.claim("coast", limit=1, holder=THERE) == []
    if end == "published":
        ledger.mark_published(ledger.mark_mapped(row, HERE, fingerprint="f", folder="/maps/a"), HERE, to="/public")
    elif end == "failed":
        ledger.mark_failed(row, HERE, error="broken", may_pass=False)
    elif end == "skipped":
        ledger.mark_skipped(row, HERE, kind="unfit", reason="no water")
    else:
        ledger.release(HERE)
    after = only(ledger)
    assert (after.state, after.product, after.holder, after.tries) == ("seen", "a N05.11", None, 0)
    assert after.acquired == NOON
    assert events(after)[-1] == "replaced"
    assert after.published_to == ("/public" if end == "published" else None)
    assert ledger.untold() == []
    assert claim_one(ledger, THERE).product == "a N05.11"


def test_a_reason_to_skip_comes_and_goes(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    assert ledger.record("coast", [sight(skip="season", reason="June is out of season")]) == Counts(skipped=1)
    assert (only(ledger).state, only(ledger).skip) == ("skipped", "season")
    assert ledger.claim("coast", limit=1, holder=HERE) == []
    ledger.record("coast", [sight(skip="cloud", reason="80%")])
    assert (only(ledger).skip, only(ledger).reason) == ("cloud", "80%")
    assert ledger.record("coast", [sight()]) == Counts(new=1)
    assert (only(ledger).state, only(ledger).skip, only(ledger).reason) == ("seen", None, "")
    assert events(only(ledger)) == ["seen", "skipped", "skipped", "seen"]


@pytest.mark.parametrize("newer", [False, True])
def test_what_is_published_or_in_hand_is_not_taken_away(ledger: Ledger, newer: bool) -> None:
    sighting = sight(skip="cloud", reason="80%", baseline="05.10" if newer else "05.09")
    ledger.record("coast", [sight()])
    row = claim_one(ledger)
    ledger.record("coast", [sighting])
    row = ledger.mark_mapped(row, HERE, fingerprint="f", folder="/maps/a")
    ledger.record("coast", [sighting])
    published = ledger.mark_published(row, HERE, to="/public")
    assert ledger.record("coast", [sighting]) == Counts(again=1)
    assert only(ledger) == published


def test_what_a_look_set_aside_stays_so_until_a_newer_product_or_a_retry(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    ledger.mark_skipped(claim_one(ledger), HERE, kind="coverage", reason="3% of the area")
    for sighting in (sight(), sight(skip="cloud", reason="80%")):
        assert ledger.record("coast", [sighting]) == Counts(skipped=1)
        assert (only(ledger).skip, only(ledger).reason) == ("coverage", "3% of the area")
    assert ledger.retry("coast") == 0
    assert ledger.retry("coast", ["a N05.09"]) == 1
    assert only(ledger).state == "seen"


def test_a_failure_that_may_pass_is_due_again_ever_later_and_then_final(ledger: Ledger, clock: Clock) -> None:
    back_off = BackOff(first_s=60, factor=3, most_s=400, tries=5)
    ledger.record("coast", [sight()])
    for tries, wait_s in enumerate((60, 180, 400, 400), start=1):
        row = ledger.mark_failed(claim_one(ledger), HERE, error="host is down", may_pass=True, back_off=back_off)
        assert (row.state, row.tries, row.last_error, row.is_final) == ("failed", tries, "host is down", False)
        assert row.next_try == clock.now + timedelta(seconds=wait_s)
        assert ledger.untold() == []
        clock.move(seconds=wait_s - 1)
        assert ledger.claim("coast", limit=1, holder=HERE) == []
        clock.move(seconds=1)
    row = ledger.mark_failed(claim_one(ledger), HERE, error="host is down", may_pass=True, back_off=back_off)
    assert (row.is_final, row.tries) == (True, 5)
    clock.move(days=365)
    assert ledger.claim("coast", limit=1, holder=HERE) == []
    assert [(f.product, f.tries) for f in ledger.untold()] == [("a N05.09", 5)]


def test_each_failure_for_good_is_told_once_with_an_id_of_its_own(ledger: Ledger, clock: Clock) -> None:
    ledger.record("coast", [sight()])
    row = fail_one(ledger)
    (failure,) = ledger.untold()
    assert (failure.id, failure.area, failure.error, failure.at) == (row.failure_id, "coast", "no band B08", NOON)
    assert ledger.untold() == [failure]  # who dies between sending and marking sends the same again
    assert ledger.mark_told([failure.id, "another"]) == 1
    assert (ledger.untold(), only(ledger).told) == ([], NOON)
    assert ledger.mark_told([failure.id]) == 0
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
    (failure,) = ledger.untold()
    assert (failure.product, failure.error) == ("a N05.09", "no band B08")
    ledger.mark_told([failure.id])
    assert ledger.untold() == []


def test_a_failed_publishing_leaves_the_map_made(ledger: Ledger, clock: Clock) -> None:
    ledger.record("coast", [sight()])
    row = ledger.mark_mapped(claim_one(ledger), HERE, fingerprint="f", folder="/maps/a")
    ledger.mark_failed(row, HERE, error="bucket is gone", may_pass=True)
    clock.move(hours=1)
    row = claim_one(ledger)
    assert (row.is_mapped, row.folder, row.fingerprint) == (True, "/maps/a", "f")
    ledger.mark_failed(row, HERE, error="bucket is gone", may_pass=False)
    assert ledger.retry("coast") == 1
    assert only(ledger).state == "mapped"
    row = claim_one(ledger)
    assert ledger.mark_published(row, HERE, to="/public").state == "published"


def test_what_is_given_back_is_as_it_was(ledger: Ledger, clock: Clock) -> None:
    ledger.record("coast", [sight("a"), sight("b"), sight("c")])
    fail_one(ledger, may_pass=True)
    row = claim_one(ledger)
    ledger.mark_mapped(row, HERE, fingerprint="f", folder="/maps/b")
    assert ledger.release(HERE) == 1
    clock.move(hours=1)
    before = {row.acquisition: row.state for row in ledger.rows()}
    assert len(ledger.claim("coast", limit=9, holder=HERE)) == 3
    assert ledger.release(THERE) == 0
    assert ledger.release(HERE) == 3
    assert (
        {row.acquisition: row.state for row in ledger.rows()} == before == {"a": "failed", "b": "mapped", "c": "seen"}
    )
    assert all(row.holder is None and row.deaths == 0 for row in ledger.rows())


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
    before = only(ledger)
    for row, holder in ((old, HERE), (now, THERE), (replace(now, product="another"), HERE)):
        with pytest.raises(LostClaimError, match="no longer in the hands of"):
            MARKS[mark](ledger, row, holder)
    assert only(ledger) == before


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_whose_answer_was_lost_may_be_said_again(ledger: Ledger, mark: str) -> None:
    ledger.record("coast", [sight()])
    row = claim_one(ledger)
    if mark == "published":
        row = ledger.mark_mapped(row, HERE, fingerprint="g", folder="/other")
    once = MARKS[mark](ledger, row, HERE)
    assert MARKS[mark](ledger, row, HERE) == once == only(ledger)


def test_what_was_not_mapped_cannot_be_published(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    with pytest.raises(OptionError, match=r"Expected a map of a N05\.09"):
        ledger.mark_published(claim_one(ledger), HERE, to="/public")


def test_an_area_is_summed_up(ledger: Ledger, clock: Clock) -> None:
    skips = [sight("e", day=5, skip="cloud"), sight("f", day=6, skip="cloud"), sight("g", day=7, skip="season")]
    ledger.record("coast", [*(sight(name, day=day) for day, name in enumerate("abcd")), *skips])
    publish_one(ledger)
    clock.move(minutes=1)
    fail_one(ledger)
    fail_one(ledger, may_pass=True, error="host is down")
    ledger.note_round("delta", began=NOON, ended=None)
    found = ledger.summarise()
    coast = found["coast"]
    assert coast.states == {"published": 1, "failed": 2, "seen": 1, "skipped": 3}
    assert coast.skips == {"cloud": 2, "season": 1}
    assert (coast.last_scene, coast.last_acquired) == ("g N05.09", NOON + timedelta(days=7))
    assert (coast.last_success, coast.backlog) == (NOON, 2)
    assert [(f.acquisition, f.error, f.next_try is None) for f in coast.failures] == [
        ("b", "no band B08", True),
        ("c", "host is down", False),
    ]
    assert (found["delta"].states, found["delta"].backlog) == ({}, 0)


def test_rounds_that_fail_in_a_row_are_one_failure(ledger: Ledger, clock: Clock) -> None:
    def end(error: str | None) -> None:
        clock.move(hours=1)
        next_run = clock.now + timedelta(hours=1)
        ledger.note_round(
            "coast", began=clock.now - timedelta(minutes=5), ended=clock.now, error=error, next_run=next_run
        )

    end(None)
    end("host is down")
    end("host is down, still")
    known = ledger.read_rounds()["coast"]
    assert (known.error, known.failures_in_a_row) == ("host is down, still", 2)
    assert (known.last_success, known.next_run) == (NOON + timedelta(hours=1), clock.now + timedelta(hours=1))
    (failure,) = ledger.untold()
    assert (failure.product, failure.error) == (None, "host is down")
    end(None)
    known = ledger.read_rounds()["coast"]
    assert (known.error, known.failures_in_a_row, known.last_success) == (None, 0, clock.now)
    assert ledger.untold() == [failure]  # a failure nobody was told of outlives the success
    ledger.mark_told([failure.id])
    end("host is down")
    (second,) = ledger.untold()
    assert second.id != failure.id
    ledger.note_round("coast", began=clock.now, ended=None)
    under_way = ledger.read_rounds()["coast"]
    assert (under_way.ended, under_way.error, under_way.next_run) == (
        None,
        "host is down",
        clock.now + timedelta(hours=1),
    )


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
    assert (row.state, row.folder, row.pruned_at, events(row)[-1]) == ("published", None, clock.now, "pruned")
    assert ledger.record("coast", [sight("a")]) == Counts(again=1)
    assert [row.acquisition for row in ledger.claim("coast", limit=9, holder=HERE)] == ["b"]


def test_any_text_can_be_kept(ledger: Ledger) -> None:
    ledger.record("coast", [sight(item={"note": "nul \0, half of a pair \ud800, é, 海岸, '\";--"})])
    error = "line 1\nline 2\0\ud800 " + "x" * 9_000
    row = fail_one(ledger, error=error)
    assert row.last_error is not None
    assert row.last_error.startswith("line 1 line 2 \\ud800 xxx")
    assert len(row.last_error) == 2_000
    assert ledger.untold()[0].error == row.last_error
    assert row.item["note"].startswith("nul \0, half of a pair \ud800")


@pytest.mark.parametrize("name", ["", "two\nlines", "nul\0", "x" * 500])
def test_a_sighting_needs_a_name(name: str) -> None:
    with pytest.raises(OptionError, match="Expected a name of one line"):
        sight(name)


def test_a_history_does_not_grow_for_ever() -> None:
    history: list[Any] = []
    for number in range(250):
        history = add_history(history, {"what": "skipped", "reason": number}, now=NOON)
    assert [event["reason"] for event in history] == [0, *range(151, 250)]
