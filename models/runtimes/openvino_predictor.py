"""Run a U-Net with OpenVINO, which on processors of Intel and AMD takes less time than PyTorch for the same answer.

Source: OpenVINO, https://docs.openvino.ai (performance hints, streams and inference precision of the CPU device).
"""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.card import ModelCard
from models.errors import DeviceError, ModelConfigError, ModelFileError, ModelInputError
from models.model_file import compute_file_sha256, parse_card, read_arrays, read_header
from models.networks.unet_config import UNetConfig, compute_reach
from models.runtimes.openvino_graph import build_graph, fold_weights, select_inputs
from models.runtimes.predictor import Device, Precision, require_batch, require_choice
from models.runtimes.rounding import Rounding, name_rounding, read_rounding

__all__ = ["OpenVinoRuntime", "find_openvino"]


_FIRST_CALL = threading.Lock()

_Key = tuple[int, tuple[int, ...] | None]
"""What a network is compiled for: a margin; and the shape of its input, or any."""


def find_openvino() -> bool:
    """Whether OpenVINO is installed."""
    return importlib.util.find_spec("openvino") is not None


class OpenVinoRuntime:
    """A U-Net made ready to predict on the processor: a ``models.runtimes.predictor.Predictor``.

    It needs no PyTorch, which is half a gigabyte of memory that is not taken.

    Attributes:
        source: The model's file.
        sha256: Of that file, in hexadecimal.
        card: What the model says about itself, of the channels that are read.
        hyperparameters: Of the network, for the record.
        device: ``cpu``.
        precision: ``fp32``; ``int8``; or ``bf16``, which moves some 0.02% of the pixels across the threshold
            (``docs/performance.md``).
        stride: Rows and columns of a batch must be multiples of this, and tiles start at multiples of it.
        reach_px: How far the network sees.
        fill: Mean reflectance a channel: what stands in for pixels without data.
        workers: How many calls of ``predict`` at once keep the processor busy: one a core, or ``OMP_NUM_THREADS``.

    Args:
        path: The model's file (``.safetensors``).
        device: ``auto`` and ``cpu`` are the same.
        precision: ``auto`` takes bfloat16 where the processor multiplies it natively; ``int8`` computes most layers in
            8 bits, of a model that was calibrated for it (``models.runtimes.rounding``).
        channels: Which of the card's inputs there are, as ``models.runtimes.torch_predictor.Runtime`` has it.

    Raises:
        DeviceError: There is no such device here, or no such choice; or OpenVINO is not installed, or does not run
            this network: another than a U-Net, or one that sees the whole tile; or it was not calibrated for ``int8``.
        ModelFileError: The file is no model of ours, or what stands beside it does not say how it is rounded.
        ModelConfigError: The network cannot do without the other channels, or has other layers than are rounded.
        ModelInputError: The card says that the model cannot; ``int8`` can do without none.
    """

    def __init__(
        self,
        path: Path,
        *,
        device: Device = "auto",
        precision: Precision = "auto",
        channels: Sequence[int] | None = None,
    ) -> None:
        self._core = _open_core()
        header = read_header(path)
        card = parse_card(path, header)
        self.config = _parse_config(path, header["config"], card)
        self.hyperparameters: Mapping[str, Any] = {"architecture": self.config.architecture, **asdict(self.config)}
        self.source, self.sha256 = str(path), compute_file_sha256(path)
        self.device: Literal["cpu"] = _resolve_cpu(device)
        self.precision = _resolve_precision(precision, self._core)
        self.stride, self.reach_px = self.config.stride, compute_reach(self.config)
        try:
            self.card, weights = _select(card, self.config, read_arrays(path), channels)
            self._weights = fold_weights(weights, self.config)
        except KeyError as error:
            raise ModelFileError(f"The weights in {path} do not fit their own header: {error} is missing.") from error
        self._rounding = self._read_rounding(path, card) if self.precision == "int8" else {}
        self.fill: NDArray[np.float32] = np.array(self.card.mean, np.float32)
        self.workers = _count_cores()
        self._lock = threading.Lock()
        self._compiled: dict[_Key, Any] = {}
        self._thread = threading.local()

    def _read_rounding(self, path: Path, card: ModelCard) -> dict[str, Rounding]:
        if len(self.card.inputs) < len(card.inputs):
            raise ModelInputError(
                "The precision int8 was asked for, and it was calibrated for all bands: a scene that lacks some takes "
                "fp32 or auto."
            )
        layers = read_rounding(path, sha256=self.sha256)
        unknown = sorted(name for name in layers if f"{name}.weight" not in self._weights)
        if unknown:
            raise ModelConfigError(f"{name_rounding(path)} has layers that {path} has not: {', '.join(unknown)}.")
        wrong = sorted(name for name, layer in layers.items() if len(layer.bias) != self._count_outputs(name))
        if wrong:
            raise ModelConfigError(f"{name_rounding(path)} has biases of another length for {', '.join(wrong)}.")
        return layers

    def _count_outputs(self, layer: str) -> int:
        is_turned = self.config.upsampling == "deconvolution" and layer.startswith("decoder.ups.")
        return int(self._weights[f"{layer}.weight"].shape[1 if is_turned else 0])

    @property
    def description(self) -> str:
        """What was chosen, in one line for the record."""
        name = f"{self.card.name} {self.card.version}"
        return f"{name}, OpenVINO, cpu ({self.workers} threads), {self.precision}"

    @property
    def software(self) -> Mapping[str, str]:
        """The libraries that run it, with their versions."""
        return {"OpenVINO": version("openvino")}

    def enter_worker(self) -> None:
        """Let this thread compute alone: the other threads have tiles of their own."""
        self._thread.alone = True

    def predict(self, batch: NDArray[np.float32], *, margin: int = 0) -> NDArray[np.float32]:
        """As ``Predictor.predict`` has it."""
        require_batch(batch, self.card, margin=margin, stride=self.stride)
        answers = self._get_request(batch.shape, margin).infer(
            [np.ascontiguousarray(batch, np.float32)], share_inputs=True
        )
        probability: NDArray[np.float32] = answers[0][:, 0]  # (B, 1, H, W) to (B, H, W), less the margin
        return probability

    def release_memory(self) -> None:
        """As ``Predictor.release_memory`` has it."""
        with self._lock:
            for compiled in self._compiled.values():
                with suppress(RuntimeError):  # a call of another thread is under way
                    compiled.release_memory()

    def _get_request(self, shape: tuple[int, ...], margin: int) -> Any:  # noqa: ANN401 (openvino has no types)
        """A request of this thread's own, which is kept until it is asked for another.

        A thread that maps tiles gets tiles of the same shape, one after the other. Compiled for it, the network takes
        half the memory for features (107 instead of 201 MiB of a tile of 736 x 1248, fp32) and 3% less time; to
        compile takes 0.15 s.
        """
        key = margin, shape if self._is_alone else None
        if getattr(self._thread, "key", None) != key:
            self._thread.request = self._thread.key = None  # it goes, with its memory, before another is made
            self._thread.request = self._compile(*key).create_infer_request()
            self._thread.key = key
        return self._thread.request

    @property
    def _is_alone(self) -> bool:
        return getattr(self._thread, "alone", False)

    def _compile(self, margin: int, shape: tuple[int, ...] | None) -> Any:  # noqa: ANN401
        """The network for this; of those for a shape of tiles, the last alone is kept."""
        with self._lock:
            if (margin, shape) not in self._compiled:
                choices = {
                    "INFERENCE_PRECISION_HINT": "bf16" if self.precision == "bf16" else "f32",
                    "INFERENCE_NUM_THREADS": self.workers,
                    "NUM_STREAMS": 1 if shape is None else self.workers,
                    "ENABLE_CPU_PINNING": False,  # the cores are shared with decoding
                }
                graph = self.build_graph(margin)
                if shape is not None:
                    graph.reshape(list(shape))
                    self._compiled = {key: network for key, network in self._compiled.items() if key[1] is None}
                self._compiled[margin, shape] = self._core.compile_model(graph, "CPU", choices)
            return self._compiled[margin, shape]

    def build_graph(self, margin: int) -> Any:  # noqa: ANN401
        """The network that leaves a margin out of its answer, for any shape, as ``openvino_graph.build_graph`` has it.

        Args:
            margin: In pixels.
        """
        return build_graph(self._weights, self.config, self.card, margin=margin, rounding=self._rounding)


