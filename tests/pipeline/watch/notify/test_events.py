"""People are told, over real lines; what fails comes back as not delivered, and no secret gets out."""

from __future__ import annotations

import email
import email.policy
import hashlib
import hmac
import json
import logging
import os
import pickle
import select
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from pipeline.errors import OptionError
from pipeline.secrets import hide_secrets
from pipeline.watch.notify.events import Delivery, Event, make_event_id, send_event
from pipeline.watch.notify.settings import Notification
from tests.conftest import skip_without
from tests.pipeline.watch.notify.notify_receivers import Hook, Mail, make_certificate, run_hook, run_mail
from tests.value_types import require_value_type

SECRETS = {
    "HOOK_PATH": "T000/B111/abcdefghij0123456789XY",
    "HOOK_TOKEN": "tok+en/with=signs&more",
    "SIGNING_KEY": "sign me, please",
    "SMTP_PASSWORD": "pass word: 'quoted'",
}
SIGNED, OTHER = {"secret": "${SIGNING_KEY}"}, "another"
EVENT = Event(
    kind="failure",
    area="nazare",
    title="A scene\nfailed",
    text="S2A_… could not be read: the line was cut.",
    facts={"scene": "S2A", "tries": 3, "more": {"share": 0.5, "list": [None, True]}},
    id=make_event_id("failure", "nazare", "S2A", 3),
)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return SECRETS


@pytest.fixture
def hook() -> Iterator[Hook]:
    with run_hook() as hook:
        yield hook


@pytest.fixture
def mail() -> Iterator[Mail]:
    with run_mail() as mail:
        yield mail


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        return int(line.getsockname()[1])


def make_channel(**values: Any) -> Notification:  # noqa: ANN401
    name = values.pop("name", values["kind"])
    channel: Notification = TypeAdapter(Notification).validate_python({"name": name, **values})
    return channel


def make_hook(port: int, **values: Any) -> Notification:  # noqa: ANN401
    return make_channel(kind="webhook", url=f"http://127.0.0.1:{port}/coast", **values)


def make_mail(port: int, **values: Any) -> Notification:  # noqa: ANN401
    least = {"host": "127.0.0.1", "security": "none", "from": "strandline@example.org", "to": ["coast@example.org"]}
    return make_channel(kind="email", port=port, **(least | values))


def send(channel: Notification, event: Event = EVENT) -> Delivery:
    (delivery,) = send_event(event, [channel], pause_s=0.01)
    return delivery


def test_a_webhook_gets_the_event_as_json_under_its_key(hook: Hook) -> None:
    assert send(make_hook(hook.port)) == Delivery(channel="webhook", delivered=True)
    ((path, headers, body),) = hook.got
    assert (path, headers["Idempotency-Key"], headers["Content-Type"]) == ("/coast", EVENT.id, "application/json")
    said = json.loads(body)
    assert (said["kind"], said["area"], said["title"]) == ("failure", "nazare", "A scene failed")
    assert said["facts"] == {"scene": "S2A", "tries": 3, "more": {"share": 0.5, "list": [None, True]}}


def test_headers_and_signature_come_from_the_environment(hook: Hook, environment: dict[str, str]) -> None:
    headers = {"Authorization": "Bearer ${HOOK_TOKEN}", "X-Place": "here"}
    send(make_hook(hook.port, headers=headers, **SIGNED))
    ((_, got, body),) = hook.got
    assert got["Authorization"] == f"Bearer {environment['HOOK_TOKEN']}"
    assert got["X-Place"] == "here"
    expected = hmac.new(environment["SIGNING_KEY"].encode(), body, hashlib.sha256).hexdigest()
    assert got["X-Strandline-Signature"] == f"sha256={expected}"


@pytest.mark.parametrize("faults", [[503, 429], ["cut"], [500, "cut"]])
def test_a_busy_host_is_asked_again_under_the_same_key(hook: Hook, faults: list[int | str]) -> None:
    hook.answers = list(faults)
    assert send(make_hook(hook.port)).delivered
    assert len(hook.got) == len(faults) + 1
    assert {headers["Idempotency-Key"] for _, headers, _ in hook.got} == {EVENT.id}
    assert len({body for _, _, body in hook.got}) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_a_host_that_says_no_is_not_asked_again(hook: Hook, status: int) -> None:
    hook.answers = [status]
    delivery = send(make_hook(hook.port))
    assert (delivery.delivered, len(hook.got)) == (False, 1)
    assert delivery.reason == f"webhook: expected an answer of 2xx, found {status}."


def test_our_headers_follow_no_redirect(hook: Hook) -> None:
    hook.answers = [307]
    assert not send(make_hook(hook.port, headers={"Authorization": "Bearer ${HOOK_TOKEN}"})).delivered
    assert [path for path, _, _ in hook.got] == ["/coast"]


