"""The fastest framework is found by trying, once, and the choice stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from models.errors import DeviceError
from models.networks.checkpoint import Model
from models.networks.unet import UNetConfig
from models.runtimes.framework_choice import build_runtime, find_cache, measure
from models.runtimes.openvino_predictor import OpenVinoRuntime
from models.runtimes.torch_predictor import Runtime

pytest.importorskip("openvino")


@pytest.fixture
def path(make_model: Callable[[UNetConfig], Model], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Path(make_model(UNetConfig(in_channels=3, depth=1, width=4)).source)


def test_what_was_measured_is_remembered_and_heeded(path: Path) -> None:
    first = build_runtime(path, device="cpu", precision="fp32")
    (entry,) = json.loads(find_cache().read_text()).values()
    faster = min(entry["seconds"], key=entry["seconds"].get)
    assert isinstance(first, OpenVinoRuntime if entry["framework"] == "openvino" else Runtime)
    assert entry["framework"] == faster or entry["seconds"]["torch"] > 0.9 * entry["seconds"]["openvino"]
    for choice, kind in (("torch", Runtime), ("openvino", OpenVinoRuntime)):
        kept = json.loads(find_cache().read_text())
        find_cache().write_text(json.dumps({key: {"framework": choice} for key in kept}))
        assert isinstance(build_runtime(path, device="cpu", precision="fp32"), kind)


def test_another_precision_is_measured_anew(path: Path) -> None:
    build_runtime(path, device="cpu", precision="fp32")
    runtime = build_runtime(path, device="cpu", precision="auto")
    assert len(json.loads(find_cache().read_text())) == (2 if runtime.precision == "bf16" else 1)


@pytest.mark.parametrize("damage", ["", "[]", '{"a": 3}'])
def test_a_damaged_memory_is_written_anew(path: Path, damage: str) -> None:
    find_cache().parent.mkdir(parents=True)
    find_cache().write_text(damage)
    build_runtime(path, device="cpu", precision="fp32")
    assert any("framework" in entry for entry in json.loads(find_cache().read_text()).values() if entry != 3)


def test_where_nothing_can_be_kept_it_goes_on(path: Path) -> None:
    find_cache().parent.parent.mkdir()
    find_cache().parent.write_text("a file where the folder should be")
    assert build_runtime(path, device="cpu").card.name == "tiny"


def test_a_choice_of_the_user_is_not_measured(path: Path) -> None:
    assert isinstance(build_runtime(path, framework="torch", device="cpu"), Runtime)
    assert isinstance(build_runtime(path, framework="openvino", device="cpu"), OpenVinoRuntime)
    assert not find_cache().exists()
    with pytest.raises(DeviceError, match="one of auto, torch, openvino; found 'tf'"):
        build_runtime(path, framework="tf")  # type: ignore[arg-type]


def test_a_network_that_sees_the_whole_tile_runs_in_pytorch(
    make_model: Callable[[UNetConfig], Model], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    model = make_model(UNetConfig(in_channels=3, depth=1, width=8, norm="group"))
    assert isinstance(build_runtime(Path(model.source), device="cpu"), Runtime)


def test_a_larger_tile_takes_longer(path: Path) -> None:
    runtime = build_runtime(path, framework="torch", device="cpu", precision="fp32")
    assert measure(runtime, tile_px=1024) > measure(runtime, tile_px=32) > 0
