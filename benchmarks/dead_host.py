"""How often a host that is down is asked by a batch, and what becomes of the scenes.

    python -m benchmarks.dead_host --out /tmp/dead [--scenes 40] [--workers 2] [--outage 45]

Small scenes lie on two hosts on loopback: those of one are given, those of the other meet 503, for all the time or for
``--outage`` seconds from its first request on. ``strandline batch`` maps them all. Its seconds, what became of the
scenes, and the requests that the dead host met are printed, and appended to ``benchmarks/results/dead_host.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.watch_bench import STRANDLINE
from tests.pipeline.tiny_models import write_model
from tests.tiles.products.range_host import RangeHost, serve_ranges
from tests.tiles.products.small_products import write_raster

RESULTS = Path(__file__).parent / "results" / "dead_host.jsonl"
BANDS = {"B03": 1600, "B08": 4000}
EDGE = 192
LIVING = 8
"""Scenes on the host that answers."""


def main() -> None:
    """Run one batch, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=40, help="on the dead host")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--outage", type=float, help="seconds after which it answers again")
    arguments = parser.parse_args()
    out: Path = arguments.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    write_bands(out / "files")
    model = write_model(out / "tiny.safetensors")
    with serve_ranges(out / "files") as dead, serve_ranges(out / "files") as living:
        dead.always = "503"
        write_items(out / "items", {"dead": (dead.url, arguments.scenes), "living": (living.url, LIVING)})
        if arguments.outage:
            threading.Thread(target=end_outage, args=(dead, arguments.outage), daemon=True).start()
        began = time.monotonic()
        command = ["batch", str(out / "items"), "--out", str(out / "maps"), "--workers", str(arguments.workers)]
        done = subprocess.run([*STRANDLINE, *command, "--model", str(model), "--tile-size", "64"], check=False)
        seconds = time.monotonic() - began
    summary = json.loads((out / "maps" / "summary.json").read_text())
    record = {
        "scenes": arguments.scenes,
        "living": LIVING,
        "workers": arguments.workers,
        "outage_s": arguments.outage,
        "exit_code": done.returncode,
        "seconds": round(seconds, 1),
        "counts": summary["counts"],
        "requests_refused": dead.met["503"],
        "requests": dead.seen.total(),
    }
    print(json.dumps(record))
    with RESULTS.open("a") as file:
        file.write(json.dumps(record) + "\n")
    sys.exit(summary["counts"].get("mapped", 0) < LIVING)


def end_outage(host: RangeHost, seconds: float) -> None:
    """Let a host answer again, so long after it was first asked."""
    while not host.met["503"]:
        time.sleep(0.1)
    time.sleep(seconds)
    host.always = None


def write_bands(folder: Path) -> None:
    """Land on one side and water on the other, in rough pixels."""
    rng = np.random.default_rng(3)
    for name, bright in BANDS.items():
        dn = rng.integers(1050, 1250, (1, EDGE, EDGE)).astype(np.uint16)
        dn[:, : EDGE // 2] += bright
        write_raster(folder / f"{name}.tif", dn, block=64, nodata=0)


def write_items(folder: Path, hosts: dict[str, tuple[str, int]]) -> None:
    """STAC items, a file each, those of the first host first."""
    folder.mkdir(parents=True)
    for host, (url, count) in hosts.items():
        for number in range(count):
            assets = {name: {"href": f"{url}/{name}.tif"} for name in BANDS}
            properties = {
                "datetime": "2024-06-10T10:20:30Z",
                "platform": "sentinel-2a",
                "s2:processing_baseline": "05.11",
                "earthsearch:boa_offset_applied": False,
            }
            item: dict[str, Any] = {"type": "Feature", "stac_version": "1.0.0", "id": f"{host}_{number:03d}"}
            item |= {"geometry": None, "properties": properties, "links": [], "assets": assets}
            (folder / f"{item['id']}.json").write_text(json.dumps(item))


if __name__ == "__main__":
    main()
