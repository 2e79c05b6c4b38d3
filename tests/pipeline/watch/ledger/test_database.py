"""A database that goes away, is none, or has a password: one line each, and the ledger goes on where it can."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import traceback
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from pipeline.watch.ledger import database as ledger_database
from pipeline.watch.ledger.database import open_database
from pipeline.watch.ledger.ledger import open_ledger
from pipeline.watch.ledger.tables import METADATA, SCHEMA
from pipeline.watch.ledger.values import Counts, LedgerError
from tests.pipeline.watch.ledger.ledger_places import HERE, NOON, Clock, open_at, sight
from tests.pipeline.watch.ledger.postgres_server import PASSWORD, QUOTED, PostgresServer, run_postgres


def test_a_file_that_was_removed_is_missed_and_found_when_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "ledger ?#%.db"
    ledger = open_at(str(path), Clock())
    ledger.record("coast", [sight()])
    aside = path.rename(tmp_path / "aside")
    for use in (lambda: ledger.record("coast", [sight("b")]), ledger.rows, lambda: ledger.renew(HERE)):
        with pytest.raises(LedgerError, match=r"could not be .* not there"):
            use()
    assert not path.exists()
    aside.rename(path)
    assert [row.acquisition for row in ledger.claim("coast", limit=9, holder=HERE)] == ["a"]
    with pytest.raises(LedgerError, match="run strandline watch first"):
        open_ledger(tmp_path / "none.db", create=False)
    assert not (tmp_path / "none.db").exists()


def test_a_server_that_was_stopped_is_missed_and_found_when_it_is_back() -> None:
    with run_postgres() as server:
        url = server.make_database()
        ledger = open_at(url, Clock())
        ledger.record("coast", [sight()])
        (row,) = ledger.claim("coast", limit=1, holder=HERE)
        server.stop()
        try:
            for use in (ledger.rows, lambda: ledger.mark_failed(row, HERE, error="x", may_pass=False)):
                with pytest.raises(LedgerError, match=r"could not be .*refused"):
                    use()
        finally:
            server.start()
        assert ledger.mark_mapped(row, HERE, fingerprint="f", folder="/maps/a").state == "mapped"


def test_a_transaction_that_is_cut_off_leaves_nothing(postgres: PostgresServer) -> None:
    url = postgres.make_database()
    database = open_database(url)
    ledger = open_at(url, Clock())
    with pytest.raises(LedgerError, match=r"terminat|closed"), database.write() as connection:  # noqa: PT012
        connection.execute(sa.text("DELETE FROM strandline_ledger_version"))
        pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as keeper:
            keeper.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
        connection.execute(sa.text("SELECT 1"))
    ledger.record("coast", [sight()])
    assert len(open_at(url, Clock()).rows()) == 1


def test_another_writer_is_waited_for_and_then_named(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = open_at(place, Clock())
    begin = ledger_database._POSTGRES_BEGIN.replace("lock_timeout = '30s'", "lock_timeout = '50ms'")
    assert "50ms" in begin
    with open_database(place).write():
        monkeypatch.setattr(ledger_database, "_PATIENCE_S", 0.05)
        monkeypatch.setattr(ledger_database, "_POSTGRES_BEGIN", begin)
        impatient = ledger_database.open_database(place)
        with pytest.raises(LedgerError, match="lock"), impatient.write():
            pass
        assert ledger.rows() == []  # who only reads need not wait


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("mysql://user:secret@host/name", r"Expected a ledger in SQLite or PostgreSQL .*mysql://"),
        ("sqlite://", "Expected the file of an SQLite ledger"),
        ("sqlite:///:memory:", "Expected the file of an SQLite ledger"),
        ("postgresql://user:sec@ret@host/name", "of a password as %40"),
        ("postgresql://user:secret#1@host:port/name", "of a password as %40"),
        ("postgresql://user:secret@127.0.0.1:1/name", "could not be read .*refused"),
        ("postgresql://user@127.0.0.1:1/name?password=secret", "could not be read .*refused"),
        ("/dev/null/ledger.db", "could not be made"),
    ],
)
def test_what_is_no_database_is_said_in_one_line(given: str, message: str) -> None:
    with pytest.raises(LedgerError, match=message) as caught:
        open_ledger(given)
    assert "\n" not in str(caught.value)
    told = "".join(traceback.format_exception(caught.value))
    assert "secret" not in told
    assert "sec@ret" not in told


def test_a_file_that_is_no_ledger_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8" * 4_000)
    with pytest.raises(LedgerError, match="not an SQLite database"):
        open_ledger(path)
    assert path.read_bytes() == b"\xff\xd8" * 4_000


def test_a_password_is_shown_nowhere(postgres: PostgresServer) -> None:
    good = postgres.make_database()
    shown = [repr(open_ledger(good)), open_ledger(good).name]
    name = good.rpartition("/")[2]
    wrong = {
        "another password": postgres.url(name, password=QUOTED + "x"),
        "a user named as the password": postgres.url(name, user=QUOTED),
        "a database named as the password": postgres.url(QUOTED),
    }
    for url in wrong.values():
        with pytest.raises(LedgerError) as caught:
            open_ledger(url)
        shown += [str(caught.value), *traceback.format_exception(caught.value)]
    for text in shown:
        assert PASSWORD not in text
        assert QUOTED not in text


FIRST_RELEASE = """
CREATE TABLE strandline_ledger_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT strandline_ledger_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE strandline_scenes (
    id {ID} NOT NULL,
    area TEXT NOT NULL,
    acquisition TEXT NOT NULL,
    product TEXT NOT NULL,
    acquired {TIME} NOT NULL,
    baseline TEXT,
    generated {TIME},
    state TEXT NOT NULL,
    before TEXT,
    skip TEXT,
    skipped_by TEXT,
    reason TEXT NOT NULL,
    tries INTEGER NOT NULL,
    deaths INTEGER NOT NULL,
    last_error TEXT,
    next_try {TIME},
    holder TEXT,
    renewed_at {TIME},
    lease_until {TIME},
    doubted_at {TIME},
    fence INTEGER NOT NULL,
    fingerprint TEXT,
    folder TEXT,
    published_at {TIME},
    published_to TEXT,
    pruned_at {TIME},
    first_seen {TIME} NOT NULL,
    changed {TIME} NOT NULL,
    failure_id TEXT,
    told {TIME},
    untold TEXT NOT NULL,
    pending TEXT,
    history TEXT NOT NULL,
    item TEXT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT strandline_scenes_once UNIQUE (area, acquisition)
);
CREATE INDEX strandline_scenes_by_state ON strandline_scenes (area, state, acquired);
CREATE INDEX strandline_scenes_by_holder ON strandline_scenes (holder);
CREATE TABLE strandline_rounds (
    area TEXT NOT NULL,
    began {TIME} NOT NULL,
    ended {TIME},
    last_success {TIME},
    error TEXT,
    failures_in_a_row INTEGER NOT NULL,
    next_run {TIME},
    untold TEXT NOT NULL,
    PRIMARY KEY (area)
);
INSERT INTO strandline_ledger_version VALUES ('1');
INSERT INTO strandline_rounds VALUES (
    'coast', '2024-06-01 10:00:00{UTC}', '2024-06-01 11:00:00{UTC}', NULL, 'host is down', 1, NULL, '[]'
);
INSERT INTO strandline_scenes (
    area, acquisition, product, acquired, baseline, state, reason, tries, deaths, fence, first_seen, changed, untold,
    history, item
) VALUES (
    'coast', 'a', 'a N05.09', '2024-06-01 12:00:00.000000{UTC}', '05.09', 'seen', '', 0, 0, 0,
    '2024-06-01 12:00:00.000000{UTC}', '2024-06-01 12:00:00.000000{UTC}', '[]',
    '[{"at": "2024-06-01T12:00:00+00:00", "baseline": "05.09", "product": "a N05.09", "what": "seen"}]',
    '{"id": "a"}'
)
"""
"""What the first release wrote, by Alembic."""

WORDS = {
    "sqlite": {"{ID}": "INTEGER", "{TIME}": "DATETIME", "{UTC}": ""},
    "postgresql": {"{ID}": "BIGSERIAL", "{TIME}": "TIMESTAMP WITH TIME ZONE", "{UTC}": "+00"},
}


def write_first_release(place: str) -> None:
    with open_database(place).write() as connection:
        script = FIRST_RELEASE
        for name, word in WORDS[connection.dialect.name].items():
            script = script.replace(name, word)
        for statement in script.split(";\n"):
            connection.exec_driver_sql(statement)


def describe_schema(place: str) -> dict[str, object]:
    """All that a database says of its tables, as text."""
    with open_database(place).read() as connection:
        look = sa.inspect(connection)
        return {
            name: (
                [str(sorted(column.items())) for column in look.get_columns(name)],
                look.get_pk_constraint(name),
                look.get_unique_constraints(name),
                sorted(str(sorted(index.items())) for index in look.get_indexes(name)),
            )
            for name in look.get_table_names()
        }


def test_a_ledger_of_the_first_release_is_gone_on_with(place: str) -> None:
    write_first_release(place)
    ledger = open_at(place, Clock())
    brought_up = describe_schema(place)
    (row,) = ledger.rows()
    assert (row.product, row.acquired, row.item) == ("a N05.09", NOON, {"id": "a"})
    assert ledger.read_rounds()["coast"].ended == NOON - timedelta(hours=1)
    assert ledger.record("coast", [sight(item={"id": "a"})]) == Counts(again=1)
    assert ledger.rows() == [row]
    (claimed,) = ledger.claim("coast", limit=1, holder=HERE)
    assert ledger.mark_mapped(claimed, HERE, fingerprint="f", folder="/maps/a").state == "mapped"
    with open_database(place).write() as connection:
        METADATA.drop_all(connection)
    open_at(place, Clock())
    assert describe_schema(place) == brought_up  # as a ledger that is made today


@pytest.mark.parametrize("number", [str(int(SCHEMA) + 1), "99", "a_step"])
def test_a_ledger_of_a_newer_version_is_refused_and_left_alone(place: str, number: str) -> None:
    ledger = open_at(place, Clock())
    ledger.record("coast", [sight()])
    before = ledger.rows()
    with open_database(place).write() as connection:
        connection.execute(sa.text("UPDATE strandline_ledger_version SET version_num = :number"), {"number": number})
    message = rf"newer Strandline \(its tables are of revision {number}, this one knows them up to {SCHEMA}\): upgrade"
    for _ in range(2):
        with pytest.raises(LedgerError, match=message):
            open_ledger(place)
    assert ledger.rows() == before


def test_tables_are_made_whole_or_not_at_all(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = sa.MetaData()
    for table in METADATA.sorted_tables:
        table.to_metadata(broken)
    sa.Table("strandline_later", broken, sa.Column("x", sa.Integer, sa.CheckConstraint("nowhere(x) = 1")))
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.watch.ledger.tables.METADATA", broken)
        with pytest.raises(LedgerError, match="nowhere"):
            open_ledger(place)
    assert describe_schema(place) == {}
    assert open_ledger(place).rows() == []


def test_a_broken_file_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = open_at(str(path), Clock())
    ledger.record("coast", [sight(f"s{number}", item={"x": "y" * 2_000}) for number in range(50)])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LedgerError, match="malformed"):
        ledger.rows()
    path.write_bytes(whole)
    assert len(ledger.rows()) == 50
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_values_and_errors_need_no_sqlalchemy() -> None:
    code = (
        "import sys, pipeline.watch.ledger.values, pipeline.watch.ledger.holder; "
        "print([name for name in ('sqlalchemy', 'psycopg') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_database_is_named_without_its_user(tmp_path: Path) -> None:
    names = {
        "postgresql://me:hunter2@db:5433/coast": "postgresql://db:5433/coast",
        "postgres://me@db/coast": "postgresql://db/coast",
        "postgresql:///coast": "postgresql://localhost/coast",
        "postgresql+psycopg://db": "postgresql://db/",
        # The longer of two passwords is hidden first, so that nothing of it is left.
        "postgresql://me:north@db/north-sea?password=north-sea": "postgresql://db/***",
    }
    assert {url: open_database(url).name for url in names} == names
    path = tmp_path / "new" / "ledger.db"
    database = open_database(path)
    assert (database.name, repr(database), path.read_bytes()) == (str(path), f"Database('{path}')", b"")
    assert open_database(f"sqlite:///{path}", create=False).name == str(path)
    with pytest.raises(LedgerError, match="Expected the file of an SQLite ledger"):
        open_database(f"sqlite:///{path}?mode=ro")
    with pytest.raises(LedgerError, match=r"^Expected a ledger as abcdefghijabcdefghij://user"):
        open_database("abcdefghijabcdefghijabc://me@host:port/x")


def test_no_value_stands_in_an_error(place: str) -> None:
    ledger = open_at(place, Clock())
    with open_database(place).write() as connection:
        connection.exec_driver_sql("DROP TABLE strandline_scenes")
    with pytest.raises(LedgerError, match=r"could not be written \(.*strandline_scenes") as caught:
        ledger.record("coast", [sight("".join(["hunt", "er2"]))])
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_reader_sees_one_state_throughout(postgres: PostgresServer) -> None:
    place = postgres.make_database()  # in SQLite a writer waits for its readers
    ledger = open_at(place, Clock())
    ledger.record("coast", [sight("a")])
    count = sa.text("SELECT count(*) FROM strandline_scenes")
    with open_database(place).read() as connection:
        assert connection.execute(count).scalar_one() == 1
        ledger.record("coast", [sight("b")])
        assert connection.execute(count).scalar_one() == 1
    assert len(ledger.rows()) == 2


def test_a_connection_that_died_is_noticed_within_a_minute(postgres: PostgresServer) -> None:
    database = open_database(f"{postgres.make_database()}?application_name=mine")
    with database.write() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        settings = driver.info.get_parameters()
        begin = "SELECT current_setting('{0}')"
        timeouts = [
            connection.exec_driver_sql(begin.format(name)).scalar_one()
            for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "TimeZone")
        ]
        # Watchers of all versions wait for each other at one lock.
        locks = connection.exec_driver_sql(
            "SELECT (classid::bigint << 32) + objid::bigint FROM pg_locks WHERE locktype = 'advisory'"
        )
        assert bytes.fromhex(f"{locks.scalar_one():x}") == b"STRAND"
    idle, interval, count = (int(settings[f"keepalives_{name}"]) for name in ("idle", "interval", "count"))
    assert (idle + count * interval, int(settings["tcp_user_timeout"])) == (60, 60_000)
    assert (int(settings["connect_timeout"]), count) == (10, 3)
    assert settings["application_name"] == "mine"
    assert timeouts == ["30s", "1min", "1min", "UTC"]
    with database.read() as connection:
        held = connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").scalar_one()
    assert held == 0


def test_a_writer_of_a_file_is_waited_for_half_a_minute(tmp_path: Path) -> None:
    with open_database(tmp_path / "ledger.db").read() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 30_000
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 3
