"""Reach the ledger's database, SQLite or PostgreSQL, and say in one line why it cannot be reached.

No connection outlives a transaction. So a database that went away and came back is used again, a file that was removed
is missed at once (an open one would be written to unseen), nothing is shared by a fork, and nothing can leak. A ledger
is asked a few times a scene, and a scene takes minutes: the few milliseconds of connecting do not count.

SQLite keeps its rollback journal: the write-ahead log needs memory that all processes share, which network file
systems do not give. ``synchronous=EXTRA`` makes a transaction that was answered survive a loss of power. One writer at
a time: in SQLite by ``BEGIN IMMEDIATE``, in PostgreSQL by an advisory lock, so that both behave alike.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from pipeline.errors import MissingExtraError
from pipeline.watch.ledger.values import LedgerError, one_line

__all__ = ["Database", "open_database"]

_PATIENCE_S = 30
"""How long to wait for another writer: each writes for milliseconds, but a disk may be slow."""

_POSTGRES_LOCK = 0x5354_5241_4E44
"""Number of the advisory lock: STRAND in ASCII."""

_POSTGRES_CONNECTION = {
    "connect_timeout": 10,
    "application_name": "strandline",
    # A network that dies without a word is noticed within a minute, not within hours.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "prepare_threshold": None,  # prepared statements do not go through every connection pooler
}

_POSTGRES_BEGIN = f"""
SET LOCAL TIME ZONE 'UTC';
SET LOCAL lock_timeout = '{_PATIENCE_S}s';
SET LOCAL statement_timeout = '{2 * _PATIENCE_S}s';
SET LOCAL idle_in_transaction_session_timeout = '{2 * _PATIENCE_S}s'
"""

_SQLITE_REASONS = {
    "database is locked": f"another process has held its lock for {_PATIENCE_S} s",
    "unable to open database file": "the file, or its folder, is not there or may not be opened",
    "file is not a database": "the file is not an SQLite database",
}


class Database:
    """A database, for transactions one by one."""

    def __init__(self, engine: sa.Engine, *, name: str, secrets: tuple[str, ...] = ()) -> None:
        """Keep what is needed to connect; nothing is connected yet.

        Args:
            engine: Of SQLAlchemy, without a pool.
            name: For people, without secrets.
            secrets: What no message may hold.
        """
        self._engine = engine
        self._secrets = secrets
        self.name = self._hide_secrets(name)

    def __repr__(self) -> str:
        """Without secrets."""
        return f"Database({self.name!r})"

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database throughout.

        Raises:
            LedgerError: The database cannot be read.
        """
        is_postgres = self._engine.dialect.name == "postgresql"
        engine = self._engine.execution_options(isolation_level="REPEATABLE READ") if is_postgres else self._engine
        with self._ledger_errors("read"), engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that is the only writing one; undone whole where the block raises.

        Raises:
            LedgerError: The database cannot be written.
        """
        with self._ledger_errors("written"), self._engine.execution_options(writes=True).begin() as connection:
            yield connection

    @contextmanager
    def _ledger_errors(self, action: str) -> Iterator[None]:
        """Turn whatever the database raises into one line; its own error is not shown where it holds a secret."""
        try:
            yield
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error)
            safe_reason = self._hide_secrets(reason)
            message = f"The ledger {self.name} could not be {action} ({_explain_reason(safe_reason)})"
            cause = error if safe_reason == reason else None
            raise LedgerError(f"{message}. Check that it is there and runs.") from cause

    def _hide_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def open_database(url_or_path: str | Path, *, create: bool = True) -> Database:
    """Find out which database is meant, and make the file of an SQLite one.

    Args:
        url_or_path: ``postgresql://user:password@host/name``, ``sqlite:///file`` or the path of a file.
        create: Make a file that is not there.

    Raises:
        LedgerError: It is neither, or the file cannot be made; no message holds a password.
        MissingExtraError: The driver is not installed.
    """
    text = str(url_or_path)
    if "://" not in text:
        return _open_sqlite(Path(text).expanduser(), create=create)
    url = _parse_url(text)
    kind = url.drivername.partition("+")[0]
    if kind == "sqlite":
        if not url.database or url.database == ":memory:" or url.query:
            raise LedgerError("Expected the file of an SQLite ledger, such as sqlite:///ledger.db, and no more.")
        return _open_sqlite(Path(url.database), create=create)
    if kind in {"postgresql", "postgres"}:
        return _open_postgres(url)
    raise LedgerError(f"Expected a ledger in SQLite or PostgreSQL (postgresql://…), found {kind}://…")


def _parse_url(text: str) -> sa.URL:
    """Take a URL apart; what is wrong with it is not quoted, since it may be part of the password."""
    kind = text.partition("://")[0]
    try:
        url = sa.make_url(text)
    except (SQLAlchemyError, ValueError):
        url = None
    if url is None or "@" in (url.host or ""):
        raise LedgerError(
            f"Expected a ledger as {one_line(kind)[:20]}://user:password@host:port/database, found a URL that is none. "
            "Write @ / : % # of a password as %40 %2F %3A %25 %23."
        )
    return url


def _open_sqlite(path: Path, *, create: bool) -> Database:
    path = path.absolute()
    if not path.exists():
        if not create:
            raise LedgerError(f"Expected a ledger in {path}, found no file: run strandline watch first.")
        _make_file(path)
    # Every later connection demands the file: one that is gone must not come back empty and unnoticed.
    uri = f"file:{quote(str(path))}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, timeout=_PATIENCE_S, isolation_level=None)
        connection.execute("PRAGMA synchronous=EXTRA")
        return connection

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
    _set_begin(engine, lambda writes: "BEGIN IMMEDIATE" if writes else "BEGIN")
    return Database(engine, name=str(path))


def _make_file(path: Path) -> None:
    """Make an empty file, which is an empty database."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise LedgerError(
            f"The ledger {path} could not be made ({error.strerror}). Choose a file in a folder that you may write to."
        ) from error


def _open_postgres(url: sa.URL) -> Database:
    arguments: dict[str, Any] = {k: v for k, v in _POSTGRES_CONNECTION.items() if k not in url.query}
    # A password may stand in the query, too, and there even twice.
    in_query = url.query.get("password", ())
    secrets = {url.password, *([in_query] if isinstance(in_query, str) else in_query)} - {None, ""}
    hidden = {str(secret) for secret in secrets} | {quote(str(secret), safe="") for secret in secrets}
    name = f"postgresql://{url.host or 'localhost'}{f':{url.port}' if url.port else ''}/{url.database or ''}"
    try:
        engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"), connect_args=arguments, poolclass=NullPool, hide_parameters=True
        )
    except ImportError as error:
        raise MissingExtraError("A ledger in PostgreSQL needs psycopg: pip install 'strandline[schedule]'.") from error
    lock = f"; SELECT pg_advisory_xact_lock({_POSTGRES_LOCK})"
    _set_begin(engine, lambda writes: _POSTGRES_BEGIN + (lock if writes else ""))
    return Database(engine, name=name, secrets=tuple(sorted(hidden, key=len, reverse=True)))


def _set_begin(engine: sa.Engine, statement: Callable[[bool], str]) -> None:
    """Set how a transaction begins: one that writes waits for its turn there, not in its middle."""

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(statement(bool(connection.get_execution_options().get("writes"))))


def _explain_reason(reason: str) -> str:
    """The reason of a database as one line without a full stop, in words that say more where we know them."""
    line = one_line(reason)
    return _SQLITE_REASONS.get(line, line).rstrip(".")
