from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipeline.evaluation.evaluated import Lakes, write_tiny_model
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
