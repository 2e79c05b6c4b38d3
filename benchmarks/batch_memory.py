"""Whether a worker's memory grows with the number of scenes: small scenes through one worker, one after the other.

    python benchmarks/batch_memory.py --out /tmp/memory [--scenes 100] [--products 5] [--size 480]

A few simulated products are mapped again and again, each time into a folder of its own; the worker is asked for its
memory after each. Flat means: no trend from the tenth scene on. Results are appended to
``benchmarks/results/batch_memory.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import psutil

from pipeline.batch.units import SceneUnit, map_unit
from pipeline.cluster.client import ClusterOptions, open_client
from pipeline.cluster.tasks import Task, run_tasks
from pipeline.mapping.options import MapOptions
from strandline import __version__
from tiles.simulate.product.simulate import ProductOptions, simulate_scene

RESULTS = Path(__file__).parent / "results" / "batch_memory.jsonl"


def main() -> None:
    """Map the scenes, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--products", type=int, default=5)
    parser.add_argument("--size", type=int, default=480)
    arguments = parser.parse_args()
    products = make_products(arguments.out / f"products-{arguments.size}", arguments.products, arguments.size)
    out = arguments.out / "maps"
    shutil.rmtree(out, ignore_errors=True)
    tasks = (
        Task(key=str(number), arguments=(str(products[number % len(products)]), str(out / str(number))))
        for number in range(arguments.scenes)
    )
    rss = []
    with open_client(ClusterOptions(workers=1)) as client:
        for outcome in run_tasks(client, map_and_look, tasks, in_flight=1):
            if outcome.error is not None:
                raise outcome.error
            rss.append(outcome.value)
            print(len(rss), rss[-1], flush=True)
    after = np.array(rss[10:])
    slope, late = (float(np.polyfit(np.arange(part.size), part, 1)[0]) for part in (after, after[after.size // 2 :]))
    record = {
        "version": __version__,
        "scenes": arguments.scenes,
        "size": arguments.size,
        "rss_mib": rss,
        "slope_mib_a_scene_after_tenth": round(slope, 4),
        "slope_mib_a_scene_second_half": round(late, 4),
        "range_mib_after_tenth": [int(after.min()), int(after.max())],
    }
    print(json.dumps(record))
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(record) + "\n")


def make_products(folder: Path, count: int, size: int) -> list[Path]:
    """Simulated products; made once."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ProductOptions(cloud_cover=0.2, swath="full", complete=False, overwrite=True)
    for seed in range(41 + len(list(folder.glob("*.SAFE"))), 41 + count):
        simulate_scene(folder, seed=seed, size=size, options=options)
    return sorted(folder.glob("*.SAFE"))


def map_and_look(scene: str, out: str) -> int:
    """Map a scene, forget the result, and say how much memory this process has, in MiB."""
    map_unit(SceneUnit(source=scene, out=out, options=MapOptions(formats=("gpkg", "geojson", "parquet"))))
    shutil.rmtree(out)
    return int(psutil.Process().memory_info().rss >> 20)


if __name__ == "__main__":
    main()
