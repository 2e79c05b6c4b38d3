"""Tell people: an event goes to all who want to hear of it, and who could not be told is told again.

A notification that fails never fails the work. It comes back as not delivered, and the caller sends it again in its
next round: under the same id, so that who did get it can tell.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from pipeline.errors import OptionError
from pipeline.secrets import hide_secrets
from pipeline.watch.notify.by_command import run_command
from pipeline.watch.notify.by_email import send_email, try_email
from pipeline.watch.notify.by_webhook import post_webhook, try_webhook
from pipeline.watch.notify.settings import EVENT_KINDS, CommandChannel, EmailChannel, EventKind, Notification

__all__ = ["Delivery", "Event", "make_event_id", "send_event", "try_channel"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,127}")
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that people want to hear of.

    Attributes:
        kind: ``failure``, ``alert``, ``published`` or ``recovered``.
        area: Name of the area.
        title: A line.
        text: Some sentences.
        facts: What machines want to know, as JSON can hold it.
        id: The same for the same event, see ``make_event_id``: whoever gets it twice can tell.
    """

    kind: EventKind
    area: str
    title: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    id: str

    def __post_init__(self) -> None:
        if self.kind not in EVENT_KINDS:
            raise OptionError(f"Expected an event of the kinds {', '.join(EVENT_KINDS)}, found {self.kind!r}.")
        if not _ID.fullmatch(self.id):
            raise OptionError(f"Expected an id of 8 to 128 letters, digits, '.', '_' and '-', found {self.id!r}.")
        try:
            facts = json.loads(json.dumps(dict(self.facts), allow_nan=False))
        except (TypeError, ValueError) as error:
            raise OptionError(f"Expected facts that JSON can hold, found {type(error).__name__}: {error}.") from error
        object.__setattr__(self, "facts", facts)
        object.__setattr__(self, "title", " ".join(self.title.split()))

    def to_json(self) -> str:
        """The event as a JSON object; the same event gives the same text."""
        values = {name: getattr(self, name) for name in ("id", "kind", "area", "title", "text")}
        return json.dumps({**values, "facts": dict(self.facts)}, ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """An event that was kept to be sent again.

        Args:
            text: As ``to_json`` gave it.

        Raises:
            OptionError: It is none.
        """
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise OptionError(f"Expected an event as JSON, found {text[:80]!r} ({error}).") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of telling one channel.

    Attributes:
        channel: Its name.
        delivered: Whether it took the event.
        reason: Why not, or what was not quite right; without secrets.
    """

    channel: str
    delivered: bool
    reason: str | None = None


def make_event_id(*parts: object) -> str:
    """Make the id of an event.

    Args:
        parts: What makes it this event and no other: its kind, area, scene, the number of the try.

    Returns:
        32 hexadecimal digits, the same for the same parts.
    """
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()[:32]


def send_event(
    event: Event, channels: Sequence[Notification], *, skip: Collection[str] = (), pause_s: float = 0.5
) -> tuple[Delivery, ...]:
    """Tell all who want to hear of an event, one after another.

    Args:
        event: What happened.
        channels: All that the file of the watcher names.
        skip: Names of those that were told before.
        pause_s: Seconds before the second try of a channel that does not answer; they double with each.

    Returns:
        What became of each that was told or tried, in their order; nothing is raised for one that failed.
    """
    listeners = [channel for channel in channels if event.kind in channel.events and channel.name not in skip]
    names = [name for channel in channels for name in channel.secret_names]
    safe_event = _hide_secrets(event, names)
    return tuple(_deliver(safe_event, channel, names, pause_s) for channel in listeners)


def try_channel(channel: Notification) -> Delivery:
    """Find out whether a channel would take an event, and tell it none.

    Args:
        channel: A host is asked whether it answers, a mail server whether it would take a letter; of a program it is
            looked whether it is there.

    Returns:
        Whether it would; nothing is raised.
    """
    try:
        if isinstance(channel, CommandChannel):
            if shutil.which(channel.argv[0]) is None:
                return Delivery(channel=channel.name, delivered=False, reason=f"there is no program {channel.argv[0]}")
        elif isinstance(channel, EmailChannel):
            try_email(channel)
        else:
            try_webhook(channel)
    except Exception as error:  # whatever it is, the others are tried as well
        words = " ".join(str(error).split()).removeprefix(f"{channel.name}: ") or type(error).__name__
        reason = hide_secrets(words, channel.secret_names)[:_LONGEST_REASON]
        return Delivery(channel=channel.name, delivered=False, reason=reason)
    return Delivery(channel=channel.name, delivered=True)


def _deliver(event: Event, channel: Notification, names: Sequence[str], pause_s: float) -> Delivery:
    note: str | None = None
    try:
        if isinstance(channel, CommandChannel):
            run_command(channel, event.to_json())
        elif isinstance(channel, EmailChannel):
            note = send_email(channel, subject=event.title, text=_write_text(event), id=event.id, pause_s=pause_s)
        else:
            post_webhook(channel, event.to_json(), id=event.id, pause_s=pause_s)
    except Exception as error:  # whatever it is, it must not fail the work
        reason = hide_secrets(" ".join(str(error).split()) or type(error).__name__, names)
        return Delivery(channel=channel.name, delivered=False, reason=reason[:_LONGEST_REASON])
    return Delivery(channel=channel.name, delivered=True, reason=note and hide_secrets(note, names))


def _hide_secrets(event: Event, names: Sequence[str]) -> Event:
    """The event without secrets, in case that an error's text brought one along."""

    def hide(value: Any) -> Any:  # noqa: ANN401 (whatever JSON holds)
        if isinstance(value, str):
            return hide_secrets(value, names)
        if isinstance(value, Mapping):
            return {hide(key): hide(entry) for key, entry in value.items()}
        return [hide(entry) for entry in value] if isinstance(value, list) else value

    return replace(event, title=hide(event.title), text=hide(event.text), facts=hide(event.facts))


def _write_text(event: Event) -> str:
    facts = "\n".join(f"{key}: {value}" for key, value in sorted(event.facts.items()))
    return "\n\n".join(part for part in (event.text, facts, f"Area {event.area}, event {event.id}.") if part) + "\n"
