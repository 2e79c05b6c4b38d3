"""OpenVINO answers as PyTorch does, to the last bits, and the same wherever a tile lies."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import DeviceError, ModelConfigError, ModelFileError, ModelInputError
from models.networks.checkpoint import Model, read_model, save_model
from models.networks.unet import UNetConfig
from models.runtimes import openvino_predictor
from models.runtimes.openvino_predictor import OpenVinoRuntime
from models.runtimes.torch_predictor import Runtime

pytest.importorskip("openvino")
MakeModel = Callable[[UNetConfig], Model]
CONFIGS = (
    UNetConfig(in_channels=3, depth=2, width=8),
    UNetConfig(in_channels=3, depth=1, width=4, norm="none", activation="leaky_relu", skips=False),
    UNetConfig(in_channels=4, depth=2, width=4, upsampling="bilinear", activation="silu", classes=3),
    UNetConfig(in_channels=2, depth=3, width=4, activation="gelu", any_channels=True),
)


def draw(channels: int, height: int = 128, width: int = 96) -> np.ndarray:
    image = np.random.default_rng(0).uniform(-0.1, 0.9, (1, channels, height, width)).astype(np.float32)
    image[:, 0, 40:50, 30:60] = np.nan
    return image


@pytest.fixture(scope="module")
def openvino(make_model: MakeModel) -> OpenVinoRuntime:
    return OpenVinoRuntime(Path(make_model(CONFIGS[0]).source), precision="fp32")


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("margin", [0, 13])
def test_it_answers_as_pytorch_does(make_model: MakeModel, config: UNetConfig, margin: int) -> None:
    model = make_model(config)
    ours = Runtime(model, device="cpu", precision="fp32")
    other = OpenVinoRuntime(Path(model.source), precision="fp32")
    image = draw(config.in_channels)
    expected = ours.predict(image, margin=margin)
    assert np.ptp(expected) > 0.02
    np.testing.assert_allclose(other.predict(image, margin=margin), expected, atol=2e-6)
    assert (other.reach_px, other.stride, other.sha256) == (ours.reach_px, ours.stride, ours.sha256)
    assert dict(other.hyperparameters) == dict(ours.hyperparameters)


def relax(model: Model, path: Path) -> Model:
    """The same model, whose card asks for no channel but the second."""
    save_model(path, model.network, model.card.model_copy(update={"required_inputs": (("C1",),)}))
    return read_model(path)


def test_absent_channels_are_told_to_the_network_as_in_pytorch(make_model: MakeModel, tmp_path: Path) -> None:
    model = relax(
        make_model(UNetConfig(in_channels=4, depth=2, width=4, any_channels=True)), tmp_path / "m.safetensors"
    )
    image = draw(2)
    ours, other = (
        Runtime(model, device="cpu", precision="fp32", channels=(1, 3)),
        OpenVinoRuntime(Path(model.source), precision="fp32", channels=(1, 3)),
    )
    assert other.card.inputs == ours.card.inputs == ("C1", "C3")
    np.testing.assert_allclose(other.predict(image), ours.predict(image), atol=2e-6)


@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_neither_the_tile_nor_the_thread_changes_a_bit(make_model: MakeModel, precision: str) -> None:
    runtime = OpenVinoRuntime(Path(make_model(CONFIGS[0]).source), precision=precision)  # type: ignore[arg-type]
    image, reach = draw(3, 256, 256), runtime.reach_px
    whole = runtime.predict(image, margin=reach)
    with ThreadPoolExecutor(2, initializer=runtime.enter_worker) as pool:
        parts = [image[:, :, row : row + 128, col : col + 160] for row in (0, 128) for col in (0, 96)]
        answers = list(pool.map(lambda part: runtime.predict(part, margin=reach), parts))
    for answer, (row, col) in zip(answers, [(0, 0), (0, 96), (128, 0), (128, 96)], strict=True):
        height, width = answer.shape[1:]
        assert np.array_equal(answer, whole[:, row : row + height, col : col + width])


def test_it_needs_no_pytorch(openvino: OpenVinoRuntime) -> None:
    code = (
        "import sys; from models.runtimes.resolve import resolve_predictor; import pipeline.mapping.map_scene;"
        f"resolve_predictor({openvino.source!r}, framework='openvino');"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("limit", "here", "workers"),
    [("", 6, 6), ("4", 6, 4), ("4,2", 6, 4), ("6", 6, 6), ("7", 6, 6), ("1", 6, 1), ("0", 6, 1), ("x", 6, 6)],
)
def test_it_takes_a_thread_a_core_or_fewer_if_asked(
    openvino: OpenVinoRuntime, monkeypatch: pytest.MonkeyPatch, limit: str, here: int, workers: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", limit)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(here if process == 0 else 99)))
    assert OpenVinoRuntime(Path(openvino.source)).workers == workers


@pytest.mark.parametrize(("cores", "workers"), [(3, 3), (None, 1)])
def test_where_a_system_knows_no_affinity_all_cores_are_taken(
    openvino: OpenVinoRuntime, monkeypatch: pytest.MonkeyPatch, cores: int | None, workers: int
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert OpenVinoRuntime(Path(openvino.source)).workers == workers


@pytest.mark.parametrize(
    ("native", "asked", "taken"),
    [(True, "auto", "bf16"), (True, "bf16", "bf16"), (True, "fp32", "fp32"), (False, "auto", "fp32")],
)
def test_bfloat16_is_taken_where_the_processor_multiplies_it(native: bool, asked: str, taken: str) -> None:
    class Core:
        def get_property(self, device: str, name: str) -> list[str]:
            assert (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES")
            return ["FP32", "BF16"] if native else ["FP32"]

    assert openvino_predictor._resolve_precision(asked, Core()) == taken  # type: ignore[arg-type]
    if not native:
        with pytest.raises(DeviceError, match="does not multiply it"):
            openvino_predictor._resolve_precision("bf16", Core())


def test_each_kind_of_call_is_compiled_once_with_its_own_streams(make_model: MakeModel) -> None:
    """Tiles' for the shape that a thread gets, since that takes half the memory; of those the last alone is kept."""
    runtime = OpenVinoRuntime(Path(make_model(CONFIGS[0]).source), precision="fp32")
    compiled: list[tuple[bool, dict[str, object]]] = []

    class Core:
        def compile_model(self, graph: Any, device: str, choices: dict[str, object]) -> object:  # noqa: ANN401
            compiled.append((graph.is_dynamic(), choices))
            return runtime_core.compile_model(graph, device, choices)

    runtime_core, runtime._core = runtime._core, Core()
    image, wider = draw(3), draw(3, 64, 96)
    whole, other = runtime.predict(image), runtime.predict(wider)
    shared = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": runtime.workers, "ENABLE_CPU_PINNING": False}
    with ThreadPoolExecutor(1, initializer=runtime.enter_worker) as pool:
        assert np.array_equal(pool.submit(runtime.predict, image).result(), whole)
        assert np.array_equal(pool.submit(runtime.predict, image).result(), whole)
        assert compiled == [(True, {**shared, "NUM_STREAMS": 1}), (False, {**shared, "NUM_STREAMS": runtime.workers})]
        assert np.array_equal(pool.submit(runtime.predict, wider).result(), other)
    assert list(runtime._compiled) == [(0, None), (0, wider.shape)]
    assert len(compiled) == 3


