"""``strandline watch`` as it is typed: what it answers, what it refuses, what it keeps to itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.watch.areas.file import read_areas
from pipeline.watch.ledger.ledger import open_ledger
from tests.pipeline.stac_items import make_item, write_items
from tests.workflows.conftest import Run

AOI = "10.1,54.1,10.9,54.9"
SECRET = "low-water-springs-1987"  # noqa: S105 (what must be found nowhere)


def _write(folder: Path, *areas: dict[str, Any], **more: Any) -> Path:  # noqa: ANN401
    stated = [{"aoi": AOI, "source": str(folder / "items.json"), "since": "2024-06-01", **area} for area in areas]
    path = folder / "areas.yaml"
    path.write_text(json.dumps({"areas": stated, "limits": {"keep_free": 0}, **more}))
    return path


@pytest.fixture
def clouded(tmp_path: Path) -> Path:
    """Two areas whose only scene is under cloud."""
    write_items(tmp_path / "items.json", [make_item("scene", cloud=99.0)])
    return _write(tmp_path, {"name": "east"}, {"name": "west"})


def test_a_round_of_each_area_or_of_some(run: Run, clouded: Path) -> None:
    ran = run("watch", clouded, "--once", "--area", "west")
    assert ran.code == 0
    assert "west: 0 new, 0 replaced, 1 skipped, 0 mapped" in ran.err
    assert "east" not in ran.err
    assert "1 skipped" in (clouded.parent / "strandline.work/logs/watch.log").read_text()
    both = run("watch", clouded, "--once")
    assert "east: 0 new" in both.err
    assert "west: 0 new" in both.err


def test_an_example_of_areas_is_printed_and_can_be_checked(run: Run, tmp_path: Path) -> None:
    ran = run("watch", "--example")
    assert (ran.code, ran.err) == (0, "")
    path = tmp_path / "areas.yaml"
    path.write_text(ran.out, encoding="utf-8")
    assert [area.name for area in read_areas(path).areas] == ["nazare", "wadden", "taveuni"]


def test_due_leaves_out_areas_whose_turn_has_not_come(run: Run, clouded: Path) -> None:
    run("watch", clouded, "--once", "--area", "west")
    ran = run("watch", clouded, "--once", "--due")
    assert (ran.code, "east: 0 new" in ran.err, "west" in ran.err) == (0, True, False)


def test_since_searches_earlier_days_once(run: Run, clouded: Path) -> None:
    items = [make_item("scene", cloud=99.0), make_item("old", when="2020-06-10T10:20:30Z", cloud=99.0)]
    write_items(clouded.parent / "items.json", items)
    run("watch", clouded, "--once", "--area", "west")
    ran = run("watch", clouded, "--once", "--area", "west", "--since", "2020-01-01")
    assert "2020-01-01/" in ran.err
    ledger = open_ledger(read_areas(clouded).ledger)
    assert [row.product for row in ledger.rows("west")] == ["old", "scene"]


def test_exit_code_says_what_failed(run: Run, tmp_path: Path) -> None:
    dead = _write(tmp_path, {"name": "dead", "source": "http://127.0.0.1:9/stac"})
    ran = run("watch", dead, "--once", "--quiet")
    assert ran.code == 8
    assert "127.0.0.1:9" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--due",), "Expected --once with --due"),
        (("--remap",), "Expected --once with --remap"),
        (("--area", "west", "--retry"), "Expected --once with --area and --retry"),
        (("--once", "--since", "June"), "Expected --since as a day such as 2024-06-01, found 'June'"),
        (("--once", "--area", "north"), "Expected one of the areas east, west, found 'north'"),
    ],
)
def test_options_that_make_no_sense(run: Run, clouded: Path, arguments: tuple[str, ...], words: str) -> None:
    ran = run("watch", clouded, *arguments)
    assert ran.code == 2
    assert words in ran.err
    assert {path.name for path in clouded.parent.iterdir()} == {"areas.yaml", "items.json"}


def test_check_says_what_it_would_do_and_does_nothing(run: Run, clouded: Path) -> None:
    ran = run("watch", clouded, "--check")
    assert ran.code == 0
    assert "east:" in ran.out
    assert "ledger:" in ran.out
    assert {path.name for path in clouded.parent.iterdir()} == {"areas.yaml", "items.json"}


def test_maps_of_another_make_are_made_again_by_the_rounds(run: Run, clouded: Path) -> None:
    run("watch", clouded, "--once", "--area", "west")
    ran = run("watch", clouded, "--once", "--area", "west", "--remap")
    assert ran.code == 0
    assert "west: 0 scene(s) to be mapped again, 20 a round at most" in ran.err


def test_check_lists_all_that_is_wrong_at_once(run: Run, clouded: Path) -> None:
    channel = {"kind": "webhook", "url": "http://127.0.0.1:9/x"}
    dead = {"name": "west", "source": "http://127.0.0.1:9/stac"}
    path = _write(clouded.parent, {"name": "east"}, dead, notifications=[channel], ledger="items.json/ledger.db")
    ran = run("watch", path, "--check")
    assert (ran.code, ran.err) == (2, "")
    lines = ran.out.splitlines()
    problems = lines[lines.index("3 problem(s):") + 1 :]
    assert [line.split(": ")[0].strip() for line in problems] == ["ledger", "west", "webhook-1"]
    assert "tried east: source: answers; no scene of the last 10 days" in lines


def test_check_finds_what_is_missing(run: Run, clouded: Path) -> None:
    channel = {"kind": "command", "argv": ["no-such-program-anywhere"]}
    path = _write(clouded.parent, {"name": "east"}, notifications=[channel])
    ran = run("watch", path, "--check")
    assert ran.code == 2
    assert "there is no program no-such-program-anywhere" in ran.out


def test_secrets_are_kept_nowhere(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRANDLINE_WEBHOOK_TOKEN", SECRET)
    webhook = {
        "kind": "webhook",
        "url": "http://127.0.0.1:9/${STRANDLINE_WEBHOOK_TOKEN}",
        "headers": {"Authorization": "Bearer ${STRANDLINE_WEBHOOK_TOKEN}"},
        "events": ["failure"],
    }
    path = _write(tmp_path, {"name": "dead", "source": "http://127.0.0.1:9/stac"}, notifications=[webhook])
    ran = run("watch", path, "--once")
    assert ran.code == 8
    assert "webhook-1 does not answer" in ran.err
    status = run("status", path, "--json")
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {"strandline.ledger.db", "watch.log"} <= {file.name for file in files}
    assert [file for file in files if SECRET.encode() in file.read_bytes()] == []
    assert SECRET not in ran.err + ran.out + status.out
    monkeypatch.delenv("STRANDLINE_WEBHOOK_TOKEN")
    assert "STRANDLINE_WEBHOOK_TOKEN" in run("watch", path, "--once").err
    assert run("status", path).code == 0  # to look takes no secret of who is told


def test_a_round_needs_no_prefect(clouded: Path) -> None:
    code = f"import sys; sys.modules['prefect'] = None; sys.argv = ['strandline', 'watch', {str(clouded)!r}, '--once']"
    done = subprocess.run([sys.executable, "-c", f"{code}; from workflows.cli import main; main()"], check=False)
    assert done.returncode == 0
