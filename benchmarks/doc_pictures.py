"""Pictures of the documentation from real crops: true colour, lines over it, and a corner in which pixels show.

    python -m benchmarks.doc_pictures SCENE.tif MAP --out docs/pictures/marseille.jpg --corner COL ROW SIZE

SCENE is a stack with bands named B02, B03, B04; MAP is the folder that ``strandline map`` made of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from rasterio.windows import Window

from pipeline.output.classes import LINE_COLOURS
from pipeline.output.true_colour import compute_stretch

Image = npt.NDArray[np.uint8]
Bounds = tuple[float, float, float, float]
Shown = tuple[Image, Bounds, gpd.GeoDataFrame]
CREDIT = "Contains modified Copernicus Sentinel data"


def main() -> None:
    """Draw one picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("map", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--window", type=int, nargs=4, metavar=("COL", "ROW", "COLS", "ROWS"), help="Of the scene.")
    parser.add_argument("--corner", type=int, nargs=3, metavar=("COL", "ROW", "SIZE"), help="Drawn large beside it.")
    parser.add_argument("--probability", action="store_true", help="Draw the probability beside it.")
    parser.add_argument("--width-in", type=float, default=11.0)
    arguments = parser.parse_args()
    figure = draw(arguments)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(arguments.out, dpi=130, pil_kwargs={"quality": 86, "optimize": True})


def draw(arguments: argparse.Namespace) -> Figure:
    """Lay the panels out side by side, each with the lines over it."""
    lines = gpd.read_file(arguments.map / "coastline.gpkg", layer="coastline")
    with rasterio.open(arguments.scene) as src:
        whole = Window(*(arguments.window or (0, 0, src.width, src.height)))
        order = [src.descriptions.index(name) + 1 for name in ("B04", "B03", "B02")]
        rgb = src.read(order, window=whole).astype("float32")  # (3, row, col)
        bounds = rasterio.windows.bounds(whole, src.transform)
        transform = src.transform
    picture = compute_stretch(rgb / 10_000, np.ones(rgb.shape[1:], bool))
    beside = 1 if arguments.corner or arguments.probability else 0
    aspect = rgb.shape[1] / rgb.shape[2]
    with mpl.rc_context({"font.size": 9}):
        width = arguments.width_in
        panel = width / (1 + beside * (aspect if arguments.corner else 1)) * 0.985
        figure = Figure(figsize=(width, panel * aspect + 0.25), layout=None)
        height = panel * aspect / (panel * aspect + 0.25)
        left = figure.add_axes((0, 1 - height, panel / width, height))
        _show(left, picture, bounds, lines, width_pt=1.2)
        right_box = (panel / width * 1.012, 1 - height, 1 - panel / width * 1.012, height)
        if arguments.corner:
            _draw_corner(figure.add_axes(right_box), left, arguments.corner, transform, (picture, bounds, lines))
        elif arguments.probability:
            with rasterio.open(arguments.map / "probability.tif") as src:
                water = src.read(1, window=whole, masked=True) * src.scales[0] + src.offsets[0]
            right = figure.add_axes(right_box)
            right.imshow(water, extent=_extent(bounds), cmap="YlGnBu", vmin=0, vmax=1, interpolation="nearest")
            right.set_axis_off()
        figure.text(1, 0.004, CREDIT, ha="right", va="bottom", color="#666666", fontsize=8)
    return figure


def _extent(bounds: Bounds) -> Bounds:
    left, bottom, right, top = bounds
    return left, right, bottom, top


def _show(axes: Axes, picture: Image, bounds: Bounds, lines: gpd.GeoDataFrame, *, width_pt: float) -> None:
    axes.imshow(picture, extent=_extent(bounds), interpolation="nearest")
    casing = [patheffects.Stroke(linewidth=width_pt * 2.2, foreground="#000000aa"), patheffects.Normal()]
    for kind, colour in LINE_COLOURS.items():
        some = lines[lines.kind == kind]
        if len(some):
            some.plot(ax=axes, color=colour, linewidth=width_pt, path_effects=casing, aspect=None)
    left, right, bottom, top = _extent(bounds)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.set_axis_off()


def _draw_corner(axes: Axes, whole: Axes, corner: list[int], transform: Affine, shown: Shown) -> None:
    col, row, size = corner
    left, top = transform * (col, row)
    right, bottom = transform * (col + size, row + size)
    picture, bounds, lines = shown
    _show(axes, picture, bounds, lines, width_pt=2.6)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    whole.add_patch(Rectangle((left, bottom), right - left, top - bottom, fill=False, color="white", linewidth=1.6))


if __name__ == "__main__":
    main()
