"""The parts of a watcher that need no running server: schedules in Prefect's words, children, events, clear errors."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import pytest

from pipeline.errors import MissingExtraError
from pipeline.watch.areas.schedule import Schedule
from tests.workflows.polling import wait_for
from workflows.watcher import child as watch_child
from workflows.watcher.child import Child
from workflows.watcher.events import PIPE_VARIABLE, receive_events, send_event
from workflows.watcher.server import ServerError, open_server

pytest.importorskip("prefect")


def follow(schedule: Schedule, began: datetime, until: datetime) -> list[datetime]:
    moments = [schedule.next_after(began - timedelta(seconds=1))]
    while moments[-1] < until:
        moments.append(schedule.next_after(moments[-1]))
    return [moment for moment in moments if moment < until]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"])
@pytest.mark.parametrize("text", ["30 5 * * *", "0 */6 * * *", "30 2 * * *", "0 6 1,15 * 1", "6h", "7h"])
def test_prefect_and_we_agree_on_every_turn_of_a_year(text: str, zone: str) -> None:
    from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule

    from workflows.watcher.deployments import build_schedule

    began, until = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    schedule = Schedule(text, zone)
    built = build_schedule(schedule)
    if built.interval is not None:
        theirs: Any = IntervalSchedule(interval=built.interval, anchor_date=built.anchor_date, timezone=built.timezone)
    else:
        theirs = CronSchedule(cron=built.cron, timezone=built.timezone)

    async def list_theirs() -> list[datetime]:
        found: set[datetime] = set()
        for month in range(12):
            first = began + (until - began) / 12 * month
            found |= set(await theirs.get_dates(n=1000, start=first, end=first + (until - began) / 12))
        return sorted(datetime.fromtimestamp(moment.timestamp(), UTC) for moment in found if moment < until)

    ours, planned = follow(schedule, began, until), asyncio.run(list_theirs())
    # On days of a change of the clock, and then alone, Prefect may be up to an hour off, or run once what we run twice.
    changes = {one.date() for one in ours if _is_change(one, zone)}
    assert [one for one in ours if one.date() not in changes] == [one for one in planned if one.date() not in changes]
    assert len(changes) <= (0 if zone == "UTC" else 6)
    for moment in (one for one in planned if one.date() in changes):
        assert min(abs(moment - one) for one in ours) <= timedelta(hours=1)


def _is_change(moment: datetime, zone: str) -> bool:
    day = timedelta(days=1)
    offsets = [(moment + shift).astimezone(ZoneInfo(zone)).utcoffset() for shift in (-day, day)]
    return offsets[0] != offsets[1]


def test_a_log_turns_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_child, "_LOG_BYTES", 50_000)
    ends: list[bool] = []
    child = Child(
        ["-c", 'for n in range(20000): print(f\'line {n} of many, and a secret: {"tok" + "en"}\')'],
        environment=os.environ,
        log=tmp_path / "logs" / "a.log",
        hide=lambda line: line.replace("token", "..."),
        ended=lambda: ends.append(True),
    )
    wait_for(lambda: ends)
    files = sorted((tmp_path / "logs").iterdir())
    assert [path.name for path in files] == ["a.log", "a.log.1", "a.log.2", "a.log.3", "a.log.4"]
    assert sum(path.stat().st_size for path in files) <= 5 * 50_000
    assert child.code == 0
    assert child.last_words.endswith("line 19999 of many, and a secret: ...")


def test_a_file_of_the_users_with_the_name_of_a_room_is_not_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pipeline.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    child = Child(["-c", "import pipeline.errors"], environment=os.environ, log=tmp_path / "logs" / "a.log")
    wait_for(lambda: child.code is not None)
    assert child.code == 0, child.last_words


def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = """
import os, sys, time
from pathlib import Path
from workflows.watcher.child import Child
child = Child(["-c", "import time; time.sleep(300)"], environment=os.environ, log=Path(sys.argv[1]))
print(child.pid, flush=True)
time.sleep(300)
"""
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "log")], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    # While it becomes another program it has no command line for a moment.
    wait_for(lambda: child.cmdline()[1:] == ["-c", "import time; time.sleep(300)"])
    parent.kill()
    parent.wait()
    parent.stdout.close()
    child.wait(20)


def test_events_come_through_and_long_ones_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Any] = []
    with receive_events(taken.append) as pipe:
        monkeypatch.setenv(PIPE_VARIABLE, str(pipe))
        send_event({"event": "round", "area": "north", "text": "good"})
        send_event({"event": "note", "area": "north", "text": "long " * 5000, "level": "info"})
        wait_for(lambda: len(taken) == 2)
    send_event({"event": "late", "text": "nobody listens"})
    assert taken[0] == {"event": "round", "area": "north", "text": "good"}
    assert (taken[1]["event"], len(taken[1]["text"])) == ("note", 804)


def test_a_server_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("PREFECT_SERVER_API_PORT", str(taken.getsockname()[1]))
        with pytest.raises(ServerError, match=r"Port \d+ is already in use.*prefect\.log"), open_server(tmp_path):
            pass


def test_without_prefect_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prefect", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'strandline\[schedule\]'"), open_server(tmp_path):
        pass


def test_a_turn_that_a_later_round_has_served_is_overtaken(tmp_path: Path) -> None:
    from pipeline.watch.areas.file import read_areas
    from pipeline.watch.ledger.ledger import open_ledger
    from pipeline.watch.status import read_watch_status
    from workflows.watcher.deployments import list_due
    from workflows.watcher.flow import is_overtaken

    path = tmp_path / "areas.yaml"
    path.write_text('{"areas": [{"name": "north", "aoi": "8.5,53.8,8.6,53.9"}], "ledger": "ledger.db"}')
    settings = read_areas(path)
    ledger = open_ledger(tmp_path / "ledger.db")
    noon, hour = datetime(2026, 6, 1, 12, tzinfo=UTC), timedelta(hours=1)

    def look(turn: datetime, now: datetime) -> tuple[bool, list[str]]:
        return is_overtaken(read_watch_status(settings).areas[0], turn, now=now), list_due(settings, now=now)

    assert look(noon - hour, noon) == (False, ["north"])
    ledger.note_round("north", began=noon, ended=None)
    assert look(noon - hour, noon) == (False, ["north"])
    ledger.note_round("north", began=noon, ended=noon + hour, next_run=noon + 6 * hour)
    assert look(noon - hour, noon + 2 * hour) == (True, [])
    assert look(noon + hour, noon + 6 * hour) == (False, ["north"])
    assert look(noon - hour, noon + 6 * hour) == (False, ["north"])  # late, and due again: it does the round
