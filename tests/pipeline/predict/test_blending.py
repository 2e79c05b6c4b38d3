"""Networks that see a whole tile: their tiles fade into each other, and what they agree on stays as it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.card import ModelCard
from models.networks.unet import UNetConfig
from pipeline.clock import StageClock
from pipeline.mapping.map_scene import MapOptions, map_scene
from pipeline.predict.area import Area
from pipeline.predict.blending import Blender, compute_overlap, compute_weight
from pipeline.predict.rows import Prediction, predict_rows
from tests.pipeline.predict.test_rows import BANDS, make_scene
from tests.pipeline.tiny_models import build_card, write_model
from tests.tiles.products.small_products import dark_water, write_raster
from tiles.grid import Window
from tiles.masks import NODATA, VALID
from tiles.pixels.reader import ReadPlan
from tiles.tiling import Tiling

Floats = NDArray[np.float32]


@given(
    offset=st.integers(0, 50),
    length=st.integers(1, 300),
    tile_size=st.integers(2, 90),
    stride=st.sampled_from([1, 2, 8, 32]),
)
def test_weights_sum_to_one_everywhere(offset: int, length: int, tile_size: int, stride: int) -> None:
    overlap = compute_overlap(tile_size, stride)
    assert 1 <= overlap <= tile_size / 2
    domain = Window(offset, 0, length, 1)
    total = np.zeros(length)
    tiling = Tiling(domain=domain, tile_size=tile_size, halo=overlap, stride=stride)
    for tile in next(tiling.rows()).tiles:
        target = Blender(domain, overlap=overlap).reach(tile.interior)
        assert target is not None
        assert tile.read.col_off <= target.col_off
        assert target.col_stop <= tile.read.col_stop
        weight = compute_weight(
            target.col_off,
            target.width,
            interior=(tile.interior.col_off, tile.interior.col_stop),
            overlap=overlap,
            domain=(offset, offset + length),
        )
        assert ((weight >= 0) & (weight <= 1)).all()
        total[target.col_off - offset : target.col_stop - offset] += weight
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_a_weight_fades_along_half_a_hann_window() -> None:
    weight = compute_weight(0, 16, interior=(4, 12), overlap=4, domain=(-100, 100))
    np.testing.assert_allclose(weight[:8], np.sin(np.pi * (np.arange(8) + 0.5) / 16) ** 2, atol=1e-7)
    np.testing.assert_allclose(weight, weight[::-1], atol=1e-7)


@dataclass
class Pretended:
    """A predictor whose answer is a function of the pixels; ``reach_px`` is what it says of itself."""

    kind: Literal["pointwise", "constant", "whole tile"]
    reach_px: int | None
    stride: int = 4
    source: str = ""
    sha256: str = ""
    precision: Literal["fp32", "bf16"] = "fp32"
    description: str = "pretended"
    asked: list[tuple[int, ...]] = field(default_factory=list)

    hyperparameters: dict[str, int] = field(default_factory=dict)
    card: ModelCard = field(default_factory=lambda: build_card(inputs=BANDS, required_inputs=()))
    fill: Floats = field(default_factory=lambda: np.array([0.2, 0.3], np.float32))

    workers: int = 1

    def enter_worker(self) -> None:
        """It computes in one thread anyway."""

    def predict(self, batch: Floats, *, margin: int = 0) -> Floats:
        answer = self.answer(batch)
        return answer[:, margin : batch.shape[2] - margin, margin : batch.shape[3] - margin]

    def answer(self, batch: Floats) -> Floats:
        self.asked.append(batch.shape)
        assert batch.shape[2] % self.stride == batch.shape[3] % self.stride == 0
        if self.kind == "constant":
            return np.full((len(batch), *batch.shape[2:]), 0.37, np.float32)
        answer = 1 / (1 + np.exp(20 * (batch[:, 1] - batch[:, 0])))
        shift = 0.2 * np.tanh(40 * (batch.mean(axis=(1, 2, 3), keepdims=True)[:, 0] - 0.25))
        return np.asarray(answer * 0.6 + 0.2 + (shift if self.kind == "whole tile" else 0), np.float32)


def blend(path: Path, dn: NDArray[np.uint16], predictor: Pretended, tile_size: int) -> tuple[Floats, NDArray[np.uint8]]:
    scene = make_scene(path, dn)
    prediction = Prediction(
        plan=ReadPlan(scene=scene, bands=scene.bands),
        runtime=predictor,
        area=Area(window=scene.grid.window),
        tile_size=tile_size,
        clock=StageClock(),
    )
    rows = list(predict_rows(prediction))
    assert [row.row_off for row in rows] == list(np.cumsum([0] + [len(row.state) for row in rows[:-1]]))
    assert max(len(row.state) for row in rows) <= 2 * tile_size  # what is held does not grow with the scene
    return np.concatenate([row.probability for row in rows]), np.concatenate([row.state for row in rows])


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=st.tuples(st.integers(1, 90), st.integers(1, 90)), tile_size=st.integers(8, 70), seed=st.integers(0, 9))
def test_a_pointwise_network_is_not_changed_by_blending(
    tmp_path: Path, shape: tuple[int, int], tile_size: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    dn = rng.integers(1, 5000, (2, *shape), dtype=np.uint16)
    dn[:, rng.random(shape) < 0.1] = 0
    assume(dn.any())
    for kind in ("pointwise", "constant"):
        blended, state = blend(tmp_path / "a.tif", dn, Pretended(kind, None), tile_size)
        plain, plain_state = blend(tmp_path / "a.tif", dn, Pretended(kind, 0), tile_size)
        np.testing.assert_array_equal(state, plain_state)
        np.testing.assert_array_equal(state == NODATA, dn[0] == 0)
        np.testing.assert_allclose(blended, plain, atol=3e-7)


def test_blending_takes_the_step_out_of_the_seam(tmp_path: Path) -> None:
    dn = np.full((2, 96, 96), 2500, np.uint16)
    dn[:, :, 48:] = 2600  # tiles on either side see another mean, and answer otherwise
    blended, state = blend(tmp_path / "a.tif", dn, Pretended("whole tile", None), 32)
    stitched, _ = blend(tmp_path / "a.tif", dn, Pretended("whole tile", 0), 32)
    assert (state == VALID).all()
    steps = [float(np.abs(np.diff(answer, axis=1)).max()) for answer in (stitched, blended)]
    assert steps[1] < steps[0] / 4


def test_tiles_without_data_are_not_asked(tmp_path: Path) -> None:
    dn = np.full((2, 64, 200), 2500, np.uint16)
    dn[:, :, 60:] = 0
    predictor = Pretended("pointwise", None)
    probability, state = blend(tmp_path / "a.tif", dn, predictor, 32)
    assert len(predictor.asked) == 2 * 3  # of 7 columns of tiles, those that see data
    assert np.isfinite(probability[:, :60]).all()
    assert (state[:, 60:] == NODATA).all()


@pytest.mark.parametrize("norm", ["group", "batch"])
def test_a_network_with_a_norm_over_the_tile_maps_and_says_so(tmp_path: Path, norm: Literal["group", "batch"]) -> None:
    config = UNetConfig(depth=1, width=4, norm=norm)
    model = write_model(tmp_path / "m.safetensors", config, build_card(required_inputs=()))
    scene = write_raster(tmp_path / "s.tif", dark_water((12, 80, 90)))
    options = MapOptions(model=str(model), device="cpu", precision="fp32", tile_size=32)
    result = map_scene(scene, tmp_path / "out", options=options)
    parameters = json.loads((result.folder / "item.json").read_text())["properties"]["strandline:parameters"]
    blended = norm == "group"
    expected = {"window": "hann", "tile_size": 32, "overlap_px": 8} if blended else None
    assert parameters.get("blending") == expected
    assert any("tiles were blended" in note for note in result.notes) == blended
    with rasterio.open(result.folder / "probability.tif") as dataset:
        assert dataset.read(1, masked=True).count() == 80 * 90
