"""Seam-free by construction: the mosaic equals the untiled answer, whatever the tile size."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.crs import CRS

from models.card import ModelCard, Training
from models.networks.architecture import build_network
from models.networks.checkpoint import Model
from models.networks.unet import UNetConfig
from models.runtimes.torch_predictor import Runtime
from pipeline.clock import StageClock
from pipeline.predict import rows as rows_module
from pipeline.predict.area import Area, resolve_area
from pipeline.predict.quicklook import Quicklook
from pipeline.predict.rows import Prediction, count_workers, predict_rows
from tiles.errors import AreaOutsideSceneError, GridError
from tiles.grid import Grid, Window
from tiles.masks import NODATA, VALID
from tiles.pixels.reader import ReadPlan
from tiles.scene import BandSource, Radiometry, Scene

UTM = CRS.from_epsg(32630)
BANDS = ("B03", "B08")


def make_runtime(depth: int = 2) -> Runtime:
    torch.manual_seed(depth)
    network = build_network(UNetConfig(in_channels=2, classes=2, depth=depth, width=4)).eval()
    for module in network.modules():  # a random network hardly looks past the pixel: make it look
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.normal_(module.weight, std=2 / (module.in_channels * 9) ** 0.5)
    card = ModelCard(
        name="test",
        version="0",
        description="A network with random weights.",
        inputs=BANDS,
        resolution_m=(10, 60),
        mean=(0.2, 0.3),
        std=(0.1, 0.1),
        probability_rmse=0.1,
        licence="MIT",
        training=Training(data="none", script="none", seed=0, steps=0, minutes=0),
    )
    return Runtime(Model(network=network, card=card, source="", sha256=""), device="cpu", precision="fp32")


def make_scene(path: Path, dn: NDArray[np.uint16]) -> Scene:
    grid = Grid(crs=UTM, transform=Affine(10, 0, 500000, 0, -10, 4500000), width=dn.shape[2], height=dn.shape[1])
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 2, "crs": UTM, "transform": grid.transform}
    with rasterio.open(path, "w", width=grid.width, height=grid.height, **profile) as dataset:
        dataset.write(dn)
    return Scene(
        id="s",
        source="s",
        kind="stack",
        level="L2A",
        bands=tuple(BandSource(name=name, path=str(path), index=i + 1, grid=grid) for i, name in enumerate(BANDS)),
        grid=grid,
        radiometry=Radiometry(quantification=10000, offsets={}, source="test"),
    )


def predict(scene: Scene, runtime: Runtime, tile_size: int, area: Area | None = None) -> tuple[NDArray, NDArray]:
    prediction = Prediction(
        plan=ReadPlan(scene=scene, bands=scene.bands),
        runtime=runtime,
        area=area or Area(window=scene.grid.window),
        tile_size=tile_size,
        clock=StageClock(),
    )
    rows = list(predict_rows(prediction))
    assert [row.row_off for row in rows] == list(np.cumsum([0] + [len(row.state) for row in rows[:-1]]))
    return np.concatenate([row.probability for row in rows]), np.concatenate([row.state for row in rows])


def predict_untiled(dn: NDArray[np.uint16], runtime: Runtime) -> NDArray[np.float32]:
    """The oracle: the network once over the whole scene, reflected at its edges."""
    before = -(-runtime.reach_px // runtime.stride) * runtime.stride
    after = [before + (-n) % runtime.stride for n in dn.shape[1:]]
    padded = np.pad(dn, ((0, 0), (before, after[0]), (before, after[1])), mode="symmetric")
    answer = runtime.predict((padded / 10000).astype(np.float32)[None])[0]
    return answer[before : before + dn.shape[1], before : before + dn.shape[2]]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    tile_size=st.integers(7, 100),
    depth=st.sampled_from([1, 2, 3]),
    seed=st.integers(0, 9),
)
def test_tiles_stitched_equal_the_untiled_answer(
    tmp_path: Path, shape: tuple[int, int], tile_size: int, depth: int, seed: int
) -> None:
    dn = np.random.default_rng(seed).integers(1, 5000, (2, *shape), dtype=np.uint16)
    runtime = make_runtime(depth)
    scene = make_scene(tmp_path / "scene.tif", dn)
    probability, state = predict(scene, runtime, tile_size)
    whole = predict_untiled(dn, runtime)
    assert (state == VALID).all()
    assert np.abs(probability - whole).max() <= 1e-4
    assert np.array_equal(probability >= 0.5, whole >= 0.5)


def test_a_halo_one_stride_too_small_would_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The property above has teeth: take away a stride of the halo, and tiles disagree."""
    dn = np.random.default_rng(3).integers(1, 5000, (2, 96, 96), dtype=np.uint16)
    runtime = make_runtime(2)
    whole = predict_untiled(dn, runtime)
    scene = make_scene(tmp_path / "scene.tif", dn)
    assert np.abs(predict(scene, runtime, 32)[0] - whole).max() <= 1e-4
    monkeypatch.setattr(runtime, "reach_px", runtime.reach_px - runtime.stride - 1)
    assert np.abs(predict(scene, runtime, 32)[0] - whole).max() > 1e-4


def test_an_area_of_interest_is_a_crop_of_the_whole_map(tmp_path: Path) -> None:
    dn = np.random.default_rng(4).integers(1, 5000, (2, 80, 100), dtype=np.uint16)
    runtime, scene = make_runtime(2), make_scene(tmp_path / "scene.tif", dn)
    whole, _ = predict(scene, runtime, 64)
    window = Window(13, 21, 50, 40)
    part, _ = predict(scene, runtime, 24, Area(window=window))
    np.testing.assert_allclose(part, whole[window.slices()], atol=1e-5)


