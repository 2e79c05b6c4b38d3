"""A webhook is told once, under its key, again where the host is busy, and its address stays secret."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from urllib3 import Retry

from pipeline.errors import SecretError
from pipeline.watch.notify import by_webhook
from pipeline.watch.notify.by_webhook import post_webhook
from pipeline.watch.notify.delivery import DeliveryError
from strandline import __version__
from tests.pipeline.watch.notify.notify_receivers import Hook, read_channel, run_hook


@pytest.fixture
def hook() -> Iterator[Hook]:
    with run_hook() as hook:
        yield hook


def make_channel(hook: Hook | int, **values: object) -> Any:  # noqa: ANN401
    port = hook if isinstance(hook, int) else hook.port
    least = {"kind": "webhook", "name": "hook", "url": f"http://127.0.0.1:{port}/coast"}
    return read_channel(least | values)


def post(channel: Any, body: str = "{}") -> None:  # noqa: ANN401
    post_webhook(channel, body, id="0" * 32, pause_s=0.0)


@pytest.mark.parametrize("status", [200, 204, 299])
def test_any_answer_of_2xx_will_do(hook: Hook, status: int) -> None:
    hook.answers = [status]
    post(make_channel(hook), '{"é": 1}')
    ((path, headers, body),) = hook.got
    assert (path, body.decode()) == ("/coast", '{"é": 1}')
    assert (headers["Idempotency-Key"], headers["User-Agent"]) == ("0" * 32, f"strandline/{__version__}")
    assert "X-Strandline-Signature" not in headers


@pytest.mark.parametrize("status", [300, 302, 307, 400, 408, 428, 430, 501, 505])
def test_any_other_answer_is_a_no(hook: Hook, status: int) -> None:
    hook.answers = [status]
    with pytest.raises(DeliveryError, match=rf"^hook: expected an answer of 2xx, found {status}\.$") as caught:
        post(make_channel(hook))
    assert (len(hook.got), caught.value.exit_code) == (1, 4)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_host_is_asked_four_times(hook: Hook, status: int) -> None:
    hook.answers = [status] * 3
    post(make_channel(hook))
    assert len(hook.got) == 4
    hook.answers = [status] * 9
    with pytest.raises(DeliveryError, match=rf"found {status}\.$"):
        post(make_channel(hook))
    assert len(hook.got) == 8


def test_a_host_that_does_not_answer_is_tried_thrice_and_its_address_not_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port = int(line.getsockname()[1])
    tries: list[int] = []
    connect = socket.socket.connect

    def count(self: socket.socket, address: Any) -> None:  # noqa: ANN401
        tries.append(address[1])
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", count)
    with pytest.raises(DeliveryError) as caught:
        post(make_channel(port))
    assert str(caught.value) == "hook: no answer (Connection refused)."
    assert caught.value.__cause__ is None
    assert tries == [port] * 3


def test_of_many_causes_the_innermost_counts() -> None:
    inner = OSError(113, "No route to host")
    middle = RuntimeError("at https://host/secret")
    middle.__context__ = inner
    outer = ValueError("outer")
    outer.__cause__ = middle
    outer.__context__ = KeyError("passed over")
    assert by_webhook._find_innermost(outer) is inner
    wrapped = requests.ConnectionError("a pool at https://host/secret")
    wrapped.reason = outer  # type: ignore[attr-defined]  # as urllib3 keeps it
    assert by_webhook._find_innermost(wrapped) is inner
    worded = ValueError("x")
    worded.reason = "a text"  # type: ignore[attr-defined]  # as of an error of SSL
    assert by_webhook._find_innermost(worded) is worded


def test_a_host_has_its_time_and_no_more(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    retries: list[Retry] = []
    post_once = requests.Session.post

    def note(self: requests.Session, url: str, **choices: Any) -> requests.Response:  # noqa: ANN401
        asked.append(choices)
        adapters = [self.get_adapter(f"{scheme}://x") for scheme in ("http", "https")]
        retries.extend(adapter.max_retries for adapter in adapters)  # type: ignore[attr-defined]
        return post_once(self, url, **choices)

    monkeypatch.setattr(requests.Session, "post", note)
    post(make_channel(hook))
    ((connect_s, read_s),) = [choices["timeout"] for choices in asked]
    (retry,) = {id(retry): retry for retry in retries}.values()  # the same for both schemes
    assert (retry.total, retry.connect) == (3, 2)
    # However a host behaves, it holds a round up for two minutes at most.
    assert (1 + retry.total) * read_s <= 60
    assert (1 + retry.connect) * connect_s <= 15
    assert retry.retry_after_max * retry.total <= 30
    assert asked[0]["stream"] is True  # a body without end is not read
    assert retry.raise_on_status is False


def test_a_header_is_our_own_whatever_a_file_of_passwords_says(
    hook: Hook,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,  # noqa: ANN401
) -> None:
    monkeypatch.setenv("HOOK_TOKEN", "abcdefgh")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    post(make_channel(hook, headers={"Authorization": "Bearer ${HOOK_TOKEN}"}))
    assert hook.got[0][1]["Authorization"] == "Bearer abcdefgh"
    monkeypatch.delenv("HOOK_TOKEN")
    with pytest.raises(SecretError, match="HOOK_TOKEN"):
        post(make_channel(hook, headers={"Authorization": "Bearer ${HOOK_TOKEN}"}))


def test_the_library_says_no_secret_while_it_speaks_and_all_else_as_before(
    hook: Hook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOOK_PATH", "abcdefgh")
    caplog.set_level(logging.DEBUG)
    post(make_channel(hook, url=f"http://127.0.0.1:{hook.port}/${{HOOK_PATH}}"))
    said = [record.getMessage() for record in caplog.records if record.name.startswith("urllib3")]
    assert any("POST /${HOOK_PATH}" in line for line in said)
    assert "abcdefgh" not in caplog.text
    logging.getLogger("urllib3.connectionpool").info("POST %s", "/abcdefgh")
    assert caplog.messages[-1] == "POST /abcdefgh"
