"""What a map keeps of the scene's brightness, to register other dates by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from models.networks.unet import UNetConfig
from pipeline.mapping.map_scene import map_scene
from pipeline.mapping.options import MapOptions
from pipeline.output.texture import TEXTURE_NODATA, TEXTURE_SCALE
from tests.pipeline.small_scenes import simulate_scenes
from tests.pipeline.tiny_models import build_card, write_model

BANDS = ("B02", "B03", "B04", "B08")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (scene,) = simulate_scenes(tmp_path_factory.mktemp("scenes"), 1)
    return scene


def test_it_does_not_depend_on_the_tiles(scene: Path, tmp_path: Path) -> None:
    options = MapOptions(model=str(write_model(tmp_path / "tiny.safetensors")), precision="fp32", tile_size=64)
    small = map_scene(scene, tmp_path / "small", options=options).folder
    large = map_scene(scene, tmp_path / "large", options=options.replace(tile_size=160)).folder
    assert (small / "texture.tif").read_bytes() == (large / "texture.tif").read_bytes()


def test_it_is_the_mean_of_the_bands_of_the_network_where_the_ground_is_seen(scene: Path, tmp_path: Path) -> None:
    card = build_card(inputs=BANDS, required_inputs=(("B03",), ("B08",)))
    network = UNetConfig(depth=1, width=4, in_channels=len(BANDS))
    model = write_model(tmp_path / "tiny.safetensors", network, card)
    small = map_scene(scene, tmp_path, options=MapOptions(model=str(model), precision="fp32", doubtful="keep")).folder
    numbers = []
    for band in BANDS:
        with rasterio.open(next(scene.rglob(f"*_{band}_10m.jp2"))) as dataset:
            numbers.append(dataset.read(1).astype(float))
    mean = (np.mean(numbers, axis=0) - 1000) / 10_000
    with rasterio.open(small / "texture.tif") as dataset, rasterio.open(small / "water.tif") as water:
        values, classes = dataset.read(1), water.read(1)
        assert dataset.transform == water.transform
    seen = classes <= 1
    assert 0.1 < seen.mean() < 1
    assert ((values != TEXTURE_NODATA) == seen).all()
    assert values[seen] * TEXTURE_SCALE == pytest.approx(mean[seen].clip(0, 254 * TEXTURE_SCALE), abs=0.0013)
