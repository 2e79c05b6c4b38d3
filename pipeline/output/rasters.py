"""Write the maps of a scene as Cloud Optimized GeoTIFFs, strip by strip in constant memory.

``water.tif`` holds a class a pixel, ``probability.tif`` the network's answer in steps of 0.004, ``share.tif`` the share
of water by which the coastline is drawn and its error, in the same steps. The steps are cut (not rounded), so that
``probability >= 0.5`` in the file is the class ``water`` to the last pixel.

Source: OGC 21-026, OGC Cloud Optimized GeoTIFF Standard; GDAL's COG driver.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from xml.etree import ElementTree as ET  # written, never parsed

import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow

from pipeline.errors import OutputError, output_errors, require_space
from pipeline.output.classes import (
    CLASS_COLOURS,
    CLASS_NAMES,
    LAND,
    NODATA,
    OBSCURED,
    PROBABILITY_OFFSET,
    PROBABILITY_SCALE,
    SHARE_NAME,
    WATER,
)
from pipeline.output.styles import read_style
from strandline import __version__
from tiles import masks
from tiles.cores import count_cores
from tiles.grid import Grid

__all__ = [
    "CLASS_COLOURS",
    "CLASS_NAMES",
    "LAND",
    "NODATA",
    "OBSCURED",
    "PROBABILITY_OFFSET",
    "PROBABILITY_SCALE",
    "WATER",
    "MapWriter",
    "compute_classes",
    "compute_probability_dn",
    "make_profile",
    "write_category_names",
]

_BLOCK = 512
_COMPUTED_ROWS = 16
"""Rows that are computed together: few enough for the processor's cache."""

_LEVEL = 5
"""Of DEFLATE: 6 takes twice the time for 2% less."""

_GDAL_OPTIONS = {"GDAL_PAM_ENABLED": "NO", "COG_TMP_COMPRESSION": "NONE"}
"""The driver makes overviews in a file beside, which need not be compressed; Python waits for those of
``build_overviews``, which hold its lock."""


def make_profile(grid: Grid, *, dtype: str, nodata: float | None, block: int) -> dict[str, Any]:
    """What GDAL is told of a tiled GeoTIFF that lies on a grid, but for its bands.

    Args:
        grid: Its grid.
        dtype: Of its values.
        nodata: Value of missing pixels; ``None``: there are none.
        block: Pixels a side of a block.
    """
    return {
        "driver": "GTiff",
        "dtype": dtype,
        "nodata": nodata,
        "crs": grid.crs,
        "transform": grid.transform,
        "width": grid.width,
        "height": grid.height,
        "tiled": True,
        "blockxsize": block,
        "blockysize": block,
        "bigtiff": "IF_SAFER",
    }


