"""Scenes that lack bands: mapped by a model that can do without, refused by one that cannot, and recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch

from models.networks.checkpoint import read_model
from models.runtimes.torch_predictor import Runtime
from pipeline.mapping.map_scene import MapOptions, MapResult, map_scene
from pipeline.predict.inputs import describe_fit
from tests.pipeline.tiny_models import NEEDS, build_card, write_model
from tests.tiles.products.small_products import dark_water, write_raster
from tiles.bands import L2A_STACK
from tiles.errors import BandError
from tiles.products.open import StackOptions, open_scene


@pytest.fixture(scope="module")
def any_bands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")


def map_it(
    scene: Path, model: Path, out: Path, *, stack: StackOptions | None = None, aoi: str | None = None
) -> tuple[MapResult, dict[str, Any]]:
    options = MapOptions(model=str(model), device="cpu", precision="fp32", aoi=aoi)
    result = map_scene(scene, out, options=options, stack=stack)
    return result, json.loads((result.folder / "item.json").read_text())["properties"]


# Scene, what it lacks, an area that keeps the test short.
SCENES = {
    "accra": ("scenes/accra.tif", ("B01", "B05", "B07", "B8A", "B09", "B12"), None),
    "fiji": ("safe/S2A_MSIL2A_20190809T220921*", ("B08",), "-178.5,-18.6,-178.4,-18.5"),
    "parana, NaN": ("scenes/parana/20230511.tif", ("B09",), None),
    "parana, marker": ("scenes/parana/20250609.tif", ("B09",), None),
    "marida": ("scenes/marida/S2_12-12-20_16PCC_6.tif", ("B09",), None),
}


@pytest.mark.parametrize("name", SCENES)
def test_real_scenes_without_some_bands_are_mapped_and_say_so(
    shared: Path, any_bands: Path, tmp_path: Path, name: str
) -> None:
    pattern, absent, aoi = SCENES[name]
    result, properties = map_it(next(shared.glob(pattern)), any_bands, tmp_path, aoi=aoi)
    assert properties["strandline:absent_bands"] == list(absent)
    read = [band for band in L2A_STACK if band not in absent]
    (model_input,) = properties["mlm:input"]
    assert model_input["bands"] == read
    assert model_input["input"]["shape"][1] == len(read)
    assert any(f"has no {', '.join(absent)}: tiny was told so" in note for note in result.notes)
    with rasterio.open(result.folder / "probability.tif") as dataset:
        assert dataset.read(1, masked=True).count() > 0


def test_the_answer_is_that_of_the_whole_network_told_what_is_absent(any_bands: Path, tmp_path: Path) -> None:
    names = ("B02", "B03", "B04", "B08")
    scene = write_raster(tmp_path / "rgbn.tif", dark_water((4, 40, 40)), descriptions=names)
    result, _ = map_it(scene, any_bands, tmp_path / "out", stack=StackOptions(offset=-1000))
    with rasterio.open(result.folder / "probability.tif") as dataset:
        mapped = dataset.read(1) * dataset.scales[0] + dataset.offsets[0]
    card, network = read_model(any_bands).card, read_model(any_bands).network
    with rasterio.open(scene) as dataset:
        reflectance = (dataset.read().astype(np.float32) - 1000) / 10000
    present = torch.tensor([[name in names for name in L2A_STACK]])
    image = np.zeros((1, 12, 40, 40), np.float32)
    for name, band in zip(names, reflectance, strict=True):
        channel = L2A_STACK.index(name)
        image[0, channel] = (band - card.mean[channel]) / card.std[channel]
    padded = np.pad(image, ((0, 0), (0, 0), (20, 20), (20, 20)), mode="symmetric")
    with torch.inference_mode():
        logits = network(torch.from_numpy(padded), present) / card.temperature
    expected = logits.softmax(dim=1)[0, 1, 20:-20, 20:-20].numpy()
    assert np.ptp(expected) > 0.05
    assert np.abs(mapped - expected).max() < 0.005  # the file holds steps of 0.004


def test_absence_is_not_the_same_as_the_mean(any_bands: Path) -> None:
    model = read_model(any_bands)
    batch = np.random.default_rng(1).uniform(0, 0.3, (1, 12, 16, 16)).astype(np.float32)
    batch[:, 0] = np.nan
    whole = Runtime(model, device="cpu", precision="fp32")
    without = Runtime(model, device="cpu", precision="fp32", channels=range(1, 12))
    assert without.fill.shape == (11,)
    assert without.reach_px == whole.reach_px
    assert np.abs(without.predict(batch[:, 1:]) - whole.predict(batch)).max() > 1e-3


@pytest.mark.parametrize(
    ("names", "missing"),
    [(("B02", "B04", "B08"), "B03"), (("B03", "B11"), "B08 or B8A"), (("B02", "B04"), "B03, B08 or B8A")],
)
def test_a_scene_without_what_the_model_needs_is_refused(
    any_bands: Path, tmp_path: Path, names: tuple[str, ...], missing: str
) -> None:
    scene = write_raster(tmp_path / "s.tif", dark_water((len(names), 40, 40)), descriptions=names)
    with pytest.raises(BandError, match=rf"Band {missing} is not in .*\(found {', '.join(names)}.*strandline models"):
        map_it(scene, any_bands, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_that_needs_all_bands_refuses(shared: Path, tmp_path: Path) -> None:
    needy = write_model(tmp_path / "needy.safetensors", card=build_card(required_inputs=()))
    with pytest.raises(BandError, match="Band B01, B05, B07, B8A, B09, B12 is not in"):
        map_scene(shared / "scenes/accra.tif", tmp_path / "out", options=MapOptions(model=str(needy)))


def test_the_fit_is_told_in_words(tmp_path: Path) -> None:
    scene = open_scene(write_raster(tmp_path / "s.tif", dark_water((3, 40, 40)), descriptions=("B03", "B04", "B8A")))
    without = "B01, B02, B05, B06, B07, B08, B09, B11, B12"
    assert describe_fit(scene, build_card()) == f"without {without}"
    assert describe_fit(scene, build_card(inputs=("B03", "B8A"), required_inputs=())) == "all its bands are there"
    assert describe_fit(scene, build_card(required_inputs=())) == "cannot: needs all of its 12 bands"
    assert (
        describe_fit(scene, build_card(required_inputs=(*NEEDS, ("B11",)))) == "cannot: needs B03 and B08/B8A and B11"
    )
