"""What people see of a batch: a table, what was not mapped, a bar where somebody watches."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from pipeline.batch.record import Entry
from workflows.runs.console import print_event, show_problems, show_progress, split_words, tabulate


def _open_console(*, terminal: bool = False, width: int = 60) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=terminal, width=width, color_system=None, legacy_windows=False), out


def _show(*problems: Entry) -> list[str]:
    console, out = _open_console()
    show_problems(console, problems)
    return out.getvalue().splitlines()


def _make_empty(count: int) -> list[Entry]:
    return [Entry(id=f"scene {number:02d}", kind="empty", reason="no data") for number in range(count)]


def test_counts_stand_before_their_kinds_without_a_head() -> None:
    console, out = _open_console()
    console.print(tabulate({"mapped": 12_345, "failed": 1}))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    assert lines == ["12,345  mapped", "1       failed"]


def test_failures_come_first_then_the_rest_by_kind_and_name() -> None:
    problems = [("b", "no scene"), ("c", "empty"), ("z", "failed"), ("a", "no scene"), ("y", "failed"), ("d", "empty")]
    shown = _show(*(Entry(id=name, kind=kind, reason="why") for name, kind in problems))
    assert shown == [
        "failed: y: why",
        "failed: z: why",
        "empty: c: why",
        "empty: d: why",
        "no scene: a: why",
        "no scene: b: why",
    ]


def test_twelve_problems_are_shown_whole() -> None:
    shown = _show(*_make_empty(12))
    assert shown == [f"empty: scene {number:02d}: no data" for number in range(12)]


@pytest.mark.parametrize(("count", "left"), [(13, 1), (40, 28)])
def test_of_more_problems_the_first_twelve_are_shown_and_the_rest_is_counted(count: int, left: int) -> None:
    shown = _show(*_make_empty(count))
    assert shown[:-1] == [f"empty: scene {number:02d}: no data" for number in range(12)]
    assert shown[-1] == f"… and {left} more."


def test_nothing_is_said_where_there_are_no_problems() -> None:
    assert _show() == []


def test_a_reason_is_printed_as_it_is_on_one_line() -> None:
    reason = "[red]/data[/red] " + "x" * 100  # what looks like markup of rich is a path all the same
    assert _show(Entry(id="a", kind="failed", reason=reason)) == [f"failed: a: {reason}"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gpkg", ("gpkg",)),
        (" gpkg , shp,fgb ", ("gpkg", "shp", "fgb")),
        ("two words,one", ("two words", "one")),
        (",, ,", ()),
        ("", ()),
    ],
)
def test_words_stand_between_commas(text: str, words: tuple[str, ...]) -> None:
    assert split_words(text) == words


def test_a_bar_shows_the_stage_and_goes_when_it_is_done() -> None:
    console, out = _open_console(terminal=True)
    with show_progress(console) as report:
        report("tracing", 0.5)
    shown = out.getvalue()
    assert "tracing" in shown
    assert shown.endswith("\x1b[1A\x1b[2K")  # the line of the bar is taken back


@pytest.mark.parametrize(("share", "drawn"), [(0.0, 0), (0.5, 20), (1.0, 40)])
def test_the_bar_is_as_long_as_what_is_done(share: float, drawn: int) -> None:
    console, out = _open_console(terminal=True, width=100)
    with show_progress(console) as report:
        report("tracing", share)
    assert out.getvalue().rsplit("tracing", 1)[1].count("━") == drawn


def test_the_stage_before_the_first_report_is_opening() -> None:
    console, out = _open_console(terminal=True)
    with show_progress(console):
        pass
    assert "opening" in out.getvalue()


def test_where_nobody_watches_no_bar_is_drawn() -> None:
    console, out = _open_console(terminal=False)
    with show_progress(console) as report:
        report("tracing", 0.5)
    assert out.getvalue().strip() == ""


def test_a_program_is_told_each_percent_of_a_stage_once(capsys: pytest.CaptureFixture[str]) -> None:
    console, out = _open_console(terminal=True)
    with show_progress(console, "json") as report:
        for stage, share in (
            ("mapping", 0.0),
            ("mapping", 0.004),
            ("mapping", 0.5),
            ("writing", 0.5),
            ("writing", 1.0),
        ):
            report(stage, share)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(event["stage"], event["percent"]) for event in told] == [
        ("mapping", 0),
        ("mapping", 50),
        ("writing", 50),
        ("writing", 100),
    ]
    assert {event["event"] for event in told} == {"progress"}
    assert out.getvalue() == ""


def test_an_event_can_be_printed_in_any_code_page(capsys: pytest.CaptureFixture[str]) -> None:
    print_event("finished", folder="/Küste/海岸")
    line = capsys.readouterr().out
    assert line.isascii()
    assert json.loads(line) == {"event": "finished", "folder": "/Küste/海岸"}


def test_where_no_progress_is_wanted_a_terminal_has_no_bar() -> None:
    console, out = _open_console(terminal=True)
    with show_progress(console, "none") as report:
        report("tracing", 0.5)
    assert "tracing" not in out.getvalue()
