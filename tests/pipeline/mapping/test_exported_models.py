"""A scene mapped with an exported model is the scene mapped with the model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

from models.networks.checkpoint import read_model
from models.runtimes.export import ExportFormat, export_model
from pipeline.mapping.map_scene import MapOptions, map_scene
from tests.pipeline.tiny_models import write_model
from tests.tiles.products.small_products import dark_water, write_raster
from tiles.errors import BandError

NAMES = ("B02", "B03", "B04", "B08")


@pytest.mark.parametrize("kind", ["onnx", "pt2"])
def test_the_map_is_the_same(tmp_path: Path, kind: ExportFormat) -> None:
    own = write_model(tmp_path / "tiny.safetensors")
    path = tmp_path / f"tiny.{kind}"
    export_model(read_model(own), path, format=kind, inputs=NAMES)
    scene = write_raster(tmp_path / "s.tif", dark_water((4, 70, 90)), descriptions=NAMES)
    steps = []
    for model in (own, path):
        options = MapOptions(model=str(model), device="cpu", precision="fp32", tile_size=40)
        folder = map_scene(scene, tmp_path / "out" / model.suffix, options=options).folder
        with rasterio.open(folder / "probability.tif") as dataset:
            steps.append(dataset.read(1).astype(int))
    assert np.ptp(steps[0]) > 20
    assert np.abs(steps[1] - steps[0]).max() <= 1  # steps are cut: 1e-7 can move a pixel by one
    assert (steps[1] != steps[0]).mean() < 0.01
    item = json.loads((folder / "item.json").read_text())
    assert item["assets"]["model"]["href"].endswith(path.name)
    assert "safetensors" not in item["assets"]["model"]["type"]
    assert item["properties"]["mlm:input"][0]["bands"] == list(NAMES)
    poorer = write_raster(tmp_path / "p.tif", dark_water((2, 40, 40)), descriptions=("B03", "B08"))
    with pytest.raises(BandError, match="Band B02, B04 is not in"):
        map_scene(poorer, tmp_path / "none", options=MapOptions(model=str(path)))
