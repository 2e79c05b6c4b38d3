"""A letter is taken, or is tried again where that may help, and who refused it is named."""

from __future__ import annotations

import smtplib
import socket
import ssl
from typing import Any

import pytest

from pipeline.errors import AreasError, SecretError
from pipeline.watch.notify import by_email
from pipeline.watch.notify.by_email import send_email
from pipeline.watch.notify.delivery import DeliveryError
from tests.pipeline.watch.notify.notify_receivers import read_channel


class Server:
    """Stands in for smtplib's: notes what is done with it, and answers as it is told."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.letters: list[Any] = []
        self.answers: list[Exception] = []
        self.refused: dict[str, tuple[int, bytes]] = {}

    def connect(self, kind: str) -> Any:  # noqa: ANN401 (in place of a class of smtplib)
        def open_line(host: str, port: int, *, timeout: float, context: object = None) -> Server:
            self.calls.append(f"{kind} {host}:{port} within {timeout:g} s{' encrypted' if context else ''}")
            return self

        return open_line

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def starttls(self, *, context: ssl.SSLContext) -> None:
        assert context.verify_mode is ssl.CERT_REQUIRED
        self.calls.append("starttls")

    def login(self, user: str, password: str) -> None:
        self.calls.append(f"login {user} {password}")

    def send_message(self, letter: object) -> dict[str, tuple[int, bytes]]:
        self.letters.append(letter)
        if self.answers:
            raise self.answers.pop(0)
        return self.refused


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(smtplib, "SMTP", server.connect("plain"))
    monkeypatch.setattr(smtplib, "SMTP_SSL", server.connect("tls"))
    return server


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that would have been made."""
    pauses: list[float] = []
    monkeypatch.setattr(by_email.time, "sleep", pauses.append)
    return pauses


def make_channel(**values: object) -> Any:  # noqa: ANN401
    least = {"kind": "email", "name": "mail", "host": "mx", "from": "coast@example.org", "to": ["a@x.org", "b@x.org"]}
    return read_channel(least | values)


def send(channel: Any, *, pause_s: float = 0.5) -> str | None:  # noqa: ANN401
    return send_email(channel, subject="A scene failed", text="Why: é.\n", id="0" * 32, pause_s=pause_s)


@pytest.mark.parametrize(
    ("values", "calls"),
    [
        ({}, ["plain mx:587 within 20 s", "starttls"]),
        ({"security": "tls"}, ["tls mx:465 within 20 s encrypted"]),
        ({"security": "none"}, ["plain mx:25 within 20 s"]),
        ({"port": 2525}, ["plain mx:2525 within 20 s", "starttls"]),
        (
            {"user": "me", "password": "${MAIL_PASSWORD}"},
            ["plain mx:587 within 20 s", "starttls", "login me p4ss"],
        ),
    ],
)
def test_a_server_is_reached_as_its_security_says(
    server: Server, monkeypatch: pytest.MonkeyPatch, values: dict[str, object], calls: list[str]
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "p4ss")
    assert send(make_channel(**values)) is None
    assert server.calls == calls


def test_a_letter_says_from_whom_and_what_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDER", "Coast <coast@example.org>")
    send(make_channel(**{"from": "${SENDER}"}))
    (letter,) = server.letters
    assert (letter["From"], letter["To"]) == ("Coast <coast@example.org>", "a@x.org, b@x.org")
    assert (letter["Subject"], letter["Message-ID"]) == ("[strandline] A scene failed", f"<{'0' * 32}@example.org>")
    assert (letter["Auto-Submitted"], letter.get_content()) == ("auto-generated", "Why: é.\n")
    assert letter["Date"].datetime.tzinfo is not None


def test_an_address_from_the_environment_may_be_odd(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDER", "coast@>")
    send(make_channel(**{"from": "${SENDER}"}))
    assert server.letters[0]["Message-ID"] == f"<{'0' * 32}@strandline>"
    monkeypatch.setenv("SENDER", "a@x.org\nBcc: b@x.org")
    with pytest.raises(AreasError, match="mail: expected addresses of one line"):
        send(make_channel(**{"from": "${SENDER}"}))
    monkeypatch.delenv("SENDER")
    with pytest.raises(SecretError, match="SENDER"):
        send(make_channel(**{"from": "${SENDER}"}))


PASSING = [
    smtplib.SMTPServerDisconnected("cut"),
    smtplib.SMTPDataError(400, b"later"),
    smtplib.SMTPDataError(499, b"later"),
    smtplib.SMTPRecipientsRefused({"a": (400, b"later"), "b": (499, b"later")}),
    ConnectionRefusedError(111, "Connection refused"),
    TimeoutError("timed out"),
]
LASTING = [
    smtplib.SMTPDataError(399, b"odd"),
    smtplib.SMTPDataError(500, b"never"),
    smtplib.SMTPAuthenticationError(535, b"who are you"),
    smtplib.SMTPRecipientsRefused({"a": (450, b"later"), "b": (500, b"nobody")}),
    smtplib.SMTPRecipientsRefused({"a": (399, b"odd")}),
    smtplib.SMTPNotSupportedError("no STARTTLS"),
    ssl.SSLCertVerificationError("nobody vouches"),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_may_pass_is_tried_three_times(server: Server, pauses: list[float], error: Exception) -> None:
    server.answers = [error] * 2
    assert send(make_channel(), pause_s=0.5) is None
    assert (len(server.letters), pauses) == (3, [0.5, 1.0])
    server.answers = [error] * 3
    with pytest.raises(DeliveryError, match=r"^mail: the mail was not taken \(.+\)\.$") as caught:
        send(make_channel())
    assert (len(server.letters), caught.value.__cause__, caught.value.exit_code) == (6, None, 4)


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_what_lasts_is_tried_once(server: Server, pauses: list[float], error: Exception) -> None:
    server.answers = [error]
    with pytest.raises(DeliveryError, match="the mail was not taken"):
        send(make_channel())
    assert (len(server.letters), pauses) == (1, [])


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (smtplib.SMTPDataError(554, b"never\xff"), "554 never�"),
        (smtplib.SMTPDataError(554, "never"), "554 never"),
        (
            smtplib.SMTPRecipientsRefused({"a@x.org": (550, b"nobody"), "b@x.org": (551, b"gone")}),
            "a@x.org: 550 nobody; b@x.org: 551 gone",
        ),
        (smtplib.SMTPNotSupportedError("no STARTTLS"), "no STARTTLS"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_the_reason_is_that_of_the_server_or_the_system(
    server: Server, pauses: list[float], error: Exception, reason: str
) -> None:
    server.answers = [error] * 3
    with pytest.raises(DeliveryError) as caught:
        send(make_channel())
    assert str(caught.value) == f"mail: the mail was not taken ({reason})."


def test_who_was_refused_is_named_where_others_were_not(server: Server) -> None:
    server.refused = {"b@x.org": (550, b"nobody"), "a@x.org": (550, b"nobody")}
    assert send(make_channel()) == "refused for a@x.org, b@x.org"
