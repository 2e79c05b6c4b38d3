"""Events that are still to be told: none is lost, none is told twice where it was told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.watch.notify.events import Event, make_event_id
from pipeline.watch.notify.settings import CommandChannel
from pipeline.watch.outbox import Outbox

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def _event(name: str) -> Event:
    return Event(kind="failure", area="coast", title=name, text="It failed.", id=make_event_id(name))


def _channel(folder: Path, name: str) -> CommandChannel:
    """Takes an event unless a file says that it is down."""
    script = f"test ! -e {folder}/{name}.down && cat >> {folder}/{name}.told"
    return CommandChannel(kind="command", name=name, argv=["sh", "-c", script], events={"failure"})


def _told(folder: Path, name: str) -> list[str]:
    path = folder / f"{name}.told"
    return [json.loads(line)["title"] for line in path.read_text().splitlines()] if path.exists() else []


def test_who_could_not_be_told_is_told_later_and_the_others_not_again(tmp_path: Path) -> None:
    channels = [_channel(tmp_path, "up"), _channel(tmp_path, "late")]
    outbox = Outbox(tmp_path / "outbox", channels)
    (tmp_path / "late.down").touch()
    outbox.put(_event("first"), now=NOW)
    outbox.put(_event("second"), now=NOW + timedelta(seconds=1))
    (trouble,) = outbox.send(now=NOW)  # the second event does not wait for the silent one again
    assert trouble.channel == "late"
    assert (_told(tmp_path, "up"), _told(tmp_path, "late"), len(outbox)) == (["first", "second"], [], 2)
    (tmp_path / "late.down").unlink()
    assert Outbox(tmp_path / "outbox", channels).send(now=NOW) == ()  # another process, after a restart
    assert (_told(tmp_path, "up"), _told(tmp_path, "late")) == (["first", "second"], ["first", "second"])
    assert len(outbox) == 0
    assert outbox.send(now=NOW) == ()


def test_the_same_event_is_kept_once(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", [_channel(tmp_path, "up")])
    for later in (0, 5):
        outbox.put(_event("first"), now=NOW + timedelta(seconds=later))
    outbox.send(now=NOW)
    assert _told(tmp_path, "up") == ["first"]


def test_what_nobody_wants_to_hear_is_not_kept(tmp_path: Path) -> None:
    channel = _channel(tmp_path, "up").model_copy(update={"events": frozenset({"alert"})})
    outbox = Outbox(tmp_path / "outbox", [channel])
    outbox.put(_event("first"), now=NOW)
    assert len(outbox) == 0


def test_a_broken_file_stops_nothing_and_is_left_for_a_look(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", [_channel(tmp_path, "up")])
    outbox.put(_event("first"), now=NOW)
    (tmp_path / "outbox" / "cut.json").write_text('{"at": "2024')
    assert outbox.send(now=NOW) == ()
    assert _told(tmp_path, "up") == ["first"]
    assert (tmp_path / "outbox" / "cut.broken").exists()


def test_old_news_are_dropped(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox", [_channel(tmp_path, "up")])
    (tmp_path / "up.down").touch()
    outbox.put(_event("first"), now=NOW)
    assert outbox.send(now=NOW + timedelta(days=29))
    assert len(outbox) == 1
    assert outbox.send(now=NOW + timedelta(days=31))
    assert len(outbox) == 0
