"""What a full scene costs with a GPU: end to end, the network's own time, and how near that is to the memory's limit.

    python benchmarks/gpu.py SCENE --out /tmp/gpu [--runs 3] [--decoder nvimgcodec] [--options '{"tile_size": 1024}']

SCENE: for instance the product of ``strandline simulate --out /tmp/product --seed 1``. The first run holds what a
process pays once (the model, CUDA's own start); the others do not. Without a GPU the same pool maps on the processor,
and the table says "not measured" where only a GPU has a figure. Results go to ``benchmarks/results/gpu.jsonl``.

The limit: each operation of the network reads its inputs from the GPU's memory and writes its outputs there, as PyTorch
runs it without a compiler, and that memory moves so many bytes a second, as a copy of 2 GiB on the same GPU shows.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from models.networks.unet import UNet, crop_edges
from models.runtimes.torch_predictor import Runtime
from pipeline.mapping.map_scene import MapOptions, MapResult, map_scene
from pipeline.mapping.plan_scene import SceneJob, prepare_prediction
from pipeline.predict.device_pool import DevicePool
from pipeline.predict.pool import run_rows
from pipeline.predict.tile import MappedRows
from strandline import __version__
from tiles.pixels.decoder import DecoderName
from tiles.pixels.reader import read_strips

RESULTS = Path(__file__).parent / "results" / "gpu.jsonl"
COPY_BYTES = 2 * 2**30
COPIES = 10


class DeviceRows:
    """Gives the rows of a map from the pool for devices, whatever the device, and keeps what the pool saw."""

    def __init__(self, decoder: DecoderName) -> None:
        self.decoder = decoder
        self.tiles: Counter[tuple[int, int]] = Counter()
        self.pool: DevicePool | None = None
        self.runtime: Runtime | None = None
        self.tile_size = 0

    def __call__(self, job: SceneJob) -> Iterator[MappedRows]:
        """As ``pipeline.mapping.map_scene.RowSource``."""
        prediction = prepare_prediction(job)
        prediction = replace(prediction, plan=replace(prediction.plan, decoder=self.decoder))
        if not isinstance(prediction.runtime, Runtime):
            raise SystemExit("Only PyTorch runs on the pool for devices.")
        self.runtime, self.tile_size = prediction.runtime, prediction.tile_size
        self.pool = DevicePool(prediction, runtime=prediction.runtime)
        rows = list(prediction.tiling.rows())
        self.tiles = Counter(tile.read.shape for row in rows for tile in row.tiles)
        strips = read_strips(prediction.plan, [row.read for row in rows], watch=prediction.clock.stage)
        try:
            yield from run_rows(prediction, rows, strips, 1, pool=self.pool)
        finally:
            strips.close()


class CountBytes(TorchDispatchMode):
    """Adds up what each operation reads and writes, but those that only look at a tensor in another way."""

    def __init__(self) -> None:
        super().__init__()
        self.total: int = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        """Run an operation, and count."""
        result = func(*args, **(kwargs or {}))
        returns = func._schema.returns
        is_view = any(one.alias_info is not None and not one.alias_info.is_write for one in returns)
        if not is_view:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
            self.total += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return result


def count_activation_bytes(runtime: Runtime, shape: tuple[int, int]) -> int:
    """Bytes that the network moves for a tile, from its shapes alone."""
    network = copy.deepcopy(runtime._network).to("meta")
    dtype = torch.bfloat16 if runtime.precision == "bf16" else torch.float32
    image = torch.empty((1, len(runtime.card.inputs), *shape), dtype=dtype, device="meta")
    image = image.to(memory_format=torch.channels_last)
    margin = runtime.reach_px or 0
    with torch.no_grad(), CountBytes() as counted:
        if isinstance(network, UNet):
            network(image, margin=margin)
        else:
            crop_edges(network(image), margin)
    return counted.total


def measure_bandwidth() -> float:
    """Bytes a second that the GPU reads and writes, from one place of its memory to another."""
    src = torch.empty(COPY_BYTES, dtype=torch.uint8, device="cuda")
    dst = torch.empty_like(src)
    dst.copy_(src)
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    begin.record()
    for _ in range(COPIES):
        dst.copy_(src)
    end.record()
    end.synchronize()
    seconds: float = begin.elapsed_time(end) / 1000
    return 2 * COPIES * COPY_BYTES / seconds


def measure_union(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds that at least one of the spans covers."""
    covered, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        covered += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return covered


