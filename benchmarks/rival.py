"""What mapping a scene costs beside how others would do it, on the same scene, with the same network.

    python -m benchmarks.rival SCENE --out DIR [--runs 3] [--ways ours,torchgeo,…] [--seams]

SCENE is a product, or a GeoTIFF of its twelve bands at 10 m (``--stack`` writes one of a product), which all ways take:
torchgeo as its documentation has it, the tiled inference of geoai and of OmniWaterMask, and rasterio with PyTorch by
hand (``benchmarks/rival_ways.py``). The packages of others are not the project's: ``pip install geoai-py
omnicloudmask`` into a copy of its environment; a way whose package is not there is left out, and said. Runs go in
turns; each is a process of its own, whose wall time, processor time and peak memory (with its children's, what they
share counted once) are the system's.

``--seams`` compares each answer with the network's own over all of the scene at once: the largest difference of a
probability, and how many pixels change class. Results are appended to ``benchmarks/results/rival.jsonl``, a line a run.
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
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.limits_scenes import write_stack
from benchmarks.rival_ways import OF_STACKS, WAYS, read_probability

RESULTS = Path(__file__).parent / "results" / "rival.jsonl"
EDGE_PX = 128
"""Along the scene's edge, where ways differ in what they put beyond it, seams are not looked for."""

_PACKAGES = {"geoai": "geoai", "omniwatermask": "omnicloudmask"}


def main() -> None:
    """Run all in turns, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--model", default="strandline-small")
    parser.add_argument("--ways", default="torchgeo,ours")
    parser.add_argument("--seams", action="store_true")
    parser.add_argument("--stack", action="store_true", help="of the product, a GeoTIFF of all bands")
    parser.add_argument("--only", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only is not None:
        WAYS[arguments.only](arguments.scene, arguments.out, arguments.model)
        return
    if arguments.stack:
        arguments.scene = write_stack(arguments.scene, arguments.out)
    ways = [way for way in arguments.ways.split(",") if is_possible(way, arguments.scene)]
    records = [measure(way, arguments, number) for number in range(arguments.runs) for way in ways]
    if arguments.seams:
        measure("untiled", arguments, 0)
        for way in ways:
            records += [record] if (record := compare(way, arguments)) else []
    with RESULTS.open("a") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
    report([record for record in records if "wall_s" in record], ways)


def is_possible(way: str, scene: Path) -> bool:
    """Whether a way can take this scene here; says why not."""
    if way in OF_STACKS and scene.suffix.lower() != ".tif":
        print(f"{way}: left out, it takes a GeoTIFF")
        return False
    if way in _PACKAGES and find_spec(_PACKAGES[way]) is None:
        print(f"{way}: left out, {_PACKAGES[way]} is not installed")
        return False
    return True


def measure(name: str, arguments: argparse.Namespace, number: int) -> dict[str, Any]:
    """One run in a process of its own."""
    out = _name_folder(arguments.out, name, number)
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.rival", str(arguments.scene), "--out", str(out), "--only", name]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    load = os.getloadavg()[0]
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
    return {**record, "scene": arguments.scene.name, "cores": os.cpu_count(), "load_before": round(load, 1)}


def compare(way: str, arguments: argparse.Namespace) -> dict[str, Any] | None:
    """How far a stitched answer lies from that of all of the scene at once."""
    folder = _name_folder(arguments.out, way, 0)
    stitched, whole = (read_probability(path) for path in (folder, _name_folder(arguments.out, "untiled", 0)))
    if stitched is None or whole is None or stitched.shape != whole.shape:
        print(f"{way}: keeps no probability to compare")
        return None
    inner = (slice(EDGE_PX, -EDGE_PX), slice(EDGE_PX, -EDGE_PX))
    stitched, whole = stitched[inner], whole[inner]
    known = np.isfinite(stitched)
    difference = np.abs(stitched - whole)[known]
    changed = float(((stitched > 0.5) != (whole > 0.5))[known].mean())
    record = {"way": way, "largest_difference": round(float(difference.max()), 4), "changed_share": round(changed, 7)}
    print(json.dumps(record), flush=True)
    return {**record, "scene": arguments.scene.name}


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


def report(records: list[dict[str, Any]], ways: list[str]) -> None:
    """Medians of each way, and how many times ours."""
    for key in ("wall_s", "cpu_s", "peak_pss_mib"):
        medians = {way: statistics.median(r[key] for r in records if r["way"] == way) for way in ways}
        ours = medians.get("ours")
        told = (f"{way} {value:,.1f}" + (f" ({value / ours:.2f})" if ours else "") for way, value in medians.items())
        print(f"{key}: {', '.join(told)}")


def _name_folder(out: Path, way: str, number: int) -> Path:
    return out / f"{way.replace(' ', '-')}-{number}"


if __name__ == "__main__":
    main()
