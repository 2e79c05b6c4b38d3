"""What a full scene costs: wall time, peak memory and the time of each stage, from a whole process.

    python benchmarks/full_scene.py SCENE --out /tmp/full [--runs 3] [--options '{"tile_size": 512}']

SCENE: for instance the product of ``strandline simulate --out /tmp/product --seed 1``. Results are appended to
``benchmarks/results/full_scene.jsonl``, a line a run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from strandline import __version__

RESULTS = Path(__file__).parent / "results" / "full_scene.jsonl"


def main() -> None:
    """Run it under the system's own accounting, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--options", default="{}", help='choices of MapOptions as JSON: {"tile_size": 512}')
    arguments = parser.parse_args()
    RESULTS.parent.mkdir(exist_ok=True)
    for run in range(arguments.runs):
        record = measure(arguments.scene, arguments.out / f"run-{run}", json.loads(arguments.options))
        print(json.dumps(record, indent=2))
        with RESULTS.open("a") as file:
            file.write(json.dumps(record) + "\n")


def measure(scene: str, out: Path, options: dict[str, object]) -> dict[str, object]:
    """One run in a process of its own; peak memory as the kernel counted it."""
    command = [sys.executable, __file__, "--child", scene, str(out), json.dumps(options)]
    if out.exists():  # else it would be "already mapped"
        raise SystemExit(f"{out} exists: give a folder that does not")
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    printed = process.stdout.read() if process.stdout else b""
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - began
    if status != 0:
        raise SystemExit(f"the run failed with status {os.waitstatus_to_exitcode(status)}")
    (item,) = out.glob("*/item.json")
    height, width = json.loads(item.read_text())["properties"]["proj:shape"]
    return {
        "version": __version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "options": options,
        "pixels": height * width,
        "load": round(os.getloadavg()[0], 1),
        "wall_s": round(wall_s, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_rss_mib": round(usage.ru_maxrss / 1024),
        "stages_s": {name: round(seconds, 1) for name, seconds in json.loads(printed).items()},
    }


def run_child(scene: str, out: str, options: str) -> None:
    """Map the scene, and print the seconds of each stage."""
    from pipeline.mapping.map_scene import MapOptions, map_scene

    result = map_scene(scene, Path(out), options=MapOptions(overwrite=True, **json.loads(options)))
    print(json.dumps(result.stages_s))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        run_child(*sys.argv[2:])
    else:
        main()
