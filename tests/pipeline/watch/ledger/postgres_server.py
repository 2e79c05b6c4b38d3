"""A real PostgreSQL server on loopback, Debian's own, made in a temporary folder and gone afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg

from tests.conftest import skip_without

PATIENCE_S = 60.0
PASSWORD = "p@ss/word:%#1"  # noqa: S105
"""Of the kind that breaks URLs that are put together carelessly."""

QUOTED = "p%40ss%2Fword%3A%25%231"


class PostgresServer:
    """A cluster of databases that can be stopped and started again."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:
            for path in (folder, secret):
                shutil.chown(path, "postgres", "postgres")
        self._run("initdb", "-D", self._data, "-U", "keeper", f"--pwfile={secret}", "-A", "scram-sha-256", "--no-sync")
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"host all visitor 127.0.0.1/32 trust\n{rules.read_text()}")
        self.start()
        self.execute("CREATE ROLE visitor LOGIN")

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self._run(
            "pg_ctl", "-D", self._data, "-l", self._folder / "log", "-o", options, "-t", int(PATIENCE_S), "-w", "start"
        )

    def stop(self) -> None:
        """End it at once, as a loss of power would."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def url(self, database: str, *, user: str = "keeper", password: str = QUOTED) -> str:
        """Address of a database, password included."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def make_database(self) -> str:
        """A new empty database; returns its address."""
        name = f"ledger_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY wal_log")  # type: ignore[arg-type]
        return self.url(name)

    def empty_database(self) -> str:
        """One database, empty again at each call, for a user who needs no password: much faster."""
        self.execute("DROP SCHEMA public CASCADE")
        self.execute("CREATE SCHEMA public AUTHORIZATION visitor")
        return f"postgresql://visitor@127.0.0.1:{self.port}/postgres"

    def execute(self, statement: LiteralString) -> None:
        """Do something as the keeper of the server."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _run(self, program: str, *options: object) -> None:
        # The server refuses to run as root.
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*user, str(self._programs / program), *map(str, options)]
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=self._folder, timeout=2 * PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == 0, f"{program}: {done.stdout.decode()}"


def find_programs() -> Path | None:
    """Where Debian keeps the server's programs, the newest version first."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda path: int(path.parent.name), default=None)


@contextmanager
def run_postgres() -> Iterator[PostgresServer]:
    """Run a server; a test without one skips."""
    programs = find_programs() or skip_without("PostgreSQL (postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="strandline-postgres-"))
    folder.chmod(0o755)  # its owner is another user
    try:
        server = PostgresServer(programs, folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
