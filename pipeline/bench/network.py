"""Run the network alone, by the library that mapping chose, on tiles from memory: the other half of the limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from models.runtimes.openvino_predictor import OpenVinoRuntime
from models.runtimes.predictor import Predictor
from pipeline.bench.values import Choices, NetworkCost, TileCost
from pipeline.mapping.options import MapOptions
from pipeline.mapping.plan_scene import SceneJob, plan_scene
from pipeline.predict.rows import Prediction
from tiles.grid import Window
from tiles.pixels.reader import ReadPlan
from tiles.tiling import Tiling

__all__ = ["build_calls", "find_framework", "measure_network"]

Call = Callable[[], object]
"""Runs a tile through the network; gives what the library gives."""

_SECONDS, _EDGE_SECONDS = 2.0, 0.5
_LEAST_CALLS = 3


def measure_network(source: str, options: MapOptions) -> NetworkCost:
    """Time the network on tiles of each shape that mapping cuts, as many at once as mapping has.

    Args:
        source: The scene; none of its bands is read.
        options: As for mapping.

    Raises:
        StrandlineError: The scene cannot be opened, or no such model, device or runtime is here.
    """
    job = plan_scene(source, "unused", options=options)
    prediction = Prediction(
        plan=ReadPlan(scene=job.scene, bands=job.bands),
        runtime=job.runtime,
        area=job.area,
        tile_size=job.tile_size,
        clock=job.clock,
    )
    tiling, margin = prediction.tiling, job.runtime.reach_px or 0
    interiors: dict[tuple[int, int], list[Window]] = {}  # by rows and columns of what the network sees
    for tile in (tile for row in tiling.rows() for tile in row.tiles):
        interiors.setdefault(tile.read.shape, []).append(tile.interior)
    shapes = sorted(interiors, key=lambda shape: -len(interiors[shape]))
    interior = interiors[shapes[0]][0].shape
    bare = (-(-interior[0] // tiling.stride) * tiling.stride, -(-interior[1] // tiling.stride) * tiling.stride)
    most = len(interiors[shapes[0]])
    return NetworkCost(
        choices=_describe(job, tiling),
        tiles=tuple(
            replace(
                _measure(job, shape, margin, limit_s=limit_s, tiles=len(interiors[shape])),
                interiors=tuple(interiors[shape]),
            )
            for shape, limit_s in zip(shapes, [_SECONDS, *[_EDGE_SECONDS] * (len(shapes) - 1)], strict=True)
        ),
        without_halo=_measure(job, bare, 0, limit_s=2 * _EDGE_SECONDS, tiles=most),
        gpu=_describe_gpu() if _is_on_gpu(job.runtime) else None,
    )


def _measure(job: SceneJob, shape: tuple[int, int], margin: int, *, limit_s: float, tiles: int) -> TileCost:
    """Run tiles on all threads until the time is over, or four times as many as the scene has."""
    runtime, workers = job.runtime, job.workers
    calls = build_calls(runtime, _make_batches(runtime, shape, workers), margin=margin)
    most = 4 * -(-tiles // workers)

    def run(call: Call) -> int:
        end, count = time.perf_counter() + limit_s, 0
        while count < _LEAST_CALLS or (count < most and time.perf_counter() < end):
            call()
            count += 1
        return count

    calls[0]()  # alone: OpenVINO's bindings can hang where two threads ask for the first time at once
    with ThreadPoolExecutor(workers, initializer=runtime.enter_worker) as pool:
        list(pool.map(lambda call: call(), calls))  # the first call of a thread makes ready
        began, cpu_began = time.perf_counter(), time.process_time()
        measured = sum(pool.map(run, calls))
        cpu_s, wall_s = time.process_time() - cpu_began, time.perf_counter() - began
    height, width = shape
    return TileCost(
        height=height,
        width=width,
        margin=margin,
        measured=measured,
        cpu_s=cpu_s / measured,
        wall_s=wall_s / measured,
    )


def _make_batches(runtime: Predictor, shape: tuple[int, int], count: int) -> NDArray[np.float32]:
    """Tiles (count, 1, C, H, W) of reflectance about the mean that the network knows."""
    noise = np.random.default_rng(0).normal(1.0, 0.2, (count, 1, len(runtime.fill), *shape))
    return (noise * runtime.fill[:, None, None]).astype(np.float32)


def build_calls(runtime: Predictor, batches: NDArray[np.float32], *, margin: int) -> list[Call]:
    """The network without what is ours about it: OpenVINO's compiled graph, PyTorch's folded network.

    Args:
        runtime: The network as mapping runs it.
        batches: What each call takes, (call, 1, C, H, W): reflectance for OpenVINO, whose graph begins with it, and
            centred and scaled for PyTorch.
        margin: Pixels at each edge whose answer is not computed.

    Returns:
        A call for each, to be used by one thread at a time; it gives what the library gives.
    """
    match find_framework(runtime):
        case "openvino":
            return _build_openvino_calls(cast(OpenVinoRuntime, runtime), batches, margin)
        case "torch":
            return _build_torch_calls(runtime, batches, margin)
        case _:
            return [partial(runtime.predict, batch, margin=margin) for batch in batches]


def find_framework(runtime: Predictor) -> str:
    """Which library runs a network.

    Args:
        runtime: The network.
    """
    if isinstance(runtime, OpenVinoRuntime):
        return "openvino"
    return "exported" if Path(runtime.source).suffix in {".onnx", ".pt2"} else "torch"


def _build_openvino_calls(runtime: OpenVinoRuntime, batches: NDArray[np.float32], margin: int) -> list[Call]:
    """The compiled graph as it is, a stream a thread."""
    import openvino  # noqa: PLC0415 (optional)

    graph = runtime.build_graph(margin)
    graph.reshape(list(batches.shape[1:]))  # as the threads that map tiles have it
    choices = {
        "INFERENCE_PRECISION_HINT": "bf16" if runtime.precision == "bf16" else "f32",
        "INFERENCE_NUM_THREADS": len(batches),
        "NUM_STREAMS": len(batches),
    }
    compiled = openvino.Core().compile_model(graph, "CPU", choices)
    return [partial(compiled.create_infer_request().infer, [batch], share_inputs=True) for batch in batches]


def _build_torch_calls(runtime: Predictor, batches: NDArray[np.float32], margin: int) -> list[Call]:
    """The folded network, in its precision and memory format, from what is on the device already."""
    import torch  # noqa: PLC0415 (a second, and half a gigabyte)

    from models.networks.checkpoint import read_model  # noqa: PLC0415
    from models.networks.unet import UNet  # noqa: PLC0415
    from models.runtimes.torch_predictor import Runtime, exact_fp32, fold_norms, select_network  # noqa: PLC0415

    device = runtime.device if isinstance(runtime, Runtime) else "cpu"
    dtype = torch.bfloat16 if runtime.precision == "bf16" else torch.float32
    model = read_model(Path(runtime.source))
    network, _ = select_network(model, model.card.find_channels(runtime.card.inputs))
    network = fold_norms(network).to(device, dtype).to(memory_format=torch.channels_last)
    options = {"margin": margin} if isinstance(network, UNet) else {}

    def call(image: torch.Tensor) -> object:
        with torch.inference_mode(), exact_fp32():
            logits = network(image, **options)
            if device == "cuda":
                torch.cuda.synchronize()
            return logits

    images = torch.from_numpy(batches).to(device, dtype)
    return [partial(call, image.contiguous(memory_format=torch.channels_last)) for image in images]


def _describe(job: SceneJob, tiling: Tiling) -> Choices:
    runtime = job.runtime
    return Choices(
        description=runtime.description,
        framework=find_framework(runtime),
        device="cuda" if _is_on_gpu(runtime) else "cpu",
        precision=runtime.precision,
        tile_size=job.tile_size,
        halo=tiling.halo,
        workers=job.workers,
    )


def _is_on_gpu(runtime: Predictor) -> bool:
    return getattr(runtime, "device", "cpu") == "cuda"


def _describe_gpu() -> dict[str, Any]:
    import torch  # noqa: PLC0415

    peak_mib = torch.cuda.max_memory_allocated() // 2**20
    return {"name": torch.cuda.get_device_name(), "peak_memory_mib": peak_mib}
