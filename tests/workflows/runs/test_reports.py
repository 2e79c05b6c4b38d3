"""What commands say at their end: the whole text, on standard error, to the letter."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from rich.console import Console
from rich.progress import Progress

from pipeline.batch.record import Entry
from workflows.commands.ablate import _ProgressPrinter
from workflows.runs.batch import EXIT_NONE, EXIT_SOME, _Shower
from workflows.runs.batch import run as run_batch
from workflows.runs.change import EXIT_ALERT, run_change
from workflows.runs.evaluate import render_evaluation
from workflows.runs.map import read_options, read_stack, run_map
from workflows.runs.mosaic import run_mosaic
from workflows.runs.search import run_search
from workflows.runs.timeseries import run_timeseries
from workflows.runs.train import run_resume, run_train

LONG = Path("/maps/[bold]" + "x" * 200)  # longer than a line, and with what looks like markup of rich
NOTE = "a :smile: " + "y" * 120
STACK = {"bands": None, "scale": None, "offset": None}
CLUSTER = {"workers": None, "scheduler": None, "scheduler_file": None}


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[dict[str, Any]]]:
    """Let the work of a command end with a result after 12.34 s; returns the list of how it will be called."""

    def replace(name: str, result: object) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []

        def answer(*arguments: object, **choices: object) -> object:
            calls.append({"arguments": arguments, **choices})
            return result

        monkeypatch.setattr(name, answer)
        moments = iter((100.0, 112.34))
        monkeypatch.setattr("time.perf_counter", lambda: next(moments))
        return calls

    return replace


# map

SHARES = "70.0% of it shows ground, 20.1% is hidden by cloud, 9.9% holds no data."


@pytest.mark.parametrize(
    ("already_made", "debug", "said"),
    [
        (False, False, [f"Mapped S2A_1 in 12.3 s: {LONG}"]),
        (False, True, [f"Mapped S2A_1 in 12.3 s: {LONG}", "     1.50 s  decode", "   120.26 s  network"]),
        (True, False, [f"Already mapped: {LONG}"]),
    ],
)
def test_map_says_what_it_made(
    work: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    already_made: bool,
    debug: bool,
    said: list[str],
) -> None:
    stages = {"decode": 1.5, "network": 120.256}
    result = SimpleNamespace(
        notes=(NOTE,),
        already_made=already_made,
        folder=LONG,
        where=str(LONG),
        scene=SimpleNamespace(id="S2A_1"),
        stages_s=stages,
        valid_percent=70.04,
        obscured_percent=20.06,
        nodata_percent=9.9,
    )
    calls = work("workflows.runs.map.map_scene", result)
    run_map("scene", "out", STACK, quiet=False, debug=debug)
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == ("", [f"Note: {NOTE}", SHARES, *said])
    assert calls[0]["stack"] is None


def test_lists_are_read_at_their_commas() -> None:
    options = read_options({"cloud_classes": "3, 8", "formats": "shp, fgb"})
    assert (set(options.cloud_classes), options.formats) == ({3, 8}, ("shp", "fgb"))
    assert read_options({}) == read_options({"cloud_classes": "3,8,9,10", "formats": "gpkg"})


@pytest.mark.parametrize("said", [{"bands": "B03,B08"}, {"scale": 0.5}, {"offset": 0.0}])
def test_one_word_about_a_stack_is_enough(said: dict[str, Any]) -> None:
    stack = read_stack(STACK | said)
    assert stack is not None
    assert (stack.bands, stack.scale, stack.offset) == (
        ("B03", "B08") if "bands" in said else None,
        said.get("scale"),
        said.get("offset"),
    )


# change


def change_result(**changes: Any) -> SimpleNamespace:  # noqa: ANN401
    summary = {
        "clear_km": 1.26,
        "shore_km": 2.34,
        "moved_km": 0.96,
        "inland_km": 0.0,
        "counts_inland": False,
        "inland_moved_km": 0.26,
        "mean_shift_m": None,
        "gained_m2": 23_456.0,
        "lost_m2": 12_345_678.0,
        "bodies": 3,
    }
    parts = {"notes": (), "already_made": False, "folder": LONG, "alerts": ()}
    known = {name: value for name, value in changes.items() if name in parts}
    return SimpleNamespace(**(parts | known), summary=SimpleNamespace(**(summary | changes)))


CLEAR = "1.3 of 2.3 km of shore were clear on both dates; 1.0 km moved beyond the uncertainty."
SHIFT = (
    "Mean shift {} m (advance is positive); land gained 2.35 ha, lost 1,234.57 ha; 3 whole bodies appeared or vanished."
)
INLAND = "Besides, 0.1 km of shore of inland waters, 0.3 km of it moved; --inland counts it."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, [CLEAR, f"12.3 s: {LONG}"]),
        ({"mean_shift_m": 0.0}, [CLEAR, SHIFT.format("+0.0"), f"12.3 s: {LONG}"]),
        ({"mean_shift_m": -1.26}, [CLEAR, SHIFT.format("-1.3"), f"12.3 s: {LONG}"]),
        ({"inland_km": 0.1}, [CLEAR, INLAND, f"12.3 s: {LONG}"]),
        ({"inland_km": 0.1, "counts_inland": True}, [CLEAR, f"12.3 s: {LONG}"]),
        ({"counts_inland": True}, [CLEAR, f"12.3 s: {LONG}"]),
        ({"already_made": True, "notes": (NOTE,)}, [f"Note: {NOTE}", f"Already done: {LONG}"]),
    ],
)
def test_change_says_what_moved(
    work: Callable[..., Any], capsys: pytest.CaptureFixture[str], changes: dict[str, Any], said: list[str]
) -> None:
    work("workflows.runs.change.compute_change", change_result(**changes))
    run_change(Path("old"), Path("new"), Path("out"), {"view": False}, quiet=False)
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == ("", said)


@pytest.mark.parametrize(("count", "more"), [(1, []), (10, []), (11, [1]), (14, [4])])
def test_ten_alerts_are_told_and_the_others_counted(
    work: Callable[..., Any], capsys: pytest.CaptureFixture[str], count: int, more: list[int]
) -> None:
    alert = SimpleNamespace(layer="lost", id=7, lat=54.123456, lon=8.1, kind="area", why="2 ha", pieces=1)
    work("workflows.runs.change.compute_change", change_result(alerts=(alert,) * count))
    with pytest.raises(typer.Exit) as ended:
        run_change(Path("old"), Path("new"), Path("out"), {"view": False}, quiet=True)
    assert ended.value.exit_code == EXIT_ALERT == 9
    out, err = capsys.readouterr()
    told = ["ALERT lost 7 at 54.12346, 8.10000: area, 2 ha"] * min(count, 10)
    assert (out.splitlines(), err) == (told + [f"ALERT {left} more in {LONG / 'change.json'}" for left in more], "")


# mosaic


@pytest.mark.parametrize("already_made", [True, False])
def test_mosaic_says_what_it_joined(
    work: Callable[..., Any], capsys: pytest.CaptureFixture[str], already_made: bool
) -> None:
    result = SimpleNamespace(
        notes=(NOTE,), already_made=already_made, folder=LONG, where=str(LONG), address="", scenes=12, lines=3
    )
    calls = work("workflows.runs.mosaic.build_mosaic", result)
    run_mosaic(
        "maps",
        "out",
        CLUSTER | {"workers": 0, "formats": "shp,fgb", "only": None, "view": False},
        quiet=False,
    )
    said = f"Already made: {LONG}" if already_made else f"Joined 12 scenes in 12.3 s, 3 lines: {LONG}"
    assert capsys.readouterr().err.splitlines() == [f"Note: {NOTE}", said]
    assert calls[0]["client"] is None
    assert calls[0]["options"].formats == ("shp", "fgb")


@pytest.mark.parametrize(
    "said", [{"workers": 2}, {"workers": None}, {"workers": 0, "scheduler": "a"}, {"workers": 0, "scheduler_file": "b"}]
)
def test_mosaic_opens_a_cluster_unless_no_worker_is_asked_for(
    work: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    class Opened:
        def __enter__(self) -> str:
            return "client"

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr("pipeline.cluster.client.open_client", lambda _: Opened())
    monkeypatch.setattr("pipeline.cluster.client.ClusterOptions.pick", lambda said: said)
    result = SimpleNamespace(notes=(), already_made=False, folder=LONG, where=str(LONG), address="", scenes=12, lines=3)
    calls = work("workflows.runs.mosaic.build_mosaic", result)
    run_mosaic("maps", "out", CLUSTER | {"formats": "gpkg", "only": None, "view": False} | said, quiet=True)
    assert calls[0]["client"] == "client"


# timeseries


@pytest.mark.parametrize(
    ("record", "tail"),
    [
        ({"summary": {"rate_m_per_year": {"median": 1.256}}}, "; median +1.26 m/year, not corrected for the tide"),
        ({"summary": {}}, ""),
        ({"summary_corrected": {"rate_m_per_year": {"median": -2}}}, "; median -2.00 m/year, corrected for the tide"),
    ],
)
@pytest.mark.parametrize("already_made", [True, False])
def test_timeseries_says_how_many_move_and_how_fast(
    work: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    record: dict[str, Any],
    tail: str,
    already_made: bool,
) -> None:
    counts = {"transects_with_rate": 7, "retreating": 4, "advancing": 2, "too_slow_to_tell": 1}
    whole = {"summary": {}, "summary_corrected": None} | {
        name: value and counts | value for name, value in record.items()
    }
    whole["summary"] = counts | whole["summary"]
    monkeypatch.setattr("workflows.runs.timeseries.read_series_record", lambda _: whole)
    result = SimpleNamespace(notes=(NOTE,), already_made=already_made, folder=LONG, dates=5, transects=9)
    calls = work("workflows.runs.timeseries.compute_timeseries", result)
    run_timeseries(Path("maps"), Path("out"), {"transects": "lines.gpkg"}, quiet=False)
    words = "5 dates on 9 transects, 7 with a rate (4 retreat, 2 advance, 1 too slow to tell)"
    said = f"Already made: {LONG}" if already_made else f"{words}{tail} (12.3 s): {LONG}"
    assert capsys.readouterr().err.splitlines() == [f"Note: {NOTE}", said]
    assert calls[0]["options"].transects == Path("lines.gpkg")


def test_transects_are_cast_where_none_are_given(work: Callable[..., Any]) -> None:
    calls = work("workflows.runs.timeseries.compute_timeseries", SimpleNamespace(notes=(), already_made=True, folder=1))
    run_timeseries(Path("maps"), Path("out"), {"transects": "auto"}, quiet=True)
    assert calls[0]["options"].transects is None


# search


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((["2024-06-01T10:00:00Z"], [], None, None), ["1 scene from https://here, 2024-06-01 to 2024-06-01"]),
        (
            (
                ["2024-06-01T10:00:00Z", "2024-06-02T10:00:00Z", "2024-06-03T10:00:00Z"],
                ["cloud", "no bands", "cloud"],
                "earth-search",
                LONG,
            ),
            [
                f"3 scenes from Earth Search (Element 84, on AWS), 2024-06-01 to 2024-06-03: {LONG}",
                "3 set aside, see set_aside in the plan: 2 over the limit of cloud, 1 without bands",
            ],
        ),
    ],
)
def test_search_says_what_is_in_the_plan(
    work: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    asked: tuple[list[str], list[str], str | None, Path | None],
    said: list[str],
) -> None:
    days, kinds, host, out = asked
    plan = SimpleNamespace(
        notes=(NOTE,),
        source=SimpleNamespace(host=host, href="https://here"),
        items=[{"properties": {"datetime": day}} for day in days],
        set_aside=[SimpleNamespace(kind=kind) for kind in kinds],
    )
    work("pipeline.search.search_scenes.search_scenes", plan)
    monkeypatch.setattr("workflows.runs.search.write_plan", lambda *_: None)
    monkeypatch.setattr("pipeline.search.search_scenes.SearchOptions.pick", lambda said: said)
    run_search({}, out=out, quiet=False)
    assert capsys.readouterr().err.splitlines() == [f"Note: {NOTE}", *said]


# batch

STARTED = {
    "event": "started",
    "scenes": 4,
    "workers": 2,
    "threads": 1,
    "dashboard": f"http://[bold]{'z' * 90}",
    "resources": [],
}


def scene(done: int, kind: str, reason: str = "") -> dict[str, Any]:
    return {"event": "scene", "id": f"S2A_{done}", "kind": kind, "reason": reason, "done": done, "total": 4}


def summary(*, failed: int, done: int) -> SimpleNamespace:
    notes = {f"{number} {NOTE}": number for number in range(6)}
    problems = (Entry(id="b", kind="failed", reason="why"),)
    return SimpleNamespace(
        notes=notes, counts={"mapped": done}, problems=problems, seconds=12.34, failed=failed, done=done
    )


def start_batch(monkeypatch: pytest.MonkeyPatch, result: SimpleNamespace, progress: str, *events: object) -> None:
    def work(*_: object, report: Callable[[object], None], retries: int, **__: object) -> SimpleNamespace:
        assert retries == 5
        for event in events:
            report(event)
        return result

    monkeypatch.setattr("workflows.runs.batch.run_batch", work)
    run_batch(Path("scenes"), LONG, STACK | CLUSTER | {"view": False}, retries=5, progress=progress)


def test_batch_says_a_line_a_scene_where_nobody_watches(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    events = (STARTED | {"resources": ["GPU", "TAPE"]}, scene(1, "mapped"), scene(2, "empty", f"[red] {NOTE}"))
    start_batch(monkeypatch, summary(failed=0, done=2), "bar", *events, {"event": "finished"})
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.rstrip() for line in err.splitlines()] == [
        "Looking for scenes and starting workers.",
        f"4 scenes; 2 at a time, 1 thread(s) each. Dashboard: {STARTED['dashboard']}",
        "Each scene takes of the workers' resources: GPU, TAPE.",
        "[1/4] mapped: S2A_1",
        f"[2/4] empty: S2A_2 ([red] {NOTE})",
        *(f"Note on {number} scene(s): {number} {NOTE}" for number in range(5)),
        "2  mapped",
        "failed: b: why",
        f"12 s. All of it: {LONG / 'summary.json'}",
    ]


def test_batch_says_a_line_of_json_an_event_to_machines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start_batch(monkeypatch, summary(failed=0, done=2), "json", STARTED, {"event": "scene", "id": "Föhr"})
    out, err = capsys.readouterr()
    assert ([json.loads(line) for line in out.splitlines()], err) == ([STARTED, {"event": "scene", "id": "Föhr"}], "")
    assert "Föhr" in out
    start_batch(monkeypatch, summary(failed=0, done=2), "none", STARTED)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("failed", "done", "code"), [(1, 1, EXIT_SOME), (1, 0, EXIT_NONE), (0, 0, EXIT_NONE)])
def test_a_batch_without_all_of_its_scenes_has_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, failed: int, done: int, code: int
) -> None:
    with pytest.raises(typer.Exit) as ended:
        start_batch(monkeypatch, summary(failed=failed, done=done), "none")
    assert ended.value.exit_code == code
    assert (EXIT_SOME, EXIT_NONE) == (6, 8)


def test_the_bar_of_a_batch_counts_kinds_and_scenes_an_hour() -> None:
    now, out = [0.0], io.StringIO()
    console = Console(file=out, force_terminal=True, width=200, color_system=None)
    bar = Progress(console=console, get_time=lambda: now[0])
    shower = _Shower(console, bar)
    (task,) = bar.tasks
    assert (task.description, task.total, task.fields["rate"]) == ("starting", None, "")
    shower.show(STARTED)
    assert (task.description, task.total) == ("mapping", 4)
    for seconds, event, state in (
        (1.0, scene(1, "mapped"), ("1 mapped", 1, "")),
        (1.5, scene(2, "failed", "why"), ("1 mapped, 1 failed", 2, "4,800 an hour")),
        (2.0, scene(3, "mapped"), ("2 mapped, 1 failed", 3, "5,400 an hour")),
    ):
        now[0] = seconds
        shower.show(event)
        assert (task.description, task.completed, task.fields["rate"]) == state
    assert out.getvalue().splitlines()[1:] == ["[2/4] failed: S2A_2 (why)"]  # the bar has the others
    shower.show({"event": "part", "done": 1, "total": 3})
    assert (task.description, task.completed, task.total) == ("parts", 1, 3)


@pytest.mark.parametrize("terminal", [True, False])
def test_the_bar_of_a_batch_goes_when_it_is_done(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=80, color_system=None, legacy_windows=False)
    monkeypatch.setattr("workflows.runs.batch.open_console", lambda *, quiet: console)
    start_batch(monkeypatch, summary(failed=0, done=2), "bar", scene(1, "mapped"))
    assert ("1 mapped" in out.getvalue()) == terminal
    assert ("\x1b[1A\x1b[2K" in out.getvalue()) == terminal  # the line of the bar is taken back


# evaluate


def test_evaluations_stand_in_a_row_a_method_with_the_best_in_bold() -> None:
    names = ("accuracy", "precision", "recall", "iou", "mapped_to_true_median_m", "true_to_mapped_median_m")
    ours = {**dict.fromkeys(names, 0.9), "calibration_error": 0.01, "f1": 0.3}
    index = {**dict.fromkeys(names, 0.8), "calibration_error": float("nan"), "f1": 0.3}
    methods = [
        SimpleNamespace(name="ours", figures=ours, pixels=1000),
        SimpleNamespace(name="NDWI", figures=index, pixels=1000),
        SimpleNamespace(name="part", figures=dict.fromkeys(ours, 1.0), pixels=254),
    ]
    evaluation = SimpleNamespace(
        source="simulated", places=["a", "b"], pixels={"a": 400, "b": 600}, methods=methods, whole=methods[:2]
    )
    out = io.StringIO()
    table = render_evaluation(evaluation)  # type: ignore[arg-type]
    Console(file=out, width=150, color_system=None).print(table)
    assert [line.rstrip() for line in out.getvalue().splitlines()] == [
        "simulated: 2 scenes, 1000 pixels",
        " Method                    Accuracy %  Precision %  Recall %  IoU water %  Shore off, median m "
        " Shore missed, median m  Calibration error %",
        " ours                           90.00        90.00     90.00        90.00                  0.9 "
        "                    0.9                 1.00",
        " NDWI                           80.00        80.00     80.00        80.00                  0.8 "
        "                    0.8                    –",
        " part (25% of the pixels)      100.00       100.00    100.00       100.00                  1.0 "
        "                    1.0               100.00",
    ]
    bold = [[bool(str(cell).startswith("[bold]")) for cell in column.cells] for column in table.columns[1:]]
    assert bold == [[True, False, False]] * 4 + [[False, True, False]] * 2 + [[False, False, False]]


# train and ablate


@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("out", [None, Path("run")])
def test_train_says_where_the_model_and_its_logs_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quiet: bool, out: Path | None
) -> None:
    asked: list[Any] = []

    def work(*arguments: Any, progress: bool, notify: Callable[[str], None]) -> Path:  # noqa: ANN401
        notify("odd labels")
        asked.append((*arguments, progress))
        return Path("m.safetensors")

    settings = SimpleNamespace(model=SimpleNamespace(name="mine"))
    monkeypatch.setattr("pipeline.training.recipe.read_recipe", lambda path, changes: settings)
    monkeypatch.setattr("pipeline.training.recipe.resolve_recipe", Path)
    monkeypatch.setattr("pipeline.training.train.train", work)
    monkeypatch.setattr("pipeline.training.train.resume", work)
    run_train("recipe.yaml", ["a=1"], out, quiet=quiet)
    run_resume(Path("older"), ["b=2"], quiet=quiet)
    run = out or Path("runs/mine")
    assert asked == [(settings, run, not quiet), (Path("older"), ["b=2"], not quiet)]
    said = [f"Wrote m.safetensors (logs: tensorboard --logdir {folder})." for folder in (run, "older")]
    shown, warned = capsys.readouterr()
    assert shown.splitlines() == ([] if quiet else said)
    assert warned == "Warning: odd labels\n" * 2
    assert logging.getLogger("lightning.pytorch").level == logging.ERROR


@pytest.mark.parametrize("quiet", [True, False])
def test_ablate_says_a_line_for_each_hundredth(capsys: pytest.CaptureFixture[str], quiet: bool) -> None:
    tell = _ProgressPrinter(quiet=quiet)
    for share in (0.0, 0.004, 0.006, 0.01, 1.0):
        tell("no_skips", share)
    out, err = capsys.readouterr()
    assert (out, err.splitlines()) == ("", [] if quiet else ["no skips: 0%", "no skips: 1%", "no skips: 100%"])


# pages


def test_a_page_that_cannot_be_drawn_is_a_note_and_no_failure(
    work: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: Path) -> None:
        raise ValueError("no such\nband.")

    monkeypatch.setattr("pipeline.view.add_page.write_page", fail)
    work("workflows.runs.change.compute_change", change_result())
    run_change(Path("old"), Path("new"), Path("out"), {"view": True}, quiet=True)
    assert capsys.readouterr().err == f"Note: No page of {LONG} was drawn (no such band).\n"
