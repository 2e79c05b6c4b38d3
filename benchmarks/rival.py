"""What mapping a scene costs beside the obvious way with torchgeo, on the same scene, with the same network.

    python benchmarks/rival.py SCENE.SAFE --out /tmp/rival [--runs 3]

The rival is written as a competent user would: ``Sentinel2`` at 10 m, ``GridGeoSampler`` of 256 with a stride of 192, a
``DataLoader`` with a process a core, fp32, probabilities added up in NumPy and divided by their count, one GeoTIFF, and
``rasterio.features.shapes`` for polygons. Runs alternate; each is a process of its own, whose wall time and peak memory
(with its children's) are the system's. Results are appended to ``benchmarks/results/rival.jsonl``, a line a run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "rival.jsonl"
SIZE, STRIDE, BATCH = 256, 192, 8
BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")


def main() -> None:
    """Run both in turns, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--model", default="strandline-small")
    parser.add_argument("--only", choices=("ours", "rival"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only is not None:
        run = {"ours": map_ours, "rival": map_with_torchgeo}[arguments.only]
        run(arguments.scene, arguments.out, arguments.model)
        return
    records = [measure(name, arguments, number) for number in range(arguments.runs) for name in ("rival", "ours")]
    with RESULTS.open("a") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
    report(records)


def measure(name: str, arguments: argparse.Namespace, number: int) -> dict[str, Any]:
    """One run in a process of its own."""
    out = arguments.out / f"{name}-{number}"
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, str(arguments.scene), "--out", str(out), "--only", name]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    child = subprocess.Popen([*command, "--model", arguments.model])
    peak = 0
    while child.poll() is None:
        peak = max(peak, sum_memory(child.pid))
        time.sleep(0.1)
    wall_s = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if child.returncode:
        raise SystemExit(f"{name} failed")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    record = {"way": name, "wall_s": round(wall_s, 1), "cpu_s": round(cpu_s, 1), "peak_pss_mib": peak // 1024}
    print(json.dumps(record), flush=True)
    return {**record, "scene": arguments.scene.name, "cores": os.cpu_count()}


def sum_memory(pid: int) -> int:
    """KiB of a process and its children, what they share counted once."""
    import psutil

    total = 0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        for process in family:
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    except (psutil.Error, OSError, StopIteration):
        return 0
    return total


def map_ours(scene: Path, out: Path, model: str) -> None:
    """As ``strandline map`` does, all default outputs."""
    import strandline

    strandline.map_scene(scene, out, options=strandline.MapOptions(model=model, overwrite=True))


def map_with_torchgeo(scene: Path, out: Path, model: str) -> None:
    """The obvious way: grid sampler, data loader, stitching in memory, one raster, polygons of its classes."""
    import geopandas as gpd
    import numpy as np
    import rasterio
    import torch
    from rasterio.features import shapes
    from rasterio.transform import from_origin
    from shapely.geometry import shape
    from torch.utils.data import DataLoader
    from torchgeo.datasets import Sentinel2, stack_samples
    from torchgeo.samplers import GridGeoSampler

    from models.networks.checkpoint import read_model
    from models.networks.normalisation import Normalisation
    from models.runtimes.registry import resolve_path

    loaded = read_model(resolve_path(model))
    order = [BANDS.index(name) for name in loaded.card.inputs]
    offset = -1000.0 if "_N04" in scene.name or "_N05" in scene.name else 0.0
    dataset = Sentinel2(scene, res=10, bands=BANDS)
    sampler = GridGeoSampler(dataset, size=SIZE, stride=STRIDE)
    loader = DataLoader(
        dataset, batch_size=BATCH, sampler=sampler, num_workers=os.cpu_count() or 1, collate_fn=stack_samples
    )
    x, y, _ = dataset.bounds
    width, height = round((x.stop - x.start) / 10), round((y.stop - y.start) / 10)
    total, count = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    normalise, network = Normalisation.from_card(loaded.card), loaded.network
    with torch.inference_mode():
        for batch in loader:
            image = (batch["image"][:, order] + offset) / 10_000
            logits = network(normalise(image)) / loaded.card.temperature
            answers = torch.softmax(logits, dim=1)[:, loaded.card.water_class].numpy()
            for answer, bounds in zip(answers, batch["bounds"], strict=True):
                left, top = read_corner(bounds)
                col, row = round((left - x.start) / 10), round((y.stop - top) / 10)
                rows, cols = slice(max(row, 0), min(row + SIZE, height)), slice(max(col, 0), min(col + SIZE, width))
                part = answer[rows.start - row : rows.stop - row, cols.start - col : cols.stop - col]
                total[rows, cols] += part
                count[rows, cols] += 1
    probability = total / np.maximum(count, 1)
    water = (probability > 0.5).astype(np.uint8)
    transform = from_origin(x.start, y.stop, 10, 10)
    profile = {"driver": "GTiff", "width": width, "height": height, "count": 1, "dtype": "uint8", "crs": dataset.crs}
    with rasterio.open(out / "water.tif", "w", **profile, transform=transform, compress="deflate") as dst:
        dst.write(water, 1)
    features = [(shape(geometry), value) for geometry, value in shapes(water, transform=transform)]
    frame = gpd.GeoDataFrame({"water": [v for _, v in features]}, geometry=[g for g, _ in features], crs=dataset.crs)
    frame.to_file(out / "water.gpkg", driver="GPKG")


def read_corner(bounds: Any) -> tuple[float, float]:  # noqa: ANN401 (as torchgeo gives it)
    """West and north of a sample, as torchgeo 0.8 gives its bounds: slices of x, y and time, or the same as numbers."""
    if isinstance(bounds, tuple | list) and isinstance(bounds[0], slice):
        return float(bounds[0].start), float(bounds[1].stop)
    values = [float(value) for value in bounds]
    return values[0], values[4]


def report(records: list[dict[str, Any]]) -> None:
    """Medians of both, and their ratios."""
    for key in ("wall_s", "cpu_s", "peak_pss_mib"):
        both = {way: statistics.median(r[key] for r in records if r["way"] == way) for way in ("rival", "ours")}
        print(
            f"{key}: torchgeo {both['rival']:,.1f}, ours {both['ours']:,.1f}, ratio {both['rival'] / both['ours']:.2f}"
        )


if __name__ == "__main__":
    main()
