"""Ask a STAC API, and get the whole answer: page by page, through a host that is busy or a line that is cut.

pystac-client asks and turns the pages. Of what can go wrong, urllib3 covers what happens before a body: refused
connections, 429 with its ``Retry-After``, 503. A body that is cut in the middle surfaces later, as an error of
``requests`` or, where the host had not said how long it would be, as JSON that stops: for that a page is asked again.
"""

from __future__ import annotations

import json
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pystac_client
import requests
from pystac.stac_io import DefaultStacIO
from pystac_client.conformance import ConformanceClasses
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO
from urllib3 import Retry

from pipeline.dates import Period
from pipeline.search.area import SearchArea
from pipeline.search.errors import HostError, MissingCollectionError, SearchError
from pipeline.search.hosts import TOKEN_VARIABLE

__all__ = ["FileIO", "RetryingIO", "explain_failure", "search_api"]

_Answer = TypeVar("_Answer")

_TIMEOUT_S = (10.0, 60.0)
_PAGE = 100
_SENTINEL_2 = re.compile(r"sentinel-?(?:2|s2).*l2a", re.IGNORECASE)
_CUT_BODIES = 4
"""How often one page is asked again when its body was cut."""

_PAUSE_S = 0.5
_MARK = "\ufeff"

_RETRIES = Retry(
    total=6,
    connect=2,
    read=4,
    status=5,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,  # any: a search by POST changes nothing on the host
    backoff_factor=0.5,
    backoff_jitter=0.2,
    raise_on_status=False,
    retry_after_max=120,
)


class FileIO(DefaultStacIO):
    """Reads files by their paths, and as editors of all kinds leave them: with a byte-order mark or without."""

    def read_text_from_href(self, href: str) -> str:
        """Read a document.

        Args:
            href: Path, or URL.
        """
        return super().read_text_from_href(href) if "://" in href else Path(href).read_text(encoding="utf-8-sig")


