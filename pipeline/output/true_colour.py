"""The scene as an eye would see it: reflectance stretched to colours, and a small georeferenced picture of it.

``truecolour.tif`` is the ground under the lines, in QGIS as in pages, where the scene itself is no longer at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from pipeline.errors import output_errors
from pipeline.output.rasters import make_profile
from tiles.grid import Grid

__all__ = ["TRUE_COLOUR_NAME", "Stretch", "compute_stretch", "write_true_colour"]

TRUE_COLOUR_NAME: Final = "truecolour.tif"

_BLOCK = 256
_QUALITY = 85


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """How reflectance becomes colours that show both dark water and bright sand.

    Attributes:
        low: Reflectance that is black, of red, green and blue.
        high: How far above it white is.
        exponent: Below 1 it lifts what is dark.
    """

    low: tuple[float, float, float]
    high: float
    exponent: float

    @classmethod
    def fit(cls, rgb: NDArray[np.floating[Any]], clear: NDArray[np.bool_]) -> Self:
        """Choose it for a scene.

        Args:
            rgb: Reflectance, ``(3, row, col)``, NaN where there is none.
            clear: Pixels that decide (no cloud), ``(row, col)``.
        """
        known = np.isfinite(rgb).all(axis=0)
        sample = rgb[:, known & clear] if (known & clear).any() else rgb[:, known]
        if sample.size == 0:
            return cls(low=(0.0, 0.0, 0.0), high=1.0, exponent=1.0)
        # The floor is a band's own, which takes haze out, though not all of it: grey would turn pink. The ceiling is
        # common, which keeps the hues. The exponent lifts a scene that is mostly dark (water, or forest beside snow).
        low = 0.75 * np.percentile(sample, 0.5, axis=1)[:, None]
        high = max(float(np.percentile(sample - low, 98.5)), 0.02)
        middle = float(np.clip(np.median(sample - low) / high, 0.01, 0.99))
        red, green, blue = low[:, 0].tolist()
        return cls(low=(red, green, blue), high=high, exponent=float(np.clip(np.log(0.4) / np.log(middle), 0.45, 0.9)))

    def apply(self, rgb: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
        """Colours, ``(row, col, 3)``, 0 to 255, of reflectance ``(3, row, col)``; white where there is none."""
        known = np.isfinite(rgb).all(axis=0)
        scaled = np.clip((rgb - np.array(self.low)[:, None, None]) / self.high, 0, 1) ** self.exponent
        return np.where(known[..., None], np.moveaxis(np.nan_to_num(scaled) * 255, 0, -1), 255).astype(np.uint8)


def compute_stretch(rgb: NDArray[np.floating[Any]], clear: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Turn the reflectance of a scene into colours.

    Args:
        rgb: Reflectance, ``(3, row, col)``, NaN where there is none.
        clear: Pixels that decide the stretch (no cloud), ``(row, col)``.

    Returns:
        Colours, ``(row, col, 3)``, 0 to 255; white where there is no reflectance.
    """
    return Stretch.fit(rgb, clear).apply(rgb)


def write_true_colour(path: Path, colours: NDArray[np.uint8], known: NDArray[np.bool_], grid: Grid) -> None:
    """Write the picture as a GeoTIFF (JPEG inside) whose mask says where there is none.

    Args:
        path: File to write.
        colours: ``(row, col, 3)``, as ``compute_stretch`` gives them.
        known: Pixels that have reflectance, ``(row, col)``.
        grid: Of these pixels.

    Raises:
        OutputError: It cannot be written.
    """
    profile = make_profile(grid, dtype="uint8", nodata=None, block=_BLOCK)
    options = {"count": 3, "compress": "jpeg", "photometric": "ycbcr", "jpeg_quality": _QUALITY}
    environment = rasterio.Env(GDAL_PAM_ENABLED="NO", GDAL_TIFF_INTERNAL_MASK=True)
    with output_errors(path, RasterioError), environment:
        with rasterio.open(path, "w", **profile, **options) as dataset:
            dataset.write(np.moveaxis(colours, -1, 0))  # (3, row, col)
        # Opened anew: written together, the place of both in the file depends on when GDAL's cache is emptied.
        with rasterio.open(path, "r+") as dataset:
            dataset.write_mask(known)
