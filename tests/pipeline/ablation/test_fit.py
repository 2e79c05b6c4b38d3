"""The plain loop of an ablation: what a batch holds, how the steps go, what is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.errors import TrainingError
from pipeline.ablation import fit as loop
from pipeline.ablation import tiles as made
from pipeline.ablation.fit import Batch, Batches, fit, loss_of_image, loss_of_kind, loss_of_map, measure
from pipeline.ablation.recipe import FitRecipe
from pipeline.ablation.tiles import TileSet, read_tiles
from tiles.samples.sample import Sample

SCALE = (np.arange(12, dtype=np.float32), np.full(12, 2.0, np.float32))


def make_tiles(count: int = 3, *, size: int = 2) -> TileSet:
    shape = (count, 12, size, size)
    reflectance = np.broadcast_to(np.arange(12, dtype=np.float32)[:, None, None] + 4, shape).copy()
    reflectance[:, 1] += np.arange(count, dtype=np.float32)[:, None, None] * 2
    fraction = np.zeros((count, size, size), np.float32)
    fraction[:, 0] = 1
    return TileSet(reflectance=reflectance, fraction=fraction, valid=np.ones((count, size, size), bool))


def test_chosen_tiles_and_bands_are_brought_to_one_scale() -> None:
    batches = Batches(make_tiles(), chosen=[2, 0], channels=[1, 11], scale=SCALE)
    assert batches.image[:, :, 0, 0].tolist() == [[4, 2], [2, 2]]  # (1 + 4 + 2 * 2 - 1) / 2, (11 + 4 - 11) / 2
    assert (tuple(batches.fraction.shape), tuple(batches.valid.shape)) == ((2, 2, 2), (2, 2, 2))


def test_images_and_their_truth_are_turned_together_in_eight_ways() -> None:
    tiles = make_tiles(1)
    tiles.reflectance[0, 0] = [[0, 1], [2, 3]]
    tiles.fraction[0] = [[0, 1], [2, 3]]
    tiles.valid[0] = [[False, True], [True, True]]
    batches = Batches(tiles, chosen=[0], channels=[0], scale=(np.zeros(12), np.ones(12)))  # type: ignore[arg-type]
    seen = set()
    for seed in range(200):
        batch = batches.draw(np.random.default_rng(seed), 1)
        assert torch.equal(batch.image[0, 0].float(), batch.fraction[0])
        assert torch.equal(batch.valid[0], batch.fraction[0] > 0)
        seen.add(tuple(batch.fraction.flatten().tolist()))
    assert len(seen) == 8


class Scaled(nn.Module):
    """Two logits that differ by one learned factor."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(1))
        self.seen: list[bool] = []

    def forward(self, image: Tensor) -> Tensor:
        self.seen.append(self.training)
        assert image.is_contiguous(memory_format=torch.channels_last)
        return torch.cat((torch.zeros_like(image), self.factor * image), dim=1)


def list_losses(told: list[float]) -> Any:  # noqa: ANN401 (a loss)
    """A loss that says what stands in a list while it is validated, and lets the factor fall while it learns."""

    def loss_of(answer: Tensor, batch: Batch) -> Tensor:
        assert answer.dtype == torch.float32
        return answer.square().mean() if torch.is_grad_enabled() else torch.tensor(told.pop(0))

    return loss_of


@pytest.mark.parametrize(
    ("told", "patience", "best", "rounds"),
    [
        ([5, 4, 3, 2], 2, 4, 4),  # it falls to the last step
        ([5, 4, 4, 4, 1], 2, 2, 4),  # what comes after the patience is not seen
        ([5, 6, 4, 6, 3, 6, 6, 1], 3, 8, 8),
        ([5, 6, 4, 6, 3, 6, 6, 1], 2, 5, 7),
        ([1, 2], 1, 1, 2),
    ],
)
def test_training_ends_where_the_loss_no_longer_falls_and_keeps_the_best(
    told: list[float], patience: int, best: int, rounds: int
) -> None:
    network: Any = Scaled()
    batches = Batches(make_tiles(), chosen=[0, 1, 2], channels=[0], scale=SCALE)
    factors: list[float] = []
    losses = [float(loss) for loss in told]
    network.register_forward_hook(
        lambda *_: factors.append(float(network.factor.detach())) if not network.training else None
    )
    recipe = FitRecipe(steps=2 * len(told), round_steps=2, patience=patience, batch=2, rate=0.01)
    fitted = fit(network, batches, batches, list_losses(losses), recipe=recipe, seed=1)
    assert (fitted.loss, fitted.steps) == (told[best - 1], 2 * best)
    assert len(told) - len(losses) == rounds
    assert float(network.factor.detach()) == factors[best - 1]
    assert len(set(factors)) == rounds
    assert not network.training


