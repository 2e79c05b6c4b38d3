from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from models.card import Figure, ModelCard, Training
from models.errors import ModelInputError
from models.networks.checkpoint import Model


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mean": (0.1,)}, "one mean and one std each"),
        ({"std": (0.1, 0.1, 0.1, 0.0)}, "greater than 0"),
        ({"inputs": ("A", "A", "B", "C")}, "unique"),
        ({"required_inputs": (("C0", "Z"),)}, "among the inputs"),
        ({"water_class": 2}, "none of the 2 classes"),
        ({"resolution_m": (60.0, 10.0)}, "must rise"),
        ({"name": "Not a name"}, "pattern"),
        ({"temperature": float("nan")}, "finite|greater"),
        ({"probability_rmse": "0.1"}, "number"),
        ({"surprise": 1}, "not permitted"),
    ],
)
def test_a_card_that_cannot_be_is_refused(tiny: Model, change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ModelCard(**(dict(tiny.card) | change))


def test_a_card_survives_json(tiny: Model) -> None:
    assert ModelCard.model_validate_json(tiny.card.model_dump_json()) == tiny.card


def test_figures_are_found_by_name(tiny: Model) -> None:
    card = tiny.card.model_copy(update={"figures": (Figure(name="iou", value=0.9, on="x"),)})
    assert card.figure("iou") == 0.9
    assert card.figure("other") is None


def test_a_card_that_says_little_is_of_land_and_water_in_l2a(tiny: Model) -> None:
    bare = {"levels", "reflectance_range", "classes", "water_class", "temperature", "required_inputs", "figures"}
    card = ModelCard(**{name: value for name, value in tiny.card if name not in bare | {"known_failures"}})
    assert (card.levels, card.classes, card.water_class) == (("L2A",), ("land", "water"), 1)
    assert (card.reflectance_range, card.temperature) == ((-0.2, 1.5), 1.0)
    assert (card.required_inputs, card.figures, card.known_failures) == ((), (), ())


@pytest.mark.parametrize(
    "change",
    [
        {"probability_rmse": 0.0},
        {"probability_rmse": 1.0},
        {"temperature": 0.001},
        {"std": (0.1, 0.1, 0.1, 1e-9)},
        {"classes": ("a", "b"), "water_class": 0},
        {"name": "0"},
        {"version": "1"},
        {"levels": ("L1C",)},
        {"required_inputs": (("C0",),)},
        {"training": Training(data="a", script="b", seed=-1, steps=0, minutes=0.0)},
    ],
)
def test_a_card_at_the_borders_of_what_can_be_is_taken(tiny: Model, change: dict[str, Any]) -> None:
    card = ModelCard(**(dict(tiny.card) | change))
    assert {name: getattr(card, name) for name in change} == change


@pytest.mark.parametrize(
    "change",
    [
        {"probability_rmse": -0.001},
        {"probability_rmse": 1.001},
        {"temperature": 0.0},
        {"classes": ("water",), "water_class": 0},
        {"water_class": -1},
        {"inputs": (), "mean": (), "std": ()},
        {"levels": ()},
        {"version": ""},
        {"required_inputs": ((),)},
        {"resolution_m": (10.0, 10.0)},
        {"reflectance_range": (1.0, 1.0)},
        {"mean": (0.1, 0.1, 0.1, float("inf"))},
        {"mean": [0.1, 0.1, 0.1, 0.1]},
        {"std": (0.1, 0.1, 0.1)},
    ],
)
def test_a_card_beyond_the_borders_is_refused(tiny: Model, change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ModelCard(**(dict(tiny.card) | change))


@pytest.mark.parametrize("change", [{"steps": -1}, {"minutes": -0.1}, {"data": ""}, {"script": ""}])
def test_a_training_of_less_than_nothing_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Training(**({"data": "a", "script": "b", "seed": 0, "steps": 0, "minutes": 0.0} | change))


def test_a_card_does_not_change(tiny: Model) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        tiny.card.name = "other"


@pytest.mark.parametrize(("inputs", "channels"), [(("C1",), [1]), (("C0", "C3"), [0, 3]), (("C2", "C3"), [2, 3])])
def test_channels_are_counted_from_nought(tiny: Model, inputs: tuple[str, ...], channels: list[int]) -> None:
    card = tiny.card.model_copy(update={"required_inputs": ((inputs[0], "C9"),)})
    assert card.find_channels(inputs) == channels
    chosen = card.select(inputs)
    assert (chosen.inputs, chosen.required_inputs) == (inputs, ())
    assert chosen.mean == tuple(card.mean[channel] for channel in channels)


@pytest.mark.parametrize("inputs", [(), ("Z",), ("C0", "Z"), ("C1", "C0"), ("C0", "C0")])
def test_inputs_are_some_of_the_cards_in_its_order(tiny: Model, inputs: tuple[str, ...]) -> None:
    with pytest.raises(ModelInputError, match="in this order; found"):
        tiny.card.select(inputs)


def test_all_inputs_are_the_card_itself(tiny: Model) -> None:
    assert tiny.card.select(tiny.card.inputs) is tiny.card
