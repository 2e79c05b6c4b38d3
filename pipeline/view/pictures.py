"""Rasters as pictures of a page: warped onto its plane, no finer than a screen shows, encoded as WebP.

A picture is one image of the whole and, where the raster is finer, tiles of detail that are shown from close by.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.vrt import WarpedVRT

from pipeline.errors import OutputError
from pipeline.output.classes import (
    CLASS_COLOURS,
    CLASS_NAMES,
    LAND,
    MIDDLE_COLOUR,
    NODATA,
    PROBABILITY_OFFSET,
    PROBABILITY_SCALE,
    WATER,
)
from pipeline.view.plane import Box, Plane
from pipeline.view.values import Swatch, Tile

__all__ = [
    "CLASSES",
    "CLASS_SWATCHES",
    "COUNT_COLOURS",
    "RAMP_SWATCHES",
    "Detail",
    "colour_classes",
    "colour_counts",
    "colour_ramp",
    "compute_raster_box",
    "cut_picture",
    "encode_image",
    "read_warped",
    "require_crs",
]

CLASSES: Final = "Land and water"

_WHOLE: Final = 1373
"""Pixels a side of the image of the whole, and at most of a tile of detail: an eighth of a whole tile of 10 m."""

_QUALITY: Final = 80

COUNT_COLOURS: Final = ("#fff7ec", "#fdbb84", "#d7301f", "#7f0000")


def _as_hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


CLASS_SWATCHES: Final = tuple(
    Swatch(label=name, colours=(_as_hex(CLASS_COLOURS[value]),)) for value, name in CLASS_NAMES.items()
)

RAMP_SWATCHES: Final = (
    Swatch(
        label="0 land … 1 water",
        colours=tuple(map(_as_hex, (CLASS_COLOURS[LAND], MIDDLE_COLOUR, CLASS_COLOURS[WATER]))),
        shape="ramp",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """How fine pictures are.

    Attributes:
        whole: Pixels along the longer side of the image of the whole.
        near: The same of all tiles of detail together; no more than ``whole``: there are none.
    """

    whole: int = _WHOLE
    near: int = 0


Read = Callable[[Box, tuple[int, int]], NDArray[np.uint8]]
"""Gives the colours (row, col, 4) of a box in so many rows and columns."""


def cut_picture(read: Read, box: Box, *, pixel_m: float, detail: Detail, lossless: bool = False) -> tuple[Tile, ...]:
    """Make a picture's tiles.

    Args:
        read: Gives colours.
        box: What the picture shows.
        pixel_m: Of the raster: nothing finer is made.
        detail: How fine the picture may be.
        lossless: Few flat colours, which are kept as they are.
    """
    coarse = max(pixel_m, box.longest / detail.whole)
    tiles = [_make_tile(read, box, coarse, level=0, lossless=lossless)]
    fine = max(pixel_m, box.longest / max(detail.near, 1))
    if detail.near > detail.whole and fine < 0.75 * coarse:
        cuts = _cut_box(box, fine * _WHOLE)
        tiles += [_make_tile(read, part, fine, level=1, lossless=lossless) for part in cuts]
    return tuple(tile for tile in tiles if tile.data)


def _make_tile(read: Read, box: Box, pixel_m: float, *, level: int, lossless: bool) -> Tile:
    shape = max(1, round((box.top - box.bottom) / pixel_m)), max(1, round((box.right - box.left) / pixel_m))
    colours = read(box, shape)
    # A tile of detail without anything in it is no part of the page.
    data = b"" if level and not colours[..., 3].any() else encode_image(colours, lossless=lossless)
    return Tile(data=data, box=box, level=level)


def _cut_box(box: Box, side: float) -> Iterator[Box]:
    cols, rows = (max(1, math.ceil(length / side)) for length in (box.right - box.left, box.top - box.bottom))
    x, y = np.linspace(box.left, box.right, cols + 1).tolist(), np.linspace(box.bottom, box.top, rows + 1).tolist()
    for col in range(cols):
        for row in range(rows):
            yield Box(x[col], y[row], x[col + 1], y[row + 1])


def encode_image(colours: NDArray[np.uint8], *, lossless: bool = False) -> bytes:
    """Encode (row, col, 4) colours as WebP; the same colours give the same bytes."""
    stream = io.BytesIO()
    whole = bool((colours[..., 3] == 255).all())
    image = Image.fromarray(np.ascontiguousarray(colours[..., :3] if whole else colours))
    image.save(stream, "WEBP", quality=60 if lossless else _QUALITY, lossless=lossless, method=3)
    return stream.getvalue()


def require_crs(dataset: Any) -> CRS:  # noqa: ANN401 (a rasterio dataset)
    """The CRS of an open raster of ours.

    Raises:
        OutputError: It states none, as one that was cut may not.
    """
    if dataset.crs is None:
        raise OutputError(f"Expected a CRS in {dataset.name}, found none: is it whole? Make it anew.")
    crs: CRS = dataset.crs
    return crs


def compute_raster_box(path: Path, plane: Plane) -> tuple[Box, float]:
    """Where a raster lies on the plane, and how large a pixel of it is there, in metres."""
    with rasterio.open(path) as dataset:
        box = plane.bound(tuple(dataset.bounds), require_crs(dataset))
        across = dataset.width if box.right - box.left >= box.top - box.bottom else dataset.height
    return box, box.longest / across


def read_warped(
    path: Path | str,
    plane: Plane,
    box: Box,
    shape: tuple[int, int],
    *,
    resampling: Resampling = Resampling.average,
    bands: tuple[int, ...] = (1,),
    nodata: float | None = None,
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Read bands of a raster onto the plane.

    Args:
        path: The raster.
        plane: Where to.
        box: Which part of it.
        shape: Rows and columns.
        resampling: How pixels come to pixels.
        bands: Which.
        nodata: Marks missing pixels, where the file does not say so.

    Returns:
        (band, row, col) values as the file has them, and (row, col) where they are known.
    """
    x, y = plane.origin
    step_x, step_y = (box.right - box.left) / shape[1], (box.top - box.bottom) / shape[0]
    options: dict[str, Any] = {
        "crs": plane.crs.to_wkt(),
        "transform": Affine(step_x, 0, box.left + x, 0, -step_y, box.top + y),
        "width": shape[1],
        "height": shape[0],
        "resampling": resampling,
    }
    if nodata is not None:
        options |= {"src_nodata": nodata, "nodata": nodata}
    with _open_reduced(path, plane, box, shape) as src:
        if nodata is None and src.nodata is None and ColorInterp.alpha not in src.colorinterp:
            options["add_alpha"] = True
        with WarpedVRT(src, **options) as warped:
            return warped.read(list(bands)), warped.dataset_mask() > 0


