"""Secrets of a watcher: named in its file as ``${NAME}``, kept in the environment, and put together only when used.

What stands in memory, logs, records and tables is the text with the names. The values are looked up at the moment of
use, and whatever a library says about its failure passes ``hide_secrets`` before anybody reads it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

from pipeline.errors import SecretError
from tiles.products.asset_hosts import strip_credentials

__all__ = ["Reference", "has_token", "hide_secrets", "is_secret_name", "refuse_credentials", "refuse_literal"]

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_NAME = re.compile(r"(SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|APIKEY|(^|_)KEY)(S|_ID|_\d+)?$", re.IGNORECASE)
_SECRET_WORD = re.compile(r"secret|token|passw|credential|api[-_]?key|(^|[-_])key$|auth|cookie|sig(nature)?$", re.I)
_SCHEME = re.compile(r"\s*(basic|bearer|token|digest|negotiate|apikey)?\s*", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^\s/@]*:[^\s/@]*(?=@)")
_SIGNED = re.compile(
    r"(?<=[?&;])(X-Amz-[A-Za-z-]+|X-Goog-[A-Za-z-]+|AWSAccessKeyId|Signature|sig|token|access_token)=[^&;\s\"'<>)]+",
    re.I,
)
"""What signs an address for a while, in its query."""

_TOKEN = re.compile(r"(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9_\-.~]{20,}")
"""A long part of a path with letters and digits: on hosts of webhooks it is the password."""

_ADVICE = "write ${NAME}, and set the variable NAME in the environment of the watcher"
_SHORTEST = 4
"""Characters: a value that is shorter stands in too many innocent words to be hidden."""

_WORD = 8
"""Characters that something must have which is only guessed to be a secret."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A text in which ``${NAME}`` stands for a variable of the environment.

    Attributes:
        text: With the names; this is what may be shown.
    """

    text: str

    def __post_init__(self) -> None:
        rest = _REFERENCE.sub("", self.text)
        if "${" in rest:
            raise SecretError("expected a variable of the environment as ${NAME} (letters, digits and _)")

    @property
    def names(self) -> tuple[str, ...]:
        """Variables of the environment that it needs, in order."""
        return tuple(dict.fromkeys(_REFERENCE.findall(self.text)))

    def find_unset(self) -> tuple[str, ...]:
        """Variables that are not set, or empty."""
        return tuple(name for name in self.names if not os.environ.get(name))

    def reveal(self) -> str:
        """Put the values in, for the moment of use.

        Raises:
            SecretError: A variable is not set.
        """
        return _REFERENCE.sub(lambda match: self._read_variable(match[1]), self.text)

    def reveal_url(self) -> str:
        """Put the values in as parts of a URL: what has a meaning there (``@``, ``/``, ``:``) is escaped.

        A variable that is the whole URL is taken as it is.

        Raises:
            SecretError: A variable is not set.
        """
        if _REFERENCE.fullmatch(self.text):
            return self.reveal()
        return _REFERENCE.sub(lambda match: quote(self._read_variable(match[1]), safe=""), self.text)

    def _read_variable(self, name: str) -> str:
        value = os.environ.get(name)
        if not value:
            raise SecretError(f"Expected the environment variable {name}, which is not set. Set it for the watcher.")
        return value


def refuse_literal(reference: Reference, what: str) -> Reference:
    """Refuse a secret that is written out in a file; a scheme such as ``Bearer`` may stand before the name.

    Args:
        reference: What the file says.
        what: What it is, for the message.

    Raises:
        SecretError: Something stands there besides names of variables.
    """
    if not reference.names or not _SCHEME.fullmatch(_REFERENCE.sub("", reference.text)):
        raise SecretError(f"{what} must not stand in the file: {_ADVICE}")
    return reference


def refuse_credentials(url: str, what: str) -> str:
    """Refuse a URL with a password, a token or a signature in it.

    Args:
        url: A URL, perhaps with ``${NAME}`` in it; anything else passes.
        what: What it is, for the message.

    Raises:
        SecretError: It holds credentials.
    """
    bare = _REFERENCE.sub("", url)
    if "://" not in bare:
        return url
    try:
        parts = urlsplit(bare)
    except ValueError:
        raise SecretError(f"expected {what} to be a URL, found one that cannot be read") from None
    secret = parts.password or any(value and _SECRET_WORD.search(name) for name, value in parse_qsl(parts.query))
    if secret or ("@" not in bare and strip_credentials(bare) != bare and parse_qsl(parts.query)):
        raise SecretError(f"credentials in {what} must not stand in the file: {_ADVICE}")
    return url


def is_secret_name(name: str) -> bool:
    """Whether a header or a parameter of this name usually holds a secret."""
    return _SECRET_WORD.search(name) is not None


def has_token(url: str) -> bool:
    """Whether a part of a URL's path looks like a token, as in the addresses of incoming webhooks."""
    return any(_TOKEN.fullmatch(part) for part in urlsplit(_REFERENCE.sub("", url)).path.split("/"))


def hide_secrets(text: str, names: Iterable[str] = ()) -> str:
    """Put ``${NAME}`` in place of whatever the environment keeps secret, and drop passwords from URLs.

    Args:
        text: What a library says, about to be logged, recorded or shown.
        names: Variables that hold secrets; those whose names say so (``..._TOKEN``, ``..._PASSWORD``, ``..._KEY`` ...)
            are hidden as well.
    """
    guessed = {name: value for name, value in os.environ.items() if _SECRET_NAME.search(name) and len(value) >= _WORD}
    secrets = guessed | {name: os.environ.get(name, "") for name in names}
    # The longest first: a short secret may be part of a longer one, which would then no longer be known.
    forms = [(form, name) for name, value in secrets.items() for form in _list_forms(value)]
    for form, name in sorted(forms, key=lambda pair: (-len(pair[0]), pair[1])):
        text = text.replace(form, f"${{{name}}}")
    return _USERINFO.sub("...", _SIGNED.sub(r"\1=...", text))


def _list_forms(value: str) -> Iterator[str]:
    """The ways in which libraries write a value; of a URL also the part that they name without its host."""
    parts = {value}
    if "://" in value:
        split = urlsplit(value)
        query = f"?{split.query}" if split.query else ""
        without_host = {f"{split.path}{query}", split.path, split.query, split.password or ""}
        parts |= {part for part in without_host if len(part) >= _WORD or part == split.password}
        parts |= {part for part in split.path.split("/") if _TOKEN.fullmatch(part)}
    for part in parts:
        for form in {
            part,
            quote(part),
            quote(part, safe=""),
            quote_plus(part),
            repr(part)[1:-1],
            json.dumps(part)[1:-1],
        }:
            if len(form) >= _SHORTEST:
                yield form
