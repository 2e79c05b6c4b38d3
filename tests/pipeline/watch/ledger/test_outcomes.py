"""What became of a scene: only who has it in hand says so, once, and what failed is due again or never."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

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
        assert ledger.untold() == []
        clock.move(seconds=wait_s - 1)
        assert ledger.claim("coast", limit=1, holder=HERE) == []
        clock.move(seconds=1)
    row = ledger.mark_failed(claim_one(ledger), HERE, error="host is down", may_pass=True, back_off=back_off)
    assert (row.is_final, row.tries) == (True, 5)
    clock.move(days=365)
    assert ledger.claim("coast", limit=1, holder=HERE) == []
    assert [(f.product, f.tries) for f in ledger.untold()] == [("a N05.09", 5)]


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
