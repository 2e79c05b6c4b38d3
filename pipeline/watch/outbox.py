"""What is still to be told, as files: an event stays until all who want to hear of it did.

It is written before the step that it speaks of counts as done, and removed after it was sent, so who is killed between
the two tells it again, under the same id.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from pipeline.atomic import write_whole
from pipeline.errors import OptionError, OutputError, output_errors
from pipeline.watch.notify.events import Delivery, Event, send_event
from pipeline.watch.notify.settings import Notification

__all__ = ["Outbox"]

_LONGEST = timedelta(days=30)
"""What could not be told for so long is news no more."""


class Outbox:
    """Events of one area that are still to be told; one process at a time."""

    def __init__(self, folder: Path, channels: Sequence[Notification]) -> None:
        """Keep what is needed; nothing is written.

        Args:
            folder: For the events.
            channels: All that the file of the watcher names.
        """
        self._folder, self._channels = folder, tuple(channels)

    def put(self, event: Event, *, now: datetime) -> None:
        """Keep an event until it was told; where nobody wants to hear of it, nothing is kept.

        Args:
            event: What happened; one of the same id that is kept already stays as it is.
            now: With a time zone.

        Raises:
            OutputError: It cannot be written.
        """
        path = self._folder / f"{event.id}.json"
        if any(event.kind in channel.events for channel in self._channels) and not path.exists():
            with output_errors(path):
                self._folder.mkdir(parents=True, exist_ok=True)
            _write(path, event, told=(), at=now.isoformat())

    def drop(self, event: Event) -> None:
        """Forget an event: somebody else tells it.

        Args:
            event: That was put.
        """
        (self._folder / f"{event.id}.json").unlink(missing_ok=True)

    def list_events(self) -> list[Event]:
        """What is kept, in no order."""
        return [event for _, _, event, _ in self._read()]

    def send(self, *, now: datetime) -> tuple[Delivery, ...]:
        """Tell all that is kept, the oldest first. A channel that does not answer is left alone until the next time.

        Args:
            now: With a time zone.

        Returns:
            What went wrong.
        """
        trouble: list[Delivery] = []
        silent: set[str] = set()
        for at, path, event, told in sorted(self._read(), key=lambda entry: (entry[0], entry[1].name)):
            failed = self._send_one(path, event, told, silent, at)
            trouble += failed
            silent |= {delivery.channel for delivery in failed}
            if path.exists() and now - datetime.fromisoformat(at) > _LONGEST:
                path.unlink(missing_ok=True)
        return tuple(trouble)

    def __len__(self) -> int:
        """How many events are kept."""
        return sum(1 for _ in self._folder.glob("*.json")) if self._folder.is_dir() else 0

    def _send_one(self, path: Path, event: Event, told: list[str], silent: Collection[str], at: str) -> list[Delivery]:
        """Tell an event to one channel after another, so that who is killed tells none twice but the last."""
        failed = []
        for channel in self._channels:
            if event.kind not in channel.events or channel.name in told or channel.name in silent:
                continue
            for delivery in send_event(event, [channel]):
                if not delivery.delivered:
                    failed.append(delivery)
                    continue
                told.append(channel.name)
                if self._is_told(event, told):
                    path.unlink(missing_ok=True)
                else:
                    _write_if_possible(path, event, told, at)
        if self._is_told(event, told):
            path.unlink(missing_ok=True)
        return failed

    def _is_told(self, event: Event, told: Collection[str]) -> bool:
        return all(event.kind not in channel.events or channel.name in told for channel in self._channels)

    def _read(self) -> Iterator[tuple[str, Path, Event, list[str]]]:
        for path in self._folder.glob("*.json") if self._folder.is_dir() else ():
            try:
                kept = json.loads(path.read_text(encoding="utf-8"))
                yield str(kept["at"]), path, Event.from_json(json.dumps(kept["event"])), list(kept["told"])
            except (OSError, ValueError, KeyError, TypeError, OptionError):
                path.rename(path.with_suffix(".broken"))  # for a person to look at; it must not stop the others


def _write_if_possible(path: Path, event: Event, told: Sequence[str], at: str) -> None:
    """A disk that is full is no reason not to tell the next."""
    try:
        _write(path, event, told=told, at=at)
    except OutputError:
        return


def _write(path: Path, event: Event, *, told: Sequence[str], at: str) -> None:
    kept = {"at": at, "event": json.loads(event.to_json()), "told": list(told)}
    write_whole(path, json.dumps(kept, ensure_ascii=False, indent=1) + "\n")
