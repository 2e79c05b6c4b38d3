"""Run a U-Net with OpenVINO, which on processors of Intel and AMD takes less time than PyTorch for the same answer.

Source: OpenVINO, https://docs.openvino.ai (performance hints, streams and inference precision of the CPU device).
"""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.card import ModelCard
from models.errors import DeviceError, ModelConfigError, ModelFileError
from models.model_file import compute_file_sha256, parse_card, read_arrays, read_header
from models.networks.unet_config import UNetConfig, compute_reach
from models.runtimes.openvino_graph import build_graph, fold_weights, select_inputs
from models.runtimes.predictor import Device, Precision, require_batch, require_choice

__all__ = ["OpenVinoRuntime", "find_openvino"]


_FIRST_CALL = threading.Lock()

_CORES_A_TILE = 2
"""Two cores multiply one tile as fast as two tiles, and its features take half the memory (docs/performance.md)."""


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
        precision: ``fp32``, or ``bf16``, which moves some 0.02% of the pixels across the threshold
            (``docs/performance.md``).
        stride: Rows and columns of a batch must be multiples of this, and tiles start at multiples of it.
        reach_px: How far the network sees.
        fill: Mean reflectance a channel: what stands in for pixels without data.
        workers: How many calls of ``predict`` at once keep the processor busy: one a core, or ``OMP_NUM_THREADS``.
        cores_a_tile: How many of them share the cores that compute one tile, and its features: one waits while another
            computes, and prepares its tile in the time of the next.

    Args:
        path: The model's file (``.safetensors``).
        device: ``auto`` and ``cpu`` are the same.
        precision: ``auto`` takes bfloat16 where the processor multiplies it natively.
        channels: Which of the card's inputs there are, as ``models.runtimes.torch_predictor.Runtime`` has it.

    Raises:
        DeviceError: There is no such device here, or no such choice; or OpenVINO is not installed, or does not run
            this network: another than a U-Net, or one that sees the whole tile.
        ModelFileError: The file is no model of ours.
        ModelConfigError: The network cannot do without the other channels.
        ModelInputError: The card says that the model cannot.
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
        self.fill: NDArray[np.float32] = np.array(self.card.mean, np.float32)
        self.workers, self.cores_a_tile = _count_cores(), _CORES_A_TILE
        self._lock = threading.Lock()
        self._lanes: dict[tuple[int, bool], SimpleQueue[Any]] = {}
        self._compiled: list[tuple[Any, SimpleQueue[Any], int]] = []
        self._thread = threading.local()

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
        """Let this thread leave cores to others, which have tiles of their own."""
        self._thread.several = True

    def predict(self, batch: NDArray[np.float32], *, margin: int = 0) -> NDArray[np.float32]:
        """As ``Predictor.predict`` has it."""
        require_batch(batch, self.card, margin=margin, stride=self.stride)
        lanes = self._open_lanes(margin)
        request = lanes.get()
        try:
            answers = request.infer([np.ascontiguousarray(batch, np.float32)], share_inputs=True)  # copies its answer
        finally:
            lanes.put(request)
        probability: NDArray[np.float32] = answers[0][:, 0]  # (B, 1, H, W) to (B, H, W), less the margin
        return probability

    def release_memory(self) -> None:
        """As ``Predictor.release_memory`` has it."""
        with self._lock:
            for compiled, lanes, count in self._compiled:
                held = [lanes.get() for _ in range(count)]  # OpenVINO refuses while a call is under way
                try:
                    compiled.release_memory()
                finally:
                    for request in held:
                        lanes.put(request)

    def _open_lanes(self, margin: int) -> SimpleQueue[Any]:
        """Requests that no call holds now; the network is compiled anew for another margin."""
        several = getattr(self._thread, "several", False)
        with self._lock:
            if (margin, several) not in self._lanes:
                count = max(1, self.workers // self.cores_a_tile) if several else 1
                choices = {
                    "INFERENCE_PRECISION_HINT": "bf16" if self.precision == "bf16" else "f32",
                    "INFERENCE_NUM_THREADS": self.workers,
                    "NUM_STREAMS": count,
                    "ENABLE_CPU_PINNING": False,  # the cores are shared with decoding
                }
                graph = build_graph(self._weights, self.config, self.card, margin=margin)
                compiled = self._core.compile_model(graph, "CPU", choices)
                lanes = self._lanes[margin, several] = SimpleQueue()
                for _ in range(count):
                    lanes.put(compiled.create_infer_request())
                self._compiled.append((compiled, lanes, count))
            return self._lanes[margin, several]


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


def _resolve_precision(precision: Precision, core: Any) -> Literal["fp32", "bf16"]:  # noqa: ANN401
    require_choice("precision", precision, Precision)
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