def test_the_rate_falls_to_a_third_after_half_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    adam, plateau, clip = loop.AdamW, loop.ReduceLROnPlateau, torch.nn.utils.clip_grad_norm_

    def build(parameters: Any, **choices: Any) -> Any:  # noqa: ANN401
        asked["adam"] = choices
        return adam(parameters, **choices)

    def plan(optimiser: Any, **choices: Any) -> Any:  # noqa: ANN401
        asked["plateau"] = choices
        return plateau(optimiser, **choices)

    def cut(parameters: Any, most: float) -> Any:  # noqa: ANN401
        asked["clip"] = most
        return clip(parameters, most)

    monkeypatch.setattr(loop, "AdamW", build)
    monkeypatch.setattr(loop, "ReduceLROnPlateau", plan)
    monkeypatch.setattr("torch.nn.utils.clip_grad_norm_", cut)
    batches = Batches(make_tiles(), chosen=[0], channels=[0], scale=SCALE)
    recipe = FitRecipe(steps=4, rate=0.5, patience=7)
    fit(Scaled(), batches, batches, lambda answer, _: answer.mean(), recipe=recipe, seed=1)  # type: ignore[arg-type]
    assert asked == {
        "adam": {"lr": 0.5, "weight_decay": 0.01},
        "plateau": {"factor": 1 / 3, "patience": 3, "threshold": 0.0},
        "clip": 1.0,
    }


@pytest.mark.parametrize("count", [3, 50, 51, 101])
def test_each_tile_is_counted_once_and_half_is_land(count: int) -> None:
    tiles = make_tiles(count)
    tiles.fraction[:] = 0.5
    tiles.fraction[0, 0, 0] = 0.51
    tiles.valid[-1, 1, 1] = False
    batches = Batches(tiles, chosen=range(count), channels=[0], scale=(np.full(12, 4.0), np.ones(12)))  # type: ignore[arg-type]
    batches.image[0, 0, 0, :] = 1
    counted = measure(Scaled().eval(), batches)  # type: ignore[arg-type]
    assert (counted.hit, counted.miss, counted.false, counted.rest) == (1, 0, 1, 4 * count - 3)


def test_losses_look_at_map_image_or_kind() -> None:
    answer = torch.zeros(1, 2, 2, 2)
    batch = Batch(
        image=torch.full((1, 2, 2, 2), 3.0), fraction=torch.ones(1, 2, 2), valid=torch.ones(1, 2, 2, dtype=torch.bool)
    )
    assert float(loss_of_map(answer, batch)) == pytest.approx(np.log(2))
    assert float(loss_of_image(answer, batch)) == 9
    assert float(loss_of_kind(torch.tensor([[0.0, 40.0, 0.0]]), batch)) == pytest.approx(0, abs=1e-6)


# tiles


def test_tiles_are_kept_in_ten_thousandths_and_their_making_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []

    def simulate(seed: int, size: int) -> Sample:
        seeds.append(seed)
        reflectance = np.full((12, size, size), 0.12346, np.float32)
        reflectance[0, 0] = [np.nan, 9.0]
        fraction = np.full((size, size), 0.25, np.float32)
        valid = np.ones((size, size), bool)
        return Sample(reflectance=reflectance, fraction=fraction, valid=valid, place="p", source="s", resolution_m=10.0)

    monkeypatch.setattr(made, "_simulate_tile", simulate)
    told: list[float] = []
    tiles = read_tiles(tmp_path / "deep" / "t.npz", first_seed=5, count=4, size=2, progress=told.append)
    assert (seeds, told, len(tiles)) == ([5, 6, 7, 8], [0.25, 0.5, 0.75, 1.0], 4)
    np.testing.assert_allclose(tiles.reflectance[0, 0], [[0, 3.2767], [0.1235, 0.1235]], rtol=1e-6)
    np.testing.assert_allclose(tiles.fraction, 64 / 255, rtol=1e-6)
    again = read_tiles(tmp_path / "deep" / "t.npz", first_seed=5, count=4, size=2)
    assert len(seeds) == 4
    assert np.array_equal(again.reflectance, tiles.reflectance)
    for wrong in ({"first_seed": 6}, {"count": 3}, {"size": 4}):
        with pytest.raises(TrainingError, match="Remove it, or use another folder"):
            read_tiles(tmp_path / "deep" / "t.npz", **({"first_seed": 5, "count": 4, "size": 2} | wrong))


def test_mean_and_deviation_are_of_valid_pixels_band_by_band() -> None:
    tiles = make_tiles(2)
    tiles.reflectance[0, 3, 0, 0], tiles.valid[0, 0, 0] = 1e6, False
    mean, deviation = tiles.measure()
    assert mean[3] == 7
    assert deviation[3] == 0
    assert mean[1] == pytest.approx((3 * 5 + 4 * 7) / 7)
    assert deviation[1] == pytest.approx(np.std([5] * 3 + [7] * 4))