def compute_shares(result: MapResult, wall_s: float) -> dict[str, float]:
    """Share of the wall time in which each stage ran, in any thread."""
    stages = dict.fromkeys(span.stage for span in result.spans)
    return {
        stage: round(measure_union((s.begin_s, s.end_s) for s in result.spans if s.stage == stage) / wall_s, 3)
        for stage in stages
    }


def describe_gpu(rows: DeviceRows, pool: DevicePool, runtime: Runtime, wall_s: float) -> dict[str, object]:
    """What the GPU's own events say."""
    spans = pool.spans
    seconds = dict.fromkeys(("copy in", "input", "network", "copy back"), 0.0)
    for span in spans:
        seconds[span.work] += span.end_s - span.begin_s
    busy_s = measure_union((s.begin_s, s.end_s) for s in spans if s.work in {"input", "network"})
    asked = sum(span.work == "network" for span in spans) / rows.tiles.total()
    moved = asked * sum(count * count_activation_bytes(runtime, shape) for shape, count in rows.tiles.items())
    bandwidth = measure_bandwidth()
    return {
        "network_s": round(seconds["network"], 3),
        "input_s": round(seconds["input"], 3),
        "copy_in_s": round(seconds["copy in"], 3),
        "copy_back_s": round(seconds["copy back"], 3),
        "utilisation": round(busy_s / wall_s, 3),
        "activation_gb": round(moved / 1e9, 1),
        "bandwidth_gb_s": round(bandwidth / 1e9),
        "limit_s": round(moved / bandwidth, 3),
        "network_to_limit": round(seconds["network"] / (moved / bandwidth), 2),
        "peak_memory_mib": round(torch.cuda.max_memory_allocated() / 2**20),
    }


def measure(scene: str, out: Path, options: MapOptions, decoder: DecoderName) -> dict[str, object]:
    """Map a scene once."""
    rows = DeviceRows(decoder)
    began, began_cpu = time.perf_counter(), time.process_time()
    result = map_scene(scene, out, options=options, row_source=rows)
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    if rows.pool is None or rows.runtime is None:
        raise SystemExit(f"{out} holds this map already: give a folder that does not.")
    on_gpu = rows.runtime.device == "cuda"
    return {
        "version": __version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
        "precision": rows.runtime.precision,
        "model": options.model,
        "size": [result.scene.grid.width, result.scene.grid.height],
        "tile_size": rows.tile_size,
        "decoder": decoder,
        "wall_s": round(wall_s, 1),
        "cpu_s": round(cpu_s, 1),
        "shares": compute_shares(result, wall_s),
        "gpu": describe_gpu(rows, rows.pool, rows.runtime, wall_s) if on_gpu else None,
    }


LINES = (
    ("network_s", "the network's own time, s"),
    ("input_s", "up-sampling and masks on the GPU, s"),
    ("copy_in_s", "copies to the GPU, s"),
    ("copy_back_s", "copies back, s"),
    ("utilisation", "share of the wall time in which the GPU computes"),
    ("activation_gb", "bytes that the network moves, GB"),
    ("bandwidth_gb_s", "bandwidth of the GPU's memory, GB/s"),
    ("limit_s", "the memory-bound limit, s"),
    ("network_to_limit", "the network's time over the limit"),
    ("peak_memory_mib", "memory on the GPU, MiB"),
)


def print_table(record: dict[str, Any]) -> None:
    """The record for people, in Markdown."""
    print(f"| {record['device']}, {record['machine']}, {record['precision']}, tiles of {record['tile_size']} | |")
    print("| --- | --- |")
    print(f"| end to end, s | {record['wall_s']} |")
    print(f"| of the processor, core-seconds | {record['cpu_s']} |")
    for key, words in LINES:
        print(f"| {words} | {record['gpu'][key] if record['gpu'] else 'not measured'} |")
    for stage, share in record["shares"].items():
        print(f"| share of the wall time: {stage} | {100 * share:.1f}% |")
    print()


def main() -> None:
    """Map a scene a few times, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--decoder", choices=("gdal", "nvimgcodec"), default="gdal")
    parser.add_argument("--options", default="{}", help='choices of MapOptions as JSON: {"tile_size": 1024}')
    arguments = parser.parse_args()
    options = MapOptions(runtime="torch", **json.loads(arguments.options))
    RESULTS.parent.mkdir(exist_ok=True)
    for run in range(arguments.runs):
        record = {"run": run, **measure(arguments.scene, arguments.out / f"run-{run}", options, arguments.decoder)}
        print_table(record)
        with RESULTS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
