"""A training can be repeated, stopped and resumed to the bit; its model maps what it learned."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file
from torch import Tensor

from models.errors import TrainingError
from models.networks.checkpoint import read_model
from pipeline.training.data import DrawnTiles, Share, build_loader
from pipeline.training.module import TrainingModule, compute_rate
from pipeline.training.recipe import Recipe, read_recipe
from pipeline.training.train import RECIPE_FILE, STATE_FILE, resolve_data, resume, train
from tests.pipeline.sources import Discs
from tiles.samples.mask_values import LabelShares


@pytest.fixture(autouse=True)
def discs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources by name are opened elsewhere, and tested there."""
    monkeypatch.setattr("pipeline.training.train.resolve_source", lambda _text, cache=None: Discs())


def make_recipe(**changes: Any) -> Recipe:  # noqa: ANN401 (whatever a recipe holds)
    trainer = {"steps": 6, "batch": 2, "round_steps": 2, "workers": 0, "precision": "32-true", "accelerator": "cpu"}
    trainer |= changes.pop("trainer", {})
    values = {
        "seed": 5,
        "data": {"parts": [{"source": "discs", "held_out": 0.3}], "tile_px": 32, "validation_tiles": 3},
        "model": {"name": "tiny", "network": {"depth": 1, "width": 4, "any_channels": True}},
        "trainer": trainer,
    }
    return Recipe.model_validate(values | changes)


def test_an_interrupted_run_ends_at_the_weights_of_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = make_recipe()
    whole = train(recipe, tmp_path / "whole")
    again = train(recipe, tmp_path / "again")
    honest = TrainingModule.training_step

    def die(self: TrainingModule, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        if self.trainer.global_step == 5:  # in the middle of the third round
            raise OSError("the plug was pulled")
        return honest(self, batch, batch_idx)

    monkeypatch.setattr(TrainingModule, "training_step", die)
    with pytest.raises(OSError, match="plug"):
        train(recipe, tmp_path / "broken")
    assert (tmp_path / "broken" / STATE_FILE).exists()
    assert not (tmp_path / "broken" / "tiny.safetensors").exists()
    monkeypatch.undo()
    monkeypatch.setattr("pipeline.training.train.resolve_source", lambda _text, cache=None: Discs())
    broken = resume(tmp_path / "broken")
    first = load_file(whole)
    for other in (again, broken):
        for name, tensor in load_file(other).items():
            assert torch.equal(tensor, first[name]), name


def test_a_training_learns_what_a_disc_is(tmp_path: Path) -> None:
    recipe = make_recipe(trainer={"steps": 120, "round_steps": 60, "batch": 4, "average": 0.9})
    model = read_model(train(recipe, tmp_path / "run"))
    assert (model.card.figure("iou") or 0) > 0.8
    assert model.card.required_inputs == (("B03",), ("B08", "B8A"))
    assert model.card.training.steps == 120
    assert (tmp_path / "run" / RECIPE_FILE).exists()
    assert list((tmp_path / "run").glob("pictures/step-*.png"))
    assert list((tmp_path / "run").glob("tensorboard/*/events*"))
    assert "val/iou" in next((tmp_path / "run").glob("log/*/metrics.csv")).read_text()


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedDiscs(Discs):
    """Discs whose masks left out a fifth."""

    label_shares: tuple[LabelShares, ...] = (
        LabelShares(source="discs", land={"0": 50}, water={"1": 30}, left_out={"255": 20}),
    )

    def restrict(self, places: frozenset[str]) -> CountedDiscs:
        return CountedDiscs(places=tuple(place for place in self.places if place in places))


def test_labels_that_are_left_out_are_told_before_and_stand_in_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.training.train.resolve_source", lambda _text, cache=None: CountedDiscs())
    told: list[str] = []
    path = train(make_recipe(trainer={"steps": 1, "round_steps": 1}), tmp_path / "run", notify=told.append)
    assert len(told) == 1
    assert "20.0% left out (255: 20.0%)" in told[0]
    assert "left out (255: 20.0%)" in read_model(path).card.training.data
    with pytest.warns(UserWarning, match="left out"):
        resume(tmp_path / "run")


@pytest.mark.parametrize("architecture", ["autoencoder", "classifier"])
def test_other_networks_train_and_hand_on_their_encoder(tmp_path: Path, architecture: str) -> None:
    network = {"depth": 1, "width": 4}
    first = make_recipe(model={"name": architecture, "network": {"architecture": architecture, **network}})
    source = train(first, tmp_path / "first")
    start = {"name": "tiny", "network": network, "start": str(tmp_path / "first"), "start_from": "encoder"}
    rate = {"rate": 1e-12, "weight_decay": 0.0}
    second = make_recipe(model=start, optimiser=rate, trainer={"steps": 1, "round_steps": 1, "average": 0})
    target = train(second, tmp_path / "second")
    given, taken = load_file(source), load_file(target)
    kernel = "encoder.stages.1.0.weight"
    torch.testing.assert_close(taken[kernel], given[kernel])


def test_a_wider_network_begins_with_what_the_narrower_one_knows(tmp_path: Path) -> None:
    narrow = make_recipe(trainer={"steps": 60, "round_steps": 60, "batch": 4, "average": 0.9})
    first = read_model(train(narrow, tmp_path / "first"))
    start = {"name": "tiny", "network": {"depth": 1, "width": 6, "any_channels": True}, "start_from": "narrower"}
    start |= {"start": str(tmp_path / "first")}
    rate = {"rate": 1e-12, "weight_decay": 0.0}
    wide = make_recipe(model=start, optimiser=rate, trainer={"steps": 1, "round_steps": 1, "average": 0})
    second = read_model(train(wide, tmp_path / "second"))
    assert asdict(second.network.config)["width"] == 6
    assert second.card.figure("iou") == pytest.approx(first.card.figure("iou"), abs=0.05)


def test_a_share_of_the_first_weights_is_kept(tmp_path: Path) -> None:
    first = load_file(train(make_recipe(), tmp_path / "first"))
    start = {
        "name": "tiny",
        "network": {"depth": 1, "width": 4, "any_channels": True},
        "start": str(tmp_path / "first"),
    }
    trained = {
        share: load_file(train(make_recipe(model={**start, "keep": share}), tmp_path / f"{share}"))
        for share in (0.0, 0.25, 0.5)
    }
    for keep, weights in trained.items():
        for name, tensor in weights.items():
            if tensor.is_floating_point():
                torch.testing.assert_close(tensor, keep * first[name] + (1 - keep) * trained[0.0][name])


@pytest.mark.parametrize("change", [{}, {"start": "strandline-small", "start_from": "encoder"}])
def test_what_is_not_there_cannot_be_kept(change: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="give start, without encoder"):
        make_recipe(model={"name": "tiny", "keep": 0.5, **change})


def test_early_stopping_stops_where_nothing_is_learned(tmp_path: Path) -> None:
    recipe = make_recipe(
        optimiser={"rate": 1e-12}, trainer={"steps": 40, "round_steps": 1, "patience": 2, "average": 0}
    )
    model = read_model(train(recipe, tmp_path / "run"))
    assert model.card.training.steps < 40


@pytest.mark.parametrize(("native", "kept"), [(False, "32-true"), (True, "bf16-mixed")])
def test_a_run_keeps_the_precision_that_its_machine_is_made_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native: bool, kept: str
) -> None:
    monkeypatch.setattr("models.runtimes.torch_predictor._cpu_has_bf16", lambda: native)
    train(make_recipe(trainer={"steps": 1, "round_steps": 1, "precision": "auto"}), tmp_path)
    assert read_recipe(tmp_path / RECIPE_FILE).trainer.precision == kept