def test_a_host_that_stays_down_is_told_in_the_next_round(hook: Hook) -> None:
    channels = [make_hook(hook.port, name="first"), make_hook(hook.port, name="second")]
    hook.answers = [404]
    first = send_event(EVENT, channels, pause_s=0.01)
    assert [delivery.delivered for delivery in first] == [False, True]
    told = {delivery.channel for delivery in first if delivery.delivered}
    again = send_event(EVENT, channels, skip=told, pause_s=0.01)
    assert [(delivery.channel, delivery.delivered) for delivery in again] == [("first", True)]
    assert len(hook.got) == 3


def test_only_those_are_told_who_want_to_hear(hook: Hook) -> None:
    channels = [
        make_hook(hook.port, name="failures", events=["failure"]),
        make_hook(hook.port, name="alerts", events=["alert", "published"]),
    ]
    assert [delivery.channel for delivery in send_event(EVENT, channels)] == ["failures"]
    assert send_event(EVENT, []) == ()


def test_nobody_listens(closed_port: int) -> None:
    for channel in (make_hook(closed_port), make_mail(closed_port)):
        delivery = send(channel)
        assert not delivery.delivered
        assert "Connection refused" in str(delivery.reason)


def test_a_letter_arrives(mail: Mail) -> None:
    assert send(make_mail(mail.port, to=["a@example.org", "b@example.org"])) == Delivery(
        channel="email", delivered=True
    )
    ((sender, receivers, text),) = mail.letters
    letter = email.message_from_string(text, policy=email.policy.default)
    assert (sender, receivers) == ("strandline@example.org", ["a@example.org", "b@example.org"])
    assert letter["Subject"] == "[strandline] A scene failed"
    assert letter["Message-ID"] == f"<{EVENT.id}@example.org>"
    assert letter["Auto-Submitted"] == "auto-generated"
    body = letter.get_body()
    assert body is not None
    assert "the line was cut" in body.get_content()
    assert "tries: 3" in body.get_content()


def test_a_busy_mail_server_is_asked_again_and_one_that_says_no_is_not(mail: Mail) -> None:
    mail.answers = ["451 later"]
    assert send(make_mail(mail.port)).delivered
    mail.answers = ["554 never", "250 taken"]
    delivery = send(make_mail(mail.port))
    assert not delivery.delivered
    assert delivery.reason == "email: the mail was not taken (554 never)."
    assert len(mail.letters) == 1


def test_refused_addresses_are_named(mail: Mail) -> None:
    mail.refused = {"gone@example.org"}
    both = send(make_mail(mail.port, to=["gone@example.org", "here@example.org"]))
    assert both == Delivery(channel="email", delivered=True, reason="refused for gone@example.org")
    alone = send(make_mail(mail.port, to="gone@example.org"))
    assert not alone.delivered
    assert "550 nobody of that name" in str(alone.reason)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        skip_without("openssl")
    return make_certificate(tmp_path_factory.mktemp("certificate"))


LOGIN = {"security": "starttls", "user": "me", "password": "${SMTP_PASSWORD}"}


def test_a_password_goes_over_an_encrypted_line(
    certificate: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with run_mail(certificate=certificate, password=environment["SMTP_PASSWORD"]) as mail:
        assert send(make_mail(mail.port, **LOGIN)).delivered
        assert mail.logins == [("me", environment["SMTP_PASSWORD"])]
        assert mail.encrypted == [True]


def test_a_certificate_that_nobody_vouches_for_gets_no_password(certificate: Path, environment: dict[str, str]) -> None:
    with run_mail(certificate=certificate, password=environment["SMTP_PASSWORD"]) as mail:
        delivery = send(make_mail(mail.port, **LOGIN))
        assert not delivery.delivered
        assert "certificate" in str(delivery.reason).lower()
        assert mail.logins == []


def test_a_server_without_encryption_gets_no_password(mail: Mail) -> None:
    delivery = send(make_mail(mail.port, **LOGIN))
    assert not delivery.delivered
    assert "STARTTLS" in str(delivery.reason)
    assert mail.logins == []


def make_command(*argv: str, **values: Any) -> Notification:  # noqa: ANN401
    return make_channel(kind="command", argv=[sys.executable, *argv], **values)


def test_a_command_gets_the_event_on_its_standard_input(tmp_path: Path) -> None:
    out = tmp_path / "event.json"
    script = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.stdin.read())"
    assert send(make_command("-c", script, str(out))).delivered
    assert json.loads(out.read_text()) == json.loads(EVENT.to_json())


