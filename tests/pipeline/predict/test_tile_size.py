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
    assert estimate_bytes(runtime, size=size) <= 320 * 2**20
    assert resolve_tile_size(640, runtime=runtime, window=FULL, workers=2) == 640
