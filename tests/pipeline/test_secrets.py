"""Secrets are named in files and kept in the environment; what holds one is refused or hidden, and nothing else."""

from __future__ import annotations

import pytest

from pipeline.errors import SecretError
from pipeline.secrets import (
    Reference,
    has_token,
    hide_secrets,
    is_secret_name,
    refuse_credentials,
    refuse_literal,
)
from tests.value_types import require_value_type


def test_a_reference_is_a_value() -> None:
    require_value_type(Reference, by_keyword=False)


@pytest.mark.parametrize("text", ["${", "${1A}", "a ${HOST-NAME}", "${A} ${}"])
def test_a_reference_names_variables_of_letters_digits_and_underscores(text: str) -> None:
    with pytest.raises(SecretError, match=r"expected a variable of the environment as \$\{NAME\}"):
        Reference(text)


def test_a_reference_is_put_together_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_1", "example.org")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("UNSET", raising=False)
    reference = Reference("${HOST_1}/${UNSET}/${HOST_1}/${EMPTY}")
    assert reference.names == ("HOST_1", "UNSET", "EMPTY")
    assert reference.find_unset() == ("UNSET", "EMPTY")
    assert Reference("at ${HOST_1}, ${HOST_1}").reveal() == "at example.org, example.org"
    assert Reference("no variable: $HOST_1 {HOST_1}").reveal() == "no variable: $HOST_1 {HOST_1}"
    for name in ("UNSET", "EMPTY"):
        with pytest.raises(SecretError, match=f"Expected the environment variable {name}, which is not set"):
            Reference(f"${{{name}}}").reveal()


def test_a_part_of_a_url_is_escaped_and_a_whole_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PART", "a@b/c:d")
    monkeypatch.setenv("WHOLE", "https://host/a@b?c=d")
    assert Reference("https://host/${PART}").reveal_url() == "https://host/a%40b%2Fc%3Ad"
    assert Reference("${WHOLE}").reveal_url() == "https://host/a@b?c=d"


@pytest.mark.parametrize("text", ["${KEY}", "Bearer ${KEY}", "basic ${KEY}", " ${KEY} ", "${KEY}${MORE}"])
def test_a_secret_may_stand_as_a_name_alone_or_after_a_scheme(text: str) -> None:
    reference = Reference(text)
    assert refuse_literal(reference, "a secret") is reference


@pytest.mark.parametrize("text", ["hunter2", "", "Bearer", "Bearer abc ${KEY}", "x${KEY}", "${KEY}x"])
def test_a_secret_that_is_written_out_is_refused(text: str) -> None:
    with pytest.raises(SecretError, match=r"^a secret must not stand in the file: write \$\{NAME\}"):
        refuse_literal(Reference(text), "a secret")


@pytest.mark.parametrize(
    "url",
    [
        "maps/token=abc?token=abc",
        "s3://bucket/maps",
        "https://user@host/maps",
        "https://host/maps?page=2&limit=9",
        "https://host/maps?token=",
        "https://host/maps?token=${KEY}",
        "https://user:${PASSWORD}@host/maps",
        "https://host/maps?note=a@b&st=1",
    ],
)
def test_a_url_without_credentials_passes(url: str) -> None:
    assert refuse_credentials(url, "the URL") == url


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@host/maps",
        "https://host/maps?token=abc",
        "https://host/maps?page=2&api_key=abc",
        "https://host/maps?X-Amz-Signature=abc",
        "https://host/maps?se=2026&sig=abc",
        "https://host/maps?x-amz-date=20260101",
    ],
)
def test_a_url_with_credentials_is_refused(url: str) -> None:
    with pytest.raises(SecretError, match=r"^credentials in the URL must not stand in the file"):
        refuse_credentials(url, "the URL")


def test_a_url_that_cannot_be_read_is_refused_without_being_quoted() -> None:
    with pytest.raises(SecretError, match=r"^expected the URL to be a URL, found one that cannot be read$"):
        refuse_credentials("https://[hunter2/maps", "the URL")


