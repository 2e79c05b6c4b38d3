from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from models.card import Figure, ModelCard
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