def test_a_command_that_fails_says_why() -> None:
    script = "import os, sys; sys.exit(f'no line to {os.environ[\"HOOK_TOKEN\"]}')"
    delivery = send(make_command("-c", script))
    assert not delivery.delivered
    assert "ended with code 1 (no line to ${HOOK_TOKEN})" in str(delivery.reason)
    missing = send(make_channel(kind="command", argv=["no-such-program-here"]))
    assert "does not start (No such file or directory)" in str(missing.reason)


def test_a_command_that_does_not_end_is_killed_with_what_it_started(tmp_path: Path) -> None:
    """What it started holds one end of a pipe, and its end is the end of the pipe."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    script = f"(echo alive; exec sleep 600) > '{fifo}' & wait"
    channel = make_channel(kind="command", argv=["sh", "-c", script], timeout_s=1)
    assert "did not end within 1 s" in str(send(channel).reason)
    heard, deadline = [b""], time.monotonic() + 10
    while time.monotonic() < deadline and select.select([reader], [], [], 10)[0]:
        heard.append(os.read(reader, 100))
        if not heard[-1]:
            break
    os.close(reader)
    assert heard == [b"", b"alive\n", b""]


def test_no_secret_comes_out_whatever_fails(
    hook: Hook,
    closed_port: int,
    environment: dict[str, str],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Every way to fail, with all loggers at their most talkative: then all that came out is searched."""
    caplog.set_level(logging.DEBUG)
    url = f"http://127.0.0.1:{hook.port}/services/${{HOOK_PATH}}?at=${{HOOK_TOKEN}}"
    headers = {"Authorization": "Bearer ${HOOK_TOKEN}"}
    leaking = Event(
        kind="alert",
        area="nazare",
        title=f"at {environment['HOOK_TOKEN']}",
        text=f"postgresql://me:{environment['SMTP_PASSWORD']}@db said no",
        facts={"error": [environment["HOOK_PATH"]]},
        id=make_event_id("alert", 1),
    )
    channels = [
        make_channel(kind="webhook", url=url, headers=headers, **SIGNED, events=["alert"], name="hook"),
        make_channel(kind="webhook", url=url.replace(str(hook.port), str(closed_port)), events=["alert"], name="down"),
        make_channel(kind="webhook", url="${HOOK_TOKEN}", events=["alert"], name="bent"),
        make_command("-c", "import os; raise SystemExit(str(dict(os.environ)))", events=["alert"], name="program"),
    ]
    hook.answers = [503, "cut", 500, 404]
    with run_mail(password=OTHER) as mail:
        login = LOGIN | {"security": "none"}
        channels.append(make_mail(mail.port, **login, events=["alert"], name="mail"))
        deliveries = send_event(leaking, channels, pause_s=0.01)
    assert [delivery.delivered for delivery in deliveries] == [False] * 5
    assert len(hook.got) == 4
    assert mail.logins == [("me", environment["SMTP_PASSWORD"])]
    records = " ".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "Retry" in records  # urllib3 did speak
    captured = capfd.readouterr()
    said = records + repr(deliveries) + repr(channels) + captured.out + captured.err
    said += " ".join(body.decode() for _, _, body in hook.got)
    for value in environment.values():
        for part in (value, *value.split("/")[-1:]):
            assert part not in said, part


@given(value=st.text(min_size=6, max_size=30).filter(lambda text: text.isprintable() and text.strip() == text))
def test_a_secret_is_hidden_in_each_form_that_libraries_write_it_in(value: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COAST_SECRET", value)
        forms = (value, quote(value), quote(value, safe=""), quote_plus(value), repr(value), json.dumps(value))
        for form in forms:
            said = hide_secrets(f"a <{form}> b", ["COAST_SECRET"]).replace("${COAST_SECRET}", "")
            assert value not in said
            assert quote(value, safe="") not in said


def test_an_event_that_was_kept_is_the_same_again() -> None:
    assert Event.from_json(EVENT.to_json()) == EVENT
    assert pickle.loads(pickle.dumps(EVENT)) == EVENT  # noqa: S301 (our own)
    with pytest.raises(OptionError, match="Expected an event as JSON"):
        Event.from_json('{"kind": "alert", "who": 1}')


def test_ids_are_the_same_for_the_same_parts_alone() -> None:
    assert make_event_id("failure", "a", 1) == make_event_id("failure", "a", 1)
    assert (
        len({make_event_id("failure", "a", 1), make_event_id("failure", "a1"), make_event_id("failure", "a", 2)}) == 3
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "party"}, "Expected an event of the kinds failure, alert"),
        ({"id": "a b"}, "Expected an id"),
        ({"facts": {"when": object()}}, "Expected facts that JSON can hold"),
        ({"facts": {"share": float("nan")}}, "Expected facts that JSON can hold"),
    ],
)
def test_what_is_no_event_is_said(values: dict[str, Any], message: str) -> None:
    least = {"kind": "alert", "area": "a", "title": "t", "text": "x", "id": "0" * 32}
    with pytest.raises(OptionError, match=message):
        Event(**(least | values))


