"""How right the map is: simulated scenes of any seeds, mapped and compared with their truth.

    python benchmarks/accuracy.py --seeds 100-109 --size 2048 --out /tmp/accuracy

prints a table a seed, and writes ``accuracy.json``. Products and maps stay in the folder, to be looked at.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import rasterio
from rich.console import Console
from rich.table import Table

from pipeline.evaluation.map_accuracy import Accuracy, PixelStats, compute_accuracy
from pipeline.mapping.map_scene import MapOptions, map_scene
from pipeline.output.classes import LAND, WATER
from tiles.pixels.reader import ReadPlan, read_strips
from tiles.products.open import open_scene
from tiles.simulate.product.simulate import simulate_scene


def main() -> None:
    """Simulate, map, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="100-109", help="first-last, or a comma-separated list")
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--model", default="strandline-small")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    found = {seed: measure(seed, arguments) for seed in parse_seeds(arguments.seeds)}
    print_table(found)
    record = {
        str(seed): accuracy.to_dict() | {"ndwi": asdict(ndwi) | {"iou": ndwi.iou}}
        for seed, (accuracy, ndwi) in found.items()
    }
    (arguments.out / "accuracy.json").write_text(json.dumps(record, indent=2) + "\n")


def parse_seeds(text: str) -> list[int]:
    """``3-5`` or ``3,4,5``."""
    if "-" in text:
        first, last = text.split("-")
        return list(range(int(first), int(last) + 1))
    return [int(word) for word in text.split(",")]


def measure(seed: int, arguments: argparse.Namespace) -> tuple[Accuracy, PixelStats]:
    """One scene, simulated (once) and mapped; and what the water index does on the same pixels."""
    folder = arguments.out / f"seed-{seed}"
    truth = next(folder.glob("*_truth"), None)
    if truth is None:
        product = simulate_scene(folder, seed=seed, size=arguments.size)
        path, truth = product.path, product.truth
    else:
        path = next(folder.glob("*.SAFE"))
    result = map_scene(path, folder / "map", options=MapOptions(model=arguments.model, overwrite=True))
    return compute_accuracy(result.folder, truth), measure_ndwi(path, result.folder, truth)


def measure_ndwi(path: Path, result: Path, truth: Path) -> PixelStats:
    """NDWI above 0 (McFeeters 1996, doi:10.1080/01431169608948714), where the map is land or water."""
    scene = open_scene(path)
    window = scene.grid.window
    (strip,) = read_strips(ReadPlan(scene=scene, bands=scene.require_bands(("B03", "B08"))), [window])
    green, infrared = strip.read(window).reflectance
    wet = green > infrared  # the same as (green - infrared) / (green + infrared) > 0 where the sum is positive
    with rasterio.open(result / "water.tif") as classes, rasterio.open(truth / "water_fraction.tif") as fraction:
        true, counted = fraction.read(1), np.isin(classes.read(1), (LAND, WATER))
    counted &= true != 255
    true_wet = true * 0.004 >= 0.5
    return PixelStats(
        true_positive=int((wet & true_wet & counted).sum()),
        false_positive=int((wet & ~true_wet & counted).sum()),
        false_negative=int((~wet & true_wet & counted).sum()),
        true_negative=int((~wet & ~true_wet & counted).sum()),
    )


def print_table(found: dict[int, tuple[Accuracy, PixelStats]]) -> None:
    """A row a seed."""
    headings = ("IoU", "median m", "p95 m", "missed median m", "missed p95 m", "1 sigma", "2 sigma", "loose ends")
    table = Table("seed", "NDWI IoU", *headings)
    for seed, (accuracy, ndwi) in found.items():
        drawn, missed = accuracy.mapped_to_true, accuracy.true_to_mapped
        figures = (ndwi.iou, accuracy.pixels.iou, drawn.median, drawn.p95, missed.median, missed.p95)
        sigmas = (accuracy.within_1_sigma, accuracy.within_2_sigma)
        table.add_row(str(seed), *(f"{value:.4g}" for value in (*figures, *sigmas)), str(accuracy.loose_ends))
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
