"""What a file may say of who is told what: no secret, and nothing that cannot work."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from pipeline.secrets import Reference
from pipeline.watch.notify.settings import (
    EVENT_KINDS,
    CommandChannel,
    EmailChannel,
    Notification,
    WebhookChannel,
)

HOOK: dict[str, Any] = {"kind": "webhook", "url": "https://host/hook"}
MAIL: dict[str, Any] = {"kind": "email", "host": "mx", "from": "a@x.org", "to": "b@x.org"}
COMMAND: dict[str, Any] = {"kind": "command", "argv": ["bell"]}


def read(values: dict[str, Any]) -> Notification:
    channel: Notification = TypeAdapter(Notification).validate_python(values)
    return channel


def refuse(values: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        read(values)
    return "; ".join(fault["msg"] for fault in caught.value.errors())


def test_little_need_be_said() -> None:
    hook, mail, command = read(HOOK), read(MAIL), read(COMMAND)
    assert isinstance(hook, WebhookChannel)
    assert isinstance(mail, EmailChannel)
    assert isinstance(command, CommandChannel)
    assert hook.events == mail.events == command.events == {"failure", "alert", "recovered"}
    assert EVENT_KINDS == ("failure", "alert", "published", "recovered")
    assert (hook.name, hook.headers, hook.secret) == ("", {}, None)
    assert (mail.security, mail.port, mail.user, mail.to) == ("starttls", None, None, (Reference("b@x.org"),))
    assert (command.argv, command.timeout_s) == (("bell",), 60)


@pytest.mark.parametrize("values", [HOOK, MAIL, COMMAND])
def test_a_channel_cannot_be_changed_and_takes_no_other_settings(values: dict[str, Any]) -> None:
    channel = read(values)
    with pytest.raises(ValidationError, match="frozen"):
        channel.name = "other"  # type: ignore[misc]
    assert refuse({**values, "colour": "red"}) == "Extra inputs are not permitted"
    assert "at least 1 item" in refuse({**values, "events": []})
    assert "Input should be" in refuse({**values, "events": ["party"]})
    assert "should match pattern" in refuse({**values, "name": "-"})
    assert read({**values, "name": "a-b.c_1", "events": ["published"]}).events == {"published"}


def test_an_address_may_be_named_from_or_sender() -> None:
    others = {name: value for name, value in MAIL.items() if name != "from"}
    assert read({**others, "sender": "a@x.org"}) == read(MAIL)


def test_the_variables_of_a_channel_are_all_that_stand_in_its_settings() -> None:
    hook = read({**HOOK, "url": "${URL}", "headers": {"X-A": "${A} ${URL}", "X-B": "b"}, "secret": "${KEY}"})
    assert [reference.text for reference in hook.references] == ["${URL}", "${A} ${URL}", "b", "${KEY}"]
    assert hook.secret_names == ("URL", "A", "KEY")
    login = {"user": "${USER_NAME}", "password": "${PASSWORD}", "to": ["${TO}", "c@x.org"]}
    mail = read({**MAIL, **login, "host": "${MX}", "from": "${FROM}"})
    assert mail.secret_names == ("MX", "USER_NAME", "PASSWORD", "FROM", "TO")
    assert (read(COMMAND).references, read(COMMAND).secret_names) == ((), ())


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "a\rb", "a\0b", 7, None, ["a"]])
def test_a_text_has_one_line(text: object) -> None:
    assert "expected a text of one line" in refuse({**HOOK, "headers": {"X-A": text}})


def test_a_text_is_read_without_the_space_around_it() -> None:
    assert read({**HOOK, "url": " https://host/hook "}).references == (Reference("https://host/hook"),)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"url": "ftp://host/hook"}, "expected a URL that begins with https:// or http://"),
        ({"url": "host/hook"}, "expected a URL that begins with"),
        ({"url": "https://me:p4ss@host/hook"}, "credentials in the URL must not stand in the file"),
        ({"url": "https://host/hook/abcdefghij0123456789"}, "a part of this URL looks like a token"),
        ({"headers": {"X A": "b"}}, "expected the name of a header, found 'X A'"),
        ({"headers": {"Authorization": "Bearer abc"}}, "the value of the header Authorization must not stand"),
        ({"secret": "abc"}, "a secret must not stand in the file"),
    ],
)
def test_a_webhook_that_cannot_be_or_is_a_secret_is_refused(values: dict[str, Any], message: str) -> None:
    assert message in refuse({**HOOK, **values})


def test_a_webhook_may_be_plain_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("http://host/hook", "${HOOK}", "https://host/${PART}"):
        assert read({**HOOK, "url": url}).references == (Reference(url),)
    assert read({**HOOK, "headers": {"Authorization": "Bearer ${TOKEN}"}}).secret_names == ("TOKEN",)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"port": 0}, "greater than or equal to 1"),
        ({"port": 65_536}, "less than or equal to 65535"),
        ({"to": []}, "at least 1 item"),
        ({"to": ["b"]}, "expected an address such as coast@example.org"),
        ({"to": ["b@x.org", "c@x.org, d@x.org"]}, "expected an address"),
        ({"from": "Coast <a@x.org>"}, "expected an address"),
        ({"user": "me"}, "expected user and password, or neither"),
        ({"password": "${P}"}, "expected user and password, or neither"),
        ({"user": "me", "password": "abc"}, "a password must not stand in the file"),
        ({"security": "none", "user": "me", "password": "${P}"}, "a password is not sent over an open line"),
        ({"security": "ssl"}, "Input should be 'starttls', 'tls' or 'none'"),
    ],
)
def test_a_mail_that_cannot_be_or_is_a_secret_is_refused(values: dict[str, Any], message: str) -> None:
    assert message in refuse({**MAIL, **values})


@pytest.mark.parametrize(
    "values",
    [
        {"port": 1},
        {"port": 65_535},
        {"to": ["${TO}", "b@x.org"]},
        {"from": "${FROM}"},
        {"security": "none"},
        {"security": "none", "user": "me", "password": "${P}", "host": "localhost"},
        {"security": "tls", "user": "me", "password": "${P}"},
        {"user": "me", "password": "${P}"},
    ],
)
def test_a_mail_that_can_be_is_read(values: dict[str, Any]) -> None:
    assert read({**MAIL, **values}).name == ""


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"argv": []}, "at least 1 item"),
        ({"argv": [" "]}, "expected a program and its arguments"),
        ({"argv": ["bell", "a\0b"]}, "expected a program and its arguments"),
        ({"argv": ["bell", "--at=${TOKEN}"]}, "arguments of a program can be seen by others"),
        ({"argv": ["bell", "https://me:p4ss@host"]}, "credentials in an argument"),
        ({"timeout_s": 0}, "greater than 0"),
        ({"timeout_s": 3_601}, "less than or equal to 3600"),
    ],
)
def test_a_program_that_cannot_be_or_tells_a_secret_is_refused(values: dict[str, Any], message: str) -> None:
    assert message in refuse({**COMMAND, **values})


def test_a_program_may_have_an_hour_and_empty_arguments() -> None:
    channel = read({**COMMAND, "argv": ["bell", ""], "timeout_s": 3_600})
    assert isinstance(channel, CommandChannel)
    assert (channel.argv, channel.timeout_s) == (("bell", ""), 3_600)
    assert read({**COMMAND, "timeout_s": 0.5}).name == ""
