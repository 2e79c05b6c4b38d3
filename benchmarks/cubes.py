"""Whether a cube's answer depends on its chunks, what they cost, and how much memory a growing cube takes.

    python benchmarks/cubes.py equal --size 1200 --chunks 300,512,1000
    python benchmarks/cubes.py memory --dates 1,4,16 --size 1024 --chunk 512

``equal`` simulates a product and maps it in memory and lazily. ``memory`` maps cubes whose pixels are made as they are
asked for, one date more of the same after another, into a Zarr store, each cube in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import xarray as xr
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from pipeline.cubes.segment import CubeOptions, segment
from tiles.bands import L2A_STACK
from tiles.products.open import open_scene
from tiles.simulate.product.simulate import ProductOptions, simulate_scene


def main() -> None:
    """Run what was asked for, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    equal = commands.add_parser("equal")
    equal.add_argument("--size", type=int, default=1200)
    equal.add_argument("--seed", type=int, default=301)
    equal.add_argument("--chunks", default="300,512,1000")
    equal.add_argument("--precision", default="fp32", choices=["fp32", "bf16", "auto"])
    memory = commands.add_parser("memory")
    memory.add_argument("--dates", default="1,4,16")
    memory.add_argument("--size", type=int, default=1024)
    memory.add_argument("--chunk", type=int, default=512)
    memory.add_argument("--child", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.command == "equal":
        compare_chunks(arguments)
    elif arguments.child is not None:
        sys.stdout.write(json.dumps(map_dates(arguments.child, arguments.size, arguments.chunk)))
    else:
        measure_memory(arguments)


def compare_chunks(arguments: argparse.Namespace) -> None:
    """Lazy on each chunking against the same cube in memory."""
    with tempfile.TemporaryDirectory() as folder:
        cube = simulate_cube(Path(folder), arguments.seed, arguments.size)
    options = CubeOptions(precision=arguments.precision)
    began = time.perf_counter()
    eager = segment(cube, offset=-1000, options=options)
    table = Table("chunk", "s", "largest difference", "classes differ")
    table.add_row("in memory", f"{time.perf_counter() - began:.1f}", "", "")
    for chunk in [int(word) for word in arguments.chunks.split(",")]:
        lazy = segment(cube.chunk({"y": chunk, "x": chunk}), offset=-1000, options=options)
        began = time.perf_counter()
        answer = lazy.compute()
        seconds = time.perf_counter() - began
        worst = float(np.nanmax(np.abs((answer.probability - eager.probability).values)))
        differ = int((answer.water != eager.water).sum())
        table.add_row(f"{chunk} (as {lazy.water.chunks[1][0]})", f"{seconds:.1f}", f"{worst:.2e}", str(differ))
    Console().print(table)


def simulate_cube(folder: Path, seed: int, size: int) -> xr.Dataset:
    """A simulated product as DN at 10 m, in memory; coarse pixels repeated."""
    options = ProductOptions(complete=False, cloud_cover=0.1)
    scene = open_scene(simulate_scene(folder, seed=seed, size=size, options=options).path)
    assert scene.classification is not None  # noqa: S101 (a product has one)
    bands = {}
    for source in (*scene.bands, scene.classification):
        with rasterio.open(source.path) as dataset:
            dn = dataset.read(source.index)
        factor = scene.grid.height // dn.shape[0]
        bands[source.name] = dn.repeat(factor, axis=0).repeat(factor, axis=1)
    return make_cube({name: band[None] for name, band in bands.items()}, crs=scene.grid.crs.to_wkt())


def make_cube(bands: dict[str, Any], *, crs: str) -> xr.Dataset:
    """Arrays (date, row, col) as a cube."""
    steps, height, width = next(iter(bands.values())).shape
    coords = {
        "time": np.datetime64("2024-06-01", "ns") + np.arange(steps) * np.timedelta64(5, "D"),
        "y": 5_000_000 - 10.0 * np.arange(height),
        "x": 600_000 + 10.0 * np.arange(width),
    }
    cube = xr.Dataset({name: (("time", "y", "x"), band) for name, band in bands.items()}, coords=coords)
    return cube.assign_coords(spatial_ref=((), 0, {"spatial_ref": crs}))


def measure_memory(arguments: argparse.Namespace) -> None:
    """Peak memory of a process a cube."""
    table = Table("dates", "cube, GB", "s", "peak RSS, MiB")
    for dates in [int(word) for word in arguments.dates.split(",")]:
        command = [sys.executable, __file__, "memory", "--child", str(dates)]
        command += ["--size", str(arguments.size), "--chunk", str(arguments.chunk)]
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(ran.stdout.splitlines()[-1])
        gigabytes = dates * arguments.size**2 * len(L2A_STACK) * 2 / 1e9
        table.add_row(str(dates), f"{gigabytes:.2f}", f"{found['seconds']:.0f}", f"{found['peak_mib']:.0f}")
    Console().print(table)


def map_dates(dates: int, size: int, chunk: int) -> dict[str, float]:
    """Map a cube of so many dates into a Zarr store, and say what it took."""
    import dask.array as da

    shape, chunks = (dates, size, size), (1, chunk, chunk)
    bands = {
        name: da.map_blocks(make_block, chunks=da.core.normalize_chunks(chunks, shape), dtype=np.uint16, seed=index)
        for index, name in enumerate(L2A_STACK)
    }
    cube = make_cube(bands, crs="EPSG:32630")
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        segment(cube, offset=-1000).to_zarr(Path(folder) / "map.zarr", consolidated=False)
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def make_block(block_info: dict[Any, Any], seed: int) -> NDArray[np.uint16]:
    """Pixels of dark water and bright land, different in every chunk."""
    place = block_info[None]
    rng = np.random.default_rng([seed, *place["chunk-location"]])
    return np.asarray(rng.integers(1100, 3000, place["chunk-shape"]), dtype=np.uint16)


if __name__ == "__main__":
    main()