def compute_probability_dn(
    probability: npt.NDArray[np.floating], state: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """Cut probabilities into the steps of ``probability.tif``.

    Args:
        probability: Water probability, any shape, 0 to 1, NaN where there is none.
        state: 0 where the pixel is valid, else anything; the same shape.

    Returns:
        DN 0 to 249, where ``value = DN * 0.004 + 0.002`` is the middle of its step; 255 where not valid.
    """
    known = np.fmin(np.fmax(probability, 0), 1)  # these two take 0 for NaN
    # In float64 the product is exact, so 0.5 falls on DN 125 and its lower neighbour on 124.
    steps: npt.NDArray[np.uint8] = np.minimum(np.multiply(known, 250, dtype=np.float64).astype(np.uint8), np.uint8(249))
    _put(steps, NODATA, where=(state != masks.VALID) | ~np.isfinite(probability))
    return steps


def compute_classes(
    probability: npt.NDArray[np.floating], state: npt.NDArray[np.uint8], *, threshold: float = 0.5
) -> npt.NDArray[np.uint8]:
    """Decide the class of each pixel; nodata and cloud never become water or land.

    Args:
        probability: Water probability, any shape, 0 to 1, NaN where there is none.
        state: 0 valid, 1 nodata, 2 obscured; the same shape.
        threshold: Lowest probability that counts as water.

    Returns:
        The values of ``CLASS_NAMES``, and ``NODATA`` where state is 1 or a valid pixel has no probability.
    """
    classes = np.full(probability.shape, LAND, dtype=np.uint8)
    _put(classes, WATER, where=probability >= threshold)
    _put(classes, NODATA, where=np.isnan(probability))
    _put(classes, OBSCURED, where=state == masks.OBSCURED)
    _put(classes, NODATA, where=state == masks.NODATA)
    return classes


def _put(values: npt.NDArray[np.uint8], value: int, *, where: npt.NDArray[np.bool_]) -> None:
    """``values[where] = value`` in operations on bits, which take a tenth of the time."""
    mask = np.negative(where.view(np.uint8))  # 0 or 255
    values &= ~mask
    values |= mask & np.uint8(value)


class MapWriter:
    """Takes the map of a scene strip by strip, and leaves ``water.tif``, ``probability.tif``, ``share.tif`` if told it.

    Strips may come in any order and height. Use it as a context manager and call :meth:`finish` inside: leaving the
    block without it (an error, Ctrl-C) removes everything that was begun.

    Args:
        folder: Existing folder for the files; temporary files of width × height × 6 bytes lie there meanwhile.
        grid: The scene's grid.
        threshold: Lowest probability that counts as water.
        tags: Names and values for the files' metadata (scene, model …); nothing that changes from run to run.
    """

    def __init__(
        self, folder: Path, *, grid: Grid, threshold: float = 0.5, tags: Mapping[str, str] | None = None
    ) -> None:
        self.water_path = folder / "water.tif"
        self.probability_path = folder / "probability.tif"
        self.share_path = folder / SHARE_NAME
        self._grid = grid
        self._threshold = threshold
        self._tags = {"TIFFTAG_SOFTWARE": f"Strandline {__version__}", "AREA_OR_POINT": "Area", **(tags or {})}
        self._begun: dict[Path, Path] = {}
        self._open: dict[Path, Any] = {}

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that :meth:`finish` leaves; the share is among them once some of it was written."""
        return tuple(self._begun)

    def __enter__(self) -> Self:
        require_space(self.water_path.parent, 6 * self._grid.width * self._grid.height)
        for path in (self.water_path, self.probability_path):
            self._begin(path)
        self._describe()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for dataset in self._open.values():
            # What is begun is thrown away here, so an error while it is flushed tells nobody anything.
            _close_quietly(dataset)
        for begun in self._begun.values():
            begun.unlink(missing_ok=True)

    def write_rows(
        self, row_off: int, probability: npt.NDArray[np.floating], state: npt.NDArray[np.uint8], *, col_off: int = 0
    ) -> None:
        """Write one strip, over the scene's whole width or a part of it.

        Args:
            row_off: Row of the grid at which the strip begins.
            probability: Water probability, ``(rows, cols)``, 0 to 1, NaN where there is none.
            state: 0 valid, 1 nodata, 2 obscured (cloud), ``(rows, cols)``.
            col_off: Column of the grid at which the strip begins.

        Raises:
            ValueError: The strip does not fit the grid.
            OutputError: The disk is full or the file cannot be written.
        """
        rows, cols = probability.shape
        height, width = self._grid.shape
        if probability.shape != state.shape or col_off + cols > width or row_off + rows > height:
            raise ValueError(
                f"A strip must lie within {height} rows and {width} columns, found probability {probability.shape} and "
                f"state {state.shape} at row {row_off}, column {col_off}."
            )
        classes, steps = (np.empty(probability.shape, dtype=np.uint8) for _ in range(2))
        for first in range(0, rows, _COMPUTED_ROWS):
            part = slice(first, first + _COMPUTED_ROWS)
            classes[part] = compute_classes(probability[part], state[part], threshold=self._threshold)
            steps[part] = compute_probability_dn(probability[part], state[part])
        window = RasterWindow(col_off, row_off, cols, rows)
        self._write(self.water_path, classes[None], window)
        self._write(self.probability_path, steps[None], window)

    def write_share(
        self,
        row_off: int,
        share: npt.NDArray[np.float32],
        error: npt.NDArray[np.float32],
        state: npt.NDArray[np.uint8],
        *,
        col_off: int = 0,
    ) -> None:
        """Write the share of water of some rows, which may come later than their map.

        Args:
            row_off: Row of the grid at which they begin.
            share: 0 to 1, ``(rows, cols)``, NaN where there is none.
            error: Its standard deviation, likewise.
            state: As for :meth:`write_rows`.
            col_off: As for :meth:`write_rows`.

        Raises:
            OutputError: The disk is full or the file cannot be written.
        """
        if self.share_path not in self._begun:
            self._begin(self.share_path)
            self._describe_share()
        steps = np.empty((2, *share.shape), dtype=np.uint8)
        for first in range(0, len(share), _COMPUTED_ROWS):
            part = slice(first, first + _COMPUTED_ROWS)
            for number, values in enumerate((share, error)):
                steps[number, part] = compute_probability_dn(values[part], state[part])
        self._write(self.share_path, steps, RasterWindow(col_off, row_off, share.shape[1], len(share)))

    def finish(self) -> tuple[Path, ...]:
        """Turn what was written into Cloud Optimized GeoTIFFs, with overviews, checked by reading them back.

        Returns:
            ``water.tif``, ``probability.tif`` and ``share.tif``; the names of the classes (``water.tif.aux.xml``) and
            the styles that QGIS applies by itself (``.qml``) lie beside.

        Raises:
            OutputError: One of them cannot be written whole; none is left.
        """
        try:
            self._make_cog(self.water_path, overviews=Resampling.mode)
            self._make_cog(self.probability_path, overviews=Resampling.average)
            if self.share_path in self._begun:
                self._make_cog(self.share_path, overviews=Resampling.average)
            self._write_names_and_styles()
        except BaseException:
            for path in self.paths:
                path.unlink(missing_ok=True)
            raise
        return self.paths

    def _write_names_and_styles(self) -> None:
        write_category_names(self.water_path)
        for path in self.paths:
            style = "probability" if path == self.share_path else path.stem
            with output_errors(path):
                path.with_suffix(".qml").write_text(read_style(style), encoding="utf-8")

    def _begin(self, path: Path) -> None:
        self._begun[path] = path.with_name(f".{path.stem}.begun.tif")
        with output_errors(path, RasterioError), rasterio.Env(**_GDAL_OPTIONS):
            # Not compressed: a strip may end inside a block, and a compressed block that is rewritten leaves a hole.
            bands = {"count": 2 if path == self.share_path else 1, "interleave": "band"}
            profile = make_profile(self._grid, dtype="uint8", nodata=NODATA, block=_BLOCK)
            self._open[path] = rasterio.open(self._begun[path], "w", **profile, **bands)

    def _describe(self) -> None:
        water, probability = self._open[self.water_path], self._open[self.probability_path]
        water.update_tags(**self._tags, TIFFTAG_IMAGEDESCRIPTION=f"Land/water map: {_legend()}")
        water.set_band_description(1, "class")
        water.write_colormap(1, {value: (*rgb, 255) for value, rgb in CLASS_COLOURS.items()} | {NODATA: (0, 0, 0, 0)})
        probability.update_tags(**self._tags, TIFFTAG_IMAGEDESCRIPTION="Probability of water, 0 to 1")
        probability.set_band_description(1, "probability of water")
        self._scale(probability)

    def _describe_share(self) -> None:
        share = self._open[self.share_path]
        share.update_tags(**self._tags, TIFFTAG_IMAGEDESCRIPTION="Share of water at the shore, 0 to 1, and its error")
        share.descriptions = "share of water", "standard deviation of the share"
        self._scale(share)

    @staticmethod
    def _scale(dataset: Any) -> None:  # noqa: ANN401 (rasterio is not typed)
        dataset.scales = (PROBABILITY_SCALE,) * dataset.count
        dataset.offsets = (PROBABILITY_OFFSET,) * dataset.count

    def _write(self, path: Path, values: npt.NDArray[np.uint8], window: RasterWindow) -> None:
        with output_errors(path, RasterioError), rasterio.Env(**_GDAL_OPTIONS):
            self._open[path].write(values, window=window)

    def _make_cog(self, path: Path, *, overviews: Resampling) -> None:
        # The coastline is built meanwhile, by one core, and takes as long.
        options = {**_GDAL_OPTIONS, "GDAL_NUM_THREADS": max(1, count_cores() - 1)}
        with output_errors(path, RasterioError, CPLE_BaseError), rasterio.Env(**options):
            self._open.pop(path).close()
            rasterio.shutil.copy(
                self._begun[path],
                path,
                driver="COG",
                compress="DEFLATE",
                level=_LEVEL,
                predictor="NO",
                blocksize=_BLOCK,
                interleave="band",
                overview_resampling=overviews.name,
                bigtiff="IF_SAFER",
                num_threads=options["GDAL_NUM_THREADS"],
            )
            _check_same_pixels(self._begun[path], path)


def _close_quietly(dataset: Any) -> None:  # noqa: ANN401 (rasterio is not typed)
    try:
        with rasterio.Env(**_GDAL_OPTIONS):  # without one, GDAL prints what goes wrong
            dataset.close()
    except (RasterioError, OSError):
        return


def _check_same_pixels(begun: Path, path: Path) -> None:
    """GDAL may report a full disk only in its log when a file is closed; reading back is the proof."""
    with rasterio.open(begun) as src, rasterio.open(path) as dst:
        for _, window in src.block_windows(1):
            wide = RasterWindow(0, window.row_off, src.width, window.height)
            if window.col_off == 0 and not np.array_equal(src.read(window=wide), dst.read(window=wide)):
                raise OutputError(f"{path} does not read back as it was written. Check the disk's space and health.")


def _legend() -> str:
    return ", ".join(f"{value} {name}" for value, name in CLASS_NAMES.items()) + f", {NODATA} nodata"


def write_category_names(path: Path) -> None:
    """Write the names of the classes beside a raster of them: TIFF has no place for them, and QGIS reads them there.

    Args:
        path: The raster.

    Raises:
        OutputError: The file cannot be written.
    """
    aux = path.with_name(path.name + ".aux.xml")
    with output_errors(aux):
        aux.write_bytes(_category_names_xml())


def _category_names_xml() -> bytes:
    root = ET.Element("PAMDataset")
    names = ET.SubElement(ET.SubElement(root, "PAMRasterBand", band="1"), "CategoryNames")
    for value in range(max(CLASS_NAMES) + 1):
        ET.SubElement(names, "Category").text = CLASS_NAMES[value]
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8")) + b"\n"
