"""What the tables keep comes back as it was, the same in both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from pipeline.watch.ledger.database import open_database
from pipeline.watch.ledger.tables import SCENES, SCHEMA, JsonText, Moment, make_row, plain_json, prepare_tables
from tests.pipeline.watch.ledger.ledger_places import NOON, Clock, open_at, publish_one, sight

DIALECT = sqlite.dialect()  # type: ignore[no-untyped-call]


def test_times_are_kept_in_utc(place: str) -> None:
    east = timezone(timedelta(hours=5))
    ledger = open_at(place, Clock())
    ledger.record("coast", [sight(generated=NOON.astimezone(east))])
    (row,) = ledger.rows()
    assert (row.generated, row.generated and row.generated.tzinfo) == (NOON, UTC)
    moment = Moment()
    assert moment.process_bind_param(None, DIALECT) is moment.process_result_value(None, DIALECT) is None
    assert moment.process_bind_param(NOON.astimezone(east), DIALECT) == NOON
    bare = datetime(2024, 6, 1, 12)
    assert moment.process_result_value(bare, DIALECT) == NOON
    there = moment.process_result_value(NOON.astimezone(east), DIALECT)
    assert (there, there and there.tzinfo) == (NOON, UTC)


def test_json_is_text_that_can_be_compared(place: str) -> None:
    ledger = open_at(place, Clock())
    ledger.record("coast", [sight(item={"b": 1, "a": [None, {"d": NOON, "c": "é"}]})])
    with open_database(place).read() as connection:
        text = connection.exec_driver_sql("SELECT item FROM strandline_scenes").scalar_one()
    assert text == '{"a": [null, {"c": "\\u00e9", "d": "2024-06-01T12:00:00+00:00"}], "b": 1}'
    assert ledger.rows()[0].item == {"b": 1, "a": [None, {"d": "2024-06-01T12:00:00+00:00", "c": "é"}]}
    json_text = JsonText()
    assert json_text.process_bind_param(None, DIALECT) is json_text.process_result_value(None, DIALECT) is None
    assert plain_json({"at": NOON, "path": DIALECT.name}) == {"at": "2024-06-01T12:00:00+00:00", "path": "sqlite"}


def test_statements_are_compiled_once() -> None:
    """SQLAlchemy keeps what it compiled only where each kind of column says that it may."""
    assert sa.select(SCENES)._generate_cache_key() is not None


def test_tables_that_are_there_are_left_as_they_are(place: str) -> None:
    database = open_database(place)
    prepare_tables(database)
    open_at(place, Clock()).record("coast", [sight()])
    prepare_tables(database)
    with database.read() as connection:
        numbers = connection.exec_driver_sql("SELECT version_num FROM strandline_ledger_version").scalars().all()
        (columns,) = connection.execute(sa.select(SCENES)).mappings()
    assert numbers == [SCHEMA]
    row = make_row(columns)
    assert row.history == ({"at": NOON.isoformat(), "what": "seen", "product": "a N05.09", "baseline": "05.09"},)
    assert make_row({name: value for name, value in columns.items() if name != "item"}).item == {}


def test_a_ledger_of_before_is_brought_up_to_date_and_keeps_what_it_knows(place: str) -> None:
    ledger = open_at(place, Clock())
    ledger.record("coast", [sight()])
    publish_one(ledger)
    ledger.note_round("coast", began=NOON, ended=NOON)
    with open_database(place).write() as connection:  # as the first schema was
        for table, column in (("scenes", "lane"), ("scenes", "recipe"), ("rounds", "backfilled")):
            connection.exec_driver_sql(f"ALTER TABLE strandline_{table} DROP COLUMN {column}")
        connection.exec_driver_sql("UPDATE strandline_ledger_version SET version_num = '1'")
    again = open_at(place, Clock())
    (row,) = again.rows()
    assert (row.state, row.lane, row.recipe) == ("published", "new", None)
    assert again.read_rounds()["coast"].backfilled is None
    assert again.remap("coast", "recipe", standing={"a"}) == 1
    open_at(place, Clock())
    with open_database(place).read() as connection:
        numbers = connection.exec_driver_sql("SELECT version_num FROM strandline_ledger_version").scalars().all()
    assert numbers == [SCHEMA]
