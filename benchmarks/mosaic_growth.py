"""Whether a mosaic of many scenes costs the same for each tile, and goes on after a SIGKILL with the same bytes.

    python -m benchmarks.mosaic_growth --out /tmp/growth [--scenes 100] [--tiles 1,5,10] [--size 240]

Stand-ins for mapped scenes: one round lake and some cloud in each MGRS tile, on as many dates. For each number of tiles
a mosaic is made, a process each; of the largest another one is killed when half of its cells are done, and made again.
Results are appended to ``benchmarks/results/mosaic_growth.jsonl``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from benchmarks.mosaic import measure
from pipeline.output.rasters import MapWriter
from tiles import masks
from tiles.grid import Grid

RESULTS = Path(__file__).parent / "results" / "mosaic_growth.jsonl"

VARIANTS = 5
"""Scenes of a tile that differ in their cloud; the others are these again, of other dates."""


def main() -> None:
    """Write the scenes, make the mosaics, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=100, help="of each tile")
    parser.add_argument("--tiles", default="1,5,10")
    parser.add_argument("--size", type=int, default=240, help="pixels a side of a scene")
    arguments = parser.parse_args()
    counts = [int(word) for word in arguments.tiles.split(",")]
    for count in counts:
        maps, coast = arguments.out / f"maps-{count}", arguments.out / f"coast-{count}"
        shutil.rmtree(maps, ignore_errors=True)
        shutil.rmtree(coast, ignore_errors=True)
        for tile in range(count):
            write_tile(maps, tile, scenes=arguments.scenes, size=arguments.size)
        keep({"tiles": count, "scenes_a_tile": arguments.scenes, **measure(maps, coast, "mgrs")})
    keep({"tiles": counts[-1], "scenes_a_tile": arguments.scenes, **kill_and_resume(maps, coast)})


def keep(record: dict[str, Any]) -> None:
    """Print a record, and append it to the results."""
    print(json.dumps(record), flush=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(record) + "\n")


def write_tile(out: Path, tile: int, *, scenes: int, size: int) -> None:
    """Write the results of all scenes of one MGRS tile, of which there are five beside each other in a row."""
    left, top = 340_000 + 100_000 * (tile % 5), 4_860_000 + 100_000 * (tile // 5)
    grid = Grid(crs=CRS.from_epsg(32630), transform=Affine(10, 0, left, 0, -10, top), width=size, height=size)
    rows, cols = np.mgrid[:size, :size] + 0.5
    away = np.hypot(rows - size / 2, cols - size / 2 - tile) - size / 3
    probability = (0.5 - away / 4).clip(0, 1).astype(np.float32)
    for number in range(scenes):
        folder, model = (out / f"tile{tile}-{each:04d}" for each in (number, number % VARIANTS))
        folder.mkdir(parents=True)
        if number < VARIANTS:
            hidden = rows < size * number / 10
            state = np.where(hidden, masks.OBSCURED, masks.VALID).astype(np.uint8)
            with MapWriter(folder, grid=grid) as maps:
                maps.write_rows(0, np.where(hidden, np.nan, probability).astype(np.float32), state)
                maps.finish()
        else:
            for path in model.glob("*.tif*"):
                os.link(path, folder / path.name)
        write_item(folder, grid, number)


def write_item(folder: Path, grid: Grid, number: int) -> None:
    """Write what a mosaic reads of an item."""
    properties = {
        "datetime": (datetime(2024, 1, 1, 11, tzinfo=UTC) + timedelta(days=number)).isoformat(),
        "platform": "sentinel-2a",
        "proj:code": f"EPSG:{grid.crs.to_epsg()}",
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.transform)[:6],
        "mlm:name": "a stand-in",
        "strandline:fingerprint": f"fingerprint of {folder.name}",
        "strandline:radiometry": {},
        "strandline:model_sha256": "0" * 64,
        "strandline:parameters": {"threshold": 0.5},
        "strandline:probability_rmse": 0.1,
    }
    assets = {
        name: {"href": f"./{name}.tif", "file:size": (folder / f"{name}.tif").stat().st_size}
        for name in ("water", "probability")
    }
    item = {"type": "Feature", "stac_version": "1.1.0", "id": folder.name, "properties": properties, "assets": assets}
    (folder / "item.json").write_text(json.dumps(item))


def kill_and_resume(maps: Path, whole: Path) -> dict[str, Any]:
    """Kill a run when half of its cells are done, make it again, and compare each file with a quiet run."""
    out = whole.parent / "killed" / whole.name  # a page of the result names its folder
    shutil.rmtree(out.parent, ignore_errors=True)
    command = [sys.executable, "-m", "workflows.cli", "mosaic", str(maps), "--out", str(out), "--workers", "0"]
    process = subprocess.Popen([*command, "--quiet"], start_new_session=True)
    began = time.perf_counter()
    while process.poll() is None and len(list_cells(out)) < len(list(whole.glob("*/water.tif"))) // 2:
        time.sleep(0.05)
    killed_s = time.perf_counter() - began
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left = len(list_cells(out))
    again = measure(maps, out, "mgrs")
    names = [path.relative_to(whole) for path in list_files(whole)]
    differ = [str(name) for name in names if not is_same(whole / name, out / name)]
    return {"killed_after_s": round(killed_s, 1), "cells_left": left, "files_that_differ": differ, **again}


def list_cells(out: Path) -> list[Path]:
    """What a run that is under way, or was killed, has in its workspace of finished cells."""
    return list(out.parent.glob(f".{out.name}*/.scratch/*/*"))


def list_files(folder: Path) -> list[Path]:
    """All files of a result but the records, which have the time in them."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".json")


def is_same(one: Path, other: Path) -> bool:
    """Whether both have the same bytes."""
    return other.exists() and hashlib.sha256(one.read_bytes()).digest() == hashlib.sha256(other.read_bytes()).digest()


if __name__ == "__main__":
    main()
