"""How near mapping is to the machine's limit, and how its cost grows: with size, with the kind of file, with area.

    python -m benchmarks.limits --only limit  --scene PRODUCT.SAFE --work /tmp/limits [--runs 3]
    python -m benchmarks.limits --only growth --work /tmp/limits [--sizes 2052,4104,8208,10980]
    python -m benchmarks.limits --only inputs --scene PRODUCT.SAFE --work /tmp/limits
    python -m benchmarks.limits --only mosaic --scene PRODUCT.SAFE --work /tmp/limits

``limit``: decoding alone, network alone and mapping in turns, as ``strandline bench`` has it. ``growth``: simulated
scenes of several sizes, which stay in the folder for the next run. ``inputs``: the product, and the same pixels as COGs
with a STAC item; the whole, and 5% of the area in its middle. ``mosaic``: the band files as they are, and laid out
2 x 2, four times the area. Every map is a process of its own; runs alternate. A PRODUCT.SAFE with all bands comes from
``strandline simulate``. Results are appended to ``benchmarks/results/limits.jsonl``, a line a run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from benchmarks.limits_scenes import find_middle, write_cogs, write_repeated
from pipeline.bench.process import run_mapping, run_simulation
from pipeline.bench.record import describe_machine
from pipeline.bench.run_bench import measure_scene
from pipeline.mapping.options import MapOptions

RESULTS = Path(__file__).parent / "results" / "limits.jsonl"
SIZES = "2052,4104,8208,10980"
AREA_SHARE = 0.05

Record = dict[str, Any]


def main() -> None:
    """Measure what was asked for, keep each run, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=tuple(MEASURES), required=True)
    parser.add_argument("--scene", type=Path, help="a .SAFE product; growth needs none")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for scenes, which stay, and maps, which do not"
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sizes", default=SIZES, help="pixels a side, for growth: multiples of 6 up to 10980")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if arguments.only != "growth" and arguments.scene is None:
        parser.error(f"--only {arguments.only} needs --scene")
    arguments.work.mkdir(parents=True, exist_ok=True)
    MEASURES[arguments.only](arguments)


def keep(arguments: argparse.Namespace, record: Record) -> Record:
    """Append one run to the results."""
    machine = describe_machine()
    line = {
        "measure": arguments.only,
        **record,
        "processor": machine["processor"],
        "cores": machine["cores"],
        "versions": machine["versions"],
    }
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    with arguments.results.open("a") as file:
        file.write(json.dumps(line) + "\n")
    print(json.dumps(record), flush=True)
    return record


def map_once(scene: Path | str, work: Path, *, aoi: str | None = None) -> tuple[Record, str]:
    """One map with all default outputs: what it took, and the checksum of its classes."""
    cost, folder = run_mapping(str(scene), work, options=MapOptions(aoi=aoi))
    with rasterio.open(folder / "water.tif") as dataset:
        classes = dataset.read(1)
    shutil.rmtree(folder)
    megapixels = classes.size / 1e6
    record = {
        "size_px": list(classes.shape[::-1]),
        "wall_s": round(cost.wall_s, 2),
        "start_s": round(
            cost.wall_s - max(span.end_s for span in cost.spans), 2
        ),  # of Python, before the scene is opened
        "wall_s_per_mpx": round(cost.wall_s / megapixels, 4),
        "cpu_s": round(cost.cpu_s, 2),
        "peak_rss_mib": round(cost.peak_rss_mib),
        "stages_s": {name: round(seconds, 2) for name, seconds in cost.stages_s.items()},
    }
    return record, hashlib.sha256(classes).hexdigest()


def measure_limit(arguments: argparse.Namespace) -> None:
    """Criterion: at most 1.15 times the limit."""
    records = []
    for run in range(arguments.runs):
        report = measure_scene(str(arguments.scene), arguments.work, options=MapOptions(), runs=1)
        figures = {name: round(value, 4) for name, value in report.compute_medians().items()}
        size = [report.scene.width, report.scene.height]
        choices = report.choices
        scene = {"scene": report.scene.id, "size_px": size, "network": choices.description}
        records.append(keep(arguments, {"run": run, **scene, "tile_size": choices.tile_size, **figures}))
    print_medians(records, ("decoding_cpu_s", "network_cpu_s", "limit_s", "map_wall_s", "map_cpu_s"))
    print_medians(records, ("map_peak_rss_mib", "ratio"))
    print(f"ratio wanted: at most 1.15; found {find_median(records, 'ratio'):.3f}")


