"""Write a U-Net down as an OpenVINO graph, layer by layer, from the arrays of a model file.

The graph takes reflectance and gives the probability of water: clamping, centring and scaling, the network and the
softmax are one program. It is written with OpenVINO's own operations instead of its converter, which traces a network
with parts of PyTorch that are on their way out, needs PyTorch, and knows nothing of a margin.

Source: OpenVINO operation set 15, https://docs.openvino.ai; the layers are those of ``models.networks.unet``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.card import ModelCard
from models.networks.unet_config import CONVOLUTIONS_A_STAGE, UNetConfig, compute_crops
from models.runtimes.rounding import LEVELS, Rounding

__all__ = ["Weights", "build_graph", "fold_weights", "select_inputs"]

Weights = Mapping[str, NDArray[np.float32]]
"""Arrays by the names of ``models.networks.unet``'s parameters."""

_EXACT: Mapping[str, Rounding] = {}
_EPSILON = 1e-5
"""That of PyTorch's batch norm."""


def fold_weights(weights: Weights, config: UNetConfig) -> dict[str, NDArray[np.float32]]:
    """Fold batch norms into the convolutions before them.

    Args:
        weights: As in the model file.
        config: Hyperparameters.

    Returns:
        Kernels and biases alone.
    """
    folded = {name: array for name, array in weights.items() if name.endswith((".weight", ".bias"))}
    if config.norm != "batch":
        return folded
    for name in [name for name in weights if name.endswith(".running_var")]:
        norm = name.removesuffix(".running_var")
        stage, place = norm.rsplit(".", 1)
        convolution = f"{stage}.{int(place) - 1}"
        scale = folded.pop(f"{norm}.weight") / np.sqrt(weights[name] + np.float32(_EPSILON))
        shift = folded.pop(f"{norm}.bias") - weights[f"{norm}.running_mean"] * scale
        bias = folded.get(f"{convolution}.bias", np.float32(0)) * scale
        folded[f"{convolution}.weight"] = folded[f"{convolution}.weight"] * scale[:, None, None, None]
        folded[f"{convolution}.bias"] = bias + shift
    return folded


def select_inputs(weights: Weights, channels: Sequence[int]) -> dict[str, NDArray[np.float32]]:
    """The weights for some channels alone, as ``networks.absence`` has it: what absence adds goes into the first bias.

    Args:
        weights: As in the model file, of a network that was built with ``any_channels``; not folded yet, since a norm
            scales what is added before it.
        channels: Which channels there are, rising, counted from 0.
    """
    first, absence = "encoder.stages.0.0", weights["encoder.absence.weight"]  # (width, C)
    absent = [channel for channel in range(absence.shape[1]) if channel not in set(channels)]
    kernel = weights[f"{first}.weight"]
    bias = weights.get(f"{first}.bias", np.float32(0)) + absence[:, absent].sum(axis=1)
    return {**weights, f"{first}.weight": kernel[:, list(channels)], f"{first}.bias": bias}


