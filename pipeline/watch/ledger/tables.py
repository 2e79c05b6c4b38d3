"""The tables of the ledger, and the number of their schema, by which a newer version's ledger is told.

Names begin with ``strandline_``, since a PostgreSQL database may be shared with other programs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect, RowMapping
from sqlalchemy.types import TypeDecorator

from pipeline.watch.ledger.database import Database
from pipeline.watch.ledger.values import LedgerError, Row

__all__ = [
    "METADATA",
    "ROUNDS",
    "SCENES",
    "SCHEMA",
    "VERSION",
    "JsonText",
    "Moment",
    "make_row",
    "plain_json",
    "prepare_tables",
    "try_tables",
]

SCHEMA = "2"
"""Number of the schema below: another column or table needs the next number, and statements that lead there."""

_STEPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "1": (
        "2",
        (
            "ALTER TABLE strandline_scenes ADD COLUMN lane TEXT NOT NULL DEFAULT 'new'",
            "ALTER TABLE strandline_scenes ADD COLUMN recipe TEXT",
            "ALTER TABLE strandline_rounds ADD COLUMN backfilled TEXT",
        ),
    ),
}
"""Of an older schema the one that follows it, and the statements that lead there, in SQLite and PostgreSQL alike."""


class Moment(TypeDecorator[datetime]):
    """A time in UTC: ``timestamptz`` where there is one, else text that sorts by time."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Bring a time to UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give a time its zone back, or bring it to UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonText(TypeDecorator[Any]):
    """Whatever JSON can hold, as text: the same in every database, and told apart by plain comparison."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401
        """Write a value as text; times become ISO 8601."""
        return None if value is None else json.dumps(value, sort_keys=True, default=_as_text)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401
        """Read the value back."""
        return None if value is None else json.loads(value)


def plain_json(value: Any) -> Any:  # noqa: ANN401
    """A value as it comes back from the database.

    Args:
        value: Whatever JSON can hold.
    """
    return json.loads(json.dumps(value, default=_as_text))


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


METADATA = sa.MetaData()

VERSION = sa.Table(
    "strandline_ledger_version",
    METADATA,
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name="strandline_ledger_version_pkc"),
)
"""One row: the schema that the database has."""

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite numbers rows of an INTEGER key alone

SCENES = sa.Table(
    "strandline_scenes",
    METADATA,
    sa.Column("id", _ID, primary_key=True, autoincrement=True),
    sa.Column("area", sa.Text, nullable=False),
    sa.Column("acquisition", sa.Text, nullable=False),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("acquired", Moment, nullable=False),
    sa.Column("baseline", sa.Text),
    sa.Column("generated", Moment),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("before", sa.Text),  # state to return to when the work is given back
    sa.Column("skip", sa.Text),
    sa.Column("skipped_by", sa.Text),  # "sighting" or "work": only the first is undone by a later sighting
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("deaths", sa.Integer, nullable=False),
    sa.Column("last_error", sa.Text),
    sa.Column("next_try", Moment),
    sa.Column("holder", sa.Text),
    sa.Column("renewed_at", Moment),
    sa.Column("lease_until", Moment),
    sa.Column("doubted_at", Moment),  # when another watcher first took the lease for expired
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("fingerprint", sa.Text),
    sa.Column("folder", sa.Text),
    sa.Column("published_at", Moment),
    sa.Column("published_to", sa.Text),
    sa.Column("pruned_at", Moment),
    sa.Column("first_seen", Moment, nullable=False),
    sa.Column("changed", Moment, nullable=False),
    sa.Column("failure_id", sa.Text),
    sa.Column("told", Moment),
    sa.Column("untold", JsonText, nullable=False),  # failures that nobody was told of yet
    sa.Column("pending", JsonText),  # a newer product, sighted while this one is in hand
    sa.Column("history", JsonText, nullable=False),
    sa.Column("item", JsonText, nullable=False),
    sa.Column("lane", sa.Text, nullable=False, server_default="new"),  # what is new goes before what is past
    sa.Column("recipe", sa.Text),  # of the map: names its model and choices
    sa.UniqueConstraint("area", "acquisition", name="strandline_scenes_once"),
    sa.Index("strandline_scenes_by_state", "area", "state", "acquired"),
    sa.Index("strandline_scenes_by_holder", "holder"),
)

ROUNDS = sa.Table(
    "strandline_rounds",
    METADATA,
    sa.Column("area", sa.Text, primary_key=True),
    sa.Column("began", Moment, nullable=False),
    sa.Column("ended", Moment),
    sa.Column("last_success", Moment),
    sa.Column("error", sa.Text),
    sa.Column("failures_in_a_row", sa.Integer, nullable=False),
    sa.Column("next_run", Moment),
    sa.Column("untold", JsonText, nullable=False),
    sa.Column("backfilled", sa.Text),  # which days of the past were searched
)


def prepare_tables(database: Database) -> None:
    """Make the tables where there are none, or bring them up to date, all or none; of two processes one waits.

    Args:
        database: Where the ledger is, or is to be.

    Raises:
        LedgerError: The ledger was written by a newer version, or cannot be written.
    """
    # A ledger that is up to date is only read, since it may lie where nothing can be written.
    with database.read() as connection:
        number = _read_schema(connection)
    if number == SCHEMA:
        return
    with database.write() as connection:
        # Read again under the lock: another process may have come first.
        number = _read_schema(connection)
        if number is None:
            METADATA.create_all(connection)
            connection.execute(sa.insert(VERSION).values(version_num=SCHEMA))
        while number is not None and number in _STEPS:
            number, statements = _STEPS[number]
            for statement in statements:
                connection.execute(sa.text(statement))
            connection.execute(sa.update(VERSION).values(version_num=number))
        if number not in {None, SCHEMA}:
            raise LedgerError(
                f"The ledger {database.name} was written by a newer Strandline (its tables are of revision {number}, "
                f"this one knows them up to {SCHEMA}): upgrade Strandline."
            )


def try_tables(database: Database) -> str:
    """Find out whether a ledger can be read and written, tables made too; nothing of it stays.

    Args:
        database: Where the ledger is, or is to be.

    Returns:
        What it is, for a person.

    Raises:
        LedgerError: It cannot, or was written by a newer version.
    """
    with suppress(_TriedError), database.write() as connection:
        number = _read_schema(connection)
        connection.execute(sa.text("CREATE TABLE strandline_try (number INTEGER)"))
        connection.execute(sa.text("INSERT INTO strandline_try VALUES (1)"))
        raise _TriedError
    if number is None:
        return "empty"
    if number != SCHEMA and number not in _STEPS:
        raise LedgerError(f"The ledger {database.name} was written by a newer Strandline: upgrade Strandline.")
    return "up to date" if number == SCHEMA else f"of revision {number}, which the next round brings up to {SCHEMA}"


class _TriedError(Exception):
    """Undoes a transaction that was only a try."""


def _read_schema(connection: sa.Connection) -> str | None:
    """Number of the schema that a database has; ``None`` where it has no ledger yet."""
    if not sa.inspect(connection).has_table(VERSION.name):
        return None
    return connection.execute(sa.select(VERSION.c.version_num)).scalar_one_or_none()


def make_row(columns: RowMapping | Mapping[str, Any]) -> Row:
    """What a row of the table says, for those outside.

    Args:
        columns: A row with all columns; without ``item`` the item is empty.
    """
    values = {name: columns[name] for name in Row.__dataclass_fields__ if name in columns}
    return Row(**{"item": {}, **values, "history": tuple(columns["history"])})