def _open_reduced(path: Path | str, plane: Plane, box: Box, shape: tuple[int, int]) -> rasterio.DatasetReader:
    """Open the smaller copy in a file that is still as fine as what is asked for.

    GDAL warps from it by itself only where no projection changes; of a JPEG 2000 it would decode a whole tile for that.
    """
    with rasterio.open(path) as src:
        across = plane.bound(tuple(src.bounds), src.crs)
        pixel_m = (across.right - across.left) / src.width
        wanted = (box.right - box.left) / shape[1]
        fine = [number for number, factor in enumerate(src.overviews(1)) if factor * pixel_m <= wanted * 1.01]
    return rasterio.open(path, OVERVIEW_LEVEL=fine[-1]) if fine else rasterio.open(path)


def colour_classes(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours (row, col, 4) of classes of ``water.tif``; nodata is transparent."""
    table = np.zeros((256, 4), np.uint8)
    for value, colour in CLASS_COLOURS.items():
        table[value] = (*colour, 255)
    return table[values]


def colour_ramp(steps: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours of probabilities or frequencies as files hold them, from land to water; nodata is transparent."""
    return _build_ramp()[steps]


def _build_ramp() -> NDArray[np.uint8]:
    stops = np.array([CLASS_COLOURS[LAND], MIDDLE_COLOUR, CLASS_COLOURS[WATER]], dtype=float)
    share = np.clip(np.arange(256) * PROBABILITY_SCALE + PROBABILITY_OFFSET, 0, 1)
    table = np.full((256, 4), 255, np.uint8)
    for band in range(3):
        table[:, band] = np.round(np.interp(share, [0, 0.5, 1], stops[:, band]))
    table[NODATA] = 0
    return table


def colour_counts(counts: NDArray[Any], most: int) -> NDArray[np.uint8]:
    """Colours of numbers of observations, from pale (one) to dark (the most); none is transparent."""
    stops = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in COUNT_COLOURS], dtype=float)
    share = np.clip((counts - 1) / max(most - 1, 1), 0, 1)
    at = np.linspace(0, 1, len(stops))
    colours = [np.round(np.interp(share, at, stops[:, band])).astype(np.uint8) for band in range(3)]
    return np.dstack([*colours, np.where(counts > 0, 255, 0).astype(np.uint8)])
