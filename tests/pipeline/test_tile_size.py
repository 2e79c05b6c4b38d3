"""Tiles are as large as memory allows, and no larger than the cores like."""

from __future__ import annotations

import pytest

from models.predictor import Predictor
from models.runtimes import resolve_predictor
from pipeline.tile_size import DEFAULT_TILE_SIZE, estimate_bytes, resolve_tile_size
from tiles.grid import Window

FULL = Window(0, 0, 10980, 10980)


@pytest.fixture(scope="module")
def runtime() -> Predictor:
    return resolve_predictor("strandline-small", framework="torch", device="cpu", precision="fp32")


def test_what_is_asked_for_is_taken(runtime: Predictor) -> None:
    assert resolve_tile_size(77, runtime=runtime, window=FULL, workers=2) == 77


@pytest.mark.parametrize("workers", [1, 2, 16, 64])
def test_a_full_scene_gets_the_largest_tile_that_fits(runtime: Predictor, workers: int) -> None:
    size = resolve_tile_size(None, runtime=runtime, window=FULL, workers=workers)
    assert estimate_bytes(runtime, size=size) <= 320 * 2**20
    assert size >= 256


def test_a_small_area_is_cut_for_all_cores(runtime: Predictor) -> None:
    window = Window(0, 0, 1000, 1000)
    one, four = (resolve_tile_size(None, runtime=runtime, window=window, workers=workers) for workers in (1, 4))
    assert four < one


def test_a_model_of_smaller_memory_gets_larger_tiles(runtime: Predictor) -> None:
    small = resolve_predictor(
        "strandline-small", framework="torch", device="cpu", precision="fp32", inputs=("B03", "B08")
    )
    assert estimate_bytes(small, size=512) < estimate_bytes(runtime, size=512)
    assert DEFAULT_TILE_SIZE == 512
