"""What searches see, over and over: what is new, what replaces what, what is not to be mapped."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import Counts, Sighting
from tests.pipeline.watch.ledger.ledger_places import (
    HERE,
    NOON,
    THERE,
    Clock,
    claim_one,
    fail_one,
    list_events,
    publish_one,
    read_row,
    sight,
)


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
    assert read_row(ledger).state == reach
    newer = sight(baseline="05.10", item={"id": "newer"})
    assert ledger.record("coast", [sight(), newer, sight(baseline="05.00")]) == Counts(replaced=1, again=2)
    row = read_row(ledger)
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
    assert (read_row(ledger).product == other.product) is replaces


def test_of_two_products_found_together_the_newer_is_taken(ledger: Ledger) -> None:
    assert ledger.record("coast", [sight(), sight(baseline="05.10")]) == Counts(new=1, again=1)
    assert read_row(ledger).baseline == "05.10"


@pytest.mark.parametrize("end", ["published", "failed", "skipped", "released"])
def test_a_newer_product_of_a_scene_in_hand_waits_until_that_work_ends(ledger: Ledger, end: str) -> None:
    ledger.record("coast", [sight()])
    row = claim_one(ledger)
    for baseline in ("05.11", "05.10"):
        ledger.record("coast", [sight(baseline=baseline)])
    assert (read_row(ledger).product, read_row(ledger).holder) == (row.product, HERE)
    assert ledger.claim("coast", limit=1, holder=THERE) == []
    if end == "published":
        ledger.mark_published(ledger.mark_mapped(row, HERE, fingerprint="f", folder="/maps/a"), HERE, to="/public")
    elif end == "failed":
        ledger.mark_failed(row, HERE, error="broken", may_pass=False)
    elif end == "skipped":
        ledger.mark_skipped(row, HERE, kind="unfit", reason="no water")
    else:
        ledger.release(HERE)
    after = read_row(ledger)
    assert (after.state, after.product, after.holder, after.tries) == ("seen", "a N05.11", None, 0)
    assert after.acquired == NOON
    assert list_events(after)[-1] == "replaced"
    assert after.published_to == ("/public" if end == "published" else None)
    assert ledger.untold() == []
    assert claim_one(ledger, THERE).product == "a N05.11"


def test_a_reason_to_skip_comes_and_goes(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    assert ledger.record("coast", [sight(skip="season", reason="June is out of season")]) == Counts(skipped=1)
    assert (read_row(ledger).state, read_row(ledger).skip) == ("skipped", "season")
    assert ledger.claim("coast", limit=1, holder=HERE) == []
    ledger.record("coast", [sight(skip="cloud", reason="80%")])
    assert (read_row(ledger).skip, read_row(ledger).reason) == ("cloud", "80%")
    assert ledger.record("coast", [sight()]) == Counts(new=1)
    assert (read_row(ledger).state, read_row(ledger).skip, read_row(ledger).reason) == ("seen", None, "")
    assert list_events(read_row(ledger)) == ["seen", "skipped", "skipped", "seen"]


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
    assert read_row(ledger) == published
