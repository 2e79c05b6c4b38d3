"""Whether one river stays one river: the bridge on the Paraná on eight dates, mapped as a user maps it.

    python benchmarks/parana.py SCENES --out DIR [--model MODEL]

For each date: the water of the whole frame, and the share of the open river (what our labels call water on every date
that shows it, away from its banks) that is mapped as water. Draws the previews' own colours beside the map, in one PNG.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table
from scipy.ndimage import binary_erosion

import strandline
from tiles.bands import L2A_STACK
from tiles.products.open import StackOptions
from tiles.samples.crop_list import read_label_list
from tiles.samples.crops import LABELS

BANDS = tuple(name for name in L2A_STACK if name != "B09")
BANKS_PX = 2
LEAST_DATES = 4


def find_open_river(files: list[Path]) -> NDArray[np.bool_]:
    """Where the labels say water on every date that was labelled there, on enough of them, away from the banks."""
    masks = np.stack([np.asarray(Image.open(LABELS / f"{file.stem}.png")) for file in files])  # (date, row, col)
    water, known = (masks == 1).sum(axis=0), (masks != 255).sum(axis=0)
    river: NDArray[np.bool_] = binary_erosion((water == known) & (known >= LEAST_DATES), iterations=BANKS_PX)
    return river


def read_map(file: Path, out: Path, model: str) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Classes (row, col), and true colour (row, col, 3) in reflectance."""
    options = strandline.MapOptions(model=model, overwrite=True)
    stack = StackOptions(bands=BANDS, scale=0.0001, offset=-1000)
    result = strandline.map_scene(file, out, options=options, stack=stack)
    with rasterio.open(result.folder / "water.tif") as found, rasterio.open(file) as source:
        visible = source.read([BANDS.index(name) + 1 for name in ("B04", "B03", "B02")]).astype(np.float32)
        return found.read(1), np.moveaxis(visible * 1e-4 - 0.1, 0, -1)


def main() -> None:
    """Map, count, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="strandline-small")
    given = parser.parse_args()
    names = [crop.file for crop in read_label_list(LABELS / "parana.csv")]
    files = [given.scenes / name for name in names]
    river = find_open_river(files)
    table = Table("date", "water in the frame, ha", "open river mapped as water, %")
    rows = []
    for file in files:
        classes, colour = read_map(file, given.out, given.model)
        table.add_row(file.stem, f"{(classes == 1).sum() / 100:.1f}", f"{100 * (classes[river] == 1).mean():.2f}")
        shown = (255 * np.clip(np.nan_to_num(colour) / 0.25, 0, 1)).astype(np.uint8)
        mapped = np.array([[239, 232, 216], [63, 127, 176], [200, 200, 200]], np.uint8)[np.minimum(classes, 2)]
        rows.append(np.concatenate([shown, mapped], axis=1))
    Console().print(table, f"open river: {river.sum()} pixels")
    half = len(rows) // 2
    sheet = np.concatenate([np.concatenate(rows[:half]), np.concatenate(rows[half:])], axis=1)
    Image.fromarray(sheet).save(given.out / "parana.png")


if __name__ == "__main__":
    main()
