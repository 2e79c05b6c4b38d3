"""Write the rasters of a mosaic, from its store, as Cloud Optimized GeoTIFFs: a folder an MGRS tile, or one in all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from pipeline.errors import output_errors
from pipeline.mosaic.store import SURFACE_SCALE, Store
from pipeline.output.classes import CLASS_COLOURS, LAND, NODATA, OBSCURED, PROBABILITY_OFFSET, PROBABILITY_SCALE, WATER
from pipeline.output.rasters import make_profile, write_category_names
from pipeline.output.styles import read_style
from tiles import masks
from tiles.grid import Window
from tiles.pixels.decoder import limit_block_cache

__all__ = ["RASTERS", "Raster", "write_rasters"]

_BLOCK = 512
_STRIP_ROWS = 1024
_GDAL_OPTIONS = {"GDAL_PAM_ENABLED": "NO"}

Read = Callable[[Store, Window, float], NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """One raster of a mosaic.

    Attributes:
        title: Name for a person.
        dtype: Of its numbers.
        nodata: Marker; ``None``: every number counts.
        read: Its numbers in a window of the store, given the surface's level at the coastline.
        scale: Value of a step.
        offset: Value of number 0.
        overviews: How smaller copies are made.
        classes: It has colours and names for its values.
        style: Name of its style, see ``pipeline.output.styles``; empty where QGIS draws it well without.
    """

    title: str
    dtype: str
    nodata: int | None
    read: Read
    scale: float = 1.0
    offset: float = 0.0
    overviews: str = "AVERAGE"
    classes: bool = False
    style: str = ""


def _read_variable(name: str) -> Read:
    return lambda store, window, _level: store.read(name, window)


def _read_water(store: Store, window: Window, level: float) -> NDArray[Any]:
    """Land, water, obscured on all dates, or no data, by the surface that the coastline is drawn on."""
    surface, state = store.read("surface", window), store.read("state", window)
    classes = np.where(surface >= round(level / SURFACE_SCALE), WATER, LAND)
    classes[state != masks.VALID] = NODATA
    classes[state == masks.OBSCURED] = OBSCURED
    return classes.astype(np.uint8)


RASTERS: Mapping[str, Raster] = MappingProxyType(
    {
        "water": Raster(
            title="Land and water",
            dtype="uint8",
            nodata=NODATA,
            read=_read_water,
            overviews="MODE",
            classes=True,
            style="water",
        ),
        "frequency": Raster(
            title="Share of the clear observations that are water",
            dtype="uint8",
            nodata=NODATA,
            read=_read_variable("frequency"),
            scale=PROBABILITY_SCALE,
            style="frequency",
        ),
        "probability": Raster(
            title="Median probability of water",
            dtype="uint8",
            nodata=NODATA,
            read=_read_variable("median"),
            scale=PROBABILITY_SCALE,
            offset=PROBABILITY_OFFSET,
            style="probability",
        ),
        "observations": Raster(
            title="Number of clear observations",
            dtype="uint16",
            nodata=None,
            read=_read_variable("observations"),
            style="observations",
        ),
        "latest": Raster(
            title="Land and water on the last clear observation",
            dtype="uint8",
            nodata=NODATA,
            read=_read_variable("latest"),
            overviews="MODE",
            classes=True,
            style="water",
        ),
        "latest_day": Raster(
            title="Day of the last clear observation, counted from 1970-01-01",
            dtype="uint16",
            nodata=0,
            read=_read_variable("latest_day"),
            overviews="MODE",
        ),
    }
)
"""The rasters by the names of their files."""


def write_rasters(store: Store, folder: Path, *, window: Window, level: float, tags: Mapping[str, str]) -> None:
    """Write all rasters of one window of a store.

    Args:
        store: Where the statistics are.
        folder: Existing folder for them.
        window: Counted from the lattice's origin.
        level: Value of the surface at the coastline.
        tags: Names and values for the files' metadata; nothing that changes from run to run.

    Raises:
        OutputError: A file cannot be written.
    """
    for name, raster in RASTERS.items():
        _write_raster(store, folder / f"{name}.tif", raster, window, level, tags)
        if raster.classes:
            write_category_names(folder / f"{name}.tif")
        if raster.style:
            (folder / f"{name}.qml").write_text(read_style(raster.style), encoding="utf-8")


def _write_raster(
    store: Store, path: Path, raster: Raster, window: Window, level: float, tags: Mapping[str, str]
) -> None:
    begun = path.with_name(f".{path.name}.begun")
    grid = store.lattice.compute_grid(window)
    profile = make_profile(grid, dtype=raster.dtype, nodata=raster.nodata, block=_BLOCK)
    limit_block_cache(1)
    with output_errors(path, RasterioError), rasterio.Env(**_GDAL_OPTIONS):
        with rasterio.open(begun, "w", count=1, **profile) as dst:
            dst.update_tags(**tags, TIFFTAG_IMAGEDESCRIPTION=raster.title)
            dst.set_band_description(1, path.stem)
            dst.scales, dst.offsets = (raster.scale,), (raster.offset,)
            if raster.classes:
                dst.write_colormap(1, {v: (*rgb, 255) for v, rgb in CLASS_COLOURS.items()} | {NODATA: (0, 0, 0, 0)})
            for top in range(0, window.height, _STRIP_ROWS):
                height = min(_STRIP_ROWS, window.height - top)
                strip = Window(window.col_off, window.row_off + top, window.width, height)
                dst.write(raster.read(store, strip, level), 1, window=RasterWindow(0, top, window.width, height))
        rasterio.shutil.copy(
            begun,
            path,
            driver="COG",
            compress="DEFLATE",
            level=6,
            predictor="NO" if raster.classes else "STANDARD",
            blocksize=_BLOCK,
            overview_resampling=raster.overviews,
            bigtiff="IF_SAFER",
        )
        begun.unlink()
