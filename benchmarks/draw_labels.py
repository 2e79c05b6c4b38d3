"""Draw the crops of a list beside their masks, enlarged, so that anyone can look again at what was labelled by hand.

    python benchmarks/draw_labels.py tiles/data/labels/eurosat.csv --out sheets [--only 35]

A cell is a crop: true colour (B04, B03, B02), false colour (B11, B08, B04), and true colour with the outline of the
water in cyan and what was left out dotted red. ``--only`` draws the crops of these rows, counted from 0, still larger.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tiles.bands import L2A_STACK
from tiles.samples.crop_list import LabelledCrop, read_label_list
from tiles.samples.crop_reader import read_crop, read_mask

Picture = NDArray[np.uint8]

_SCENES = Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "scenes"
_WATER, _LEFT_OUT = 1, 255
_CYAN, _RED = (0, 255, 255), (255, 0, 0)
_CAPTION = 14


def stretch(reflectance: NDArray[np.float32], names: tuple[str, str, str]) -> Picture:
    """A picture (row, col, 3) of three bands, each from its 1st to its 99th percentile; missing pixels are black."""
    layers = []
    for name in names:
        band = reflectance[L2A_STACK.index(name)]
        known = band[np.isfinite(band)]
        low, high = np.percentile(known, (1, 99)) if known.size else (0.0, 1.0)
        share = np.clip((np.nan_to_num(band, nan=low) - low) / max(high - low, 0.02), 0, 1)
        layers.append(255 * share**0.7)
    return np.stack(layers, axis=-1).astype(np.uint8)


def enlarge(picture: Picture, zoom: int) -> Picture:
    """Repeat each pixel, without smoothing."""
    return picture.repeat(zoom, axis=0).repeat(zoom, axis=1)


def outline(picture: Picture, mask: Picture, zoom: int) -> Picture:
    """The enlarged picture with the edge of the water drawn between pixels, and a dot on each pixel left out."""
    drawn, water = enlarge(picture, zoom), enlarge(mask == _WATER, zoom)
    drawn[:, 1:][water[:, 1:] != water[:, :-1]] = _CYAN
    drawn[1:][water[1:] != water[:-1]] = _CYAN
    rows, cols = np.nonzero(mask == _LEFT_OUT)
    drawn[rows * zoom + zoom // 2, cols * zoom + zoom // 2] = _RED
    return drawn


def draw_crop(crop: LabelledCrop, *, caption: str, scenes: Path, labels: Path, zoom: int) -> Image.Image:
    """One cell of a sheet."""
    mask = read_mask(labels / crop.mask_name)
    part = mask[crop.window.slices()]
    patch = read_crop(crop, root=scenes, mask=mask)
    whole = patch.cut(row_off=0, col_off=0, size=max(part.shape)).reflectance  # (12, size, size), NaN beyond the crop
    reflectance = whole[:, : part.shape[0], : part.shape[1]]
    colour = stretch(reflectance, ("B04", "B03", "B02"))
    panels = [enlarge(colour, zoom), enlarge(stretch(reflectance, ("B11", "B08", "B04")), zoom)]
    panels.append(outline(colour, part, zoom))
    strip = np.pad(np.concatenate(panels, axis=1), ((_CAPTION, 4), (0, 4), (0, 0)))
    cell = Image.fromarray(strip)
    ImageDraw.Draw(cell).text((2, 1), caption, fill=(255, 255, 0))
    return cell


def join(cells: list[Image.Image], columns: int) -> Image.Image:
    """A sheet of cells, row by row."""
    width, height = max(cell.width for cell in cells), max(cell.height for cell in cells)
    sheet = Image.new("RGB", (width * columns, height * -(-len(cells) // columns)))
    for index, cell in enumerate(cells):
        sheet.paste(cell, (index % columns * width, index // columns * height))
    return sheet


def main() -> None:
    """Draw the sheets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path, help="list of labelled crops (CSV), the masks beside it")
    parser.add_argument("--out", type=Path, required=True, help="folder for the sheets (PNG)")
    parser.add_argument("--only", type=int, nargs="*", help="rows of the list, counted from 0")
    parser.add_argument("--scenes", type=Path, default=_SCENES, help="folder that the list's files are relative to")
    chosen = parser.parse_args()
    crops = read_label_list(chosen.list)
    rows = chosen.only if chosen.only is not None else range(len(crops))
    wanted = 1200 if chosen.only is not None else 600  # pixels across a cell
    chosen.out.mkdir(parents=True, exist_ok=True)
    cells = []
    for row in rows:
        crop = crops[row]
        zoom = max(2, wanted // (3 * crop.window.width))
        caption = f"{row} {crop.place}: {crop.verdict}"
        cells.append(draw_crop(crop, caption=caption, scenes=chosen.scenes, labels=chosen.list.parent, zoom=zoom))
    for first in range(0, len(cells), 8):
        join(cells[first : first + 8], 2).save(chosen.out / f"{chosen.list.stem}_{rows[first]:04d}.png")


if __name__ == "__main__":
    main()
