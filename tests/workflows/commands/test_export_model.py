"""``strandline export-model``: the file gets the name of the model, the ending of its format and the bands named."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.runtimes.registry import resolve_card
from tests.pipeline.evaluation.evaluated import write_tiny_model
from tests.workflows.conftest import Run
from tiles.bands import L2A_STACK


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_tiny_model(tmp_path / "tiny.safetensors")


def test_the_file_is_named_after_the_model_where_no_name_is_given(run: Run, model: Path) -> None:
    ran = run("export-model", model)
    assert (ran.code, ran.err) == (0, "")
    size = Path("tiny.onnx").stat().st_size / 1e6
    assert ran.out.startswith(f"tiny.onnx   ({size:.1f} MB; differs from PyTorch by ")
    assert resolve_card("tiny.onnx").inputs == L2A_STACK


def test_a_format_a_name_and_bands_are_taken_as_they_are_given(run: Run, model: Path) -> None:
    ran = run("export-model", model, "--format", "pt2", "--out", "deep/few.pt2", "--bands", "B03, B08")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("deep/few.pt2   (")
    assert resolve_card("deep/few.pt2").inputs == ("B03", "B08")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "tflite"), "onnx, pt2; found 'tflite'"),
        (("--out", "model.pt2"), "ends in .onnx"),
        (("--bands", "B02"), "cannot do without B03"),
    ],
)
def test_what_cannot_be_exported_is_one_line(run: Run, model: Path, arguments: tuple[str, ...], message: str) -> None:
    ran = run("export-model", model, *arguments)
    assert ran.code == 2
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert not list(Path().glob("*.onnx"))
