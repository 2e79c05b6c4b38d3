from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipeline.evaluation.evaluated import Lakes, write_tiny_model
from tests.tiles.samples.test_folder import GRIDS, make_image, make_mask, write
from tests.workflows.conftest import Run


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model, and data that costs nothing, whatever is named."""
    monkeypatch.setattr("pipeline.evaluation.evaluate.resolve_source", lambda _text: Lakes())
    return write_tiny_model(tmp_path / "tiny.safetensors")


def test_evaluate_writes_the_report_and_prints_the_table(run: Run, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "report"
    ran = run("evaluate", model, "lakes", "--out", out, "--tile-size", 32, "--places", "held-out", "--held-out", 0.5)
    assert ran.code == 0
    assert "NDWI > Otsu" in ran.out
    assert str(out / "report.html") in ran.err
    record = json.loads((out / "metrics.json").read_text())
    assert record["about"]["places"] == "held-out"
    assert 0 < len(record["data"]["scenes"]) < 9


def test_compare_wants_models_and_data_and_says_so_in_one_line(run: Run, model: Path) -> None:
    ran = run("compare", "lakes")
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert "one model or more" in ran.err
    assert "tiny" in run("compare", model, "lakes", "--tile-size", 32).out


def test_a_wrong_choice_is_one_line(run: Run, model: Path, tmp_path: Path) -> None:
    ran = run("evaluate", model, "lakes", "--out", tmp_path / "out", "--places", "some")
    assert ran.code == 2
    assert "held-out" in ran.err
    assert not (tmp_path / "out").exists()


def test_what_is_left_out_of_masks_is_printed_warned_of_and_recorded(run: Run, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.safetensors")
    crs, transform, shape = GRIDS["small"]
    mask = make_mask(shape)
    write(tmp_path / "mine" / "images" / "a.tif", make_image(shape), crs, transform, nodata=0)
    write(tmp_path / "mine" / "masks" / "a.tif", mask, crs, transform)
    quick = ("--tile-size", 32, "--out", tmp_path / "report")
    ran = run("evaluate", model, f"folder:{tmp_path / 'mine'}", *quick)
    assert ran.code == 0, ran.err
    assert "left out (255: 3.5%)" in ran.err
    assert "Warning" not in ran.err
    assert json.loads((tmp_path / "report" / "metrics.json").read_text())["data"]["labels"][0]["left_out"] == {
        "255": 24
    }
    assert "255: 3.5%" in (tmp_path / "report" / "report.html").read_text()
    few = run("evaluate", model, f"{tmp_path / 'mine'}:land=255:water=1", *quick, "--quiet")
    assert few.code == 0, few.err
    assert "Warning: Labels of folder mine" in few.err
    alone = run("evaluate", model, f"folder:{tmp_path / 'mine'}:land=0,1:water=9", *quick, "--quiet")
    assert "Warning: There is no water in the truth" in alone.err


def test_masks_that_lose_a_class_are_one_line(run: Run, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.safetensors")
    crs, transform, shape = GRIDS["small"]
    write(tmp_path / "mine" / "images" / "a.tif", make_image(shape), crs, transform, nodata=0)
    write(tmp_path / "mine" / "masks" / "a.tif", (make_mask(shape) == 1).astype("uint8") * 255, crs, transform)
    for command in (
        ("evaluate", model, tmp_path / "mine", "--out", tmp_path / "o"),
        ("compare", model, tmp_path / "mine"),
    ):
        ran = run(*command)
        assert (ran.code, ran.err.count("\n")) == (2, 1)
        assert "found 255: 51.5%, 0: 48.5%" in ran.err
    wrong = run("evaluate", model, f"{tmp_path / 'mine'}:water=blue", "--out", tmp_path / "o")
    assert (wrong.code, wrong.err.count("\n")) == (2, 1)