def _select(
    card: ModelCard, config: UNetConfig, weights: dict[str, NDArray[np.float32]], channels: Sequence[int] | None
) -> tuple[ModelCard, dict[str, NDArray[np.float32]]]:
    """The card and weights for these channels alone."""
    if channels is None:
        return card, weights
    known = dict(enumerate(card.inputs))
    if list(channels) != sorted({*channels} & known.keys()) or not channels:
        raise ModelConfigError(f"Expected rising channels from 0 to {len(known) - 1}, found {list(channels)}.")
    chosen = card.select([known[channel] for channel in channels])
    if len(channels) == len(known):
        return chosen, weights
    if not config.any_channels:
        raise ModelConfigError("This network needs all of its channels: it was not built with any_channels.")
    return chosen, select_inputs(weights, channels)


def _parse_config(path: Path, config: dict[str, Any], card: ModelCard) -> UNetConfig:
    values = dict(config)
    architecture = values.pop("architecture", UNetConfig.architecture)
    if architecture != UNetConfig.architecture or values.get("norm") == "group":
        raise DeviceError(
            f"OpenVINO runs U-Nets of finite reach here, and {path} is none: take torch (pip install "
            "'strandline[torch]')."
        )
    try:
        parsed = UNetConfig(**values)
    except (TypeError, ModelConfigError) as error:
        raise ModelFileError(f"The hyperparameters in {path} are not valid: {error}") from error
    if (parsed.in_channels, parsed.classes) != (len(card.inputs), len(card.classes)):
        raise ModelFileError(f"The card and the network in {path} contradict each other about channels.")
    return parsed


def _resolve_cpu(device: Device) -> Literal["cpu"]:
    require_choice("device", device, Device)
    if device == "cuda":
        raise DeviceError("OpenVINO runs on the processor here: take torch for cuda.")
    return "cpu"


def _resolve_precision(precision: Precision, core: Any) -> Literal["fp32", "bf16", "int8"]:  # noqa: ANN401
    require_choice("precision", precision, Precision)
    if precision == "int8":
        return precision
    native = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision == "bf16" and not native:
        raise DeviceError("The precision bf16 was asked for, and this cpu does not multiply it: take fp32 or auto.")
    return "bf16" if native and precision != "fp32" else "fp32"


def _count_cores() -> int:
    limit = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(int(limit), here) if limit.isdecimal() else here)


def _open_core() -> Any:  # noqa: ANN401
    if not find_openvino():
        raise DeviceError("OpenVINO was asked for, and is not installed: pip install 'strandline[openvino]'.")
    import openvino  # noqa: PLC0415 (optional)

    with _FIRST_CALL:
        # Two threads whose first calls meet can wait for each other for ever: one holds the lock of a table that the
        # binding fills once, the other Python's. So the table is filled here, by one.
        openvino.Tensor(np.zeros(1, np.float32)).element_type.to_dtype()
        return openvino.Core()
