from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.errors import TrainingError
from models.networks.architecture import build_network
from models.networks.classifier import ClassifierConfig
from models.networks.unet import UNetConfig
from pipeline.ablation import tiles as ablation_tiles
from pipeline.ablation.ablate import Row, ablate, read_rows
from pipeline.ablation.fit import Batches, fit, loss_of_kind, loss_of_map, measure
from pipeline.ablation.recipe import AblationRecipe, FitRecipe, read_ablation
from pipeline.ablation.report import compare, write_report
from pipeline.ablation.tiles import TileSet, read_real_tiles, read_tiles
from tiles.bands import L2A_STACK
from tiles.errors import SampleError
from tiles.samples.sample import Sample

RECIPES = Path(__file__).resolve().parents[3] / "workflows" / "recipes"
SIZE = 16
NO_SCALE = (np.zeros(12, np.float32), np.ones(12, np.float32))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def draw_tile(seed: int, size: int) -> Sample:
    """A tile half of which, on one side, is dark water; quicker than the simulator."""
    rng = np.random.default_rng(seed)
    fraction = np.zeros((size, size), np.float32)
    fraction[:, : int(rng.integers(1, size))] = 1
    fraction = np.rot90(fraction, int(rng.integers(4))).copy()
    bright = 0.3 - 0.25 * fraction + 0.02 * rng.standard_normal((12, size, size))
    valid = rng.random((size, size)) > 0.1
    return Sample(
        reflectance=bright.astype(np.float32), fraction=fraction, valid=valid, place=str(seed), source="drawn"
    )


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Tiles are drawn, and counted."""
    made = SimpleNamespace(count=0)

    def count(seed: int, size: int) -> Sample:
        made.count += 1
        return draw_tile(seed, size)

    monkeypatch.setattr(ablation_tiles, "_simulate_tile", count)
    return made


def build_recipe(**given: object) -> AblationRecipe:
    return AblationRecipe.model_validate(
        {
            "tiles": {"size_px": SIZE, "pool": 8, "held_out": 4, "validation": 3, "real": 5},
            "network": {"depth": 1, "width": 4},
            "fit": {"steps": 2, "round_steps": 1, "batch": 2},
            "amounts": [2, 8],
            "channels": {"amount": 2, "sets": [["B08"], list(L2A_STACK)]},
            "seeds": [1, 2],
            **given,
        }
    )


def read_drawn(path: Path, count: int = 12) -> TileSet:
    return read_tiles(path / "tiles.npz", first_seed=5, count=count, size=SIZE)


def test_the_recipe_asks_what_the_issue_asks() -> None:
    recipe = read_ablation(RECIPES / "skip_connections.yaml")
    runs = recipe.runs
    assert len(set(runs)) == len(runs) == 3 * (4 * 4 + 3)  # all 12 bands from 35 tiles are there already
    assert {run.tiles for run in runs} == {9, 35, 140, 560}
    assert {len(run.bands) for run in runs if run.tiles == 35} == {1, 3, 4, 12}
    assert {run.seed for run in runs} == {1, 2, 3}
    held_out = range(recipe.tiles.first_held_out_seed, recipe.tiles.first_held_out_seed + recipe.tiles.held_out)
    assert not {*held_out} & {*range(recipe.tiles.first_seed, recipe.tiles.first_seed + recipe.tiles.pool)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fit: {step: 3}", "did you mean steps"),
        ("amount: [9]", "did you mean amounts"),
        ("amounts: [9999]", "9999 tiles are asked for"),
        ("channels: {sets: [[B08, B02]]}", "in this order"),
        ("variants: [vnet]", "variants.0"),
        ("tiles: {first_seed: 7, first_held_out_seed: 8}", "share seeds"),
        ("- 1", "it"),
        (": :", "is not YAML"),
    ],
)
def test_a_recipe_that_cannot_be_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(TrainingError, match=message) as caught:
        read_ablation(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_tiles_are_made_once_and_read_back(tmp_path: Path, drawn: SimpleNamespace) -> None:
    tiles = read_drawn(tmp_path)
    again = read_drawn(tmp_path)
    assert drawn.count == len(tiles) == 12
    assert np.array_equal(tiles.reflectance, again.reflectance)
    truth = draw_tile(5, SIZE)
    np.testing.assert_allclose(tiles.reflectance[0], truth.reflectance, atol=1e-4)
    assert np.array_equal(tiles.fraction[0], truth.fraction)
    assert np.array_equal(tiles.valid[0], truth.valid)
    with pytest.raises(TrainingError, match="Remove it"):
        read_drawn(tmp_path, count=11)
    (tmp_path / "tiles.npz").write_bytes(b"no tiles")
    with pytest.raises(TrainingError, match="cannot be read"):
        read_drawn(tmp_path)


def test_tiles_come_from_the_simulator(tmp_path: Path) -> None:
    tiles = read_tiles(tmp_path / "tiles.npz", first_seed=11, count=1, size=32)
    assert tiles.reflectance.shape == (1, 12, 32, 32)
    assert tiles.valid.any()
    assert np.isfinite(tiles.reflectance).all()


def test_what_is_kept_of_a_tile_does_not_hold_the_chip_that_it_was_cut_from() -> None:
    sample = ablation_tiles._simulate_tile(11, 32)
    assert sample.reflectance.base is not None, "a view, or this says nothing"
    packed = ablation_tiles._pack(sample)
    for array in packed:
        base = array if array.base is None else array.base
        assert base.nbytes == array.nbytes


@given(st.integers(0, 99), st.integers(1, 9))
def test_a_batch_holds_each_tile_as_often_as_any_other(seed: int, batch: int) -> None:
    image = np.broadcast_to(np.arange(4, dtype=np.float32)[:, None, None, None], (4, 12, 3, 3))
    fraction = np.broadcast_to(np.arange(4, dtype=np.float32)[:, None, None] / np.float32(4), (4, 3, 3))
    tiles = TileSet(reflectance=image, fraction=fraction, valid=np.ones((4, 3, 3), bool))
    batches = Batches(tiles, chosen=[1, 2, 3], channels=[0, 5], scale=NO_SCALE)
    drawn = batches.draw(np.random.default_rng(seed), batch)
    picked = drawn.image[:, 0, 0, 0]
    assert drawn.image.shape == (batch, 2, 3, 3)
    assert torch.equal(picked / 4, drawn.fraction[:, 0, 0])
    counts = [int((picked == value).sum()) for value in (1, 2, 3)]
    assert sum(counts) == batch
    assert max(counts) - min(counts) <= 1


def test_what_is_learned_is_found_on_other_tiles(tmp_path: Path, drawn: SimpleNamespace) -> None:
    tiles = read_drawn(tmp_path)
    learned = Batches(tiles, chosen=range(8), channels=[7], scale=tiles.measure())
    other = Batches(tiles, chosen=range(8, 12), channels=[7], scale=tiles.measure())
    torch.manual_seed(0)
    network = build_network(UNetConfig(in_channels=1, depth=1, width=4))
    recipe = FitRecipe(steps=40, round_steps=10, batch=4, rate=2e-2)
    fitted = fit(network, learned, other, loss_of_map, recipe=recipe, seed=1)
    assert 0 < fitted.steps <= 40
    assert not network.training
    found = measure(network, other)
    assert found.accuracy > 0.97
    assert found.hit + found.miss + found.false + found.rest == int(other.valid.sum())


def test_the_same_seed_learns_the_same(tmp_path: Path, drawn: SimpleNamespace) -> None:
    tiles = read_drawn(tmp_path)
    answers = []
    for _ in range(2):
        torch.manual_seed(4)
        network = build_network(ClassifierConfig(depth=1, width=4))
        batches = Batches(tiles, chosen=range(8), channels=range(12), scale=tiles.measure())
        fit(network, batches, batches, loss_of_kind, recipe=FitRecipe(steps=3, round_steps=2, batch=2), seed=3)
        answers.append(network(batches.image))
    assert torch.equal(*answers)


def test_an_ablation_goes_on_where_it_stopped(tmp_path: Path, drawn: SimpleNamespace) -> None:
    recipe = build_recipe()
    whole = ablate(recipe, tmp_path / "whole")
    assert [row.answers(run) for row, run in zip(whole, recipe.runs, strict=True)] == [True] * len(recipe.runs)
    assert len(whole) == 2 * (2 * 4 + 1)
    assert [str(row) for row in read_rows(tmp_path / "whole" / "ablation.csv")] == [str(row) for row in whole]
    assert all(math.isnan(row.real_accuracy) and 0 < row.steps <= 2 for row in whole)
    made = drawn.count
    broken = tmp_path / "broken"
    assert len(ablate(recipe, broken, most_runs=5)) == 5
    first = (broken / "ablation.csv").read_text()
    (broken / "autoencoder-2.safetensors").unlink(missing_ok=True)
    rest = ablate(recipe, broken)
    assert (broken / "ablation.csv").read_text().startswith(first)  # what was done was not done again
    assert drawn.count == 2 * made
    for ours, theirs in zip(rest, whole, strict=True):
        assert (ours.accuracy, ours.iou, ours.loss) == (theirs.accuracy, theirs.iou, theirs.loss), ours


def test_real_crops_are_measured_where_their_scenes_are_named(
    tmp_path: Path, drawn: SimpleNamespace, shared: Path
) -> None:
    recipe = build_recipe(seeds=[1], variants=["unet"], scenes=str(shared / "scenes"))
    rows = ablate(recipe, tmp_path)
    assert all(0 <= row.real_accuracy <= 1 and 0 <= row.real_iou <= 1 for row in rows)
    real = read_real_tiles(tmp_path / "real.npz", scenes=str(shared / "scenes"), count=5, size=SIZE)
    assert (len(real), real.reflectance.shape[1:]) == (5, (12, SIZE, SIZE))
    assert real.valid.any(axis=(1, 2)).all()
    assert real.reflectance.any(axis=(2, 3)).all()  # no band is absent
    write_report(tmp_path, rows, recipe)
    text = (tmp_path / "ablation.md").read_text()
    assert "The same on real crops" in text
    assert "On real crops: " in text
    with pytest.raises(SampleError, match="cannot be read"):
        read_real_tiles(tmp_path / "other.npz", scenes=str(tmp_path), count=5, size=SIZE)


def test_a_folder_of_another_ablation_is_refused(tmp_path: Path, drawn: SimpleNamespace) -> None:
    ablate(build_recipe(seeds=[1], variants=["unet"]), tmp_path, most_runs=1)
    with pytest.raises(TrainingError, match="another recipe"):
        ablate(build_recipe(seeds=[2], variants=["unet"]), tmp_path)
    (tmp_path / "ablation.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TrainingError, match="something else"):
        read_rows(tmp_path / "ablation.csv")


def row(accuracy: float, seed: int = 1, **given: Any) -> Row:  # noqa: ANN401 (any of its fields)
    values = {
        "variant": "unet", "tiles": 2, "bands": " ".join(L2A_STACK), "iou": accuracy, "loss": 0.0, "seconds": 1.0,
        "real_accuracy": math.nan, "real_iou": math.nan, "steps": 3,
    }  # fmt: skip
    return Row(**{**values, "seed": seed, "accuracy": accuracy, **given})


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ((0.02, 0.03), "better"),
        ((-0.02, -0.03), "worse"),
        ((0.002, -0.004), "no different"),
        ((0.02, -0.01), "undecided"),
        ((0.001, 0.006), "no different"),
    ],
)
def test_a_verdict_needs_all_seeds(gains: tuple[float, ...], verdict: str) -> None:
    base = [row(0.9, seed) for seed in range(3)]
    found = compare([row(0.9 + gain, seed) for seed, gain in enumerate(gains)], base)
    assert found is not None
    assert found.verdict == verdict
    assert found.points == pytest.approx(100 * np.mean(gains))
    assert compare([row(0.9, 7)], base) is None
    assert compare([row(0.9)], base, real=True) is None
    real = compare([row(0.5, real_accuracy=0.9)], [row(0.9, real_accuracy=0.8)], real=True)
    assert real is not None
    assert real.points == pytest.approx(10)


@pytest.mark.parametrize("share", [0, 3, 18])
def test_a_report_is_written_of_what_there_is(tmp_path: Path, share: int) -> None:
    recipe = build_recipe()
    rows = [
        row(0.8 + 0.01 * i, run.seed, variant=run.variant, tiles=run.tiles, bands=" ".join(run.bands))
        for i, run in enumerate(recipe.runs[:share])
    ]
    write_report(tmp_path, rows, recipe)
    text = (tmp_path / "ablation.md").read_text()
    assert ("Unfinished" in text) == (share < len(recipe.runs))
    assert "nan" not in text
    with Image.open(tmp_path / "ablation.png") as picture:
        assert picture.width > 800
    if share == len(recipe.runs):
        assert "Without them the U-Net is" in text
        assert "| 8 | " in text


def test_a_report_says_of_real_crops_what_it_says_of_simulated_ones(tmp_path: Path) -> None:
    recipe = build_recipe().model_copy(update={"scenes": "scenes"})
    rows = [
        row(0.9, run.seed, variant=run.variant, tiles=run.tiles, bands=" ".join(run.bands),
            real_accuracy=0.7 if len(run.bands) < 12 else 0.8, real_iou=0.6)
        for run in recipe.runs
    ]  # fmt: skip
    write_report(tmp_path, rows, recipe)
    lines = (tmp_path / "ablation.md").read_text().splitlines()
    (claim,) = [line for line in lines if line.startswith("- **More bands help.**")]
    assert "no different" in claim.split("On real crops:")[0]
    assert "better (+10.0 points" in claim.split("On real crops:")[1]
    (table,) = [line for line in lines if line.startswith("| all 12 |")]
    assert table == "| all 12 | 90.0 ± 0.0 (90.0 ± 0.0) | 80.0 ± 0.0 (60.0 ± 0.0) |"
    with Image.open(tmp_path / "ablation.png") as real:
        width = real.width
    write_report(tmp_path, [row(0.9)], recipe)
    with Image.open(tmp_path / "ablation.png") as without:
        assert without.width < width