def test_a_thread_goes_on_after_a_shape_that_could_not_be_compiled(
    openvino: OpenVinoRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = draw(3)
    before = openvino.predict(image)

    def fail(margin: int, shape: object) -> None:
        raise RuntimeError("no memory")

    with monkeypatch.context() as patch:
        patch.setattr(openvino, "_compile", fail)
        with pytest.raises(RuntimeError, match="no memory"):
            openvino.predict(image, margin=8)
    assert np.array_equal(openvino.predict(image), before)


def test_after_its_memory_was_released_it_answers_as_before(openvino: OpenVinoRuntime) -> None:
    image = draw(3)
    before = openvino.predict(image)
    openvino.release_memory()
    openvino.release_memory()
    assert np.array_equal(openvino.predict(image), before)


def test_each_compiled_network_is_told_to_release_its_memory(make_model: MakeModel) -> None:
    runtime, told = OpenVinoRuntime(Path(make_model(CONFIGS[0]).source), precision="fp32"), list[str]()

    class Busy:
        def release_memory(self) -> None:
            told.append("busy")
            raise RuntimeError("a request is under way")

    class Idle:
        def release_memory(self) -> None:
            told.append("idle")

    runtime._compiled = {(0, None): Busy(), (0, (1, 3, 64, 64)): Idle()}
    runtime.release_memory()
    assert told == ["busy", "idle"]


def test_memory_may_be_released_while_others_call(make_model: MakeModel) -> None:
    """As where two scenes are mapped in one process, and one of them is done."""
    runtime = OpenVinoRuntime(Path(make_model(CONFIGS[0]).source), precision="fp32")
    image = draw(3, 256, 256)
    wanted = runtime.predict(image)
    with ThreadPoolExecutor(3, initializer=runtime.enter_worker) as pool:
        answers = [pool.submit(runtime.predict, image) for _ in range(30)]
        for _ in range(20):
            runtime.release_memory()
        assert all(np.array_equal(answer.result(), wanted) for answer in answers)


@pytest.mark.parametrize("channels", [[], [1, 0], [0, 0], [0, 3], [-1, 0]])
def test_channels_that_rise_within_the_card_are_expected(openvino: OpenVinoRuntime, channels: list[int]) -> None:
    with pytest.raises(ModelConfigError, match="rising channels from 0 to 2"):
        OpenVinoRuntime(Path(openvino.source), channels=channels)


def test_all_channels_are_the_model_itself(openvino: OpenVinoRuntime) -> None:
    chosen = OpenVinoRuntime(Path(openvino.source), precision="fp32", channels=[0, 1, 2])
    assert chosen.card == openvino.card
    assert np.array_equal(chosen.predict(draw(3)), openvino.predict(draw(3)))


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 4, 32, 32), (1, 3, 30, 32), (1, 3, 32, 33)])
def test_what_does_not_fit_is_refused(openvino: OpenVinoRuntime, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelInputError, match="tiny: expected"):
        openvino.predict(np.zeros(shape, np.float32))


