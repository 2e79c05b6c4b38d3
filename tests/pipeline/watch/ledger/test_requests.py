"""What people ask of scenes: map them again, keep them out, let them in; and what is new goes before what is past."""

from __future__ import annotations

import pytest

from pipeline.errors import BusyError
from pipeline.watch.ledger.holder import Holder
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import Counts, Row
from tests.pipeline.watch.ledger.ledger_places import (
    HERE,
    NOON,
    claim_one,
    fail_one,
    list_events,
    name_dead_holder,
    publish_one,
    read_row,
    sight,
)


def publish_as(ledger: Ledger, recipe: str | None) -> Row:
    row = claim_one(ledger)
    made = ledger.mark_mapped(row, HERE, fingerprint="f", folder=f"/maps/{row.product}", recipe=recipe)
    return ledger.mark_published(made, HERE, to="s3://coast")


def test_maps_of_another_recipe_are_due_again_oldest_first_and_stand_until_then(ledger: Ledger) -> None:
    ledger.record("coast", [sight(name, day=day) for day, name in enumerate("abcd")])
    for recipe in ("old", None, "new"):
        publish_as(ledger, recipe)
    standing = {f"{name} N05.09" for name in "abc"}
    assert ledger.remap("coast", "new", standing=standing) == 2
    assert ledger.remap("coast", "new", standing=standing) == 0
    again = {row.acquisition: row for row in ledger.rows("coast") if row.lane == "remap"}
    assert again.keys() == {"a", "b"}
    first = again["a"]
    assert (first.state, first.folder, first.recipe, first.published_to) == ("seen", None, None, "s3://coast")
    assert first.published_at == NOON
    assert first.history[-1] == {
        "at": NOON.isoformat(),
        "what": "remap",
        "product": "a N05.09",
        "state": "published",
        "folder": "/maps/a N05.09",
        "fingerprint": "f",
        "recipe": "old",
        "published_to": "s3://coast",
    }
    # What is new goes first, although it was acquired last.
    assert [row.acquisition for row in ledger.claim("coast", limit=2, holder=HERE)] == ["d", "a"]
    ledger.release(HERE)
    for _ in range(3):
        publish_as(ledger, "new")
    assert {(row.lane, row.recipe, row.state) for row in ledger.rows("coast")} == {("new", "new", "published")}
    assert list_events(ledger.rows("coast")[0]) == ["seen", "mapped", "published", "remap", "mapped", "published"]
    assert ledger.remap("coast", "new", standing=standing) == 0


