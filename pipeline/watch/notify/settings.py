"""Who is told what, as the file of a watcher says it; no secret stands in here, only the names of variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    field_validator,
    model_validator,
)

from pipeline.errors import AreasError, SecretError
from pipeline.secrets import Reference, has_token, is_secret_name, refuse_credentials, refuse_literal

__all__ = [
    "EVENT_KINDS",
    "CommandChannel",
    "EmailChannel",
    "EventKind",
    "Notification",
    "Text",
    "WebhookChannel",
]

EventKind = Literal["failure", "alert", "published", "recovered"]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_ADDRESS = re.compile(r"[^@\s<>,]+@[^@\s<>,]+")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def _parse_text(value: object) -> object:
    if not isinstance(value, str) or not value.strip() or re.search(r"[\r\n\0]", value):
        raise AreasError("expected a text of one line, perhaps with ${NAME}")
    return Reference(value.strip())


Text = Annotated[InstanceOf[Reference], BeforeValidator(_parse_text)]
"""A text in which ``${NAME}`` stands for a variable of the environment."""


class _Channel(BaseModel):
    """What all ways of telling have in common.

    Attributes:
        name: For messages and records; by default its kind and its place in the list.
        events: What it wants to hear of.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*)?$")] = ""
    events: Annotated[frozenset[EventKind], Field(min_length=1)] = frozenset({"failure", "alert", "recovered"})

    @property
    def references(self) -> tuple[Reference, ...]:
        """Its texts in which variables may stand, in the order of its settings."""
        texts: list[object] = []
        for name in type(self).model_fields:
            value = getattr(self, name)
            texts += value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
        return tuple(text for text in texts if isinstance(text, Reference))

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Variables of the environment that it needs."""
        return tuple(dict.fromkeys(name for reference in self.references for name in reference.names))


class WebhookChannel(_Channel):
    """An HTTP POST with the event as JSON.

    Attributes:
        url: Where to; an address that holds a token stands in the environment as a whole.
        headers: Besides those of JSON; those that say who we are come from the environment.
        secret: Key with which the body is signed (HMAC-SHA256, in the header ``X-Strandline-Signature``).
    """

    kind: Literal["webhook"]
    url: Text
    headers: dict[str, Text] = {}
    secret: Annotated[Text, AfterValidator(lambda text: refuse_literal(text, "a secret"))] | None = None

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: Reference) -> Reference:
        refuse_credentials(url.text, "the URL")
        if has_token(url.text):
            raise SecretError(
                "a part of this URL looks like a token, which must not stand in the file: write ${NAME} for the URL or "
                "that part, and set the variable NAME in the environment of the watcher"
            )
        if not url.text.startswith(("http://", "https://", "${")):
            raise AreasError("expected a URL that begins with https:// or http://, or ${NAME} for all of it")
        return url

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, headers: Mapping[str, Reference]) -> Mapping[str, Reference]:
        for name, value in headers.items():
            if not _HEADER.fullmatch(name):
                raise AreasError(f"expected the name of a header, found {name!r}")
            if is_secret_name(name):
                refuse_literal(value, f"the value of the header {name}")
        return headers


class EmailChannel(_Channel):
    """A mail through a server.

    Attributes:
        host: The server.
        port: Its port; 587, or 465 with ``security: tls``.
        security: ``starttls``, ``tls`` from the first byte, or ``none``, which takes no password (but on loopback).
        user: Who we are to the server; ``None``: nobody.
        password: Of that user, from the environment.
        sender: Address from which the mail comes; ``from`` in the file.
        to: Addresses.
    """

    model_config = ConfigDict(populate_by_name=True)

    kind: Literal["email"]
    host: Text
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: Text | None = None
    password: Annotated[Text, AfterValidator(lambda text: refuse_literal(text, "a password"))] | None = None
    sender: Annotated[Text, Field(alias="from")]
    to: Annotated[tuple[Text, ...], Field(min_length=1)]

    @field_validator("to", mode="before")
    @classmethod
    def _list_addresses(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("sender", "to")
    @classmethod
    def _check_addresses(cls, value: Any) -> Any:  # noqa: ANN401 (one address or several)
        for address in value if isinstance(value, tuple) else (value,):
            if not address.names and not _ADDRESS.fullmatch(address.text):
                raise AreasError("expected an address such as coast@example.org")
        return value

    @model_validator(mode="after")
    def _check_login(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise AreasError("expected user and password, or neither")
        if self.security == "none" and self.password is not None and self.host.text not in _LOOPBACK:
            raise SecretError("a password is not sent over an open line: set security to starttls or tls")
        return self


class CommandChannel(_Channel):
    """A program that gets the event as JSON on its standard input.

    Attributes:
        argv: The program and its arguments; no shell looks at them. It has the watcher's environment.
        timeout_s: Seconds after which it is killed.
    """

    kind: Literal["command"]
    argv: Annotated[tuple[str, ...], Field(min_length=1)]
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 60.0

    @field_validator("argv")
    @classmethod
    def _check_argv(cls, argv: tuple[str, ...]) -> tuple[str, ...]:
        if not argv[0].strip() or any("\0" in word for word in argv):
            raise AreasError("expected a program and its arguments")
        if any("${" in word for word in argv):
            raise SecretError("arguments of a program can be seen by others: let it read the environment itself")
        for word in argv:
            refuse_credentials(word, "an argument")
        return argv


Notification = Annotated[WebhookChannel | EmailChannel | CommandChannel, Field(discriminator="kind")]
"""One of the ways to be told."""