class RetryingIO(StacApiIO):
    """Reads from a host, again where an answer did not arrive whole."""

    def __init__(self, url: str, *, is_signed: bool = True) -> None:
        """Prepare to read.

        Args:
            url: Of the host; a token from the environment goes to no other.
            is_signed: The token is meant for this host; of several that are searched, for one alone.
        """
        self._host = urlsplit(url).netloc if is_signed else None
        super().__init__(timeout=_TIMEOUT_S, max_retries=_RETRIES, request_modifier=self.sign)

    def sign(self, request: requests.Request) -> requests.Request:
        """Add the token of the environment to a request to the host, and to no other that its links may name.

        Args:
            request: About to be sent.
        """
        token = os.environ.get(TOKEN_VARIABLE)
        if token and urlsplit(str(request.url)).netloc == self._host:
            request.headers = {**(request.headers or {}), "Authorization": f"Bearer {token}"}
        return request

    def read_json(self, source: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 (as pystac has it)
        """Read a document; one that was cut is read again.

        Args:
            source: URL, path or link.
            args: As pystac passes them on.
            kwargs: As pystac passes them on.
        """
        return _retry_cut_answers(lambda: super(RetryingIO, self).read_json(source, *args, **kwargs))

    def json_loads(self, txt: str, *args: Any, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401 (as pystac has it)
        """Read JSON, with a byte-order mark or without.

        Args:
            txt: The document.
            args: As pystac passes them on.
            kwargs: As pystac passes them on.
        """
        return super().json_loads(txt.removeprefix(_MARK), *args, **kwargs)

    def download(self, url: str, path: Path) -> None:
        """Fetch a file; one that was cut is fetched again.

        Args:
            url: Of the file.
            path: Where to.

        Raises:
            HostError: It is not to be had.
        """
        try:
            _retry_cut_answers(lambda: self._fetch(url, path))
        except (APIError, requests.RequestException) as error:
            raise explain_failure(url, error) from error

    def _fetch(self, url: str, path: Path) -> None:
        headers = self.sign(requests.Request("GET", url)).headers
        with (
            self.session.get(url, headers=headers, timeout=_TIMEOUT_S, stream=True) as response,
            path.open("wb") as file,
        ):
            if not response.ok:
                raise APIError.from_response(response)
            for chunk in response.iter_content(1 << 20):
                file.write(chunk)


def search_api(
    url: str,
    *,
    area: SearchArea,
    period: Period,
    max_cloud: float | None,
    collection: str | None,
    reader: RetryingIO,
    page_size: int = _PAGE,
) -> Iterator[dict[str, Any]]:
    """Ask for all items of an area and a period.

    What the host is asked for may be more than what was meant: filter once more.

    Args:
        url: Landing page of the API.
        area: Where.
        period: When.
        max_cloud: Percent; asked of hosts that say that they can tell.
        collection: Collection; ``None``: all that the host has.
        reader: Asks the host.
        page_size: Items a page.

    Yields:
        Items, those that come up on both sides of the antimeridian twice.

    Raises:
        HostError: The host did not answer, or not with what it should.
        SearchError: It has no such collection.
    """
    try:
        client, collections, query = _open_client(url, reader, collection, max_cloud)
        for side in area.compute_sides():
            search = client.search(
                method=_resolve_method(client),
                limit=page_size,
                collections=collections,
                intersects=side.__geo_interface__,
                datetime=period.to_interval(),
                query=query,
            )
            yield from search.items_as_dicts()
    except SearchError:
        raise
    except (APIError, ValueError, KeyError, NotImplementedError) as error:
        raise explain_failure(url, error) from error


def _open_client(
    url: str, reader: RetryingIO, collection: str | None, max_cloud: float | None
) -> tuple[pystac_client.Client, list[str] | None, dict[str, Any] | None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of hosts that do not say all that they can: the answer is filtered here
        client = pystac_client.Client.open(url, stac_io=reader, timeout=_TIMEOUT_S, request_modifier=reader.sign)
        return client, _resolve_collections(client, collection, url), _build_cloud_query(client, max_cloud)


def explain_failure(url: str, error: Exception) -> HostError:
    """Say in one line which host failed, and why.

    Args:
        url: What was asked.
        error: What came of it.
    """
    host = urlsplit(url).netloc.rpartition("@")[2] or url
    status = getattr(error, "status_code", None)
    if status is not None:
        advice = f"It may want a token in {TOKEN_VARIABLE}" if status in {401, 403} else "Try again later"
        return HostError(f"{host} answered with {status} ({_shorten_text(error)}). {advice}.")
    return HostError(f"Could not search {host} ({_find_reason(error)}). Check the address and the network.")


def _resolve_collections(client: pystac_client.Client, collection: str | None, url: str) -> list[str] | None:
    if collection is None:
        known = [entry.id for entry in client.get_collections()]
        # Some hosts find nothing unless they are told where to look.
        return [name for name in known if _SENTINEL_2.search(name)] or known or None
    if client.get_collection(collection) is None:
        names = ", ".join(sorted(entry.id for entry in client.get_collections())[:12])
        message = f"{url} has no collection {collection} (found {names or 'none'}). Choose one with --collection."
        raise MissingCollectionError(message)
    return [collection]


def _resolve_method(client: pystac_client.Client) -> str:
    """POST where the host offers it: a shape of some hundred points does not fit into every host's longest address."""
    methods = {link.extra_fields.get("method", "GET") for link in client.get_links("search")}
    return "POST" if "POST" in methods else "GET"


def _build_cloud_query(client: pystac_client.Client, max_cloud: float | None) -> dict[str, Any] | None:
    if max_cloud is None or not client.conforms_to(ConformanceClasses.QUERY):
        return None
    return {"eo:cloud_cover": {"lte": max_cloud}}


def _retry_cut_answers(ask: Callable[[], _Answer]) -> _Answer:
    for attempt in range(_CUT_BODIES):
        try:
            return ask()
        except (APIError, ValueError, requests.RequestException) as error:
            if not _is_cut(error):
                raise
            if attempt:
                time.sleep(_PAUSE_S * 2**attempt)
    return ask()


def _is_cut(error: Exception) -> bool:
    """Whether an answer began and did not end: then the same question may be answered whole."""
    if isinstance(error, json.JSONDecodeError) and not isinstance(error, requests.RequestException):  # JSON that stops
        return True
    first = error if isinstance(error, requests.RequestException) else error.__context__
    chunked = isinstance(first, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError)
    cut = isinstance(first, requests.exceptions.ConnectionError) and "IncompleteRead" in str(first)
    return chunked or cut


def _find_reason(error: BaseException) -> str:
    """The innermost cause is what people know: "Connection refused", "Name or service not known"."""
    cause: BaseException | None = error
    innermost = error
    while cause is not None:
        innermost = cause
        inner = getattr(cause, "reason", None)
        cause = inner if isinstance(inner, BaseException) else cause.__cause__ or cause.__context__
    return _shorten_text(getattr(innermost, "strerror", None) or innermost)


def _shorten_text(reason: object) -> str:
    text = " ".join(str(reason).split()) or type(reason).__name__
    return text if len(text) <= 160 else f"{text[:157]}..."
