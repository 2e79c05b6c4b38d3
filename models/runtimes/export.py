"""Write a model in a format that others can run: ONNX, or a PyTorch program.

What is written is the whole way from reflectance to the probability of water: filling, clamping, normalisation, the
network with its norms folded, the temperature and softmax. It is compared with our own runtime before it gets its
name.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from models.card import ModelCard
from models.errors import ExportError
from models.model_file import explain_error, open_draft
from models.networks.absence import select_channels
from models.networks.checkpoint import Model
from models.runtimes.exported import EXPORT_KEY, ExportedPredictor, ExportHeader
from models.runtimes.onnx_predictor import OnnxPredictor
from models.runtimes.pt2_archive import HEADER_NAME
from models.runtimes.pt2_predictor import Pt2Predictor
from models.runtimes.torch_predictor import Runtime, fold_norms
from strandline import StrandlineError

__all__ = ["PARITY", "ExportFormat", "WaterProbability", "compute_difference", "export_model", "parse_format"]

ExportFormat = Literal["onnx", "pt2"]
PARITY = 1e-4
"""How far an exported model's probability may be from our own in fp32."""

_RUNTIMES = {"onnx": OnnxPredictor, "pt2": Pt2Predictor}


class WaterProbability(nn.Module):
    """Reflectance to probability, as one network.

    Args:
        network: From normalised channels to logits, its norms folded.
        card: How to normalise, and which class is water.
    """

    def __init__(self, network: nn.Module, card: ModelCard) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(card.mean)[:, None, None])
        self.register_buffer("scale", 1 / torch.tensor(card.std)[:, None, None])
        self.reflectance_range = card.reflectance_range
        self.temperature, self.water_class = card.temperature, card.water_class

    def forward(self, reflectance: Tensor) -> Tensor:
        """Water probability (B, H, W) of reflectance (B, C, H, W), NaN where there is no data."""
        mean, scale = self.get_buffer("mean"), self.get_buffer("scale")
        low, high = self.reflectance_range
        missing = reflectance.isnan()
        image = (torch.where(missing, mean, reflectance).clamp(low, high) - mean) * scale
        image = torch.where(missing, 0.0, image)  # a mean outside the range would be clamped
        logits: Tensor = self.network(image)  # (B, classes, H, W)
        return torch.softmax(logits / self.temperature, dim=1)[:, self.water_class]


def export_model(model: Model, path: Path | str, *, format: ExportFormat, inputs: Sequence[str] | None = None) -> float:  # noqa: A002
    """Write a model in another format, with its card inside.

    Args:
        model: The model.
        path: Where to; replaced where it exists. Its ending is the format's name.
        format: ``onnx``, or ``pt2`` (a PyTorch program).
        inputs: Those of the model's inputs that the exported network reads, in its order; ``None``: all.

    Returns:
        The largest difference in probability from our own runtime that was found.

    Raises:
        ExportError: No such format exists, the network cannot be exported, or its answers differ too much.
        ModelInputError: The model cannot do without the other inputs.
    """
    path = Path(path)
    if path.suffix != f".{parse_format(format)}":
        raise ExportError(f"Expected a file that ends in .{format}, found {path}: the ending says how to run it.")
    channels = None if inputs is None else model.card.find_channels(inputs)
    runtime = Runtime(model, device="cpu", precision="fp32", channels=channels)
    header = ExportHeader(
        card=runtime.card,
        stride=runtime.stride,
        reach_px=runtime.reach_px,
        hyperparameters=runtime.hyperparameters,
        weights_sha256=model.sha256,
    )
    network = model.network if channels is None else select_channels(model.network, channels)
    try:
        with open_draft(path) as draft:  # checked before it takes its place: what bears the name agrees with the model
            _write(draft, _trace(WaterProbability(fold_norms(network), runtime.card), header), header, format)
            difference = compute_difference(_RUNTIMES[format](draft, device="cpu"), runtime)
            _require_parity(difference, model.card.name)
    except StrandlineError:
        raise
    except OSError as error:
        raise ExportError(f"The file {path} could not be written: {explain_error(error)}.") from error
    return difference


