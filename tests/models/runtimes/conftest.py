"""A small model in the formats that others can run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from models.networks.checkpoint import Model
from models.networks.unet import UNetConfig
from models.runtimes.export import PARITY, ExportFormat, export_model

FORMATS: tuple[ExportFormat, ...] = ("onnx", "pt2")


@pytest.fixture(scope="session")
def small(make_model: Callable[[UNetConfig], Model]) -> Model:
    return make_model(UNetConfig(in_channels=3, depth=1, width=4, any_channels=True))


@pytest.fixture(scope="session")
def exported(small: Model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("exported")
    for kind in FORMATS:
        assert export_model(small, folder / f"small.{kind}", format=kind) <= PARITY
    assert {path.name for path in folder.iterdir()} == {"small.onnx", "small.pt2"}
    return {kind: folder / f"small.{kind}" for kind in FORMATS}
