"""The pool for a GPU gives what the pool for the processor gives. Here its device is the processor."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.errors import DeviceError
from models.networks.checkpoint import read_model
from models.networks.unet import UNetConfig
from models.runtimes.torch_predictor import Runtime
from pipeline.clock import StageClock
from pipeline.predict import device_pool
from pipeline.predict import pool as tile_pool
from pipeline.predict.area import Area, resolve_area
from pipeline.predict.device_pool import DevicePool
from pipeline.predict.looks import LookChannels
from pipeline.predict.pool import TilePool, run_rows
from pipeline.predict.quicklook import Quicklook, Visible, resolve_factor
from pipeline.predict.row import Pool
from pipeline.predict.rows import Prediction
from tests.pipeline.predict.device_scenes import make_scene
from tests.pipeline.tiny_models import build_card, write_model
from tiles.masks import CLOUD_CLASSES, NODATA, OBSCURED, VALID
from tiles.pixels.reader import ReadPlan, read_strips
from tiles.scene import Scene

ROOT = Path(__file__).resolve().parents[3]
TRIANGLE = '{"type":"Polygon","coordinates":[[[-5.363,40.626],[-5.352,40.625],[-5.363,40.618],[-5.363,40.626]]]}'


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture
def runtime(tmp_path: Path, scene: Scene) -> Runtime:
    card = build_card(inputs=scene.band_names, required_inputs=())
    path = write_model(tmp_path / "tiny.safetensors", UNetConfig(in_channels=5, depth=2, width=4), card)
    return Runtime(read_model(path), device="cpu", precision="fp32")


def make_prediction(scene: Scene, runtime: Runtime, *, tile_size: int, area: Area | None = None) -> Prediction:
    area = area or Area(window=scene.grid.window)
    return Prediction(
        plan=ReadPlan(scene=scene, bands=scene.bands, obscured_classes=CLOUD_CLASSES, threads=2),
        runtime=runtime,
        area=area,
        tile_size=tile_size,
        clock=StageClock(),
        visible=Visible(channels=(3, 1, 1), factor=resolve_factor(scene.grid.crop(area.window), longest=25)),
        look=LookChannels(blue=0, red=1, infrared=3, shortwave=4),
    )


Mapped = tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]]


def map_with(prediction: Prediction, pool: Pool) -> Mapped:
    """Probability, state, picture and looks."""
    rows = list(prediction.tiling.rows())
    strips = read_strips(prediction.plan, [row.read for row in rows])
    found = list(run_rows(prediction, rows, strips, 1, pool=pool))
    look = Quicklook(prediction.plan.scene.grid.crop(prediction.area.window), layers=3, longest=25)
    for cells in (cells for row in found for cells in row.cells):
        look.add_cells(cells)
    probability, state, looks = (
        np.concatenate([getattr(row, name) for row in found]) for name in ("probability", "state", "look")
    )
    return probability, state, look.compute(), looks


def map_both_ways(scene: Scene, runtime: Runtime, *, tile_size: int, area: Area | None = None) -> tuple[Mapped, Mapped]:
    here = make_prediction(scene, runtime, tile_size=tile_size, area=area)
    there = make_prediction(scene, runtime, tile_size=tile_size, area=area)
    return map_with(here, TilePool(here, workers=1)), map_with(there, DevicePool(there, runtime=runtime))


def assert_same(expected: Mapped, found: Mapped) -> None:
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(np.isnan(found[0]), expected[1] != VALID)
    np.testing.assert_allclose(found[0], expected[0], atol=1e-5, rtol=0)
    np.testing.assert_array_equal(found[2], expected[2])  # added in the same order, or the last bits would differ
    np.testing.assert_array_equal(found[3][found[1] == VALID], expected[3][expected[1] == VALID])


@pytest.mark.parametrize("tile_size", [17, 64, 200])
def test_it_maps_as_the_processor_does(scene: Scene, runtime: Runtime, tile_size: int) -> None:
    expected, found = map_both_ways(scene, runtime, tile_size=tile_size)
    assert_same(expected, found)
    assert set(np.unique(expected[1]).tolist()) == {VALID, NODATA, OBSCURED}
    assert np.nanstd(expected[0]) > 0.01  # not a constant, which would agree with anything


def test_an_area_of_interest_is_the_same(scene: Scene, runtime: Runtime, tmp_path: Path) -> None:
    path = tmp_path / "area.geojson"
    path.write_text(TRIANGLE)
    area = resolve_area(str(path), scene.grid)
    assert area.outline is not None
    assert_same(*map_both_ways(scene, runtime, tile_size=24, area=area))


def test_dn_that_are_no_whole_numbers_are_the_same(tmp_path: Path, runtime: Runtime) -> None:
    assert_same(*map_both_ways(make_scene(tmp_path, dtype="float32"), runtime, tile_size=64))


def test_work_begins_when_that_before_has_ended(scene: Scene, runtime: Runtime) -> None:
    prediction = make_prediction(scene, runtime, tile_size=40)
    pool = DevicePool(prediction, runtime=runtime)
    map_with(prediction, pool)
    spans = pool.spans
    assert {span.work for span in spans} == {"copy in", "input", "network", "copy back"}
    assert len(spans) == 4 * 9
    for first in range(0, len(spans), 4):
        of_tile = spans[first : first + 4]
        assert [span.work for span in of_tile] == ["copy in", "input", "network", "copy back"]
        moments = [moment for span in of_tile for moment in (span.begin_s, span.end_s)]
        assert moments[0] >= 0
        assert moments == sorted(moments)
    computing = sorted((span.begin_s, span.end_s) for span in spans if span.work in {"input", "network"})
    assert all(end <= begin for (_, end), (begin, _) in pairwise(computing))


def test_a_device_without_room_is_one_line_that_says_what_to_do(
    scene: Scene, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(image: Tensor, *, margin: int = 0) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(runtime, "predict_tensor", fail)
    prediction = make_prediction(scene, runtime, tile_size=64)
    with pytest.raises(DeviceError, match=r"no memory left for a tile of 60 pixels .*--tile-size 32") as caught:
        map_with(prediction, DevicePool(prediction, runtime=runtime))
    assert "\n" not in str(caught.value)


def test_it_is_taken_for_a_network_on_a_gpu_alone(
    scene: Scene, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    prediction = make_prediction(scene, runtime, tile_size=64)
    opened: list[Prediction] = []
    monkeypatch.setattr(device_pool, "DevicePool", lambda asked, runtime: opened.append(asked))
    assert isinstance(tile_pool._open_pool(prediction, workers=2), TilePool)
    there = Runtime(runtime.model, device="cpu", precision="fp32")
    monkeypatch.setattr(there, "device", "cuda")
    tile_pool._open_pool(replace(prediction, runtime=there), workers=2)
    assert [asked.runtime for asked in opened] == [there]


def test_who_has_no_need_of_torch_does_not_import_it() -> None:
    rooms = "pipeline.predict.rows, pipeline.predict.tile_size, tiles.pixels.gpu_decoder"
    code = f"import sys, {rooms}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0
