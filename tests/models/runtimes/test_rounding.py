"""Layers in 8 bits: as arithmetic has it, within the bound of the bundled model, and refused where nothing is known."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.errors import DeviceError, ModelConfigError, ModelFileError, ModelInputError
from models.model_file import compute_file_sha256, read_arrays
from models.networks.checkpoint import Model, save_model
from models.networks.unet_config import UNetConfig
from models.runtimes.framework_choice import build_runtime
from models.runtimes.openvino_graph import build_graph, fold_weights
from models.runtimes.openvino_predictor import OpenVinoRuntime
from models.runtimes.registry import DEFAULT_MODEL, resolve_path
from models.runtimes.resolve import resolve_predictor
from models.runtimes.rounding import Rounding, name_rounding, read_rounding, write_rounding
from models.runtimes.torch_predictor import Runtime
from pipeline.evaluation.answers import NetworkMethod
from pipeline.samples.simulate_chip import simulate

MakeModel = Callable[[UNetConfig], Model]

CONFIG = UNetConfig(in_channels=2, depth=1, width=4, norm="none")
BIAS = np.array([0.5, -0.25, 0.125, 0.0], np.float32)
SEED = 3_300_000_000


def round_to_steps(values: Tensor, low: float, high: float, levels: int) -> Tensor:
    """What is left of numbers that are kept as one of so many."""
    step = (high - low) / (levels - 1)
    return (torch.round((values.double().clip(low, high) - low) / step) * step + low).float()


# Without room for them, a processor that adds two products in 16 bits cuts large sums off.
@pytest.mark.parametrize(
    ("name", "room", "off"),
    [("encoder.stages.0.3", 1, 0.02), ("encoder.stages.0.3", 2, 0.001), ("decoder.ups.0", 2, 0.001)],
)
def test_a_layer_in_8_bits_is_what_arithmetic_makes_of_it(
    make_model: MakeModel, name: str, room: int, off: float
) -> None:
    openvino = pytest.importorskip("openvino")
    model = make_model(CONFIG)
    low, high = 0.0, 3.0
    rounding = {name: Rounding(low=low, high=high, room=room, bias=BIAS)}
    weights = fold_weights(read_arrays(Path(model.source)), CONFIG)
    graph = build_graph(weights, CONFIG, model.card, margin=0, rounding=rounding)
    kinds = [op.get_type_name() for op in graph.get_ops()]
    assert kinds.count("FakeQuantize") == 2
    batch = np.random.default_rng(0).uniform(0, 1, (1, 2, 16, 16)).astype(np.float32)
    answer = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([batch])[0][:, 0]

    runtime = Runtime(model, device="cpu", precision="fp32")
    layer = runtime._network.get_submodule(name)
    assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    is_turned = isinstance(layer, nn.ConvTranspose2d)
    kernel = layer.weight.detach()
    largest = room * kernel.abs().amax(dim=(0, 2, 3) if is_turned else (1, 2, 3), keepdim=True)
    rounded = torch.round(kernel / largest * 127) * largest / 127
    seen: list[Tensor] = []

    def compute(_layer: nn.Module, given: tuple[Tensor, ...], _answer: Tensor) -> Tensor:
        seen.append(given[0])
        kept = round_to_steps(given[0], low, high, 256)
        if is_turned:
            return nn.functional.conv_transpose2d(kept, rounded, torch.from_numpy(BIAS), stride=2)
        return nn.functional.conv2d(kept, rounded, torch.from_numpy(BIAS), padding=1)

    layer.register_forward_hook(compute)
    expected = runtime.predict(batch)
    assert seen, "the layer was computed another way"
    np.testing.assert_allclose(answer, expected, atol=off)
    exact = Runtime(make_model(CONFIG), device="cpu", precision="fp32").predict(batch)
    assert np.abs(answer - exact).max() > 0.02  # it is another answer: of a wrong bias, here


@pytest.fixture(scope="module")
def images() -> NDArray[np.float32]:
    return np.stack([simulate(SEED + number).reflectance for number in range(4)])


def test_the_bundled_model_in_8_bits_moves_few_pixels(images: NDArray[np.float32]) -> None:
    pytest.importorskip("openvino")
    path = resolve_path(DEFAULT_MODEL)
    exact, rounded = (OpenVinoRuntime(path, precision=precision) for precision in ("fp32", "int8"))
    assert (rounded.precision, "int8" in rounded.description) == ("int8", True)
    truth, found = exact.predict(images), rounded.predict(images)
    assert ((truth > 0.5) != (found > 0.5)).mean() <= 2e-3  # chips made to be hard; scenes: docs/performance.md
    assert 1e-4 < np.abs(truth - found).mean() < 1e-2
    margin = rounded.reach_px or 0
    inner = (slice(None), slice(margin, -margin), slice(margin, -margin))
    # A last digit of a sum that is ordered otherwise may become a step of the next layer.
    np.testing.assert_allclose(rounded.predict(images, margin=margin), found[inner], atol=0.01)


def test_tiles_of_any_size_answer_alike_in_8_bits() -> None:
    """As those that map a scene have it: a graph for each shape, a thread a tile."""
    pytest.importorskip("openvino")
    image = simulate(SEED).reflectance[None]
    answers = []
    for size in (384, 320):
        runtime = OpenVinoRuntime(resolve_path(DEFAULT_MODEL), precision="int8")
        runtime.enter_worker()
        margin = runtime.reach_px or 0
        answer = runtime.predict(np.ascontiguousarray(image[:, :, :size, :size]), margin=margin)
        answers.append(answer[:, : 320 - 2 * margin, : 320 - 2 * margin])
    assert (answers[0] == answers[1]).all()


def test_its_layers_are_those_that_were_calibrated() -> None:
    path = resolve_path(DEFAULT_MODEL)
    layers = read_rounding(path, sha256=compute_file_sha256(path))
    weights = read_arrays(path)
    assert len(layers) == 16
    assert not any(
        name.startswith(("encoder.stages.0", "encoder.stages.1", "decoder.stages.3", "head")) for name in layers
    )
    for name, layer in layers.items():
        kernel = weights[f"{name}.weight"]
        assert len(layer.bias) == kernel.shape[1 if "ups" in name else 0]
        assert layer.low <= 0 < layer.high
        assert layer.room in {1, 2}


@pytest.fixture
def tiny(make_model: MakeModel, tmp_path: Path) -> Path:
    model = make_model(UNetConfig(in_channels=3, depth=1, width=8, norm="batch", any_channels=True))
    card = model.card.model_copy(update={"required_inputs": (("C1",),)})
    save_model(tmp_path / "tiny.safetensors", model.network, card)
    return tmp_path / "tiny.safetensors"


def test_what_was_written_is_read(tiny: Path) -> None:
    layers = {"a.0": Rounding(low=-1.5, high=2.25, room=2, bias=np.array([0.1, -1e-7], np.float32))}
    write_rounding(tiny, layers, sha256="abc")
    (found,) = read_rounding(tiny, sha256="abc").values()
    assert (found.low, found.high, found.room, found.bias.tolist()) == (-1.5, 2.25, 2, layers["a.0"].bias.tolist())


def test_a_model_that_was_not_calibrated_is_refused(tiny: Path) -> None:
    pytest.importorskip("openvino")
    with pytest.raises(DeviceError, match="was not calibrated for it: take fp32 or auto"):
        build_runtime(tiny, precision="int8")
    write_rounding(tiny, {}, sha256="of another file")
    with pytest.raises(DeviceError, match="was found for another file"):
        OpenVinoRuntime(tiny, precision="int8")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"model_sha256": "a", "layers": {"a": {"low": "x"}}}'])
def test_what_does_not_say_how_is_named(tiny: Path, text: str) -> None:
    name_rounding(tiny).write_text(text)
    with pytest.raises(ModelFileError, match="does not say how a network is rounded"):
        read_rounding(tiny, sha256="a")


@pytest.mark.parametrize(
    "wrong", [{"high": float("nan")}, {"high": -2.0}, {"room": 3}, {"bias": np.array([np.inf], np.float32)}]
)
def test_numbers_that_cannot_be_are_named(tiny: Path, wrong: dict[str, Any]) -> None:
    layer = replace(Rounding(low=-1, high=1, room=1, bias=np.zeros(1, np.float32)), **wrong)
    write_rounding(tiny, {"encoder.stages.0.3": layer}, sha256="a")
    with pytest.raises(ModelFileError, match=r"cannot be, of encoder\.stages\.0\.3"):
        read_rounding(tiny, sha256="a")
    name_rounding(tiny).write_text(name_rounding(tiny).read_text().replace('"room": 1', '"room": 1e999'))
    with pytest.raises(ModelFileError):
        read_rounding(tiny, sha256="a")


def test_a_bias_of_another_length_is_named(tiny: Path) -> None:
    pytest.importorskip("openvino")
    layers = {
        "encoder.stages.0.3": Rounding(low=0, high=1, room=1, bias=np.zeros(8, np.float32)),
        "decoder.ups.0": Rounding(low=0, high=1, room=1, bias=np.zeros(16, np.float32)),  # it halves them
    }
    write_rounding(tiny, layers, sha256=compute_file_sha256(tiny))
    with pytest.raises(ModelConfigError, match=r"another length for decoder\.ups\.0\."):
        OpenVinoRuntime(tiny, precision="int8")


def test_a_file_that_was_calibrated_anew_is_read_anew(tiny: Path) -> None:
    pytest.importorskip("openvino")
    runtimes = []
    for high in (1, 2):
        layers = {"encoder.stages.0.3": Rounding(low=0, high=high, room=1, bias=np.zeros(8, np.float32))}
        write_rounding(tiny, layers, sha256=compute_file_sha256(tiny))
        os.utime(name_rounding(tiny), ns=(high, high))
        runtimes += [resolve_predictor(str(tiny), precision="int8") for _ in range(2)]
    assert runtimes[0] is runtimes[1]
    assert runtimes[1] is not runtimes[2]


def test_layers_that_the_network_does_not_have_are_refused(tiny: Path) -> None:
    pytest.importorskip("openvino")
    layers = {"encoder.stages.7.0": Rounding(low=0, high=1, room=1, bias=np.zeros(8, np.float32))}
    write_rounding(tiny, layers, sha256=compute_file_sha256(tiny))
    with pytest.raises(ModelConfigError, match=r"encoder\.stages\.7\.0"):
        OpenVinoRuntime(tiny, precision="int8")


def test_a_scene_that_lacks_bands_is_refused(tiny: Path) -> None:
    pytest.importorskip("openvino")
    sha256 = compute_file_sha256(tiny)
    layers = {"encoder.stages.0.3": Rounding(low=0, high=1, room=1, bias=np.zeros(8, np.float32))}
    write_rounding(tiny, layers, sha256=sha256)
    assert OpenVinoRuntime(tiny, precision="int8").precision == "int8"
    with pytest.raises(ModelInputError, match="a scene that lacks some takes fp32 or auto"):
        OpenVinoRuntime(tiny, precision="int8", channels=(1, 2))


def test_a_gpu_is_not_asked_for_it(tiny: Path) -> None:
    with pytest.raises(DeviceError, match="which the processor alone computes"):
        build_runtime(tiny, precision="int8", device="cuda")


def test_pytorch_refuses_it(make_model: MakeModel, tiny: Path) -> None:
    with pytest.raises(DeviceError, match="OpenVINO alone"):
        Runtime(make_model(CONFIG), device="cpu", precision="int8")
    with pytest.raises(DeviceError, match="OpenVINO alone"):
        build_runtime(tiny, precision="int8", framework="torch")


def test_samples_that_lack_bands_are_left_out_of_an_evaluation() -> None:
    pytest.importorskip("openvino")
    method = NetworkMethod(name="rounded", model=DEFAULT_MODEL, precision="int8")
    inputs = method.whole.card.inputs
    assert method._get_predictor(inputs) is method.whole
    assert method._get_predictor(tuple(name for name in inputs if name != "B01")) is None
