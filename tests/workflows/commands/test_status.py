"""``strandline status`` of a watcher, by the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.watch.areas.file import read_areas
from pipeline.watch.ledger.values import BackOff
from tests.pipeline.watch.ledger.ledger_places import NOON, Clock, open_at, sight
from tests.workflows.conftest import Run

AREAS = """
areas:
  - {name: wadden, aoi: "8.55,53.85,8.85,54.05", schedule: 6h}
  - {name: nazare-of-a-long-name, aoi: "-9.13,39.53,-9.03,39.64"}
"""
LONG = "S2B_MSIL2A_20240601T105441_N0509_R051_T30SVF_20240601T14052{}"
HOLDER = "there:2:2:bbbb"


@pytest.fixture
def areas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "areas.yaml").write_text(AREAS)
    return tmp_path / "areas.yaml"


def fill(areas: Path) -> None:
    """One scene of each kind."""
    ledger = open_at(str(areas.with_name("strandline.ledger.db")), Clock())
    names = [LONG.format(number) for number in range(4)]
    sightings = [sight(name, day=day, product=name) for day, name in enumerate(names[:3])]
    ledger.record("wadden", [*sightings, sight(names[3], day=3, product=names[3], skip="cloud", reason="91 % cloud")])
    done, waits, broken = ledger.claim("wadden", limit=3, holder=HOLDER)
    mapped = ledger.mark_mapped(done, HOLDER, fingerprint="f", folder="/maps/a")
    ledger.mark_published(mapped, HOLDER, to="published/wadden")
    ledger.mark_failed(waits, HOLDER, error="the host is busy", may_pass=True, back_off=BackOff())
    ledger.mark_failed(broken, HOLDER, error="[B08] is not there", may_pass=False)
    ledger.note_round("wadden", began=NOON, ended=NOON, error="no room on the disk", next_run=NOON + timedelta(hours=6))
    ledger.record("gone", [sight()])


def test_no_round_yet(run: Run, areas: Path) -> None:
    ran = run("status", areas)
    assert (ran.code, ran.err) == (0, "")
    assert "No round was run yet" in ran.out
    assert json.loads(run("status", areas, "--json").out)["begun"] is False


def test_table_and_reasons_in_eighty_columns(run: Run, areas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(areas)
    monkeypatch.chdir(areas.parent)
    ran = run("status")
    assert ran.code == 0, ran.err
    table = ran.out.partition("All times")[0]
    assert max(map(len, table.splitlines())) <= 80
    rows = [line.split() for line in table.splitlines()]
    first = next(row for row in rows if row[0] == "wadden")
    assert first[1] == "2024-06-04"
    assert first[-6:-1] == ["1", "0", "1", "1", "2"]  # published, mapped, skipped, left, failed
    assert "overdue" in table
    assert "gone (not" in table
    assert f"wadden: {LONG.format(1)} failed once, next try 2024-06-01 12:01: the host is busy" in ran.out
    assert f"wadden: {LONG.format(2)} failed once, for good: [B08] is not there" in ran.out
    assert "wadden: the last round failed: no room on the disk" in ran.out


def test_one_area_scene_by_scene(run: Run, areas: Path) -> None:
    fill(areas)
    ran = run("status", areas, "--area", "wadden")
    assert ran.code == 0, ran.err
    assert "Skipped for cloud: 1" in ran.out
    scenes = [line for line in ran.out.splitlines() if line.startswith("S2B_")]
    assert scenes == [LONG.format(number) for number in (3, 2, 1, 0)]
    assert "2024-06-04 12:00 skipped for cloud: 91 % cloud" in ran.out
    assert "published 2024-06-01 12:00 to published/wadden" in ran.out
    assert "nazare" not in ran.out


def test_json_has_everything(run: Run, areas: Path) -> None:
    fill(areas)
    shown = run("status", areas, "--json").out
    assert shown.startswith('{\n  "')
    found = json.loads(shown)
    wadden, nazare, gone = found["areas"]
    assert (wadden["area"], wadden["in_file"], wadden["overdue"]) == ("wadden", True, True)
    assert wadden["last_scene"] == LONG.format(3)
    assert wadden["states"] == {"failed": 2, "published": 1, "skipped": 1}
    assert [failure["error"] for failure in wadden["failures"]] == ["the host is busy", "[B08] is not there"]
    assert [scene["history"][0]["what"] for scene in wadden["scenes"]] == ["seen"] * 4
    assert (nazare["round"], nazare["scenes"]) == ("never", [])
    assert (gone["area"], gone["in_file"], gone["next_run"]) == ("gone", False, None)


def test_a_page_is_named_in_a_line_where_there_is_one(run: Run, areas: Path) -> None:
    fill(areas)
    assert "To look at" not in run("status", areas).out
    page = Path(read_areas(areas).get_area("wadden").destination) / "view.html"
    page.parent.mkdir(parents=True)
    page.touch()
    for arguments in ((areas,), (areas, "--area", "wadden")):
        lines = run("status", *arguments).out.splitlines()
        assert [line for line in lines if "To look at" in line] == [f"To look at wadden: {page}"]
    found = json.loads(run("status", areas, "--json").out)["areas"]
    assert [area["page"] for area in found] == [str(page), "", ""]


def test_what_is_asked_wrongly_is_one_line(run: Run, areas: Path, tmp_path: Path) -> None:
    for arguments, code, word in (
        ((areas, "--area", "wedden"), 2, "found 'wedden'"),
        ((tmp_path, "--area", "wadden"), 2, "Leave it out"),
        ((tmp_path / "none.yaml",), 2, "none.yaml"),
        ((tmp_path / "nowhere",), 5, "found no batch.json"),
    ):
        ran = run("status", *arguments)
        assert (ran.code, ran.err.count("\n")) == (code, 1), ran.err
        assert word in ran.err


def test_neither_named_nor_here(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("status")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "found no areas.yaml" in ran.err


def test_a_batch_does_not_wait_for_what_a_watcher_needs(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom workflows.commands.status import status\n"
        "try:\n    status(Path(sys.argv[1]))\nexcept OSError:\n    pass\n"
        "assert 'pipeline.batch.summary' in sys.modules\n"
        "print([name for name in ('pipeline.watch.areas.file', 'sqlalchemy', 'croniter') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