def parse_format(text: str) -> ExportFormat:
    """Decide which format a word names.

    Raises:
        ExportError: It names none.
    """
    if text not in _RUNTIMES:
        raise ExportError(f"Expected the format to be one of {', '.join(_RUNTIMES)}; found {text!r}.")
    return cast(ExportFormat, text)


def compute_difference(exported: ExportedPredictor, runtime: Runtime) -> float:
    """The largest difference in probability between an exported model and our own runtime, over images of all sorts.

    Args:
        exported: The exported model.
        runtime: The same model, in fp32.
    """
    return max(
        float(np.abs(exported.predict(batch) - runtime.predict(batch)).max()) for batch in _draw_batches(runtime)
    )


def _require_parity(difference: float, name: str) -> None:
    if not difference <= PARITY:  # NaN is no parity either
        raise ExportError(
            f"Expected the exported {name} to answer as it does here, to {PARITY:g}; found a difference of "
            f"{difference:.2g}. Nothing was written."
        )


def _draw_batches(runtime: Runtime) -> Iterator[NDArray[np.float32]]:
    """Noise, and smooth images with holes, saturated pixels and absurd ones, in several sizes."""
    rng = np.random.default_rng(0)
    mean, std = (np.array(values)[:, None, None] for values in (runtime.card.mean, runtime.card.std))
    stride = runtime.stride
    for copies, rows, cols in ((1, 2, 2), (2, 3, 7), (3, 8, 5), (1, max(2, 96 // stride), max(2, 64 // stride))):
        shape = (copies, len(runtime.card.inputs), rows * stride, cols * stride)
        noise = rng.normal(mean, std, shape)
        yield noise.astype(np.float32)
        walk = rng.normal(size=shape).cumsum(axis=2).cumsum(axis=3)
        smooth = mean + 2 * std * walk / np.abs(walk).max()  # shores: a few levels with soft edges
        smooth[rng.random(shape) < 0.01] = 1.9  # beyond the range
        smooth[:, :, : rows * stride // 3, : stride + 1] = np.nan
        yield smooth.astype(np.float32)


def _trace(network: WaterProbability, header: ExportHeader) -> ExportedProgram:
    """The graph of the network, for any batch, rows and columns."""
    stride, count = header.stride, len(header.card.inputs)
    rows, cols = (stride * Dim(name, min=2) for name in ("rows", "cols"))
    sample = torch.rand(2, count, 3 * stride, 5 * stride)
    try:
        with torch.no_grad(), _quiet():
            program = torch.export.export(
                network.eval(), (sample,), dynamic_shapes=({0: Dim("batch", min=1), 2: rows, 3: cols},)
            )
    except Exception as error:  # whatever in a foreign network cannot be traced
        raise ExportError(f"The network of {header.card.name} cannot be exported: {explain_error(error)}.") from error
    for node in program.graph.nodes:  # where its code lay when it was traced is nobody's business
        node.meta.pop("stack_trace", None)
    program._guards_code = []  # the runtime checks shapes itself, and a loaded program should hold no code
    return program


def _write(path: Path, program: ExportedProgram, header: ExportHeader, format: ExportFormat) -> None:  # noqa: A002
    with _quiet():
        if format == "pt2":
            torch.export.save(program, path, extra_files={HEADER_NAME: header.to_json()})
        else:
            _write_onnx(path, program, header)


def _write_onnx(path: Path, program: ExportedProgram, header: ExportHeader) -> None:
    try:
        exported: Any = torch.onnx.export(
            program, dynamo=True, input_names=["reflectance"], output_names=["water_probability"], verbose=False
        )
    except ImportError as error:
        raise ExportError("Exporting to ONNX needs onnx and onnxscript: pip install 'strandline[train]'.") from error
    for node in exported.model.graph.all_nodes():
        node.metadata_props.clear()
    exported.model.metadata_props[EXPORT_KEY] = header.to_json()
    exported.save(str(path), external_data=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters from printing what only their authors understand; what is wrong is raised."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
