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

from benchmarks.release_model import FewBands
from models.runtimes.registry import DEFAULT_MODEL, list_models, load_model
from models.runtimes.torch_predictor import Runtime
from pipeline.evaluation.answers import NetworkMethod
from pipeline.evaluation.evaluate import Evaluation, EvaluationOptions, evaluate
from pipeline.samples.simulate_chip import simulate
from pipeline.samples.sources import resolve_places, resolve_source
from tiles.bands import L2A_STACK

FRESH_SEED = 3_100_000_000
HAS_BF16 = bool({"avx512_bf16", "amx_bf16"} & {k for k, v in torch.cpu.get_capabilities().items() if v})


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    return Runtime(load_model(), device="cpu", precision="fp32")


OPTIONS = EvaluationOptions(resamples=2, pictures=0)


@pytest.fixture(scope="module")
def method() -> NetworkMethod:
    return NetworkMethod(name="bundled", model=DEFAULT_MODEL, device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def simulated(method: NetworkMethod) -> Evaluation:
    return evaluate([method], resolve_source(f"simulated:{FRESH_SEED}-{FRESH_SEED + 7}"), options=OPTIONS)


def test_it_beats_every_index_where_the_truth_is_known(simulated: Evaluation) -> None:
    network, *indices = simulated.methods
    for name in ("iou", "accuracy", "boundary_iou"):
        assert network.figures[name] > max(index.figures[name] for index in indices), name


def test_its_shoreline_is_sub_pixel_and_its_probability_calibrated(simulated: Evaluation) -> None:
    figures = simulated.networks[0].figures
    assert figures["mapped_to_true_median_m"] < 5
    assert figures["calibration_error"] < 0.03


def test_green_and_near_infrared_alone_will_do(method: NetworkMethod) -> None:
    chips = resolve_source(f"simulated:{FRESH_SEED}-{FRESH_SEED + 3}")
    found = evaluate([method], FewBands(whole=chips, bands=("B03", "B08")), options=OPTIONS)
    network, *indices = found.whole
    assert network.figures["iou"] > max(index.figures["iou"] for index in indices)


def test_it_beats_every_index_on_real_places_that_it_never_saw(method: NetworkMethod, shared: Path) -> None:
    held_out = resolve_places(resolve_source(f"labels:{shared / 'scenes'}"), "held-out")
    few = held_out.restrict(frozenset(held_out.places[::4]))
    found = evaluate([method], few, options=OPTIONS)
    network, *indices = found.whole
    assert network.figures["accuracy"] > 0.98
    assert network.figures["accuracy"] > max(index.figures["accuracy"] for index in indices)


@pytest.mark.skipif(not HAS_BF16, reason="this processor has no bfloat16")
def test_bfloat16_moves_hardly_a_pixel(runtime: Runtime) -> None:
    rounded = Runtime(runtime.model, device="cpu", precision="bf16")
    images = np.stack([simulate(FRESH_SEED + index).reflectance for index in range(3)])
    moved = (runtime.predict(images) > 0.5) != (rounded.predict(images) > 0.5)
    assert moved.mean() <= 1e-3


def test_the_card_says_how_it_was_measured() -> None:
    for card in list_models():
        assert card.inputs == L2A_STACK
        for name in ("iou", "best_index_iou", "shoreline_median_m", "shoreline_p95_m", "calibration_error"):
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
