"""Which framework runs a network fastest on this machine: found by trying, once, and remembered.

A choice must not change from one scene to the next, or the same scene mapped twice could differ in its last bits. So
what was measured is kept in the user's cache, and measured again only for another processor, version, graph or model.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import inspect
import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from models.errors import DeviceError
from models.model_file import open_draft
from models.runtimes import openvino_graph
from models.runtimes.openvino_predictor import OpenVinoRuntime, find_openvino
from models.runtimes.predictor import Device, Framework, Precision, Predictor, require_choice

__all__ = ["build_runtime", "find_cache", "find_torch", "measure"]

Chosen = Literal["torch", "openvino"]
_TRIALS = 5
_CLEARLY = 0.9
"""PyTorch must be this much faster: OpenVINO takes half a gigabyte less, and a busy machine measures badly."""
_TILE_PX = 256


def build_runtime(
    path: Path,
    *,
    framework: Framework = "auto",
    device: Device = "auto",
    precision: Precision = "auto",
    channels: Sequence[int] | None = None,
) -> Predictor:
    """Make a model ready to predict with the framework that was asked for, or the fastest here.

    Args:
        path: The model's file (``.safetensors``).
        framework: ``auto`` takes PyTorch on a GPU, and on the processor what takes less time of those installed:
            without PyTorch that is OpenVINO.
        device: ``auto`` takes the GPU where there is one.
        precision: ``auto`` takes bfloat16 where the device multiplies it natively; ``int8`` is OpenVINO's, on
            the processor.
        channels: Which of the card's inputs there are, as ``models.runtimes.torch_predictor.Runtime`` has it.

    Raises:
        DeviceError: There is no such device or framework here, or no such choice.
        ModelFileError: The file is no model of ours.
        ModelConfigError: The network cannot do without the other channels.
        ModelInputError: The card says that the model cannot.
    """
    require_choice("runtime", framework, Framework)

    def build(kind: Chosen) -> Predictor:
        return _KINDS[kind](path, device=device, precision=precision, channels=channels)

    if precision == "int8" and device == "cuda":
        raise DeviceError("The precision int8 was asked for, which the processor alone computes: take cpu, or fp32.")
    if framework != "auto" or precision == "int8":  # which OpenVINO alone computes
        return build("openvino" if framework == "auto" else framework)
    if not find_openvino() or device == "cuda":
        return build("torch")
    if not find_torch():
        return build("openvino")
    if device == "auto" and _may_have_gpu():
        runtime = build("torch")
        if getattr(runtime, "device", "cpu") == "cuda":
            return runtime
    try:
        other = build("openvino")
    except DeviceError:  # it does not run every network
        return build("torch")
    return other if _choose(other, lambda: build("torch")) == "openvino" else build("torch")


def find_torch() -> bool:
    """Whether PyTorch is installed."""
    return importlib.util.find_spec("torch") is not None


def _build_torch(path: Path, **choices: Any) -> Predictor:  # noqa: ANN401
    if not find_torch():
        wanted = "A GPU is used through PyTorch" if choices["device"] == "cuda" else "PyTorch was asked for"
        raise DeviceError(f"{wanted}, which is not installed: pip install 'strandline[torch]'.")
    from models.networks.checkpoint import read_model  # noqa: PLC0415 (a second, and half a gigabyte)
    from models.runtimes.torch_predictor import Runtime  # noqa: PLC0415

    return Runtime(read_model(path), **choices)


_KINDS: dict[Chosen, Callable[..., Predictor]] = {"torch": _build_torch, "openvino": OpenVinoRuntime}


def _may_have_gpu() -> bool:
    """Whether PyTorch must be asked; what has no driver has no GPU, and that is known without importing it."""
    return os.name == "nt" or any(Path(path).exists() for path in ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd"))


def _choose(other: Predictor, build_torch: Callable[[], Predictor]) -> Chosen:
    key = _compute_key(other)
    chosen = _recall(key)
    if chosen is None:
        seconds = {"torch": measure(build_torch()), "openvino": measure(other)}
        chosen = "torch" if seconds["torch"] < _CLEARLY * seconds["openvino"] else "openvino"
        _remember(key, {"framework": chosen, "seconds": seconds})
    return chosen


def measure(predictor: Predictor, *, tile_px: int = _TILE_PX) -> float:
    """Seconds that one thread needs for a tile, the best of a few trials.

    Args:
        predictor: What to measure.
        tile_px: Interior of the tile in pixels.
    """
    reach, stride = predictor.reach_px or 0, predictor.stride
    size = -(-(tile_px + 2 * reach) // stride) * stride
    batch = np.broadcast_to(predictor.fill[None, :, None, None], (1, len(predictor.fill), size, size)).copy()

    def run() -> float:
        began = time.perf_counter()
        predictor.predict(batch, margin=reach)
        return time.perf_counter() - began

    with ThreadPoolExecutor(1, initializer=predictor.enter_worker) as pool:
        pool.submit(run).result()  # the first call makes ready
        return min(pool.submit(run).result() for _ in range(_TRIALS))


def find_cache() -> Path:
    """The file that remembers what was measured: in ``$XDG_CACHE_HOME``, or ``~/.cache``."""
    root = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(root) / "strandline" / "frameworks.json"


def _compute_key(runtime: Predictor) -> str:
    parts = [
        _name_processor(),
        _read_graph(),
        importlib.metadata.version("torch"),
        importlib.metadata.version("openvino"),
        runtime.sha256,
        *runtime.card.inputs,
        runtime.precision,
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _read_graph() -> str:
    """How OpenVINO's graph is written: another may take less time."""
    try:
        return inspect.getsource(openvino_graph)
    except OSError:  # installed without sources
        return ""


def _name_processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith(("model name", "flags"))]
    return " ".join(names[:2]) or platform.processor()


def _read_cache() -> dict[str, Any]:
    try:
        entries = json.loads(find_cache().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _recall(key: str) -> Chosen | None:
    entry = _read_cache().get(key)
    chosen = entry.get("framework") if isinstance(entry, dict) else None
    return chosen if chosen in get_args(Chosen) else None


def _remember(key: str, entry: dict[str, Any]) -> None:
    """Keep a choice; where it cannot be kept, it is measured again next time."""
    path = find_cache()
    text = json.dumps(_read_cache() | {key: entry}, indent=2, sort_keys=True) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_draft(path) as draft:
            draft.write_text(text, encoding="utf-8")
    except OSError:
        return