def test_names_of_headers_and_parameters_tell_secrets() -> None:
    assert all(map(is_secret_name, ["Authorization", "X-Api-Key", "key", "Cookie", "access_token", "sig", "PASSWORD"]))
    assert not any(map(is_secret_name, ["Content-Type", "monkey", "keyboard", "signal", "page"]))


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("https://host/hooks/abcdefghij0123456789", True),
        ("https://host/hooks/abcdefghij012345678", False),  # one character less
        ("https://host/hooks/abcdefghijabcdefghij", False),
        ("https://host/hooks/01234567890123456789", False),
        ("https://host/hooks/${PATH_OF_THE_HOOK_0123456789}", False),
        ("https://host/?at=abcdefghij0123456789", False),
    ],
)
def test_a_long_part_of_letters_and_digits_looks_like_a_token(url: str, answer: bool) -> None:
    assert has_token(url) is answer


def test_a_named_secret_is_hidden_from_four_characters_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORT", "abc")
    monkeypatch.setenv("LONGER", "wxyz")
    text = "abc and wxyz"
    assert hide_secrets(text, ["SHORT", "LONGER", "NOT_SET"]) == "abc and ${LONGER}"
    assert hide_secrets(text) == text


def test_a_secret_that_is_only_guessed_is_hidden_from_eight_characters_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COAST_TOKEN", "1234567")
    monkeypatch.setenv("SHORE_PASSWORD", "abcdefgh")
    monkeypatch.setenv("TOKENS_OF_COAST", "ABCDEFGHIJ")  # no name of a secret
    assert hide_secrets("1234567 abcdefgh ABCDEFGHIJ") == "1234567 ${SHORE_PASSWORD} ABCDEFGHIJ"
    assert hide_secrets("1234567", ["COAST_TOKEN"]) == "${COAST_TOKEN}"


def test_of_two_secrets_the_longer_is_hidden_first_and_of_equal_ones_the_first_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("A_PART", "north")
    monkeypatch.setenv("Z_WHOLE", "north-sea")
    monkeypatch.setenv("B_SAME", "north-sea")
    assert hide_secrets("north-sea, north", ["A_PART", "Z_WHOLE", "B_SAME"]) == "${B_SAME}, ${A_PART}"


def test_of_a_url_the_parts_that_may_be_secret_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "https://me:p4ss@host/hook/abcdefghij0123456789?at=north")
    assert hide_secrets("POST /hook/abcdefghij0123456789?at=north", ["HOOK"]) == "POST ${HOOK}"
    assert hide_secrets("path abcdefghij0123456789", ["HOOK"]) == "path ${HOOK}"
    assert hide_secrets("query at=north", ["HOOK"]) == "query ${HOOK}"
    assert hide_secrets("password p4ss", ["HOOK"]) == "password ${HOOK}"
    assert hide_secrets("host of the hook", ["HOOK"]) == "host of the hook"
    monkeypatch.setenv("HOOK", "https://host/coast?a=bcdef")
    assert hide_secrets("/coast a=bcdef", ["HOOK"]) == "/coast a=bcdef"  # too short to be known for sure
    assert hide_secrets("/coast?a=bcdef", ["HOOK"]) == "${HOOK}"


def test_a_secret_is_hidden_as_python_and_json_quote_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "é\t\"'\\")
    for text in ("é\\t\"\\'\\\\", "\\u00e9\\t\\\"'\\\\"):
        assert hide_secrets(f"<{text}>", ["KEY"]) == "<${KEY}>"


def test_passwords_of_other_urls_are_dropped() -> None:
    assert hide_secrets("postgresql://me:hunter2@db/coast") == "postgresql://...@db/coast"
    assert hide_secrets("ssh://me@host:22/x") == "ssh://me@host:22/x"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "GET https://h/x?X-Amz-Signature=abc&X-Amz-Date=1 failed",
            "GET https://h/x?X-Amz-Signature=...&X-Amz-Date=... failed",
        ),
        ("'https://h/x?se=2026&sig=a%2Fb'", "'https://h/x?se=2026&sig=...'"),
        ("https://h/x?page=2", "https://h/x?page=2"),
    ],
)
def test_what_signs_an_address_is_not_shown(said: str, shown: str) -> None:
    assert hide_secrets(said) == shown
