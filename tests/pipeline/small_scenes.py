"""A few small simulated products, for tests of many scenes."""

from __future__ import annotations

import shutil
from pathlib import Path

from tiles.simulate.product.simulate import ProductOptions, simulate_scene


def simulate_scenes(folder: Path, count: int) -> list[Path]:
    """Products of 2.4 km, in a folder that holds nothing else."""
    options = ProductOptions(cloud_cover=0.2, swath="full", complete=False)
    paths = [simulate_scene(folder, seed=seed, size=240, options=options).path for seed in range(21, 21 + count)]
    for truth in folder.glob("*_truth"):
        shutil.rmtree(truth)
    return sorted(paths)


def truncate_band(product: Path) -> None:
    """Cut one of its bands short, as a broken download does."""
    band = next(product.rglob("*_B03_10m.jp2"))
    band.write_bytes(band.read_bytes()[: band.stat().st_size // 2])


def compare_results(one: Path, other: Path) -> list[str]:
    """Names of the files that differ between two results; the record, which has the time in it, aside."""
    names = {path.name for path in one.iterdir()} | {path.name for path in other.iterdir()}
    return [name for name in sorted(names - {"item.json"}) if (one / name).read_bytes() != (other / name).read_bytes()]
