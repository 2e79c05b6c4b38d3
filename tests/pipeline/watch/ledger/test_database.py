"""A database that goes away, is none, or has a password: one line each, and the ledger goes on where it can."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import traceback
from pathlib import Path
from types import ModuleType

import psycopg
import pytest
import sqlalchemy as sa
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from pipeline.watch.ledger import database as ledger_database
from pipeline.watch.ledger import revision_1 as ledger_revision_1
from pipeline.watch.ledger.database import open_database
from pipeline.watch.ledger.ledger import open_ledger
from pipeline.watch.ledger.tables import METADATA
from pipeline.watch.ledger.upgrade import REVISIONS, VERSION_TABLE, upgrade_ledger
from pipeline.watch.ledger.values import LedgerError
from tests.pipeline.watch.ledger.ledger_places import HERE, Clock, open_at, sight
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


def test_the_revisions_lead_to_the_tables(place: str) -> None:
    database = open_database(place)
    upgrade_ledger(database)
    with database.read() as connection:
        found = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(found, METADATA) == []


def make_revision(name: str, before: str, upgrade: object) -> ModuleType:
    module = ModuleType(f"ledger_revision_{name}")
    module.__dict__.update(revision=name, down_revision=before, upgrade=upgrade, downgrade=None)
    return module


def add_column() -> None:
    with op.batch_alter_table("strandline_scenes") as table:
        table.add_column(sa.Column("tide_m", sa.Float))


def break_off() -> None:
    op.drop_table("strandline_rounds")
    op.execute("DROP TABLE nowhere")


def test_a_ledger_of_the_first_revision_is_brought_to_a_later_one(place: str) -> None:
    database = open_database(place)
    upgrade_ledger(database, revisions=[ledger_revision_1])
    ledger = open_at(place, Clock())
    ledger.record("coast", [sight("a"), sight("b", skip="cloud")])
    before = ledger.rows()
    chain = [*REVISIONS, make_revision("a_step", REVISIONS[-1].revision, add_column)]
    with pytest.raises(LedgerError, match="nowhere"):
        upgrade_ledger(database, revisions=[*chain, make_revision("broken", "a_step", break_off)])
    assert open_at(place, Clock()).rows() == before  # all of the steps or none
    assert ledger.read_rounds() == {}
    with database.read() as connection:
        assert "tide_m" not in {column["name"] for column in sa.inspect(connection).get_columns("strandline_scenes")}
    for _ in range(2):
        upgrade_ledger(database, revisions=chain)
    with database.read() as connection:
        assert "tide_m" in {column["name"] for column in sa.inspect(connection).get_columns("strandline_scenes")}
    assert ledger.rows() == before


def test_a_ledger_of_a_newer_version_is_refused_and_left_alone(place: str) -> None:
    upgrade_ledger(
        open_database(place), revisions=[*REVISIONS, make_revision("99", REVISIONS[-1].revision, add_column)]
    )
    with pytest.raises(LedgerError, match=r"newer Strandline \(its tables are of revision 99.*upgrade Strandline\.$"):
        open_ledger(place)


def test_the_first_revision_can_be_undone(place: str) -> None:
    database = open_database(place)
    upgrade_ledger(database)
    with database.write() as connection:
        from alembic.operations import Operations

        with Operations.context(MigrationContext.configure(connection)):
            ledger_revision_1.downgrade()
    with database.read() as connection:
        assert sa.inspect(connection).get_table_names() == [VERSION_TABLE]


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
        "import sys, pipeline.watch.ledger.values, pipeline.watch.ledger.values, pipeline.watch.ledger.holder; "
        "print([name for name in ('sqlalchemy', 'alembic', 'psycopg') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
