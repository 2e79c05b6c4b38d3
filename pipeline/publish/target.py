"""Where results are published: a folder of this machine, or a store that fsspec knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pipeline.errors import MissingExtraError, OptionError, OutputError
from pipeline.publish.transfer import Cause, find_cause
from pipeline.secrets import hide_secrets, refuse_credentials

__all__ = ["Destination", "resolve_destination", "store_errors"]

_ADVICE: Final[Mapping[Cause, str]] = MappingProxyType(
    {
        "expired": "The credentials have expired: renew them and run this again, it goes on where it stopped",
        "keys": "Check the keys in the environment, and what they allow",
        "full": "The store is full, or its quota is used up: free some space and run this again",
        "missing": "Check its address: the bucket must be there, it is not made",
        "busy": "Check its address, its keys and its space, or run this again later",
    }
)
"""The way out of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A place for results.

    Attributes:
        text: As it was given, without credentials.
        folder: On this machine; ``None`` for a store.
    """

    text: str
    folder: Path | None

    def open(self) -> tuple[Any, str]:
        """Open the store; what it needs to know (keys, endpoints) it takes from the environment and its own files.

        Returns:
            The file system of fsspec, and the path of the destination in it.

        Raises:
            OutputError: It does not open.
        """
        import fsspec  # noqa: PLC0415 (an extra)

        with store_errors(self.text):
            store, root = fsspec.core.url_to_fs(self.text)
            return store, str(root).rstrip("/")


def resolve_destination(text: str) -> Destination:
    """Decide what a destination is; nothing is opened.

    Args:
        text: A folder, a ``file://`` URL, or a URL whose protocol fsspec knows (``s3://``, ``gs://``, ``az://`` ...).

    Raises:
        OptionError: fsspec knows no such protocol, or a file:// URL names another machine.
        MissingExtraError: fsspec, or the package that speaks the protocol, is not installed.
        SecretError: There are credentials in it.
    """
    refuse_credentials(text, "the destination")
    if "://" not in text and "::" not in text:
        return Destination(text=text, folder=Path(text).absolute())
    protocol = text.split("::", maxsplit=1)[0].partition("://")[0]
    if protocol in {"file", "local"} and "::" not in text:
        url = urlsplit(text)
        if url.netloc not in {"", "localhost"}:  # file://maps/x is the folder x of a machine called maps
            raise OptionError(f"Expected a folder of this machine as file:///..., found {text!r}: write three slashes.")
        return Destination(text=text, folder=Path(unquote(url.path)))
    try:
        import fsspec  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"Publishing to {protocol}:// needs fsspec: pip install 'strandline[stores]'."
        ) from error
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        raise MissingExtraError(f"Publishing to {protocol}:// needs another package: {error}.") from error
    except ValueError as error:
        raise OptionError(
            f"Expected a folder or a URL that fsspec knows (s3://, gs://, az://, sftp:// ...), found {text!r}."
        ) from error
    return Destination(text=text, folder=None)


@contextmanager
def store_errors(where: str) -> Iterator[None]:
    """Turn whatever a store raises into one line, without secrets.

    Args:
        where: The URL that is being written or read.

    Raises:
        OutputError: In place of it.
    """
    try:
        yield
    except OutputError:
        raise
    except Exception as error:
        reason = hide_secrets(" ".join(str(error).split()))[:200].rstrip(". ") or type(error).__name__
        raise OutputError(
            f"Could not reach or write {hide_secrets(where)} ({reason}). {_ADVICE[find_cause(error)]}."
        ) from None
