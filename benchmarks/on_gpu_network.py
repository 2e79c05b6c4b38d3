"""How fast the network alone is on a device, way by way, beside what its memory and its arithmetic allow."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu import count_activation_bytes
from models.networks.checkpoint import Model
from models.networks.unet import UNet, crop_edges
from models.runtimes.registry import load_model
from models.runtimes.torch_predictor import Runtime, exact_fp32, fold_norms

TILES_PX = {"cuda": (1024, 2048), "cpu": (256,)}
"""Interiors to try."""

RUNS, LONGEST_S = 20, 5.0
"""Calls that are timed, and the seconds after which no further one begins."""

Call = Callable[[], Tensor]
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def measure_call(call: Callable[[], object], device: str) -> float:
    """Median seconds of a call, warmed up twice; on a GPU by its own events."""
    for _ in range(2):
        call()
    if device == "cuda":
        torch.cuda.synchronize()
    seconds: list[float] = []
    began = time.perf_counter()
    while len(seconds) < RUNS and (len(seconds) < 3 or time.perf_counter() - began < LONGEST_S):
        seconds.append(_time_on_gpu(call) if device == "cuda" else _time_here(call))
    return statistics.median(seconds)


def _time_on_gpu(call: Callable[[], object]) -> float:
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    begin.record()
    call()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1000


def _time_here(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def measure_ceilings(device: str) -> dict[str, float]:
    """GB a second of a copy, counting bytes read and written, and TFLOP/s of matrix products of random numbers."""
    count, side = (2**30, 8192) if device == "cuda" else (2**26, 1024)
    src = torch.randint(0, 255, (count,), dtype=torch.uint8, device=device)
    dst = torch.empty_like(src)
    ceilings = {"copy_gb_s": 2 * count / measure_call(partial(dst.copy_, src), device) / 1e9}
    with exact_fp32():
        for name, dtype in DTYPES.items():
            left, right = (torch.randn(side, side, dtype=dtype, device=device) for _ in range(2))
            seconds = measure_call(partial(torch.matmul, left, right), device)
            ceilings[f"{name}_tflop_s"] = 2 * side**3 / seconds / 1e12
    return ceilings


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A tile to be predicted, and how.

    Attributes:
        device: ``cpu`` or ``cuda``.
        precision: ``fp32`` or ``bf16``.
        network: Norms folded, on the device.
        image: A normalised tile with its halo, (1, C, H, W).
        margin: Pixels at each edge that are not wanted.
    """

    device: str
    precision: str
    network: nn.Module
    image: Tensor
    margin: int

    def predict(self) -> Tensor:
        """Logits of the interior, (1, classes, h, w)."""
        if isinstance(self.network, UNet):
            logits: Tensor = self.network(self.image, margin=self.margin)
            return logits
        return crop_edges(self.network(self.image), self.margin)