def test_a_margin_that_leaves_nothing_is_refused(openvino: OpenVinoRuntime) -> None:
    with pytest.raises(ModelInputError, match="margin from 0 to less than half of 32 x 32 pixels, found 16"):
        openvino.predict(np.zeros((1, 3, 32, 32), np.float32), margin=16)


def test_what_it_cannot_run_is_said(make_model: MakeModel, openvino: OpenVinoRuntime, tmp_path: Path) -> None:
    blended = Path(make_model(UNetConfig(in_channels=3, depth=1, width=8, norm="group")).source)
    with pytest.raises(DeviceError, match="U-Nets of finite reach"):
        OpenVinoRuntime(blended)
    with pytest.raises(DeviceError, match="take torch for cuda"):
        OpenVinoRuntime(Path(openvino.source), device="cuda")
    with pytest.raises(ModelInputError, match="cannot do without C1, C2"):
        OpenVinoRuntime(Path(openvino.source), channels=(0,))
    relaxed = relax(make_model(CONFIGS[0]), tmp_path / "relaxed.safetensors")
    with pytest.raises(ModelConfigError, match="needs all of its channels"):
        OpenVinoRuntime(Path(relaxed.source), channels=(1,))
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(Path(openvino.source).read_bytes()[:-100])
    with pytest.raises(ModelFileError, match="truncated or foreign"):
        OpenVinoRuntime(cut)
    if openvino._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES").count("BF16") == 0:
        with pytest.raises(DeviceError, match="does not multiply it"):
            OpenVinoRuntime(Path(openvino.source), precision="bf16")
