"""Tell a webhook: an HTTP POST of JSON, again where the host is busy, under one idempotency key.

Source: draft-ietf-httpapi-idempotency-key-header; RFC 2104 (HMAC) for the signature, written as GitHub's webhooks do.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from pipeline.secrets import hide_secrets
from pipeline.watch.notify.delivery import DeliveryError, find_reason
from pipeline.watch.notify.settings import WebhookChannel
from strandline import __version__

__all__ = ["post_webhook", "try_webhook"]

_TIMEOUT_S = (5.0, 15.0)
_BUSY = (429, 500, 502, 503, 504)
_TRIES_AGAIN = 3
_LONGEST_PAUSE_S = 10
_LIBRARY_LOGS = tuple(
    logging.getLogger(f"urllib3.{name}") for name in ("connection", "connectionpool", "poolmanager", "util.retry")
)


def post_webhook(channel: WebhookChannel, body: str, *, id: str, pause_s: float) -> None:  # noqa: A002
    """Send an event.

    Args:
        channel: Where to.
        body: JSON.
        id: Idempotency key: however often it arrives, it counts once.
        pause_s: Seconds before the second try.

    Raises:
        DeliveryError: The host did not answer with 2xx.
        SecretError: A variable of the environment is not set.
    """
    url, content = channel.url.reveal_url(), body.encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"strandline/{__version__}",
        "Idempotency-Key": id,
        **{name: value.reveal() for name, value in channel.headers.items()},
    }
    # The receiver can tell by this that the body is ours, and whole.
    if channel.secret is not None:
        digest = hmac.new(channel.secret.reveal().encode(), content, hashlib.sha256).hexdigest()
        headers["X-Strandline-Signature"] = f"sha256={digest}"
    with _quiet_library(channel.secret_names), requests.Session() as session:
        _mount_retries(session, pause_s)
        try:
            answer = session.post(
                url,
                data=content,
                headers=headers,
                timeout=_TIMEOUT_S,
                allow_redirects=False,  # our headers are for this host alone
                stream=True,  # the status is all that counts, however long the answer
                auth=_keep_headers,
            )
            status = answer.status_code
            answer.close()
        except (requests.RequestException, UnicodeError) as error:
            raise DeliveryError(f"{channel.name}: no answer ({find_reason(_find_innermost(error))}).") from None
    if not 200 <= status < 300:
        raise DeliveryError(f"{channel.name}: expected an answer of 2xx, found {status}.")


def try_webhook(channel: WebhookChannel) -> None:
    """Ask whether the host of a webhook answers at all; the webhook itself is told nothing.

    Args:
        channel: Where to.

    Raises:
        DeliveryError: The host does not answer.
        SecretError: A variable of the environment is not set.
    """
    parts = urlsplit(channel.url.reveal_url())
    root = f"{parts.scheme}://{parts.netloc}/"
    with _quiet_library(channel.secret_names), requests.Session() as session:
        try:
            session.head(root, timeout=_TIMEOUT_S, allow_redirects=False, auth=_keep_headers).close()
        except (requests.RequestException, UnicodeError) as error:
            raise DeliveryError(f"{channel.name}: no answer ({find_reason(_find_innermost(error))}).") from None


def _mount_retries(session: requests.Session, pause_s: float) -> None:
    retries = Retry(
        total=_TRIES_AGAIN,
        connect=2,
        status_forcelist=_BUSY,
        allowed_methods=None,  # any: the idempotency key makes a second POST harmless
        redirect=False,
        backoff_factor=pause_s,
        raise_on_status=False,
        retry_after_max=_LONGEST_PAUSE_S,
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retries))


def _keep_headers(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from putting a password of ``~/.netrc`` in place of our own header."""
    return request


@contextmanager
def _quiet_library(names: Sequence[str]) -> Iterator[None]:
    """urllib3 logs the path of each request, which may be the secret: it is hidden from what it says meanwhile."""

    def hide(record: logging.LogRecord) -> bool:
        record.msg, record.args = hide_secrets(record.getMessage(), names), ()
        return True

    for log in _LIBRARY_LOGS:
        log.addFilter(hide)
    try:
        yield
    finally:
        for log in _LIBRARY_LOGS:
            log.removeFilter(hide)


def _find_innermost(error: BaseException) -> BaseException:
    """The innermost cause, which does not name the address, as those around it do."""
    inner = getattr(error, "reason", None)
    cause = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__
    return error if cause is None else _find_innermost(cause)
