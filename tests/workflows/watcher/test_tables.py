"""What ``strandline status`` prints of a watcher: one line an area, then what is wrong and why, never a screenful."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from pipeline.watch.ledger.values import FailedScene
from pipeline.watch.status import AreaStatus, Replacement, SceneStatus, WatchStatus
from workflows.watcher.tables import show_area, show_watch

NOON = datetime(2024, 6, 1, 12, 5, 59, tzinfo=UTC)
SHOWN = "2024-06-01 12:05"


def _make_area(**changes: Any) -> AreaStatus:  # noqa: ANN401
    usual = {
        "area": "wadden",
        "in_file": True,
        "last_scene": None,
        "last_acquired": None,
        "last_success": None,
        "states": {},
        "skips": {},
        "backlog": 0,
        "failures": (),
        "round": "well",
        "round_began": NOON,
        "round_ended": NOON,
        "round_error": None,
        "rounds_failed": 0,
        "next_run": NOON,
        "overdue": False,
    }
    return AreaStatus(**{**usual, **changes})


def _make_scene(**changes: Any) -> SceneStatus:  # noqa: ANN401
    usual = {
        "product": "S2A_1",
        "acquisition": "a",
        "acquired": NOON,
        "state": "seen",
        "skip": None,
        "reason": "",
        "error": None,
        "tries": 0,
        "deaths": 0,
        "next_try": None,
        "published_at": None,
        "published_to": None,
        "fingerprint": None,
    }
    return SceneStatus(**{**usual, **changes})


def _fail(name: str = "S2A_2", **changes: Any) -> FailedScene:  # noqa: ANN401
    usual = {"error": "no band B08", "tries": 2, "next_try": None}
    return FailedScene(acquisition=name, product=name, **{**usual, **changes})


def _show(*areas: AreaStatus, begun: bool = True, width: int = 150, ledger: str = "[here]/ledger.db") -> list[str]:
    out = io.StringIO()
    status = WatchStatus(at=NOON, ledger=ledger, begun=begun, areas=areas)
    show_watch(Console(file=out, width=width, color_system=None), status)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def _show_below(*areas: AreaStatus) -> list[str]:
    """What stands below the table."""
    shown = _show(*areas)
    return shown[shown.index(f"All times in UTC; it is {SHOWN}.") + 1 :]


def _show_one(**changes: Any) -> list[str]:  # noqa: ANN401
    """What is shown of one area besides what is shown of all."""
    out = io.StringIO()
    area = _make_area(**changes)
    show_area(
        Console(file=out, width=80, color_system=None), WatchStatus(at=NOON, ledger="l", begun=True, areas=(area,))
    )
    shown = [line.rstrip() for line in out.getvalue().splitlines()]
    return shown[shown.index(f"All times in UTC; it is {SHOWN}.") + 1 :]


def _read_row(line: str) -> list[str]:
    return [cell for cell in line.replace(SHOWN, "NOON").split() if cell]


def test_an_area_is_a_row_of_moments_and_counts() -> None:
    states = {"published": 1234, "mapped": 2, "skipped": 3, "seen": 9}
    area = _make_area(states=states, backlog=4, failures=(_fail(),) * 5, last_acquired=NOON)
    head, second, row, *_ = _show(area)
    assert _read_row(f"{head} {second}") == [
        *("pub-", "area", "last", "scene", "last", "success", "lished", "mapped", "skipped", "left", "failed"),
        *("next", "round"),
    ]
    assert _read_row(row) == ["wadden", "NOON", "never", "1,234", "2", "3", "4", "5", "NOON"]


def test_eighty_columns_are_enough() -> None:
    area = _make_area(
        area="a-coast-with-a-long-name", states={"published": 1234}, last_acquired=NOON, overdue=True, backlog=7
    )
    assert _show(area, _make_area(area="n", next_run=None), width=80)[:-1] == [
        "                       last         pub-",
        "area       last scene  success    lished mapped skipped left failed next round",
        "a-coast-wi 2024-06-01  never       1,234      0       0    7      0 2024-06-01",
        "th-a-long- 12:05                                                    12:05",
        "name                                                                overdue",
        "n          never       never           0      0       0    0      0 never",
    ]


def test_columns_of_words_keep_a_least_width() -> None:
    assert _show(_make_area(area="n", next_run=None))[:-1] == [
        "                                 pub-",
        "area   last scene last success lished mapped skipped left failed next round",
        "n      never      never             0      0       0    0      0 never",
    ]


def test_what_does_not_fit_a_line_is_left_to_the_terminal() -> None:
    name = "x" * 100
    area = _make_area(last_scene=name, round_error=name)
    shown = _show(area, width=80, begun=False, ledger=f"/{name}.db")
    assert shown[0] == f"No round was run yet: there is no ledger /{name}.db. See strandline watch."
    assert shown[-2:] == [f"Last scene of wadden: {name}", f"wadden: the last round failed: {name}"]


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "NOON"),
        ({"overdue": True}, "NOON overdue"),
        ({"next_run": None}, "never"),
        ({"round": "under way", "overdue": True}, "under way"),
        ({"round": "cut off"}, "NOON"),
        ({"in_file": False, "round": "under way"}, "none"),
    ],
)
def test_the_next_round_is_a_moment_unless_one_is_under_way_or_none_will_be(
    changes: dict[str, Any], shown: str
) -> None:
    row = next(line for line in _show(_make_area(**changes)) if line.startswith("wadden"))
    assert " ".join(_read_row(row)).endswith(f" 0 {shown}")


def test_an_area_that_left_the_file_is_marked() -> None:
    assert any(line.startswith("wadden (not in the file) ") for line in _show(_make_area(in_file=False)))
    assert not any("not in the file" in line for line in _show(_make_area()))


def test_before_the_first_round_it_says_that_there_is_no_ledger() -> None:
    said = "No round was run yet: there is no ledger [here]/ledger.db. See strandline watch."
    assert _show(_make_area(), begun=False)[0] == said
    assert said not in _show(_make_area(), begun=True)


def test_the_last_scene_of_each_area_has_a_line_if_there_is_one() -> None:
    areas = [_make_area(last_scene="[s2a]_1"), _make_area(area="nazare"), _make_area(area="sylt", last_scene="S2B_2")]
    assert _show_below(*areas) == ["Last scene of wadden: [s2a]_1", "Last scene of sylt: S2B_2"]


def test_where_all_is_well_nothing_stands_below() -> None:
    assert _show_below(_make_area()) == []


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ("under way", f"wadden: a round is under way since {SHOWN}."),
        ("cut off", f"wadden: the round of {SHOWN} did not end; the next goes on with it."),
    ],
)
def test_a_round_that_has_not_ended_is_said(state: str, line: str) -> None:
    assert _show_below(_make_area(round=state)) == [line]


@pytest.mark.parametrize(("failed", "many"), [(0, ""), (1, ""), (2, ", 2 in a row")])
def test_a_failed_round_says_why_and_how_many_in_a_row(failed: int, many: str) -> None:
    area = _make_area(round="failed", round_error="[no] host", rounds_failed=failed)
    assert _show_below(area) == [f"wadden: the last round failed{many}: [no] host"]


def test_scenes_that_failed_for_good_come_before_those_that_are_tried_again() -> None:
    failures = (
        _fail("S2A_1", tries=1, next_try=NOON),
        _fail("S2A_2"),
        _fail("S2A_3", tries=0),
        _fail("S2A_4", tries=1),
    )
    assert _show_below(_make_area(failures=failures, round_error="no host")) == [
        "wadden: the last round failed: no host",
        "wadden: S2A_2 failed 2 times, for good: no band B08",
        "wadden: S2A_3 failed 0 times, for good: no band B08",
        "wadden: S2A_4 failed once, for good: no band B08",
        f"wadden: S2A_1 failed once, next try {SHOWN}: no band B08",
    ]


@pytest.mark.parametrize(
    ("count", "ending"),
    [(12, []), (13, ["… and 1 more, see --json."]), (2012, ["… and 2,000 more, see --json."])],
)
def test_twelve_failures_of_all_areas_are_shown(count: int, ending: list[str]) -> None:
    areas = _make_area(failures=(_fail(),) * 5), _make_area(area="nazare", failures=(_fail(),) * (count - 5))
    shown = _show_below(*areas)
    assert shown[:5] == ["wadden: S2A_2 failed 2 times, for good: no band B08"] * 5
    assert shown[5:12] == ["nazare: S2A_2 failed 2 times, for good: no band B08"] * 7
    assert shown[12:] == ending


def test_one_area_says_why_scenes_were_skipped_by_name() -> None:
    assert _show_one(skips={"season": 1, "cloud": 1234}) == ["Skipped for cloud: 1,234", "Skipped for season: 1"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "seen"),
        ({"state": "mapped", "error": "no room", "tries": 0}, "mapped"),
        ({"state": "mapped", "error": "no room", "tries": 1}, "mapped, failed before: no room"),
        ({"state": "skipped", "skip": "cloud", "reason": "91 % [much]"}, "skipped for cloud: 91 % [much]"),
        ({"state": "failed", "tries": 1, "error": "no band"}, "failed once, for good: no band"),
        (
            {"state": "failed", "tries": 3, "error": "no band", "next_try": NOON},
            f"failed 3 times, next try {SHOWN}: no band",
        ),
        (
            {"state": "published", "published_at": NOON, "published_to": "s3://coast", "tries": 1},
            f"published {SHOWN} to s3://coast",
        ),
    ],
)
def test_a_scene_is_two_lines_with_what_became_of_it(changes: dict[str, Any], line: str) -> None:
    assert _show_one(scenes=(_make_scene(**changes),)) == ["S2A_1", f"    {SHOWN} {line}"]


@pytest.mark.parametrize(("count", "ending"), [(60, []), (61, ["… and 1 more, see --json."])])
def test_sixty_scenes_are_shown(count: int, ending: list[str]) -> None:
    shown = _show_one(scenes=tuple(_make_scene(product=f"S2A_{number}") for number in range(count)))
    assert shown[:120:2] == [f"S2A_{number}" for number in range(60)]
    assert shown[120:] == ending


def _replace(old: str, by: str) -> Replacement:
    return Replacement(at=NOON, product=old, state="published", by=by)


def test_products_that_were_replaced_come_last_the_latest_first() -> None:
    scenes = (
        _make_scene(replaced=(_replace("N1", "N2"), _replace("N2", "S2A_1"))),
        _make_scene(product="S2A_2", replaced=(_replace("M1", "S2A_2"),)),
    )
    assert _show_one(scenes=scenes)[4:] == [
        f"{SHOWN} N2 (published) was replaced by S2A_1",
        f"{SHOWN} N1 (published) was replaced by N2",
        f"{SHOWN} M1 (published) was replaced by S2A_2",
    ]


@pytest.mark.parametrize(("count", "ending"), [(12, []), (13, ["… and 1 more, see --json."])])
def test_twelve_replaced_products_are_shown(count: int, ending: list[str]) -> None:
    shown = _show_one(scenes=(_make_scene(replaced=(_replace("N1", "N2"),) * count),))[2:]
    assert shown == [f"{SHOWN} N1 (published) was replaced by N2"] * 12 + ending
