"""The bundled model on scenes that it never saw: fresh simulated ones, and real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.transform
import torch
from numpy.typing import NDArray
from pyproj import Transformer

from models.registry import list_models, resolve_model
from models.runtime import Runtime
from pipeline.model_report import Report, compute_report_on
from pipeline.simulated_chips import simulate
from tiles.bands import L2A_STACK

FRESH_SEED = 3_100_000_000
HAS_BF16 = bool({"avx512_bf16", "amx_bf16"} & {k for k, v in torch.cpu.get_capabilities().items() if v})


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return Runtime(resolve_model(), device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def report(runtime: Runtime) -> Report:
    rounded = Runtime(runtime.model, device="cpu", precision="bf16") if HAS_BF16 else None
    return compute_report_on((simulate(FRESH_SEED + index) for index in range(8)), runtime, rounded=rounded)


def test_it_beats_the_water_index(report: Report) -> None:
    assert report.iou > 0.92
    assert report.iou > report.ndwi_iou


def test_the_shoreline_is_sub_pixel(report: Report) -> None:
    assert report.shoreline_median_m < 3.5
    assert report.shoreline_found > 0.85


def test_holes_are_harmless_beside_them(report: Report) -> None:
    assert report.hole_changed < 0.01


@pytest.mark.skipif(not HAS_BF16, reason="this processor has no bfloat16")
def test_bfloat16_moves_hardly_a_pixel(report: Report) -> None:
    assert report.bf16_changed <= 4e-4  # 0.02% over 64 chips; over 8 it scatters


def test_the_card_says_how_it_was_measured() -> None:
    for card in list_models():
        assert card.inputs == L2A_STACK
        for name in ("iou", "ndwi_iou", "shoreline_median_m", "shoreline_p95_m", "probability_rmse"):
            assert card.figure(name) is not None, name
        assert 0 < card.probability_rmse < 0.5
        assert 0.5 < card.temperature < 2


def predict_whole(runtime: Runtime, reflectance: NDArray[np.float32]) -> NDArray[np.float32]:
    _, rows, cols = reflectance.shape
    assert runtime.reach_px is not None
    margin = -(-runtime.reach_px // runtime.stride) * runtime.stride
    padding = [(0, 0), *((margin, margin + -size % runtime.stride) for size in (rows, cols))]
    padded = np.pad(reflectance, padding, mode="symmetric")
    answer: NDArray[np.float32] = runtime.predict(padded[None])[0][margin : margin + rows, margin : margin + cols]
    return answer


def test_a_desert_has_no_water(runtime: Runtime, shared: Path) -> None:
    folder = shared / "stac" / "29RKH"
    with rasterio.open(folder / "B02.tif") as file:
        shape = file.shape
    bands = []
    for name in L2A_STACK:
        with rasterio.open(folder / f"{name}.tif") as file:
            bands.append(file.read(1, out_shape=shape))
    dn = np.stack(bands).astype(np.float32)
    seen = (dn > 0).all(axis=0)
    probability = predict_whole(runtime, np.where(seen, dn / 1e4, np.float32(np.nan)))
    assert (probability[seen] > 0.5).mean() < 1e-4


@pytest.mark.parametrize(
    ("pattern", "water", "land"),
    [
        ("ammersee_*_60m.tif", (11.12, 48.00), (11.30, 48.05)),
        ("chiemsee_*_60m.tif", (12.45, 47.88), (12.55, 47.98)),
    ],
)
def test_a_lake_is_water_and_the_land_beside_it_is_not(
    runtime: Runtime, shared: Path, pattern: str, water: tuple[float, float], land: tuple[float, float]
) -> None:
    path = next((shared / "scenes").glob(pattern))
    with rasterio.open(path) as file:
        dn, transform, crs = file.read().astype(np.float32), file.transform, file.crs
    seen = (dn > 0).any(axis=0)
    probability = predict_whole(runtime, np.where(seen, dn / 1e4, np.float32(np.nan)))

    def look(place: tuple[float, float]) -> float:
        x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(*place)
        row, col = rasterio.transform.rowcol(transform, x, y)
        assert seen[row, col]
        return float(probability[row, col])

    assert look(water) > 0.9
    assert look(land) < 0.1
    assert 0.01 < (probability[seen] > 0.5).mean() < 0.2
