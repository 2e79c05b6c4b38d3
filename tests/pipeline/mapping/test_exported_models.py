"""A scene mapped with an exported model is the scene mapped with the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import rasterio

from models.networks.checkpoint import read_model
from models.networks.receptive_field import ReceptiveField
from models.networks.smp import SmpConfig
from models.networks.unet import UNetConfig
from models.runtimes.export import ExportFormat, export_model
from pipeline.mapping.map_scene import MapOptions, map_scene
from tests.pipeline.tiny_models import build_card, write_model
from tests.stac_schemas import require_all_valid
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
    framework, artifact = {
        "onnx": ("ONNX Runtime", "torch.onnx.export"),
        "pt2": ("PyTorch", "torch.export.save"),
    }[kind]
    assert item["properties"]["mlm:framework"] == framework
    ours = {"Strandline", "GDAL", "Python"}
    assert set(item["properties"]["processing:software"]) == {framework, *ours}
    assert item["assets"]["model"]["mlm:artifact_type"] == artifact
    assert len(require_all_valid(tmp_path / "out")) == 2
    poorer = write_raster(tmp_path / "p.tif", dark_water((2, 40, 40)), descriptions=("B03", "B08"))
    with pytest.raises(BandError, match="Band B02, B04 is not in"):
        map_scene(poorer, tmp_path / "none", options=MapOptions(model=str(path)))


@pytest.mark.parametrize(("runtime", "framework"), [("torch", "PyTorch"), ("openvino", "OpenVINO")])
def test_the_record_names_the_framework_that_ran(
    tmp_path: Path, runtime: Literal["torch", "openvino"], framework: str
) -> None:
    pytest.importorskip(runtime)
    model = write_model(tmp_path / "tiny.safetensors", UNetConfig(depth=2, width=4, any_channels=True))
    scene = write_raster(tmp_path / "s.tif", dark_water((4, 70, 90)), descriptions=NAMES)
    options = MapOptions(model=str(model), device="cpu", precision="fp32", runtime=runtime, tile_size=64)
    result = map_scene(scene, tmp_path / "out", options=options)
    properties = json.loads((result.folder / "item.json").read_text())["properties"]
    assert properties["mlm:framework"] == framework
    assert set(properties["processing:software"]) == {"Strandline", "GDAL", "Python", framework}
    assert properties["mlm:architecture"] == "U-Net"


def test_the_record_names_a_network_of_another_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("segmentation_models_pytorch")
    # How far it sees takes a minute to measure, which the tests of receptive fields do on smaller networks.
    monkeypatch.setattr(
        "models.runtimes.torch_predictor.compute_receptive_field",
        lambda *_, stride, **__: ReceptiveField(reach_px=None, stride=stride),
    )
    card = build_card(inputs=NAMES, required_inputs=())
    model = write_model(tmp_path / "tiny.safetensors", SmpConfig(name="Unet/resnet18", in_channels=4), card)
    scene = write_raster(tmp_path / "s.tif", dark_water((4, 70, 90)), descriptions=NAMES)
    options = MapOptions(model=str(model), device="cpu", precision="fp32", runtime="torch", tile_size=64)
    result = map_scene(scene, tmp_path / "out", options=options)
    properties = json.loads((result.folder / "item.json").read_text())["properties"]
    assert properties["mlm:architecture"] == "smp:Unet/resnet18"
    assert {"PyTorch", "segmentation-models-pytorch"} < set(properties["processing:software"])
    assert "U-Net" not in properties["processing:lineage"]
