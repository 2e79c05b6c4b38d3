"""What searches see, over and over: what is new, what replaces what, what is not to be mapped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import Counts, Row, Sighting
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


def reach(ledger: Ledger, state: str) -> Row:
    """Bring the one scene to a state."""
    ledger.record("coast", [sight(item={"id": "first"}, skip="cloud" if state == "skipped" else None, reason="80%")])
    if state in {"working", "mapped in hand", "mapped", "published", "waits with a map"}:
        row = claim_one(ledger)
        if state != "working":
            row = ledger.mark_mapped(row, HERE, fingerprint="f", folder="/maps/a")
        if state == "mapped":
            ledger.release(HERE)
        elif state == "published":
            ledger.mark_published(row, HERE, to="/public")
        elif state == "waits with a map":
            ledger.mark_failed(row, HERE, error="bucket is gone", may_pass=True)
    elif state == "set aside":
        ledger.mark_skipped(claim_one(ledger), HERE, kind="unfit", reason="no water")
    elif state in {"waits", "broken"}:
        fail_one(ledger, may_pass=state == "waits")
    return read_row(ledger)


SAME = {
    # What is known: after the same product without a reason to skip, with cloud, and beyond the limit of scenes.
    "seen": ("again seen", "skipped skipped", "skipped skipped"),
    "skipped": ("new seen", "skipped skipped", "skipped skipped"),
    "set aside": ("skipped skipped", "skipped skipped", "skipped skipped"),
    "waits": ("again failed", "skipped skipped", "again failed"),
    "broken": ("again failed", "again failed", "again failed"),
    "working": ("again working", "again working", "again working"),
    "mapped in hand": ("again mapped", "again mapped", "again mapped"),
    "mapped": ("again mapped", "again mapped", "again mapped"),
    "waits with a map": ("again failed", "again failed", "again failed"),
    "published": ("again published", "again published", "again published"),
}
KEEP_THEIR_ITEM = {"working", "mapped in hand", "mapped", "published"}


def name_count(counts: Counts) -> str:
    """What the one sighting came to."""
    (name,) = [name for name in ("new", "again", "replaced", "skipped") if getattr(counts, name)]
    assert getattr(counts, name) == 1
    return name


@pytest.mark.parametrize("state", SAME)
@pytest.mark.parametrize(("place", "skip"), [(0, None), (1, "cloud"), (2, "limit")])
def test_the_same_product_again(local: Ledger, clock: Clock, state: str, place: int, skip: str | None) -> None:
    before = reach(local, state)
    clock.move(minutes=1)
    counts = local.record("coast", [sight(item={"id": "later"}, skip=skip, reason="much\ncloud")])
    row = read_row(local)
    assert f"{name_count(counts)} {row.state}" == SAME[state][place]
    assert row.item == {"id": "first" if state in KEEP_THEIR_ITEM else "later"}
    if row.state == before.state and row.skip == before.skip:
        assert (row.reason, row.next_try, list_events(row)) == (
            "much cloud" if (state, skip) == ("skipped", "cloud") else before.reason,
            before.next_try,
            list_events(before),
        )
    elif row.state == "skipped":
        assert (row.skip, row.reason, row.next_try, row.changed) == (skip, "much cloud", None, clock.now)
        assert row.history[-1] == {"at": clock.now.isoformat(), "what": "skipped", "skip": skip, "reason": "much cloud"}
    else:
        assert (row.skip, row.reason) == (None, "")
        assert row.history[-1] == {
            "at": clock.now.isoformat(),
            "what": "seen",
            "product": "a N05.09",
            "no longer": "cloud",
        }


NEWER = {
    # What is known: after a newer product without a reason to skip, and with one.
    "seen": ("replaced seen", "skipped skipped"),
    "skipped": ("replaced seen", "skipped skipped"),
    "set aside": ("replaced seen", "skipped skipped"),
    "waits": ("replaced seen", "skipped skipped"),
    "broken": ("replaced seen", "skipped skipped"),
    "working": ("replaced working", "again working"),
    "mapped in hand": ("replaced mapped", "again mapped"),
    "mapped": ("replaced seen", "again mapped"),
    "published": ("replaced seen", "again published"),
}


@pytest.mark.parametrize("state", NEWER)
@pytest.mark.parametrize(("place", "skip"), [(0, None), (1, "cloud")])
def test_a_newer_product(local: Ledger, clock: Clock, state: str, place: int, skip: str | None) -> None:
    before = reach(local, state)
    clock.move(minutes=1)
    newer = sight(baseline="05.10", item={"id": "newer"}, skip=skip, reason="80%")
    counts = local.record("coast", [newer])
    row = read_row(local)
    assert f"{name_count(counts)} {row.state}" == NEWER[state][place]
    if row.product == before.product:  # what waits shows when the work ends
        assert (row.history, row.item, row.changed) == (before.history, before.item, before.changed)
        local.release(HERE)
        assert read_row(local).product == ("a N05.10" if counts.replaced else "a N05.09")
        return
    assert (row.product, row.baseline, row.item, row.skip) == ("a N05.10", "05.10", {"id": "newer"}, skip)
    assert (row.tries, row.deaths, row.last_error, row.next_try, row.folder) == (0, 0, None, None, None)
    assert list_events(row)[len(before.history) :] == ["replaced", *(["skipped"] if skip else [])]
    assert (row.reason, row.changed) == ("80%" if skip else "", clock.now)


@pytest.mark.parametrize(
    ("first", "second", "waits"),
    [
        ({"baseline": "05.10"}, {"baseline": "05.11"}, "second"),
        ({"baseline": "05.11"}, {"baseline": "05.10"}, "first"),
        ({"baseline": "05.10"}, {"baseline": "05.10"}, "first"),
        ({"baseline": "05.10", "generated": NOON}, {"baseline": "05.10"}, "first"),
        ({"baseline": "05.10"}, {"baseline": "05.10", "generated": NOON}, "second"),
        ({"baseline": "05.10", "generated": NOON}, {"baseline": "05.10", "generated": NOON}, "first"),
        (
            {"baseline": "05.10", "generated": NOON},
            {"baseline": "05.10", "generated": NOON + timedelta(seconds=1)},
            "second",
        ),
    ],
)
def test_of_those_that_wait_for_a_scene_in_hand_the_newest_is_next(
    local: Ledger, first: dict[str, Any], second: dict[str, Any], waits: str
) -> None:
    local.record("coast", [sight()])
    claim_one(local)
    assert name_count(local.record("coast", [sight(product="first", **first)])) == "replaced"
    came_to = name_count(local.record("coast", [sight(product="second", **second)]))
    assert came_to == ("replaced" if waits == "second" else "again")
    local.release(HERE)
    assert read_row(local).product == waits


def test_new_scenes_are_numbered_by_time_of_sensing_and_begin_with_nothing_done(local: Ledger, clock: Clock) -> None:
    names = [f"s{number:03}" for number in range(450)]
    sightings = [sight(name, day=day, baseline=f"0{day % 3}.00") for day, name in enumerate(names)]
    assert local.record("coast", reversed(sightings)) == Counts(new=450)
    assert local.record("coast", sightings) == Counts(again=450)
    assert sorted(row.acquisition for row in local.rows("coast")) == names
    row = local.rows("coast")[0]
    assert (row.fence, row.tries, row.deaths, row.first_seen, row.changed) == (0, 0, 0, clock.now, clock.now)
    assert row.history == ({"at": clock.now.isoformat(), "what": "seen", "product": row.product, "baseline": "00.00"},)
    assert local.record("coast", []) == Counts()


def test_scenes_that_are_skipped_from_the_first_say_why(local: Ledger) -> None:
    assert local.record("coast", [sight(skip="season", reason="winter")]) == Counts(skipped=1)
    row = read_row(local)
    assert (row.state, row.skip, row.reason, list_events(row)) == ("skipped", "season", "winter", ["seen", "skipped"])


def test_three_products_of_one_scene_and_another_area(local: Ledger) -> None:
    local.record("delta", [sight("a", baseline="05.11")])
    products = [sight(baseline=baseline) for baseline in ("05.09", "05.11", "05.10")]
    assert local.record("coast", products) == Counts(new=1, again=2)
    assert read_row(local).product == "a N05.11"
    assert local.record("coast", [*products, sight(baseline="05.12"), sight("b")]) == Counts(new=1, replaced=1, again=3)
    assert [row.product for row in local.rows()] == ["a N05.12", "b N05.09", "a N05.11"]
