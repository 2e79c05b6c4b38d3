"""Several processes on one ledger, some of them killed: no scene is done twice, none is lost."""

from __future__ import annotations

import os
import random
import resource
import select
import signal
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.watch.ledger.holder import Holder
from pipeline.watch.ledger.ledger import open_ledger
from pipeline.watch.ledger.values import LedgerError, LostClaimError
from tests.pipeline.watch.ledger.ledger_places import Clock, open_at, sight

PATIENCE_S = 120.0
SCENES = 24
WORKERS = 3
KILLS = 20


def fork(work: Callable[[], None]) -> int:
    """Do something in another process, of which nothing but its end is seen."""
    child = os.fork()
    if child == 0:
        status = 1
        with suppress(BaseException):
            work()
            status = 0
        os._exit(status)
    return child


def work_until_empty(place: str, folder: Path) -> None:
    """Claim, map, publish; each scene in hand has a file, which must not be in living hands already."""
    holder = Holder.of_this_process()
    ledger = open_ledger(place)
    while rows := ledger.claim("coast", limit=2, holder=holder, most_deaths=10_000):
        for row in rows:
            mine = folder / f"{row.acquisition}.hand"
            take_in_hand(mine, folder)
            with suppress(LostClaimError):
                if not row.is_mapped:
                    append(folder / "mapped", row.acquisition)
                    row = ledger.mark_mapped(row, holder, fingerprint="f", folder=str(folder))  # noqa: PLW2901
                append(folder / "published", row.acquisition)
                mine.unlink()  # before the ledger may give it to another
                ledger.mark_published(row, holder, to="/public")


def take_and_wait(place: str, folder: Path) -> None:
    """Claim, and do nothing more until killed."""
    rows = open_ledger(place).claim("coast", limit=2, holder=Holder.of_this_process(), most_deaths=10_000)
    for row in rows:
        take_in_hand(folder / f"{row.acquisition}.hand", folder)
    (folder / "waits").touch()
    signal.pause()


def take_in_hand(mine: Path, folder: Path) -> None:
    with suppress(FileNotFoundError, ValueError):
        pid = int(mine.read_text())
        if pid != os.getpid() and is_alive(pid):
            append(folder / "twice", mine.name)
    mine.write_text(str(os.getpid()))


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(f"{line}\n")


def read_lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def wait_for(child: int) -> int:
    assert has_ended(child, within_s=PATIENCE_S), "waited in vain"
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def has_ended(child: int, *, within_s: float) -> bool:
    ends = os.pidfd_open(child)
    try:
        return bool(select.select([ends], [], [], within_s)[0])
    finally:
        os.close(ends)


@pytest.mark.parametrize("kills", [0, KILLS])
def test_no_scene_is_done_twice_and_none_is_lost(place: str, tmp_path: Path, kills: int) -> None:
    ledger = open_at(place, Clock())
    ledger.record("coast", [sight(f"s{number:03}", day=number) for number in range(SCENES)])
    chance = random.Random(len(place) + kills)  # noqa: S311
    if kills:  # the first with scenes in hand for sure; where the rest are hit is left to chance
        idle = fork(lambda: take_and_wait(place, tmp_path))
        while not (tmp_path / "waits").exists():
            assert not has_ended(idle, within_s=0.01)
        os.kill(idle, signal.SIGKILL)
        assert wait_for(idle) == -signal.SIGKILL
    workers = [fork(lambda: work_until_empty(place, tmp_path)) for _ in range(WORKERS)]
    for _ in range(kills):
        victim = workers.pop(0)
        has_ended(victim, within_s=chance.random() * 0.1)  # or not: a random moment of its work
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        wait_for(victim)
        workers.append(fork(lambda: work_until_empty(place, tmp_path)))
    assert [wait_for(worker) for worker in workers] == [0] * WORKERS
    work_until_empty(place, tmp_path)  # what the last to be killed had in hand, if others had gone by then
    rows = ledger.rows()
    assert [row.state for row in rows] == ["published"] * SCENES
    assert read_lines(tmp_path / "twice") == []
    for row in rows:
        assert [event["what"] for event in row.history if event["what"] != "freed"] == ["seen", "mapped", "published"]
    done = read_lines(tmp_path / "published")
    assert set(done) == {row.acquisition for row in rows}
    deaths = sum(1 for row in rows for event in row.history if event["what"] == "freed")
    assert len(done) - SCENES <= deaths
    if kills == 0:
        assert len(done) == len(read_lines(tmp_path / "mapped")) == SCENES
    else:
        assert deaths > 0


def test_watchers_that_start_together_make_one_ledger(place: str) -> None:
    def begin() -> None:
        open_ledger(place).record("coast", [sight(f"s{number}") for number in range(5)])

    assert [wait_for(child) for child in [fork(begin) for _ in range(6)]] == [0] * 6
    assert len(open_ledger(place).rows()) == 5


def test_a_full_disk_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = open_at(str(path), Clock())
    ledger.record("coast", [sight()])
    before, size = ledger.rows(), path.stat().st_size

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        with pytest.raises(LedgerError, match=r"could not be written \(.*(full|disk I/O)"):
            ledger.record("coast", [sight(f"s{number}", item={"x": "y" * size}) for number in range(3)])

    assert wait_for(fork(fill)) == 0
    assert ledger.rows() == before
    ledger.record("coast", [sight("b")])
    assert len(ledger.rows()) == 2


def test_a_ledger_that_may_only_be_read_can_be_looked_at() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        open_at(str(path), Clock()).record("coast", [sight()])
        path.chmod(0o444)
        Path(folder).chmod(0o555)

        def look() -> None:
            if os.geteuid() == 0:
                os.setuid(65_534)  # root may write anywhere
            ledger = open_ledger(path, create=False)
            assert len(ledger.rows()) == len(ledger.summarise()) == 1
            with pytest.raises(LedgerError, match="readonly"):
                ledger.claim("coast", limit=1, holder="x")

        assert wait_for(fork(look)) == 0
        Path(folder).chmod(0o755)
