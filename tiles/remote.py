"""Rasters on hosts: how long GDAL waits for one, how often it is asked again, and when it is left alone.

GDAL (measured with 3.10.3) asks again by itself after 429, 500, 502, 503 and 504, and gives up on what is silent or
trickles (with ``GDAL_HTTP_RETRY_CODES`` it would wait for that four times). It does not ask again after a line that was
cut or an answer that was too short or of other bytes, keeps the torn block in its cache, where it spoils every later
read of the process, and takes no notice of ``Retry-After``. That is done here: the cache is cleared, the host is asked
how long it wants to be left alone, and the read is done again, a bounded number of times a scene. Where a host fails
many times in a row, no read of this process asks it for a while.

Wrong bytes under right headers show themselves in the head of a file, and in compressed blocks where they do not
decode. Not always: GDAL (3.10.3) does not hold a deflated block against its checksum; uncompressed pixels have nothing
that would show it, and JPEG 2000 turns them into noise.

Source: GDAL, "Configuration options", networking; RFC 9110, section 10.2.3 (Retry-After).
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qsl, urlsplit
from urllib.request import Request, urlopen

import rasterio
from rasterio.errors import RasterioError, RasterioIOError

from tiles.errors import HostDownError

__all__ = ["RetryBudget", "is_remote", "limit_listing", "limit_patience", "name_endpoint", "name_host", "read_again"]

_Answer = TypeVar("_Answer")

_PATIENCE = {
    "GDAL_HTTP_CONNECTTIMEOUT": "30",
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",
    "GDAL_HTTP_LOW_SPEED_TIME": "30",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "1",
}
"""Of GDAL with hosts, which by itself waits for ever: seconds, bytes a second, tries. The environment comes first."""

_APPETITE = {"GDAL_MAX_RAW_BLOCK_CACHE_SIZE": str(32 * 2**20), "CPL_VSIL_CURL_CACHE_SIZE": str(32 * 2**20)}
"""Bytes that GDAL asks a host for at once: a row of blocks of a 10 m band (up to 23 MB) is one request. By itself it
stays below 10 and 16 MB, so that such a row is two to four, and a fifth of the bytes is asked for twice."""

_RETRIES_A_SCENE = 12
_FAILURES_IN_A_ROW = 6
"""A host that failed so often is down; with GDAL's own tries these are some 24 requests."""

_LEFT_ALONE_S = HostDownError.wait_s
_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 8.0
_LONGEST_WAIT_S = 120.0
"""A host that wants to be left alone for longer than this is given up."""

_ASK_S = 5.0
_LATER = (408, 425, 429)
"""Of the statuses from 400 to 499 those that may pass."""

_STATUS = re.compile(r"HTTP response code: (\d{3})")
_HOPELESS = re.compile(
    r"options? not defined|not filled|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken"
    r"|NoSuch|does not exist"
)
"""What GDAL says of stores that another try does not change: keys that lack or are refused, nothing under a name."""

_PAGE = re.compile(rb"\s*<(!doctype\s+html|html|head)\b", re.IGNORECASE)
"""How what a network that wants a sign-in puts in the place of a file begins."""


def is_remote(path: str) -> bool:
    """Whether what GDAL opens lies on a host.

    Args:
        path: What GDAL opens.
    """
    return path.startswith(("/vsicurl", "/vsis3", "/vsiaz", "/vsigs"))


def limit_listing(path: str) -> rasterio.Env:
    """The environment in which GDAL opens a raster: on a host it does not list the folder.

    Args:
        path: What GDAL opens.
    """
    return rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR") if is_remote(path) else rasterio.Env()


def limit_patience() -> None:
    """Tell GDAL to give up on what does not come, and to ask for much at once; what the environment says stands."""
    for name, value in (_PATIENCE | _APPETITE).items():
        os.environ.setdefault(name, value)


def name_endpoint() -> None:
    """Tell GDAL of a store of one's own in its words, where the environment names it as other programs know it.

    Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints"; GDAL, ``/vsis3``.
    """
    endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "")
    if endpoint.netloc and "AWS_S3_ENDPOINT" not in os.environ:
        os.environ["AWS_S3_ENDPOINT"] = endpoint.netloc + endpoint.path.rstrip("/")
        os.environ.setdefault("AWS_HTTPS", "NO" if endpoint.scheme == "http" else "YES")
        os.environ.setdefault("AWS_VIRTUAL_HOSTING", "FALSE")


def name_host(path: str) -> str:
    """The host on which a raster lies, as messages name it.

    Args:
        path: What GDAL opens, on a host.
    """
    if path.startswith("/vsicurl"):
        return urlsplit(_find_url(path)).netloc.rpartition("@")[2]
    return "/".join(path.split("/")[1:3])


class RetryBudget:
    """How often reads of one scene may still be done again, whichever of its files they are of."""

    def __init__(self, retries: int = _RETRIES_A_SCENE) -> None:
        """Begin with all of it.

        Args:
            retries: Of all reads together.
        """
        self._left, self._lock = retries, threading.Lock()

    def take(self) -> bool:
        """Whether one more is granted."""
        with self._lock:
            self._left -= 1
            return self._left >= 0