def test_a_folder_with_a_run_is_not_begun_again(tmp_path: Path) -> None:
    recipe = make_recipe(trainer={"steps": 1, "round_steps": 1})
    train(recipe, tmp_path)
    with pytest.raises(TrainingError, match="--resume"):
        train(recipe, tmp_path)
    with pytest.raises(TrainingError, match="found none"):
        resume(tmp_path / "elsewhere")


def test_a_recipe_is_found_by_its_file_or_its_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("trainer: {steps: 0}")
    with pytest.raises(TrainingError, match=r"mine\.yaml.*steps"):
        train(str(file), tmp_path / "run")
    with pytest.raises(TrainingError, match=r"mine.*data"):
        train(file, tmp_path / "run", changes=["trainer.steps=1"])
    with pytest.raises(TrainingError, match=r"No recipe is called 'swedd'.*Did you mean swed"):
        train("swedd", tmp_path / "run")
    with pytest.raises(TrainingError, match=r"root"):
        train("swed", str(tmp_path / "run"))
    with pytest.raises(TrainingError, match="Changes go with"):
        train(make_recipe(), tmp_path / "run", changes=["seed=2"])
    assert not (tmp_path / "run").exists()


def test_no_place_is_learned_from_and_held_out(tmp_path: Path) -> None:
    data = resolve_data(make_recipe(), tmp_path)
    assert data.held_out is not None
    learned = {data.learned.draw(np.random.default_rng(seed), size=16).place for seed in range(200)}
    held = {data.held_out.draw(np.random.default_rng(seed), size=16).place for seed in range(200)}
    assert learned
    assert held
    assert not learned & held


def test_devices_share_the_tiles_of_a_round() -> None:
    tiles = DrawnTiles(source=Discs(), size=16, seed=1)
    alone = build_loader(tiles, batch=4, batches=2, workers=0, share=Share())
    halves = [Share(rank=rank, ranks=2) for rank in (0, 1)]
    shares = [build_loader(tiles, batch=2, batches=2, workers=0, share=half) for half in halves]
    whole = torch.cat([batch["image"] for batch in alone])
    parts = [torch.cat([batch["image"] for batch in share]) for share in shares]
    for index, image in enumerate(whole):
        assert torch.equal(image, parts[index % 2][index // 2])


def test_another_round_draws_other_tiles() -> None:
    tiles = DrawnTiles(source=Discs(), size=16, seed=1)
    loader = build_loader(tiles, batch=2, batches=1, workers=0, share=Share())
    first, second = (next(iter(loader))["image"] for _ in range(2))
    assert not torch.equal(first, second)


def test_the_rate_rises_then_falls() -> None:
    rates = [compute_rate(step / 100, warm_up=0.1, last=0.05) for step in range(101)]
    assert rates.index(max(rates)) == 10
    assert rates[10] == pytest.approx(1)
    assert rates[-1] == pytest.approx(0.05)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