def build_graph(
    weights: Weights, config: UNetConfig, card: ModelCard, *, margin: int, rounding: Mapping[str, Rounding] = _EXACT
) -> Any:  # noqa: ANN401
    """Write a network down as a graph.

    Args:
        weights: Folded, for the card's inputs.
        config: Hyperparameters; no norm over the tile.
        card: How the input is normalised, and the temperature.
        margin: Pixels at each edge whose answer is not wanted.
        rounding: Layers that are computed in 8 bits, by name; others in what the graph is compiled for. A last digit
            before such a layer may become a step of it: graphs for other shapes answer alike but for that.

    Returns:
        An ``openvino.Model`` (the library has no types) from (B, C, H, W), float32 reflectance, NaN where there is
        none, H and W multiples of the stride, to (B, 1, H - 2 * margin, W - 2 * margin), float32: the probability of
        water.
    """
    import openvino  # noqa: PLC0415 (optional)

    ops = _import_operations()
    image = ops.parameter([-1, len(card.inputs), -1, -1], np.float32, name="reflectance")
    low, high = card.reflectance_range
    mean, scale = (np.array(v, np.float32)[None, :, None, None] for v in (card.mean, 1 / np.array(card.std, "f4")))
    known = ops.multiply(ops.subtract(ops.clamp(image, low, high), mean), scale)
    x = ops.select(ops.is_nan(image), np.float32(0), known)
    writer = _Writer(weights, config, rounding)
    features = []
    for level in range(config.depth + 1):
        if level > 0:
            x = ops.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)
        x = writer.write_stage(f"encoder.stages.{level}", x)
        features.append(x)
    answer = writer.write_answer(writer.write_decoder(features, margin), card)
    return openvino.Model([ops.result(answer)], [image], f"{card.name} {card.version}")


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the parts of a network down, each after what comes before it."""

    weights: Weights
    config: UNetConfig
    rounding: Mapping[str, Rounding]

    def write_decoder(self, features: list[Any], margin: int) -> Any:  # noqa: ANN401
        *skips, x = features
        crops = compute_crops(margin, depth=len(skips), spread=self.config.spread_px)
        unneeded = [*(crop // 2 for crop in crops[1:]), margin]
        lost = 0  # pixels that x has lost at each edge, at its own resolution
        for level, (skip, crop, most) in enumerate(zip(reversed(skips), crops, unneeded, strict=True)):
            if self.config.upsampling == "deconvolution":  # which looks at one pixel: what is left out is not computed
                x, lost = _crop(x, crop // 2 - lost), crop // 2
            x = _crop(self.write_upsampling(f"decoder.ups.{level}", x), crop - 2 * lost)
            if self.config.skips:
                x = _import_operations().concat([_crop(skip, crop), x], axis=1)
            pad = 0 if crop + CONVOLUTIONS_A_STAGE <= most else 1
            x = self.write_stage(f"decoder.stages.{level}", x, pad=pad)
            lost = crop if pad else crop + CONVOLUTIONS_A_STAGE
        return _crop(x, margin - lost)

    def write_stage(self, name: str, x: Any, *, pad: int = 1) -> Any:  # noqa: ANN401
        for place in (0, 3):  # convolution, norm (folded away), activation, and the same again
            x = self.write_activation(self.write_convolution(f"{name}.{place}", x, pad=pad))
        return x

    def write_activation(self, x: Any) -> Any:  # noqa: ANN401
        ops = _import_operations()
        match self.config.activation:
            case "relu":
                return ops.relu(x)
            case "leaky_relu":
                return ops.prelu(x, np.array([0.01], np.float32))
            case "silu":
                return ops.swish(x)
            case "gelu":
                return ops.gelu(x, "erf")

    def write_convolution(self, name: str, x: Any, *, pad: int) -> Any:  # noqa: ANN401
        x, kernel = self.round(name, x, across=(1, 2, 3))
        return self.add_bias(name, _import_operations().convolution(x, kernel, [1, 1], [pad, pad], [pad, pad], [1, 1]))

    def round(self, name: str, x: Any, *, across: tuple[int, ...]) -> tuple[Any, Any]:  # noqa: ANN401
        """What a layer is given and its kernel, in 8 bits if it is among those; the kernel's step is each output's."""
        kernel, rounding = self.weights[f"{name}.weight"], self.rounding.get(name)
        if rounding is None:
            return x, kernel
        ops, most = _import_operations(), rounding.room * np.abs(kernel).max(axis=across, keepdims=True)
        low, high = np.float32(rounding.low), np.float32(rounding.high)
        given = ops.fake_quantize(x, low, high, low, high, LEVELS)
        return given, ops.fake_quantize(ops.constant(kernel), -most, most, -most, most, LEVELS - 1)

    def write_upsampling(self, name: str, x: Any) -> Any:  # noqa: ANN401
        ops = _import_operations()
        if self.config.upsampling == "deconvolution":
            x, kernel = self.round(name, x, across=(0, 2, 3))
            summed = ops.convolution_backprop_data(
                x, kernel, [2, 2], pads_begin=[0, 0], pads_end=[0, 0], dilations=[1, 1]
            )
            return self.add_bias(name, summed)
        return ops.interpolate(
            self.write_convolution(f"{name}.0", x, pad=0),
            np.array([2.0, 2.0], np.float32),
            mode="linear_onnx",
            shape_calculation_mode="scales",
            coordinate_transformation_mode="half_pixel",
            axes=np.array([2, 3]),
        )

    def write_answer(self, x: Any, card: ModelCard) -> Any:  # noqa: ANN401
        """From features to the probability of water; of two classes, their difference decides alone."""
        ops = _import_operations()
        kernel, bias = (self.weights[f"head.{part}"] / np.float32(card.temperature) for part in ("weight", "bias"))
        water = card.water_class
        if len(kernel) == 2:
            kernel, bias = (values[[water]] - values[[1 - water]] for values in (kernel, bias))
        summed = ops.convolution(x, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
        logits = ops.add(summed, bias[None, :, None, None])
        if len(kernel) == 1:
            return ops.sigmoid(logits)
        return ops.gather(ops.softmax(logits, axis=1), np.array([water]), np.array(1))

    def add_bias(self, name: str, summed: Any) -> Any:  # noqa: ANN401
        rounding = self.rounding.get(name)
        bias = self.weights.get(f"{name}.bias") if rounding is None else rounding.bias
        return summed if bias is None else _import_operations().add(summed, bias[None, :, None, None])


def _crop(x: Any, pixels: int) -> Any:  # noqa: ANN401
    if pixels == 0:
        return x
    start, stop = np.array([pixels, pixels]), np.array([-pixels, -pixels])
    return _import_operations().slice(x, start, stop, np.array([1, 1]), np.array([2, 3]))


def _import_operations() -> Any:  # noqa: ANN401
    from openvino import opset15  # noqa: PLC0415 (optional)

    return opset15
