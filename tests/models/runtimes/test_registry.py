from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import ModelFileError, UnknownModelError
from models.networks.checkpoint import Model
from models.runtimes.registry import DEFAULT_MODEL, WEIGHTS, list_models, load_model


def test_the_default_is_among_the_bundled_models() -> None:
    assert DEFAULT_MODEL in [card.name for card in list_models()]
    assert load_model().card.name == DEFAULT_MODEL


def test_bundled_files_are_named_as_their_cards_and_small() -> None:
    files = sorted(WEIGHTS.glob("*.safetensors"))
    assert [path.stem for path in files] == [card.name for card in list_models()]
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 20e6


def test_a_path_is_a_model_too(tiny: Model) -> None:
    assert load_model(tiny.source).sha256 == tiny.sha256


def test_an_unknown_name_lists_the_known_and_guesses() -> None:
    with pytest.raises(UnknownModelError, match=f"bundled models: .*{DEFAULT_MODEL}.*Did you mean {DEFAULT_MODEL}"):
        load_model("strandline-smal")
    with pytest.raises(UnknownModelError) as caught:
        load_model("zzz")
    assert "Did you mean" not in str(caught.value)


def test_a_path_that_is_not_there_is_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="found none"):
        load_model(str(tmp_path / "mine.safetensors"))
