"""The fastest framework is found by trying, once, and the choice stays."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import DeviceError
from models.networks.checkpoint import Model
from models.networks.unet import UNetConfig
from models.runtimes import framework_choice, openvino_graph
from models.runtimes.framework_choice import build_runtime, find_cache, measure
from models.runtimes.openvino_predictor import OpenVinoRuntime
from models.runtimes.predictor import Predictor
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


class TestWithoutTorch:
    """OpenVINO is all that an installation without extras has."""

    @pytest.fixture(autouse=True)
    def _hide_torch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(framework_choice, "find_torch", lambda: False)
        monkeypatch.setattr(framework_choice, "_may_have_gpu", lambda: True)

    def test_openvino_is_taken_and_nothing_measured(self, path: Path) -> None:
        assert isinstance(build_runtime(path), OpenVinoRuntime)
        assert not find_cache().exists()

    @pytest.mark.parametrize(
        ("choices", "said"),
        [
            ({"framework": "torch"}, r"PyTorch was asked for, .*: pip install 'strandline\[torch\]'\.$"),
            ({"device": "cuda"}, r"A GPU is used through PyTorch, .*: pip install 'strandline\[torch\]'\.$"),
        ],
    )
    def test_what_needs_torch_names_its_extra(self, path: Path, choices: dict[str, Any], said: str) -> None:
        with pytest.raises(DeviceError, match=said):
            build_runtime(path, **choices)

    def test_a_network_that_only_torch_runs_names_its_extra(self, make_model: Callable[[UNetConfig], Model]) -> None:
        model = make_model(UNetConfig(in_channels=3, depth=1, width=8, norm="group"))
        with pytest.raises(DeviceError, match=r"take torch \(pip install 'strandline\[torch\]'\)\.$"):
            build_runtime(Path(model.source))


class Stopwatch:
    """A model whose calls take the seconds that are given, and that keeps what it was asked."""

    def __init__(self, *seconds: float, reach_px: int | None = 5, stride: int = 8) -> None:
        self.reach_px, self.stride, self.fill = reach_px, stride, np.array([0.25, 0.5], np.float32)
        self.seconds, self.now = iter(seconds), 0.0
        self.asked: list[tuple[tuple[int, ...], int]] = []
        self.workers = 0

    def enter_worker(self) -> None:
        self.workers += 1

    def predict(self, batch: np.ndarray, *, margin: int) -> None:
        assert batch[0, :, 0, 0].tolist() == batch[0, :, -1, -1].tolist() == [0.25, 0.5]
        self.asked.append((batch.shape, margin))
        self.now += next(self.seconds)


@pytest.mark.parametrize(
    ("reach_px", "tile_px", "size"),
    [(5, 38, 48), (5, 39, 56), (None, 40, 40), (None, 41, 48), (4, None, 264), (5, None, 272)],
)
def test_a_tile_is_measured_with_its_halo_on_the_grid_of_the_network(
    monkeypatch: pytest.MonkeyPatch, reach_px: int | None, tile_px: int | None, size: int
) -> None:
    watch = Stopwatch(9, 3, 2, 4, 2.5, 5, reach_px=reach_px)
    monkeypatch.setattr("models.runtimes.framework_choice.time.perf_counter", lambda: watch.now)
    assert measure(watch, **({} if tile_px is None else {"tile_px": tile_px})) == 2  # type: ignore[arg-type]
    assert watch.asked == [((1, 2, size, size), reach_px or 0)] * 6  # the first makes ready, five are measured
    assert watch.workers == 1


@pytest.mark.parametrize(
    ("torch", "openvino", "chosen"),
    [(0.89, 1.0, Runtime), (0.9, 1.0, OpenVinoRuntime), (1.79, 2.0, Runtime), (1.81, 2.0, OpenVinoRuntime)],
)
def test_pytorch_must_be_clearly_faster(
    path: Path, monkeypatch: pytest.MonkeyPatch, torch: float, openvino: float, chosen: type
) -> None:
    monkeypatch.setattr(
        "models.runtimes.framework_choice.measure", lambda runtime: torch if isinstance(runtime, Runtime) else openvino
    )
    assert isinstance(build_runtime(path, device="cpu", precision="fp32"), chosen)
    ((key, entry),) = json.loads(find_cache().read_text()).items()
    assert entry["seconds"] == {"torch": torch, "openvino": openvino}
    assert len(key) == 32
    text = find_cache().read_text()
    assert text.startswith('{\n  "')
    assert text.index('"framework"') < text.index('"seconds"')


@pytest.mark.parametrize("cpuinfo", ["", "model name\t: Fast One: 3 GHz\nflags\t\t: sse avx\nmodel name\t: Fast One\n"])
def test_another_processor_is_measured_anew(path: Path, monkeypatch: pytest.MonkeyPatch, cpuinfo: str) -> None:
    monkeypatch.setattr("models.runtimes.framework_choice.measure", lambda _: 1.0)
    monkeypatch.setattr("models.runtimes.framework_choice.platform.processor", lambda: "another")
    read_text = Path.read_text

    def read(read_from: Path, **choices: str) -> str:
        return cpuinfo if str(read_from) == "/proc/cpuinfo" else read_text(read_from, **choices)

    monkeypatch.setattr(Path, "read_text", read)
    build_runtime(path, device="cpu", precision="fp32")
    (key,) = json.loads(find_cache().read_text())
    runtime = OpenVinoRuntime(path, precision="fp32")
    named = "Fast One: 3 GHz sse avx" if cpuinfo else "another"
    versions = [inspect.getsource(openvino_graph), version("torch"), version("openvino")]
    parts = [named, *versions, runtime.sha256, *runtime.card.inputs, "fp32"]
    assert key == hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def test_another_graph_is_measured_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[Predictor] = []
    monkeypatch.setattr("models.runtimes.framework_choice.measure", lambda runtime: float(not measured.append(runtime)))
    for source in ("one", "one", "another"):
        monkeypatch.setattr("models.runtimes.framework_choice.inspect.getsource", lambda _, source=source: source)
        build_runtime(path, device="cpu", precision="fp32")
    assert len(measured) == 4


@pytest.mark.parametrize(("device", "driver"), [("auto", True), ("auto", False), ("cuda", False)])
def test_a_gpu_is_looked_for_where_a_driver_is(
    path: Path, monkeypatch: pytest.MonkeyPatch, device: str, driver: bool
) -> None:
    built: list[str] = []

    class OnGpu:
        device = "cuda"

    def build_torch(*_: object, **__: object) -> OnGpu:
        built.append("torch")
        return OnGpu()

    monkeypatch.setitem(framework_choice._KINDS, "torch", build_torch)
    monkeypatch.setattr("models.runtimes.framework_choice._choose", lambda *_: "openvino")
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda file: driver if str(file).startswith("/dev/") else exists(file))
    runtime = build_runtime(path, device=device)  # type: ignore[arg-type]
    assert isinstance(runtime, OnGpu if driver or device == "cuda" else OpenVinoRuntime)
    assert built == ["torch"] * (driver or device == "cuda")


def test_a_larger_tile_takes_longer(path: Path) -> None:
    runtime = build_runtime(path, framework="torch", device="cpu", precision="fp32")
    assert measure(runtime, tile_px=1024) > measure(runtime, tile_px=32) > 0