def _make_setting(model: Model, runtime: Runtime, precision: str, interior: int, *, channels_last: bool) -> Setting:
    margin = runtime.reach_px or 0
    side = -(-(interior + 2 * margin) // runtime.stride) * runtime.stride
    generator = torch.Generator().manual_seed(interior)
    image = torch.randn((1, len(runtime.card.inputs), side, side), generator=generator)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    dtype = DTYPES[precision]
    network = fold_norms(model.network).to(runtime.device, dtype).to(memory_format=layout)
    image = image.to(runtime.device, dtype).contiguous(memory_format=layout)
    return Setting(device=runtime.device, precision=precision, network=network, image=image, margin=margin)


def _run_eagerly(setting: Setting) -> Call:
    return setting.predict


def _let_cudnn_try(setting: Setting) -> Call:
    def predict() -> Tensor:
        with torch.backends.cudnn.flags(enabled=True, benchmark=True, deterministic=False, allow_tf32=False):
            return setting.predict()

    return predict


def _replay_graph(setting: Setting) -> Call:
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            setting.predict()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        answer = setting.predict()

    def replay() -> Tensor:
        graph.replay()
        return answer

    return replay


def _compile(setting: Setting) -> Call:
    return torch.compile(setting.predict, dynamic=False)


def _compile_with_graph(setting: Setting) -> Call:
    return torch.compile(setting.predict, dynamic=False, mode="reduce-overhead")


def _compile_with_tensorrt(setting: Setting) -> Call:
    import torch_tensorrt  # noqa: F401 (it registers itself)

    return torch.compile(setting.predict, dynamic=False, backend="torch_tensorrt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to run the network.

    Attributes:
        name: For the table.
        precision: ``fp32`` or ``bf16``.
        channels_last: Whether channels lie beside each other in memory.
        build: Makes the call.
        gpu_only: Whether only a GPU can, or gains by it (a processor never wins back what compiling takes).
    """

    name: str
    precision: str
    channels_last: bool
    build: Callable[[Setting], Call]
    gpu_only: bool = False


WAYS = (
    Way(name="eager", precision="fp32", channels_last=False, build=_run_eagerly),
    Way(name="eager, channels last", precision="fp32", channels_last=True, build=_run_eagerly),
    Way(name="eager", precision="bf16", channels_last=False, build=_run_eagerly),
    Way(name="eager, channels last", precision="bf16", channels_last=True, build=_run_eagerly),
    Way(
        name="eager, channels last, cuDNN tries its kernels",
        precision="bf16", channels_last=True, build=_let_cudnn_try, gpu_only=True,
    ),
    Way(name="CUDA graph, channels last", precision="bf16", channels_last=True, build=_replay_graph, gpu_only=True),
    Way(name="torch.compile, channels last", precision="bf16", channels_last=True, build=_compile, gpu_only=True),
    Way(
        name="torch.compile with CUDA graph, channels last",
        precision="bf16", channels_last=True, build=_compile_with_graph, gpu_only=True,
    ),
    Way(name="TensorRT", precision="bf16", channels_last=False, build=_compile_with_tensorrt, gpu_only=True),
)  # fmt: skip


def measure_ways(name: str, device: str, *, limit_s: float) -> Iterator[dict[str, Any]]:
    """Every way and size of tile; one that fails is told of with its error.

    Args:
        name: Of the model.
        device: ``cpu`` or ``cuda``.
        limit_s: Seconds after which no further way begins.
    """
    ended = time.monotonic() + limit_s * 0.8
    model, ceilings = load_model(name), measure_ceilings(device)
    for interior in TILES_PX[device]:
        for way in WAYS:
            facts = {"way": way.name, "precision": way.precision, "tile_size": interior}
            if way.gpu_only and device != "cuda":
                yield facts | {"error": "not measured: for a GPU"}
                continue
            if time.monotonic() > ended:
                yield facts | {"error": "not measured: no time was left"}
                continue
            try:
                yield facts | _measure_way(model, way, interior, device, ceilings)
            except Exception as error:  # whatever a compiler raises is a result
                yield facts | {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}


def _measure_way(
    model: Model, way: Way, interior: int, device: str, ceilings: dict[str, float]
) -> dict[str, float | None]:
    runtime = Runtime(model, device=device, precision=way.precision)  # type: ignore[arg-type]
    setting = _make_setting(model, runtime, way.precision, interior, channels_last=way.channels_last)
    exactly = _make_setting(model, runtime, "fp32", interior, channels_last=False)
    with torch.inference_mode(), exact_fp32():
        wanted = torch.softmax(exactly.predict(), dim=1)
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        began = time.perf_counter()
        call = way.build(setting)
        answer = torch.softmax(call().float(), dim=1)
        ready_s = time.perf_counter() - began
        seconds = measure_call(call, device)
    shape = (setting.image.shape[2], setting.image.shape[3])
    memory_s = count_activation_bytes(runtime, shape) / (ceilings["copy_gb_s"] * 1e9)
    compute_s = _count_flop(setting) / (ceilings[f"{way.precision}_tflop_s"] * 1e12)
    return {
        "ms": round(1000 * seconds, 3),
        "tiles_per_s": round(1 / seconds, 2),
        "mpx_per_s": round(interior**2 / 1e6 / seconds, 1),
        "memory_limit_ms": round(1000 * memory_s, 3),
        "compute_limit_ms": round(1000 * compute_s, 3),
        "to_memory_limit": round(seconds / memory_s, 2),
        "to_compute_limit": round(seconds / compute_s, 2),
        "ready_s": round(ready_s, 1),
        "largest_difference": round(float((answer - wanted).abs().max()), 5),
        "peak_memory_mib": round(torch.cuda.max_memory_allocated() / 2**20) if device == "cuda" else None,
    }


def _count_flop(setting: Setting) -> int:
    """Multiplications and additions of one call."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counted:
        setting.predict()
    return int(counted.get_total_flops())
