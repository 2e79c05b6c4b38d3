from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from models.card import Figure, ModelCard, Training
from models.errors import UnknownModelError
from models.runtimes.registry import DEFAULT_MODEL, list_models
from workflows.commands.models import models, render_card

app = typer.Typer()
app.command()(models)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "140"}, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_every_card_is_shown_with_what_a_user_must_know() -> None:
    output = " ".join(run().replace("│", " ").split())  # sentences go over lines
    for card in list_models():
        for words in (card.name, "B8A", "L2A", "10 to 60 m", card.licence, *card.known_failures):
            assert words in output
        assert all(figure.name.replace("_", " ") in output for figure in card.figures)


def test_json_is_the_cards_themselves() -> None:
    cards = [ModelCard.model_validate_json(json.dumps(entry)) for entry in json.loads(run("--json"))]
    assert tuple(cards) == list_models()


def test_one_model_by_name_or_path() -> None:
    assert DEFAULT_MODEL in run(DEFAULT_MODEL)
    with pytest.raises(UnknownModelError, match="bundled models"):
        run("nothing-like-it")


def test_no_model_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.runtimes.registry.WEIGHTS", tmp_path)
    assert "strandline train" in run()
    assert json.loads(run("--json")) == []


def test_a_card_is_shown_whole() -> None:
    card = ModelCard(
        name="tiny",
        version="1.2",
        description="[Random] weights.",
        inputs=("B03", "B08", "B11"),
        required_inputs=(("B03",), ("B08", "B11")),
        resolution_m=(10.0, 60.0),
        mean=(0.1, 0.2, 0.3),
        std=(0.1, 0.1, 0.1),
        temperature=1.3,
        probability_rmse=0.1,
        licence="MIT",
        training=Training(data="crops " * 12, script="train.py", seed=7, steps=100, minutes=1.5),
        figures=(
            Figure(name="iou", value=0.123456, unit="1", on="crops", interval=(0.11111, 0.98765)),
            Figure(name="shore_off", value=4.56789, unit="m", on="crops", interval=(1.23456, 12345.6)),
            Figure(name="f1_water", value=0.98765, unit="1", on="SWED"),
        ),
        known_failures=("Ice.", "Night."),
    )
    out = io.StringIO()
    Console(file=out, width=60, color_system=None, legacy_windows=False).print(render_card(card))
    assert [line.rstrip() for line in out.getvalue().splitlines()] == [
        "╭─ tiny 1.2 ───────────────────────────────────────────────╮",
        "│ [Random] weights.                                        │",
        "│                                                          │",
        "│ bands       B03 B08 B11                                  │",
        "│ must have   B03 and B08/B11                              │",
        "│ levels      L2A                                          │",
        "│ pixel size  10 to 60 m                                   │",
        "│ classes     land water                                   │",
        "│ trained on  crops crops crops crops crops crops crops    │",
        "│             crops crops crops crops crops                │",
        "│ trained by  train.py, seed 7, 100 steps, 1.5 min         │",
        "│ licence     MIT                                          │",
        "│                                                          │",
        "│ Measured on crops                                        │",
        "│ iou        0.1235 (0.1111 to 0.9877)                     │",
        "│ shore off  4.57 m (1.23 to 1.23e+04)                     │",
        "│                                                          │",
        "│ Measured on SWED                                         │",
        "│ f1 water  0.9877                                         │",
        "│                                                          │",
        "│ Where not to trust it                                    │",
        "│ - Ice.                                                   │",
        "│ - Night.                                                 │",
        "╰──────────────────────────────────────────────────────────╯",
    ]
