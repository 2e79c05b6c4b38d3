"""What a card says of a model was measured, with intervals, beside the best index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.release_model import FewBands, Remarks, list_figures, release
from models.networks.checkpoint import read_model
from pipeline.evaluation.answers import NetworkMethod
from pipeline.evaluation.evaluate import EvaluationOptions, evaluate
from pipeline.training.recipe import Recipe
from pipeline.training.train import train
from tests.pipeline.sources import Discs
from tiles.bands import L2A_STACK
from tiles.samples.sample import SampleSource


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny network for any bands that learned what a disc is."""
    patch = pytest.MonkeyPatch()
    patch.setattr("pipeline.training.train.resolve_source", lambda _text, cache=None: Discs())
    recipe = Recipe.model_validate(
        {
            "data": {"parts": [{"source": "discs", "held_out": 0.3}], "tile_px": 32, "validation_tiles": 2},
            "model": {"name": "tiny", "network": {"depth": 1, "width": 4, "any_channels": True}},
            "trainer": {"steps": 60, "batch": 4, "round_steps": 60, "workers": 0, "accelerator": "cpu", "average": 0.9}
            | {"precision": "32-true", "pictures": 0},
        }
    )
    path = train(recipe, tmp_path_factory.mktemp("run"))
    patch.undo()
    return path


def test_few_bands_are_all_that_is_left() -> None:
    source = FewBands(whole=Discs(), bands=("B03", "B08"))
    assert isinstance(source, SampleSource)
    assert source.restrict(frozenset({"a"})).places == ("a",)
    for sample in (source.draw(np.random.default_rng(1), size=16), *source.tiles(size=16)):
        assert [L2A_STACK[index] for index in np.flatnonzero(sample.present)] == ["B03", "B08"]
        assert sample.valid.all()


def test_figures_have_intervals_and_the_best_index_beside_them(model: Path) -> None:
    method = NetworkMethod(name="tiny", model=str(model), precision="fp32")
    found = evaluate([method], Discs(), options=EvaluationOptions(tile_size=64, resamples=20))
    figures = {figure.name: figure for figure in list_figures(found, "discs")}
    assert {"iou", "accuracy", "boundary_iou", "calibration_error", "best_index_iou"} <= set(figures)
    for figure in figures.values():
        assert figure.interval is not None
        assert figure.interval[0] <= figure.value + 1e-4
        assert figure.value <= figure.interval[1] + 1e-4
    assert figures["shoreline_median_m"].unit == "m"
    assert figures["best_index_iou"].value == max(
        round(result.figures["iou"], 5) for result in found.methods if result.kind == "index"
    )


def test_a_release_stands_whole(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.release_model.resolve_source", lambda _text: Discs())
    path = release(model, tmp_path, scenes=tmp_path, chips=2, remarks=Remarks(failures=("It knows discs alone.",)))
    card = read_model(path).card
    assert card.known_failures == ("It knows discs alone.",)
    assert len({figure.on for figure in card.figures if not figure.name.startswith("best")}) == 5
    assert {entry.name for entry in tmp_path.iterdir()} == {
        "tiny.safetensors", "tiny.json", "tiny-worst-real.jpg", "tiny-worst-simulated.jpg",
    }  # fmt: skip