@pytest.mark.parametrize("kind", [Event, Delivery])
def test_events_and_deliveries_are_values(kind: type) -> None:
    require_value_type(kind)


def test_the_same_event_is_the_same_text() -> None:
    event = Event(kind="alert", area="a", title=" é\n b ", text="x", facts={"b": 1, "a": [None]}, id="0" * 8)
    assert event.to_json() == (
        '{"area": "a", "facts": {"a": [null], "b": 1}, "id": "00000000", "kind": "alert", "text": "x", "title": "é b"}'
    )
    assert event == Event(kind="alert", area="a", title="é b", text="x", facts={"a": [None], "b": 1}, id="0" * 8)


@pytest.mark.parametrize("size", [8, 128])
def test_an_id_has_eight_to_128_characters(size: int) -> None:
    assert Event(kind="alert", area="a", title="t", text="x", id="0" * size).id == "0" * size
    with pytest.raises(OptionError, match="Expected an id of 8 to 128 letters"):
        Event(kind="alert", area="a", title="t", text="x", id="0" * (7 if size == 8 else 129))


def test_what_is_no_event_is_shown_in_part() -> None:
    text = f"[{'1' * 99}]"
    with pytest.raises(OptionError, match=rf"found '\[{'1' * 79}' \("):
        Event.from_json(text)


def test_ids_of_events_that_were_kept_do_not_change() -> None:
    """Who was told before an upgrade is not told again after it."""
    assert make_event_id("failure", "nazare", "S2A", 3) == "3f838742c86d142c9d942983cbeaa65b"


def make_alert(**values: Any) -> Event:  # noqa: ANN401
    return Event(**{"kind": "alert", "area": "coast", "title": "t", "text": "The sea.", "id": "0" * 32, **values})


def test_a_letter_says_text_facts_and_origin(mail: Mail) -> None:
    for facts, middle in (({}, ""), ({"b": 2, "a": [1]}, "a: [1]\nb: 2\n\n")):
        assert send(make_mail(mail.port), make_alert(facts=facts)).delivered
        letter = email.message_from_string(mail.letters[-1][2], policy=email.policy.default)
        body = letter.get_body()
        assert body is not None
        assert body.get_content().replace("\r\n", "\n") == f"The sea.\n\n{middle}Area coast, event {'0' * 32}.\n"


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """What running a command raises next."""
    errors: list[BaseException] = []

    def run(*_: object) -> None:
        raise errors.pop(0)

    monkeypatch.setattr("pipeline.watch.notify.events.run_command", run)
    return errors


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("x" * 300), "x" * 300),
        (RuntimeError("x" * 301), "x" * 300),
        (RuntimeError(" two\nlines "), "two lines"),
        (RuntimeError(), "RuntimeError"),
        (RuntimeError("at sign me, please"), "at ${SIGNING_KEY}"),
    ],
)
def test_whatever_goes_wrong_is_a_reason_and_no_failure(
    raising: list[BaseException], error: Exception, reason: str
) -> None:
    raising.append(error)
    channel = make_command("x", events=["alert"])
    hidden = make_hook(1, name="other", events=["failure"], **SIGNED)
    assert send_event(make_alert(), [channel, hidden]) == (Delivery(channel="command", delivered=False, reason=reason),)


def test_what_is_not_quite_right_is_told_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.watch.notify.events.send_email", lambda *_, **__: "refused for sign me, please")
    channels = [make_mail(1, events=["alert"]), make_hook(1, name="other", events=["failure"], **SIGNED)]
    assert send_event(make_alert(), channels) == (
        Delivery(channel="email", delivered=True, reason="refused for ${SIGNING_KEY}"),
    )


def test_each_way_of_telling_gets_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[object, ...]] = []
    for name in ("run_command", "send_email", "post_webhook"):
        monkeypatch.setattr(
            f"pipeline.watch.notify.events.{name}",
            lambda channel, *body, name=name, **values: told.append((name, channel.name, *body, values)),
        )
    event = make_alert()
    channels = [make_command("x", events=["alert"]), make_mail(1, events=["alert"]), make_hook(1, events=["alert"])]
    assert [delivery.delivered for delivery in send_event(event, channels)] == [True] * 3
    text = f"The sea.\n\nArea coast, event {event.id}.\n"
    assert told == [
        ("run_command", "command", event.to_json(), {}),
        ("send_email", "email", {"subject": "t", "text": text, "id": event.id, "pause_s": 0.5}),
        ("post_webhook", "webhook", event.to_json(), {"id": event.id, "pause_s": 0.5}),
    ]
    assert send_event(event, channels, skip={"command", "email", "webhook"}) == ()
    assert send_event(make_alert(kind="failure"), channels) == ()
