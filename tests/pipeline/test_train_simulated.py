from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from models.checkpoint import load_model, save_model
from models.errors import TrainingError
from models.runtime import Runtime
from models.unet import UNetConfig
from pipeline.chips import Chip, ChipStore
from pipeline.model_report import compute_report_on
from pipeline.simulated_card import write_card
from pipeline.simulated_chips import CHIP_PX, HELD_OUT_SEED, simulate
from pipeline.train_simulated import train
from pipeline.trainer import Options, Trainer, build_augmentation, compute_rate
from tiles.bands import L2A_STACK

SIZE = 160
NIR = L2A_STACK.index("B08")


def make_easy_chip(seed: int) -> Chip:
    """Bright land, dark water, a straight shore at any angle: learned in a minute."""
    rng = np.random.default_rng(seed)
    angle, shift = rng.uniform(0, 2 * np.pi), rng.uniform(-30, 30)
    rows, cols = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    fraction = np.clip(rows * np.sin(angle) + cols * np.cos(angle) + shift + 0.5, 0, 1).astype(np.float32)
    colour = rng.uniform(0.15, 0.4, (12, 1, 1)) * (1 - fraction) + 0.03 * fraction
    noise = rng.normal(0, 0.01, (12, SIZE, SIZE))
    valid = np.ones((SIZE, SIZE), np.bool_)
    return Chip(reflectance=(colour + noise).astype(np.float32), fraction=fraction, valid=valid)


def cut_chip(chip: Chip, size: int) -> Chip:
    part = (..., slice(size), slice(size))
    return Chip(reflectance=chip.reflectance[part], fraction=chip.fraction[part], valid=chip.valid[part])


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make_options(out: Path) -> Options:
    tiny = UNetConfig(depth=2, width=4)
    return Options(out=out, minutes=0.05, batch=4, capacity=12, config=tiny, warm_chips=12, rate=1e-2)


def make_trainer(out: Path) -> Trainer:
    out.mkdir(exist_ok=True)
    store = ChipStore(out / "chips", capacity=12, size=SIZE, bands=12)
    for serial in range(store.filled, 12):
        store.write(serial, make_easy_chip(serial))
    return Trainer(make_options(out), store)


def test_it_learns(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    cut = [cut_chip(make_easy_chip(seed), 96) for seed in range(4)]
    losses = [trainer.step(cut, done=0.1) for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.6 * losses[0]


def test_a_stopped_run_goes_on_where_it_was(tmp_path: Path) -> None:
    first = make_trainer(tmp_path)
    first.run()
    assert first.progress.step > 0
    assert first.progress.seconds >= 0.05 * 60
    second = make_trainer(tmp_path)
    assert second.progress == first.progress
    for name, tensor in first.network.state_dict().items():
        assert torch.equal(tensor, second.network.state_dict()[name]), name
    for name, tensor in first.best.state_dict().items():
        assert torch.equal(tensor, second.best.state_dict()[name]), name
    chips = [make_easy_chip(seed) for seed in range(2)]
    second.generator.manual_seed(5)
    first.generator.manual_seed(5)
    assert first.step(chips, done=0.5) == second.step(chips, done=0.5)
    # The optimiser's moments too: the second step agrees only if they came back.
    assert first.step(chips, done=0.5) == pytest.approx(second.step(chips, done=0.5), rel=1e-4)
    second.run()
    assert second.progress.step == first.progress.step  # the time was up already


def test_the_state_is_no_pickle(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    trainer.save()
    with safe_open(tmp_path / "state.safetensors", framework="pt") as file:
        assert "progress" in (file.metadata() or {})


def test_the_report_of_a_known_answer(tmp_path: Path) -> None:
    # An untrained network cannot know; what it says must be measured as bad, and the index as good.
    trainer = make_trainer(tmp_path)
    path = tmp_path / "model.safetensors"
    save_model(path, trainer.best, write_card("tiny", trainer.progress, seed=1, report=None))
    runtime = Runtime(load_model(path), device="cpu", precision="fp32")
    chips = [make_easy_chip(seed) for seed in (50, 51, 52)]
    for chip in chips:
        chip.reflectance[NIR] = np.where(chip.fraction > 0.5, -1.0, 0.9)
    report = compute_report_on(chips, runtime)
    assert report.chips == 3
    assert report.ndwi_iou == 1.0
    assert report.iou < 0.9
    assert report.shoreline_found < 0.5 or report.shoreline_median_m > 20
    card = write_card("tiny", trainer.progress, seed=1, report=report, optional=("B01",))
    assert card.figure("ndwi_iou") == 1.0
    assert card.temperature == report.temperature
    assert card.training.steps == trainer.progress.step


@given(st.floats(0, 1))
def test_the_rate_rises_then_falls_and_is_never_zero(done: float) -> None:
    assert 0.0 < compute_rate(done) <= 1.0 + 1e-9
    if done > 0.03:
        assert compute_rate(done) >= compute_rate(min(1.0, done + 0.01)) - 1e-9


def test_coarse_bands_are_dropped_most() -> None:
    chances = dict(zip(L2A_STACK, build_augmentation().dropout, strict=True))
    assert chances["B01"] == chances["B09"] > 5 * chances["B08"]


@pytest.mark.parametrize("wrong", [{"minutes": 0.0}, {"batch": 0}, {"warm_chips": 99, "capacity": 9}, {"held_out": 0}])
def test_options_that_cannot_be_are_refused(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(TrainingError, match="positive"):
        dataclasses.replace(Options(out=tmp_path), **wrong)


def test_simulated_chips_are_deterministic_and_apart_from_the_held_out() -> None:
    first, again, other = simulate(7), simulate(7), simulate(HELD_OUT_SEED)
    np.testing.assert_array_equal(first.reflectance, again.reflectance)
    assert not np.array_equal(first.reflectance, other.reflectance)
    assert first.reflectance.shape == (12, CHIP_PX, CHIP_PX)
    assert first.fraction.min() >= 0
    assert first.fraction.max() <= 1


def test_from_nothing_to_a_model_file(tmp_path: Path) -> None:
    options = dataclasses.replace(make_options(tmp_path / "run"), capacity=4, warm_chips=2, batch=1, held_out=1)
    path = train(options)
    model = load_model(path)
    assert model.card.figure("iou") is not None
    assert model.network.config == options.config
