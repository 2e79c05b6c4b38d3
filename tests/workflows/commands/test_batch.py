"""``strandline batch`` and ``strandline status`` on workers of this machine, by the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import geopandas as gpd
import pytest

from tests.pipeline.small_scenes import compare_results, simulate_scenes, truncate_band
from tests.workflows.conftest import Run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One good scene, one broken."""
    folder = tmp_path_factory.mktemp("scenes")
    truncate_band(simulate_scenes(folder, 2)[1])
    return folder


def test_one_good_and_one_broken_scene(run: Run, folder: Path, tmp_path: Path) -> None:
    good, broken = sorted(folder.iterdir())
    out = tmp_path / "out"
    ran = run("batch", folder, "--out", out, "--workers", 1, "--retries", 0, "--progress", "json")
    assert ran.code == 6, ran.err
    events = [json.loads(line) for line in ran.out.splitlines()]
    assert [event["event"] for event in events] == ["started", "scene", "scene", "finished"]
    assert events[0]["dashboard"].startswith("http")
    assert {event["id"]: event["kind"] for event in events[1:3]} == {good.stem: "mapped", broken.stem: "failed"}
    assert run("map", good, "--out", tmp_path / "plain", "--quiet").code == 0
    # The network's sums have other last digits in another number of threads: the lines move by micrometres for it.
    assert set(compare_results(tmp_path / "plain" / good.stem, out / good.stem)) <= {"coastline.gpkg"}
    plain, mapped = (
        gpd.read_file(folder / good.stem / "coastline.gpkg", layer="coastline") for folder in (tmp_path / "plain", out)
    )
    assert len(plain) == len(mapped)
    assert plain.geometry.hausdorff_distance(mapped.geometry).max() < 1e-3
    (wrong,) = [entry for entry in json.loads((out / "summary.json").read_text())["problems"] if entry["reason"]]
    assert wrong["id"] == broken.stem

    ran = run("status", out)
    assert ran.code == 0
    assert "1  failed" in ran.out
    assert "0 of 2 scenes are left" in ran.out
    assert broken.stem in ran.out
    assert f"To look at it: {out / 'view.html'}" in ran.out.splitlines()
    status = json.loads(run("status", out, "--json").out)
    assert (status["counts"], status["running"]) == ({"failed": 1, "mapped": 1}, False)

    # Another model's folder, and all that can be said before any work.
    ran = run("batch", folder, "--out", out, "--threshold", 0.6)
    assert ran.code == 5
    assert ran.err.count("\n") <= 2
    assert "threshold (0.5, now 0.6)" in ran.err

    # Nothing but the broken one: nothing can be mapped.
    shutil.copytree(broken, tmp_path / "alone" / broken.name)
    ran = run("batch", tmp_path / "alone", "--out", tmp_path / "none", "--workers", 1, "--retries", 0)
    assert ran.code == 8
    assert f"failed: {broken.stem}" in ran.err


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (["nowhere"], 2, "found nothing at"),
        ([".", "--workers", "0"], 2, "at least 1"),
        ([".", "--workers", "1", "--scheduler", "tcp://127.0.0.1:1"], 2, "one of"),
        ([".", "--model", "strandline-smal"], 2, "strandline-small"),
    ],
)
def test_what_cannot_work_is_one_line(
    run: Run, folder: Path, tmp_path: Path, options: list[str], code: int, word: str
) -> None:
    scenes = folder if options[0] == "." else tmp_path / options[0]
    ran = run("batch", scenes, "--out", tmp_path / "out", "--progress", "none", *options[1:])
    assert (ran.code, ran.err.count("\n")) == (code, 1), ran.err
    assert word in ran.err
    assert not (tmp_path / "out").exists()


def test_status_where_no_batch_was(run: Run, tmp_path: Path) -> None:
    ran = run("status", tmp_path)
    assert ran.code == 5
    assert "found no batch.json" in ran.err
