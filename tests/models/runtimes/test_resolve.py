"""A model is loaded once, and again where its file has changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from models.networks.checkpoint import Model
from models.networks.unet_config import UNetConfig
from models.runtimes.resolve import resolve_predictor


@pytest.fixture
def paths(make_model: Callable[[UNetConfig], Model], tmp_path: Path) -> list[str]:
    source = make_model(UNetConfig(in_channels=2, depth=1, width=4)).source
    return [str(shutil.copy(source, tmp_path / f"{number}.safetensors")) for number in range(5)]


def load(path: str) -> object:
    return resolve_predictor(path, device="cpu", precision="fp32", framework="torch")


def test_a_file_is_loaded_once_until_it_changes(paths: list[str]) -> None:
    first = load(paths[0])
    assert load(paths[0]) is first
    os.utime(paths[0], ns=(0, 0))
    second = load(paths[0])
    assert second is not first
    shutil.copy(paths[1], paths[0] + ".new")
    os.utime(paths[0] + ".new", ns=(0, 0))
    Path(paths[0] + ".new").replace(paths[0])  # another file of the same size and time
    assert load(paths[0]) is not second


def test_four_models_stay_in_memory(paths: list[str]) -> None:
    loaded = [load(path) for path in paths[:4]]
    assert [load(path) for path in paths[:4]] == loaded
    load(paths[4])
    assert load(paths[0]) is not loaded[0]
