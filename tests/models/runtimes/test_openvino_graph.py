"""The arrays of a model file as an OpenVINO graph: norms folded by hand, and the graph run on one pixel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.model_file import read_arrays
from models.networks.checkpoint import Model
from models.networks.unet import UNetConfig
from models.runtimes.openvino_graph import build_graph, fold_weights, select_inputs
from models.runtimes.torch_predictor import Runtime

EPSILON = 1e-5
NORM = {
    "s.1.weight": np.array([3.0, 1.0], np.float32),
    "s.1.bias": np.array([0.5, -1.0], np.float32),
    "s.1.running_mean": np.array([2.0, 0.25], np.float32),
    "s.1.running_var": np.array([4.0, 1.0], np.float32) - np.float32(EPSILON),
}
KERNEL = np.arange(4, dtype=np.float32).reshape(2, 2, 1, 1)


def test_a_norm_becomes_part_of_the_convolution_before_it() -> None:
    folded = fold_weights({"s.0.weight": KERNEL, **NORM}, UNetConfig())
    assert folded.keys() == {"s.0.weight", "s.0.bias"}
    np.testing.assert_allclose(folded["s.0.weight"], KERNEL * np.array([1.5, 1.0])[:, None, None, None], rtol=1e-6)
    np.testing.assert_allclose(folded["s.0.bias"], [0.5 - 2 * 1.5, -1 - 0.25], rtol=1e-6)


def test_a_bias_before_a_norm_is_scaled_with_it() -> None:
    bias = np.array([4.0, 8.0], np.float32)
    folded = fold_weights({"s.0.weight": KERNEL, "s.0.bias": bias, **NORM}, UNetConfig())
    np.testing.assert_allclose(folded["s.0.bias"], [0.5 - 3 + 4 * 1.5, -1.25 + 8], rtol=1e-6)


def test_without_batch_norms_kernels_and_biases_stay_as_they_are() -> None:
    weights = {"s.0.weight": KERNEL, **NORM}
    folded = fold_weights(weights, UNetConfig(norm="none"))
    assert folded.keys() == {"s.0.weight", "s.1.weight", "s.1.bias"}
    assert all(folded[name] is weights[name] for name in folded)


@pytest.mark.parametrize(("bias", "expected"), [(None, [10.0, 100.0]), ([1.0, 2.0], [11.0, 102.0])])
def test_what_absent_channels_add_goes_into_the_first_bias(bias: list[float] | None, expected: list[float]) -> None:
    kernel = np.arange(6, dtype=np.float32).reshape(2, 3, 1, 1)
    absence = np.array([[1, 10, 5], [7, 100, 3]], np.float32)
    weights = {"encoder.stages.0.0.weight": kernel, "encoder.absence.weight": absence, "head.bias": np.zeros(2)}
    if bias is not None:
        weights["encoder.stages.0.0.bias"] = np.array(bias, np.float32)
    selected = select_inputs(weights, [0, 2])
    assert selected["encoder.stages.0.0.weight"][:, :, 0, 0].tolist() == [[0, 2], [3, 5]]
    assert selected["encoder.stages.0.0.bias"].tolist() == expected
    assert selected["head.bias"] is weights["head.bias"]


@pytest.mark.parametrize(
    "config",
    [
        UNetConfig(in_channels=2, depth=2, width=4),
        UNetConfig(in_channels=2, depth=2, width=4, norm="none", activation="leaky_relu", skips=False),
        UNetConfig(in_channels=2, depth=1, width=4, upsampling="bilinear", activation="silu", classes=3),
        UNetConfig(in_channels=2, depth=1, width=4, activation="gelu"),
    ],
)
@pytest.mark.parametrize("margin", [0, 1, 3, 7, 8, 11])
def test_the_graph_answers_as_pytorch_does(
    make_model: Callable[[UNetConfig], Model], config: UNetConfig, margin: int
) -> None:
    openvino = pytest.importorskip("openvino")
    model = make_model(config)
    weights = fold_weights(read_arrays(Path(model.source)), config)
    graph = build_graph(weights, config, model.card, margin=margin)
    assert graph.friendly_name == "tiny 1"
    compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    batch = np.random.default_rng(0).uniform(-0.5, 2.0, (2, 2, 24, 32)).astype(np.float32)
    batch[:, 1, 5:9, 7:12] = np.nan
    answer = compiled([batch])[0]
    assert answer.shape == (2, 1, 24 - 2 * margin, 32 - 2 * margin)
    expected = Runtime(model, device="cpu", precision="fp32").predict(batch, margin=margin)
    np.testing.assert_allclose(answer[:, 0], expected, atol=2e-5)
