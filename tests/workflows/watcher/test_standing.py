"""How an area stands, as Prefect shows it: a page of its own, and tables that no text of a scene can break."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.watch.ledger.values import FailedScene
from pipeline.watch.status import AreaStatus
from workflows.watcher.standing import describe_standing, name_artifact

NOON = datetime(2024, 6, 1, 12, 5, 59, tzinfo=UTC)


def _make_area(**changes: Any) -> AreaStatus:  # noqa: ANN401
    usual = {
        "area": "wadden",
        "in_file": True,
        "last_scene": "S2A_1",
        "last_acquired": NOON,
        "last_success": NOON,
        "states": {},
        "skips": {},
        "backlog": 0,
        "failures": (),
        "round": "well",
        "round_began": NOON,
        "round_ended": NOON,
        "round_error": None,
        "rounds_failed": 0,
        "next_run": NOON.replace(hour=18),
        "overdue": False,
    }
    return AreaStatus(**{**usual, **changes})


def _fail(name: str = "S2A_2", **changes: Any) -> FailedScene:  # noqa: ANN401
    usual = {"error": "no band B08", "tries": 2, "next_try": None}
    return FailedScene(acquisition=name, product=name, **{**usual, **changes})


def _describe(**changes: Any) -> list[str]:  # noqa: ANN401
    return describe_standing(_make_area(**changes)).splitlines()


@pytest.mark.parametrize(
    ("area", "key"), [("wadden", "area-wadden"), ("north-2", "area-north-2"), ("a-b-c", "area-a-b-c")]
)
def test_a_name_of_small_letters_digits_and_dashes_is_its_own_key(area: str, key: str) -> None:
    assert name_artifact(area) == key


@pytest.mark.parametrize(
    ("area", "key"),
    [
        ("Wadden", "area-wadden-4d011704"),
        ("wadden.sea_2", "area-wadden-sea-2-1391424d"),
        ("a--b", "area-a-b-11ddc052"),
        ("wadden-", "area-wadden-5f404f6a"),
        ("Sylt10", "area-sylt10-0d96e66d"),
    ],
)
def test_another_name_gets_a_key_of_its_own_that_prefect_allows(area: str, key: str) -> None:
    assert name_artifact(area) == key


def test_names_that_differ_only_in_what_is_not_allowed_share_no_page() -> None:
    names = ["wadden-sea", "wadden_sea", "wadden.sea", "Wadden-Sea", "wadden--sea", "wadden-sea-"]
    assert len({name_artifact(name) for name in names}) == len(names)


def test_counts_moments_and_what_is_left_stand_in_one_table() -> None:
    shown = _describe(states={"published": 3, "skipped": 2}, skips={"cloud": 2}, backlog=4, rounds_failed=5)
    assert shown == [
        "# wadden",
        "",
        "| | |",
        "| --- | --- |",
        "| published | 3 |",
        "| skipped | 2 |",
        "| skipped: cloud | 2 |",
        "| still to do | 4 |",
        "| last scene | S2A_1 |",
        "| last published | 2024-06-01 12:05 UTC |",
        "| next round | 2024-06-01 18:05 UTC |",
        "| failed rounds in a row | 5 |",
    ]


def test_before_anything_was_done_it_says_so() -> None:
    shown = _describe(last_scene=None, last_success=None, next_run=None)
    assert shown[4:] == [
        "| still to do | 0 |",
        "| last scene | none yet |",
        "| last published | never |",
        "| next round | never |",
        "| failed rounds in a row | 0 |",
    ]


def test_why_the_last_round_failed_stands_below_the_table() -> None:
    assert _describe(round_error="no host")[-2:] == ["", "The last round failed: no host"]


def test_failed_scenes_have_a_table_with_when_they_are_tried_again() -> None:
    shown = _describe(failures=(_fail(), _fail("S2A_3", tries=1, next_try=NOON)))
    assert shown[-5:] == [
        "",
        "| failed scene | tries | next try | why |",
        "| --- | --- | --- | --- |",
        "| S2A_2 | 2 | never | no band B08 |",
        "| S2A_3 | 1 | 2024-06-01 12:05 UTC | no band B08 |",
    ]


@pytest.mark.parametrize(("count", "ending"), [(10, []), (11, ["", "And 1 more."]), (30, ["", "And 20 more."])])
def test_ten_failed_scenes_are_shown_and_the_others_counted(count: int, ending: list[str]) -> None:
    shown = _describe(failures=tuple(_fail(f"S2A_{number}") for number in range(count)))
    rows = [line for line in shown if line.startswith("| S2A_")]
    assert rows == [f"| S2A_{number} | 2 | never | no band B08 |" for number in range(10)]
    assert shown[shown.index(rows[-1]) + 1 :] == ending


def test_no_text_breaks_a_table_or_brings_markup_along() -> None:
    nasty, tame = "a|b\nc<d>|", "a\\|b c&lt;d>\\|"
    shown = _describe(last_scene=nasty, round_error=nasty, failures=(_fail(nasty, error=nasty),))
    assert f"| last scene | {tame} |" in shown
    assert f"The last round failed: {tame}" in shown
    assert shown[-1] == f"| {tame} | 2 | never | {tame} |"