def test_what_was_removed_for_its_age_is_not_mapped_again(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    publish_as(ledger, "old")
    assert ledger.remap("coast", "new", standing=set()) == 0
    assert read_row(ledger).state == "published"


def test_a_map_that_waits_to_be_published_is_made_again_and_one_in_hand_is_not(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    row = ledger.mark_mapped(claim_one(ledger), HERE, fingerprint="f", folder="/maps/a", recipe="old")
    assert ledger.remap("coast", "new", standing=()) == 0
    ledger.release(HERE)
    assert ledger.remap("coast", "new", standing=()) == 1
    assert (read_row(ledger).state, read_row(ledger).maps) == ("seen", ("a",))
    assert row.recipe == "old"


@pytest.mark.parametrize(("newest_first", "order"), [(False, "nxabc"), (True, "nxcba")])
def test_years_before_come_last_in_their_own_order(ledger: Ledger, newest_first: bool, order: str) -> None:
    ledger.record("coast", [sight("x", day=5)])
    publish_as(ledger, "old")
    ledger.record(
        "coast", [sight(name, day=-days) for days, name in ((30, "a"), (20, "b"), (10, "c"))], lane="backfill"
    )
    assert ledger.remap("coast", "new", standing={"x N05.09"}) == 1
    assert ledger.record("coast", [sight("n", day=9)]) == Counts(new=1)
    rows = ledger.claim("coast", limit=9, holder=HERE, newest_first=newest_first)
    assert "".join(row.acquisition for row in rows) == order


def test_a_newer_product_of_a_year_before_stays_in_its_lane_until_it_is_published(ledger: Ledger) -> None:
    ledger.record("coast", [sight()], lane="backfill")
    ledger.record("coast", [sight(baseline="05.10")])
    assert read_row(ledger).lane == "backfill"
    publish_one(ledger)
    assert read_row(ledger).lane == "new"


@pytest.mark.parametrize("state", ["seen", "failed", "mapped", "published", "skipped"])
def test_a_scene_is_kept_out_by_any_of_its_names_and_stays_so(ledger: Ledger, state: str) -> None:
    ledger.record("coast", [sight(skip="cloud" if state == "skipped" else None, reason="96%")])
    if state == "failed":
        fail_one(ledger, may_pass=True)
    elif state == "mapped":
        ledger.mark_mapped(claim_one(ledger), HERE, fingerprint="f", folder="/maps/a")
        ledger.release(HERE)
    elif state == "published":
        publish_one(ledger)
    name = "a" if state == "seen" else "a N05.09"
    row = ledger.exclude("coast", name, why="a ship's wake\nall over it")
    assert row is not None
    assert (row.state, row.skip, row.reason, row.is_excluded) == (
        "skipped",
        "excluded",
        "a ship's wake all over it",
        True,
    )
    # Neither a search nor a retry nor a newer product brings it back.
    assert ledger.record("coast", [sight()]) == Counts(skipped=1)
    assert ledger.record("coast", [sight(baseline="05.10")]) == Counts(skipped=1)
    assert ledger.retry("coast", ["a N05.10"]) == ledger.retry("coast") == 0
    assert ledger.claim("coast", limit=9, holder=HERE) == []
    assert read_row(ledger).product == "a N05.10"
    assert [one.acquisition for one in ledger.list_to_withdraw("coast")] == (
        ["a"] if state in {"mapped", "published"} else []
    )
    assert ledger.exclude("coast", "a N05.09", why="another reason") is not None  # by the name of before
    assert ledger.summarise()["coast"].skips == {"excluded": 1}
    back = ledger.include("coast", "a")
    assert back is not None
    wanted = ("skipped", "cloud", "96%") if state == "skipped" else ("seen", None, "")
    assert (back.state, back.skip, back.reason) == wanted
    assert ledger.include("coast", "a") is None


def test_what_was_taken_back_is_noted_once(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    publish_one(ledger)
    ledger.exclude("coast", "a", why="haze")
    (row,) = ledger.list_to_withdraw("coast")
    assert row.maps == ("a",)
    assert ledger.mark_withdrawn(row)
    gone = read_row(ledger)
    assert (gone.folder, gone.published_to, gone.fingerprint, gone.published_at) == (None, None, None, NOON)
    assert ledger.list_to_withdraw("coast") == []
    ledger.include("coast", "a")
    assert not ledger.mark_withdrawn(row)
    assert list_events(read_row(ledger)) == ["seen", "mapped", "published", "excluded", "withdrawn", "included"]


def test_a_scene_in_hand_is_not_kept_out_unless_its_process_is_dead(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    holder = str(Holder.of_this_process())
    (row,) = ledger.claim("coast", limit=1, holder=holder)
    with pytest.raises(BusyError, match=r"a N05\.09 of coast is being mapped right now"):
        ledger.exclude("coast", "a", why="haze")
    ledger.release(holder)
    ledger.claim("coast", limit=1, holder=name_dead_holder())
    excluded = ledger.exclude("coast", "a", why="haze")
    assert excluded is not None
    assert (excluded.holder, excluded.fence > row.fence) == (None, True)


def test_a_scene_that_nobody_knows_is_not_kept_out(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    assert ledger.exclude("coast", "b", why="haze") is None
    assert ledger.exclude("delta", "a", why="haze") is None
    assert ledger.include("coast", "a") is None
    assert read_row(ledger).state == "seen"


def test_a_search_of_the_past_is_noted_with_the_round(ledger: Ledger) -> None:
    ledger.note_round("coast", began=NOON, ended=None)
    ledger.note_backfill("coast", "2017 to 2019")
    ledger.note_round("coast", began=NOON, ended=NOON, error="disk full")
    assert ledger.read_rounds()["coast"].backfilled == "2017 to 2019"
