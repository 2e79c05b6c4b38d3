"""What is checked of a ledger before a watcher begins: that it answers, within some seconds, and no secret shows."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import cast

import pytest
import sqlalchemy

from pipeline.watch.areas.check import _check_ledger
from pipeline.watch.areas.file import WatchSettings


def make_settings(ledger: str) -> WatchSettings:
    return cast(
        "WatchSettings",
        SimpleNamespace(
            ledger=ledger, reveal_ledger_url=lambda: ledger, hide=lambda text: text.replace("hunter2", "...")
        ),
    )


@pytest.mark.parametrize(
    ("url", "arguments"),
    [("postgresql+psycopg://me@far/ledger", {"connect_timeout": 10}), ("mysql://me@far/ledger", {})],
)
def test_a_server_is_given_some_seconds_to_answer(
    monkeypatch: pytest.MonkeyPatch, url: str, arguments: dict[str, int]
) -> None:
    asked: list[object] = []

    def create_engine(_url: sqlalchemy.URL, **choices: object) -> object:
        asked.append((choices["connect_args"], choices["hide_parameters"]))
        return SimpleNamespace(connect=nullcontext, dispose=lambda: None)

    monkeypatch.setattr(sqlalchemy, "create_engine", create_engine)
    finding = _check_ledger(make_settings(url))
    assert asked == [(arguments, True)]
    assert (finding.ok, finding.text) == (True, f"{url} answers")


def test_a_server_that_does_not_answer_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_engine(*_: object, **__: object) -> None:
        raise OSError("hunter2 was refused")

    monkeypatch.setattr(sqlalchemy, "create_engine", create_engine)
    finding = _check_ledger(make_settings("postgresql+psycopg://far/ledger"))
    assert (finding.ok, finding.text) == (
        False,
        "postgresql+psycopg://far/ledger does not answer (... was refused)",
    )


def test_a_ledger_in_sqlite_is_not_made_by_the_check() -> None:
    finding = _check_ledger(make_settings("sqlite:///nowhere/ledger.db"))
    assert (finding.ok, finding.text) == (True, "sqlite:///nowhere/ledger.db (SQLite)")
