"""What a mosaic costs: processor time, peak memory and bytes written, from a whole process.

    python benchmarks/mosaic.py MAPS --out COAST [--grid mgrs]

MAPS: mapped scenes, as ``strandline batch`` leaves them. A line is appended to ``benchmarks/results/mosaic.jsonl``.
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

RESULTS = Path(__file__).parent / "results" / "mosaic.jsonl"


def main() -> None:
    """Make a mosaic in a process of its own, under the system's own accounting, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("maps", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--grid", default="mgrs")
    arguments = parser.parse_args()
    record = measure(arguments.maps, arguments.out, arguments.grid)
    print(json.dumps(record, indent=2))
    with RESULTS.open("a") as file:
        file.write(json.dumps(record) + "\n")


def measure(maps: Path, out: Path, grid: str) -> dict[str, object]:
    """One run; peak memory as the kernel counted it."""
    if out.exists():  # else it would be "already made"
        raise SystemExit(f"{out} exists: give a folder that does not")
    shapes = [json.loads(path.read_text())["properties"]["proj:shape"] for path in maps.glob("*/item.json")]
    command = [sys.executable, "-m", "workflows.cli", "mosaic", str(maps), "--out", str(out), "--grid", grid]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--workers", "0", "--quiet"])
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"the run failed with status {os.waitstatus_to_exitcode(status)}")
    return {
        "version": __version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "grid": grid,
        "scenes": len(shapes),
        "pixels": sum(height * width for height, width in shapes),
        "wall_s": round(time.perf_counter() - began, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_rss_mib": round(usage.ru_maxrss / 1024),
        "output_bytes": sum(path.stat().st_size for path in out.rglob("*") if path.is_file()),
    }


if __name__ == "__main__":
    main()
