"""Tiles are as large as memory allows: a GPU's own where the network runs on one."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.networks.checkpoint import read_model
from models.networks.unet import UNetConfig
from models.runtimes.torch_predictor import Runtime
from pipeline.predict import tile_size
from pipeline.predict.tile_size import estimate_bytes, estimate_gpu_bytes, resolve_tile_size
from tests.pipeline.tiny_models import write_model
from tiles.grid import Window

FULL = Window(0, 0, 10980, 10980)


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    path = write_model(tmp_path / "tiny.safetensors", UNetConfig(depth=3, width=16, any_channels=True))
    return Runtime(read_model(path), device="cpu", precision="fp32")


def choose_on_gpu(runtime: Runtime, monkeypatch: pytest.MonkeyPatch, free: int) -> int:
    monkeypatch.setattr(tile_size, "_find_gpu_memory", lambda runtime: free)
    return resolve_tile_size(None, runtime=runtime, window=FULL, workers=1)


def test_a_large_gpu_takes_large_tiles_and_a_small_one_small(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = [choose_on_gpu(runtime, monkeypatch, gib * 2**30) for gib in (80, 8, 4, 2, 1)]
    assert chosen[0] == 2048
    assert chosen == sorted(chosen, reverse=True)
    assert len(set(chosen)) > 2
    for gib, size in zip((80, 8, 4, 2, 1), chosen, strict=True):
        assert estimate_gpu_bytes(runtime, size=size) <= gib * 2**30 / 2
    assert choose_on_gpu(runtime, monkeypatch, 0) == 256


def test_a_network_on_the_processor_asks_no_gpu(runtime: Runtime) -> None:
    size = resolve_tile_size(None, runtime=runtime, window=FULL, workers=2)
    assert size <= 1024
    assert estimate_bytes(runtime, rows=512, cols=size) <= 112 * 2**20
    assert resolve_tile_size(640, runtime=runtime, window=FULL, workers=2) == 640


def test_tiles_cost_their_surroundings_and_the_last_one_is_waited_for() -> None:
    """By hand: 100 x 60 pixels in tiles of 64 are two of 50; reach 10 pixels, the decoder 8, on each side."""
    tile = 0.39 * 80 * 70 + 0.61 * 76 * 66
    window = Window(0, 0, 100, 60)
    alone = tile_size._estimate_cost(window, size=64, most_rows=0, reach=10, workers=1)
    assert alone == pytest.approx(2 * tile)
    shared = tile_size._estimate_cost(window, size=64, most_rows=0, reach=10, workers=2)
    assert shared == pytest.approx(tile + tile / 2)
    low = tile_size._estimate_cost(window, size=64, most_rows=30, reach=10, workers=1)
    assert low == pytest.approx(2 * 2 * (0.39 * 50 * 70 + 0.61 * 46 * 66))


def test_one_worker_takes_a_small_window_whole_and_two_share_it(runtime: Runtime) -> None:
    window = Window(0, 0, 1024, 512)
    sizes = [resolve_tile_size(None, runtime=runtime, window=window, workers=workers) for workers in (1, 2)]
    assert sizes[0] > sizes[1]


def test_a_worker_takes_its_share_of_a_small_machine(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    even = tile_size._make_even(FULL.width, 384)
    assert even == 379  # 29 tiles of 379 columns
    monkeypatch.setattr(tile_size, "_find_memory", lambda: 2 * 8 * estimate_bytes(runtime, rows=384, cols=even))
    assert resolve_tile_size(None, runtime=runtime, window=FULL, workers=2) == 384
    monkeypatch.setattr(tile_size, "_find_memory", lambda: 2 * 8 * estimate_bytes(runtime, rows=384, cols=even) - 16)
    assert resolve_tile_size(None, runtime=runtime, window=FULL, workers=2) == 256


@pytest.mark.parametrize(
    ("precision", "amx", "largest"), [("bf16", True, 768), ("bf16", False, 1024), ("fp32", True, 768)]
)
def test_a_processor_with_amx_takes_small_tiles(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch, precision: str, amx: bool, largest: int
) -> None:
    monkeypatch.setattr(tile_size, "_has_amx", lambda: amx)
    monkeypatch.setattr(tile_size, "_find_memory", lambda: 2**40)
    monkeypatch.setattr(runtime, "precision", precision)
    assert resolve_tile_size(None, runtime=runtime, window=FULL, workers=2) == largest


@pytest.mark.parametrize(("precision", "width", "chosen"), [("bf16", 16, 1024), ("fp32", 16, 640), ("fp32", 32, 512)])
def test_a_large_machine_takes_wide_tiles_that_are_low(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str, width: int, chosen: int
) -> None:
    """As wide as a full tile in 1.2 GiB lets them, of a network of 16 maps; of a wide one, 512 are granted."""
    path = write_model(tmp_path / "a.safetensors", UNetConfig(in_channels=12, depth=4, width=width))
    runtime = Runtime(read_model(path), device="cpu", precision="fp32")
    monkeypatch.setattr(tile_size, "_has_amx", lambda: False)
    monkeypatch.setattr(tile_size, "_find_memory", lambda: 2**40)
    monkeypatch.setattr(runtime, "precision", precision)
    assert resolve_tile_size(None, runtime=runtime, window=FULL, workers=2) == chosen
    around = 2 * runtime.reach_px + runtime.stride
    a_pixel = 4 * 12 + 2 * width * (2 if precision == "bf16" else 4)
    assert estimate_bytes(runtime, rows=512, cols=1024) == (512 + around) * (1024 + around) * a_pixel