def test_nodata_has_no_answer_and_does_not_reach_beyond_the_field(tmp_path: Path) -> None:
    dn = np.random.default_rng(5).integers(1, 5000, (2, 120, 120), dtype=np.uint16)
    runtime = make_runtime(1)
    without, _ = predict(make_scene(tmp_path / "a.tif", dn), runtime, 50)
    dn[:, 50:60, 50:60] = 0
    probability, state = predict(make_scene(tmp_path / "b.tif", dn), runtime, 50)
    assert np.isnan(probability[state == NODATA]).all()
    assert (state == NODATA).sum() == 100
    far = np.ones((120, 120), bool)
    reach = runtime.reach_px
    far[50 - reach : 60 + reach, 50 - reach : 60 + reach] = False
    np.testing.assert_allclose(probability[far], without[far], atol=1e-5)
    assert np.isfinite(probability[state == VALID]).all()


def test_the_quicklook_is_the_mean_of_its_cells(tmp_path: Path) -> None:
    grid = Grid(crs=UTM, transform=Affine(10, 0, 0, 0, -10, 0), width=50, height=35)
    values = np.random.default_rng(0).random((35, 50), dtype=np.float32)
    values[3, 4] = np.nan
    look = Quicklook(grid, layers=1, longest=10)
    for row in range(0, 35, 9):
        for col in range(0, 50, 13):
            part = values[row : row + 9, col : col + 13]
            look.add(Window(col, row, part.shape[1], part.shape[0]), part, layer=0)
    assert look.factor == 5
    expected = np.nanmean(values.reshape(7, 5, 10, 5).transpose(0, 2, 1, 3).reshape(7, 10, 25), axis=2)
    np.testing.assert_allclose(look.compute()[0], expected, rtol=1e-5)


GRID = Grid(crs=UTM, transform=Affine(10, 0, 500000, 0, -10, 4500000), width=100, height=80)


def test_a_box_in_degrees_covers_what_it_names() -> None:
    area = resolve_area("-3.0,40.645,-2.995,40.65", GRID)
    assert area.outline is None
    assert area.window.col_off == 0
    assert 40 <= area.window.width <= 45


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("10,10,11,11", AreaOutsideSceneError, "does not touch"),
        ("1,2,3", GridError, "W,S,E,N"),
        ("0,50,1,40", GridError, "S < N"),
        ("nowhere.gpkg", GridError, "nowhere.gpkg"),
    ],
)
def test_an_area_that_cannot_be_is_one_line(text: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match) as caught:
        resolve_area(text, GRID)
    assert "\n" not in str(caught.value)


def test_a_box_across_the_antimeridian() -> None:
    fiji = Grid(crs=CRS.from_epsg(32701), transform=Affine(60, 0, 99960, 0, -60, 8000020), width=1830, height=1830)
    area = resolve_area("179.9,-18.5,-179.5,-18.2", fiji)
    assert 300 < area.window.width < 900


def test_a_polygon_leaves_out_what_lies_outside_it(tmp_path: Path) -> None:
    path = tmp_path / "area.geojson"
    path.write_text(
        '{"type":"Polygon","coordinates":[[[-2.999,40.649],[-2.995,40.649],[-2.999,40.645],[-2.999,40.649]]]}'
    )
    area = resolve_area(str(path), GRID)
    outside = area.compute_outside(area.window, GRID)
    assert outside is not None
    assert 0.4 < outside.mean() < 0.6
    assert not outside[2, 2]
    assert outside[-2, -2]


@pytest.mark.parametrize(
    ("takes", "threads", "cores", "workers"),
    [(8, 0, 4, 4), (2, 0, 4, 2), (8, 3, 4, 3), (8, 1, 4, 1), (0, 0, 4, 1), (8, 9, 4, 8)],
)
def test_tiles_at_once_are_what_the_network_takes_and_the_threads_allow(
    monkeypatch: pytest.MonkeyPatch, takes: int, threads: int, cores: int, workers: int
) -> None:
    monkeypatch.setattr("pipeline.predict.rows.count_cores", lambda: cores)
    runtime: Any = SimpleNamespace(workers=takes)
    assert count_workers(runtime, threads=threads) == workers
    if threads == 0:
        assert count_workers(runtime) == workers


@pytest.mark.parametrize(
    ("cores", "threads", "device", "path", "ahead"),
    [
        (1, 0, "cpu", "/data/B03.jp2", False),
        (2, 0, "cpu", "/data/B03.jp2", False),
        (3, 0, "cpu", "/data/B03.jp2", True),
        (16, 2, "cpu", "/data/B03.jp2", False),
        (2, 4, "cpu", "/data/B03.jp2", True),
        (2, 0, "cuda", "/data/B03.jp2", True),
        (2, 0, "cpu", "/vsis3/bucket/B03.tif", True),
    ],
)
def test_two_cores_decode_and_map_in_turns_but_wait_for_no_host_and_no_gpu(
    monkeypatch: pytest.MonkeyPatch, cores: int, threads: int, device: str, path: str, ahead: bool
) -> None:
    """Whatever the tiles at once: a network may spread one over all cores by itself."""
    monkeypatch.setattr("pipeline.predict.rows.count_cores", lambda: cores)
    sources = [SimpleNamespace(path="/data/B08.jp2"), SimpleNamespace(path=path)]
    prediction: Any = SimpleNamespace(
        plan=SimpleNamespace(sources=sources, threads=threads), runtime=SimpleNamespace(device=device, workers=1)
    )
    assert rows_module._is_ahead(prediction) == ahead