def measure_growth(arguments: argparse.Namespace) -> None:
    """Criterion: wall time a megapixel within 10% over all sizes."""
    sizes = [int(word) for word in arguments.sizes.split(",")]
    scenes = {size: simulate_once(arguments.work / f"whole-{size}", size) for size in sizes}
    records = [
        keep(arguments, {"run": run, "size": size, **map_once(scenes[size], arguments.work)[0]})
        for run in range(arguments.runs)
        for size in sizes
    ]
    groups = {size: [record for record in records if record["size"] == size] for size in sizes}
    walls = [find_median(groups[size], "wall_s") for size in sizes]
    last = find_median(groups[sizes[-1]], "wall_s_per_mpx")
    for size, wall_s in zip(sizes, walls, strict=True):
        a_mpx, peak = (find_median(groups[size], key) for key in ("wall_s_per_mpx", "peak_rss_mib"))
        print(
            f"{size} px: {wall_s:.1f} s, {a_mpx:.4f} s/Mpx ({100 * (a_mpx / last - 1):+.1f}% of {sizes[-1]} px), "
            f"{peak:,.0f} MiB"
        )
    if len(sizes) > 1:
        slope, start_s = np.polyfit(np.array(sizes, float) ** 2 / 1e6, walls, 1)
        print(f"straight line through them: {start_s:.2f} s at the start and {slope:.4f} s/Mpx")


def simulate_once(folder: Path, size: int) -> str:
    """A simulated scene of this size, a whole product without cloud or swath edge, made where it is not there yet."""
    found = sorted(folder.glob("*.SAFE"))
    if found:
        return str(found[0])
    folder.mkdir(parents=True, exist_ok=True)
    return run_simulation(folder, size=size)


def measure_inputs(arguments: argparse.Namespace) -> None:
    """Criteria: COGs at least 1.5 times as fast; 5% of the area in at most 8% of the time."""
    kinds = {"jp2": arguments.scene, "cog": write_cogs(arguments.scene, arguments.work / f"cog-{arguments.scene.stem}")}
    aoi = find_middle(arguments.scene, share=AREA_SHARE)
    records = []
    for run in range(arguments.runs):
        maps: dict[tuple[str, str], str] = {}
        for part, box in (("whole", None), ("area", aoi)):
            for kind, scene in kinds.items():
                record, maps[kind, part] = map_once(scene, arguments.work, aoi=box)
                what = {"run": run, "scene": arguments.scene.stem, "input": kind, "part": part}
                records.append(keep(arguments, {**what, **record}))
            if maps["jp2", part] != maps["cog", part]:
                raise SystemExit(f"the map of the COGs ({part}) is not that of the JPEG 2000 files")
    walls = {
        (kind, part): find_median((r for r in records if (r["input"], r["part"]) == (kind, part)), "wall_s")
        for kind in kinds
        for part in ("whole", "area")
    }
    print(f"JP2 {walls['jp2', 'whole']:.1f} s, COG {walls['cog', 'whole']:.1f} s: ", end="")
    print(f"ratio {walls['jp2', 'whole'] / walls['cog', 'whole']:.2f}, wanted at least 1.5")
    for kind in kinds:
        share = walls[kind, "area"] / walls[kind, "whole"]
        print(f"{kind}: {walls[kind, 'area']:.1f} s for the area, {100 * share:.1f}% of the whole, wanted at most 8%")


def measure_mosaic(arguments: argparse.Namespace) -> None:
    """Criterion: four times the area in the same memory within 10%, and at most 2 GiB for one."""
    scenes = {times: write_repeated(arguments.scene, arguments.work, times=times) for times in (1, 2)}
    records = [
        keep(
            arguments,
            {"run": run, "scene": arguments.scene.stem, "copies": times**2, **map_once(scene, arguments.work)[0]},
        )
        for run in range(arguments.runs)
        for times, scene in scenes.items()
    ]
    peaks = {n: find_median((r for r in records if r["copies"] == n), "peak_rss_mib") for n in (1, 4)}
    print(f"peak memory: {peaks[1]:,.0f} MiB, of four times the area {peaks[4]:,.0f} MiB: ", end="")
    print(f"{100 * (peaks[4] / peaks[1] - 1):+.1f}%, wanted within 10%")


def find_median(records: Iterable[Record], key: str) -> float:
    """The median of one figure."""
    return float(statistics.median(record[key] for record in records))


def print_medians(records: list[Record], keys: tuple[str, ...]) -> None:
    """One line of medians."""
    print(", ".join(f"{key} {find_median(records, key):,.2f}" for key in keys))


MEASURES = {"limit": measure_limit, "growth": measure_growth, "inputs": measure_inputs, "mosaic": measure_mosaic}


if __name__ == "__main__":
    main()
