"""Changes of a row, and its history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from pipeline.watch.ledger.database import Database, open_database
from pipeline.watch.ledger.rows import add_history, apply_pending, change_row, describe_replacement, fresh_start
from pipeline.watch.ledger.tables import SCENES
from tests.pipeline.watch.ledger.ledger_places import HERE, NOON, THERE, Clock, open_at, sight


def test_a_history_does_not_grow_for_ever() -> None:
    history: list[Any] = []
    for number in range(250):
        history = add_history(history, {"what": "skipped", "reason": number}, now=NOON)
    assert [event["reason"] for event in history] == [0, *range(151, 250)]


def test_a_history_keeps_what_has_a_value() -> None:
    first = add_history([], {"what": "seen", "baseline": None}, now=NOON)
    assert first == [{"at": "2024-06-01T12:00:00+00:00", "what": "seen"}]
    failed = {"what": "failed", "tries": 0}
    assert add_history(first, failed, now=NOON) == [*first, {"at": "2024-06-01T12:00:00+00:00", **failed}]


def read(database: Database) -> RowMapping:
    with database.read() as connection:
        return connection.execute(sa.select(SCENES).where(SCENES.c.acquisition == "a")).mappings().one()


def change(database: Database, row: Mapping[str, Any], changes: Mapping[str, Any], **event: Any) -> bool:  # noqa: ANN401
    with database.write() as connection:
        return change_row(connection, cast("RowMapping", row), changes, now=NOON, event=event or None)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """With two scenes, of which one is in hand."""
    ledger = open_at(str(tmp_path / "ledger.db"), Clock())
    ledger.record("coast", [sight("a"), sight("b", day=1)])
    ledger.claim("coast", limit=1, holder=HERE)
    return open_database(tmp_path / "ledger.db")


@pytest.mark.parametrize(
    "other",
    [{"id": 99}, {"fence": 2}, {"state": "seen"}, {"product": "a N05.10"}, {"holder": THERE}, {"holder": None}],
)
def test_a_row_that_is_no_longer_as_it_was_read_is_not_changed(database: Database, other: dict[str, Any]) -> None:
    row = read(database)
    assert not change(database, {**row, **other}, {"reason": "x"})
    assert read(database) == row
    assert change(database, row, {"reason": "x"})
    assert read(database) == {**row, "reason": "x"}


def test_a_change_leaves_other_rows_alone_and_may_be_an_event(database: Database) -> None:
    row = read(database)
    with database.read() as connection:
        (other,) = connection.execute(sa.select(SCENES).where(SCENES.c.acquisition == "b")).mappings()
    later = NOON + timedelta(days=1)
    with database.write() as connection:
        assert change_row(connection, row, {"reason": "x"}, now=later, event={"what": "looked"})
    changed = read(database)
    assert (changed["changed"], changed["history"][-1]) == (later, {"at": later.isoformat(), "what": "looked"})
    with database.read() as connection:
        assert connection.execute(sa.select(SCENES).where(SCENES.c.acquisition == "b")).mappings().one() == other


def test_work_that_ends_makes_place_for_the_product_that_waits(database: Database) -> None:
    row = read(database)
    assert apply_pending(row, now=NOON) == {}
    newer = {"product": "n", "baseline": "05.10", "acquired": NOON.isoformat(), "generated": None, "item": {"id": "n"}}
    changes = apply_pending({**row, "pending": newer, "tries": 3, "deaths": 2}, now=NOON)
    assert (changes["product"], changes["acquired"], changes["generated"]) == ("n", NOON, None)
    assert (changes["state"], changes["holder"], changes["pending"]) == ("seen", None, None)
    assert (changes["tries"], changes["deaths"]) == (0, 0)
    assert [event["what"] for event in changes["history"]] == ["seen", "replaced"]
    made = apply_pending({**row, "pending": {**newer, "generated": NOON.isoformat()}}, now=NOON)
    assert made["generated"] == NOON


@pytest.mark.parametrize(("state", "place"), [("published", "/public"), ("mapped", None)])
def test_a_replacement_says_what_became_of_the_older_product(database: Database, state: str, place: str | None) -> None:
    row = {**read(database), "state": state, "published_to": "/public", "folder": "/maps/a"}
    assert describe_replacement(row, "n", "05.10") == {
        "what": "replaced",
        "product": "a N05.09",
        "baseline": "05.09",
        "state": state,
        "folder": "/maps/a",
        "published_to": place,
        "by": "n",
        "by_baseline": "05.10",
    }


def test_a_fresh_start_forgets_failures_and_the_map() -> None:
    start = fresh_start()
    assert (start.pop("state"), start.pop("reason"), start.pop("tries"), start.pop("deaths")) == ("seen", "", 0, 0)
    assert set(start.values()) == {None}
    assert set(start) == {
        "skip",
        "skipped_by",
        "last_error",
        "next_try",
        "fingerprint",
        "recipe",
        "folder",
        "pruned_at",
    }