class _HostHealth:
    """How a host fared of late in this process."""

    def __init__(self) -> None:
        self._failures, self._alone_until, self._reason = 0, 0.0, ""
        self._lock = threading.Lock()

    def require_up(self, name: str) -> None:
        with self._lock:
            if self._failures >= _FAILURES_IN_A_ROW and time.monotonic() < self._alone_until:
                raise HostDownError(
                    f"{name} failed {_FAILURES_IN_A_ROW} times in a row ({self._reason}) and is not asked again for "
                    "a minute. Try again later."
                )

    def note_success(self) -> None:
        with self._lock:
            self._failures = 0

    def note_failure(self, reason: str) -> None:
        with self._lock:
            self._failures += 1
            self._alone_until, self._reason = time.monotonic() + _LEFT_ALONE_S, reason


_HEALTH: dict[str, _HostHealth] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    """What a host says when it is asked why a read failed.

    Attributes:
        text: For a person.
        final: That it will say so the next time too.
        silent: It says nothing at all.
        wait_s: For how long it wants to be left alone.
    """

    text: str
    final: bool = False
    silent: bool = False
    wait_s: float = 0.0


def read_again(
    path: str, read: Callable[[], _Answer], *, budget: RetryBudget, renew: Callable[[], None] | None = None
) -> _Answer:
    """Read from a raster; on a host again where it failed, and not at all where the host is down.

    Args:
        path: What GDAL opens.
        read: Does the read, through GDAL.
        budget: How often that may be done again.
        renew: Done before another try: opens the raster anew, where it stays open between reads.

    Raises:
        RasterioError: It cannot be read.
        HostDownError: Its host is left alone.
    """
    if not is_remote(path):
        return read()
    name = name_host(path)
    health = _HEALTH.setdefault(name, _HostHealth())
    tries = 0
    while True:
        health.require_up(name)
        try:
            if tries and renew is not None:
                renew()
            answer = read()
        except RasterioError as error:
            word = _ask_host(path, error)
            if not word.final:
                health.note_failure(word.text)
            if word.final or word.silent or word.wait_s > _LONGEST_WAIT_S or not budget.take():
                raise _explain(error, word, tries) from error
            time.sleep(word.wait_s or min(_PAUSE_S * 2**tries, _LONGEST_PAUSE_S))
            _forget(path)
            tries += 1
        else:
            health.note_success()
            return answer


def _ask_host(path: str, error: RasterioError) -> _Word:
    """Ask for a few bytes: GDAL keeps to itself what a host answered, and for how long it wants to be left alone."""
    known = _STATUS.search(str(error))
    is_open = path.startswith("/vsicurl") and "pc_url_signing" not in path  # nor keys nor a signature are needed
    if not is_open or (known and _is_final(int(known[1]))):
        text = " ".join(str(error.__cause__ or error).split())
        return _Word(text=text, final=_is_final(int(known[1])) if known else _HOPELESS.search(text) is not None)
    try:
        with urlopen(Request(_find_url(path), headers={"Range": "bytes=0-255"}), timeout=_ASK_S) as response:  # noqa: S310 (http alone)
            is_page = _PAGE.match(response.read1(256)) is not None  # what is there: it may trickle
        return _Word(text="it sends a web page in its place" if is_page else "its answer came cut or with other bytes")
    except HTTPError as refusal:
        wait_s = _read_wait(refusal.headers.get("Retry-After"))
        told = f", and asks to wait {wait_s:g} s" if wait_s > _LONGEST_WAIT_S else ""
        return _Word(text=f"it answers with {refusal.code}{told}", final=_is_final(refusal.code), wait_s=wait_s)
    except (OSError, ValueError, HTTPException) as failure:
        reason = failure.reason if isinstance(failure, URLError) else failure
        text = str(getattr(reason, "strerror", None) or reason) or type(reason).__name__
        return _Word(text=text, silent=isinstance(reason, TimeoutError))


def _is_final(status: int) -> bool:
    return 400 <= status < 500 and status not in _LATER


def _read_wait(stated: str | None) -> float:
    """Seconds of a ``Retry-After``; a date, which clocks that differ make of no use, counts for nothing."""
    return float(stated) if stated and stated.isdecimal() else 0.0


def _find_url(path: str) -> str:
    """The address behind a path of ``/vsicurl``."""
    if path.startswith("/vsicurl?"):
        return dict(parse_qsl(path.partition("?")[2])).get("url", "")
    return path.removeprefix("/vsicurl/")


def _forget(path: str) -> None:
    """Clear what GDAL keeps of a file: a torn block, or the word that it is not there."""
    kept_out = "/".join(path.split("/")[:2]).partition("?")[0]
    with suppress(RasterioError), rasterio.Env(CPL_VSIL_CURL_NON_CACHED=kept_out), limit_listing(path):
        rasterio.open(path).close()


def _explain(error: RasterioError, word: _Word, tries: int) -> RasterioError:
    again = f" after {tries} tries more" if tries else ""
    text = " ".join(str(error.__cause__ or error).split())
    return RasterioIOError(f"{text}{f': {word.text}' if word.text != text else ''}{again}")
