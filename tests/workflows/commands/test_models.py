from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from models.card import ModelCard
from models.errors import UnknownModelError
from models.runtimes.registry import DEFAULT_MODEL, list_models
from workflows.commands.models import models

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
