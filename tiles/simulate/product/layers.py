"""Which image files a Level-2A product holds, and how each follows from the bands at their native resolution.

Every function here works on a strip of rows and knows no file.
Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), "Level-2A image data"; block sizes, bit depth,
the clipping of dark pixels and the stretch of the true-colour image follow real products (baselines 02.13 and 05.11).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tiles.bands import BANDS, L2A_STACK
from tiles.simulate.product.acquisition import OFFSET, QUANTIFICATION, Acquisition

__all__ = [
    "BLOCK_SIZES",
    "COMPLETE_LAYERS",
    "NATIVE_LAYERS",
    "Layer",
    "compute_classification_mask",
    "compute_cloud_probability",
    "compute_coarse_dn",
    "compute_dn",
    "compute_smooth_field",
    "compute_snow_probability",
    "compute_true_colour",
    "resolve_layers",
]

BLOCK_SIZES = {10: 1024, 20: 640, 60: 192}
"""Edge of the JPEG 2000 tiles of band files by resolution in metres."""

_MAX_DN = 32_767  # band files have 15 bits, though SATURATED is declared as 65535
_TRUE_COLOUR_WHITE = 0.25  # the reflectance that becomes 255
_CLOUD_PROBABILITY = {3: 5, 8: 55, 9: 95, 10: 20}
_SNOW_PROBABILITY = {11: 95}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One image file of a product.

    Attributes:
        name: Band name, or ``SCL``, ``TCI``, ``AOT``, ``WVP``.
        resolution_m: 10, 20 or 60.
    """

    name: str
    resolution_m: int

    @property
    def dtype(self) -> str:
        """Pixel type of the file."""
        return "uint8" if self.name in ("SCL", "TCI") else "uint16"

    @property
    def count(self) -> int:
        """Channels of the file."""
        return 3 if self.name == "TCI" else 1

    @property
    def block_size(self) -> int:
        """Edge of the file's JPEG 2000 tiles."""
        return (
            {10: 1024, 20: 2048, 60: 256}[self.resolution_m] if self.name == "TCI" else BLOCK_SIZES[self.resolution_m]
        )


NATIVE_LAYERS: tuple[Layer, ...] = (
    *(Layer(name=name, resolution_m=BANDS[name].resolution_m) for name in L2A_STACK),
    Layer(name="SCL", resolution_m=20),
)
"""The layers that are rendered: each band at its own resolution, and the scene classification."""

_R20M_BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12")
_R60M_BANDS = tuple(name for name in L2A_STACK if name != "B08")

COMPLETE_LAYERS: tuple[Layer, ...] = (
    *(Layer(name=name, resolution_m=10) for name in ("B02", "B03", "B04", "B08", "TCI", "AOT", "WVP")),
    *(Layer(name=name, resolution_m=20) for name in (*_R20M_BANDS, "TCI", "AOT", "WVP", "SCL")),
    *(Layer(name=name, resolution_m=60) for name in (*_R60M_BANDS, "TCI", "AOT", "WVP", "SCL")),
)
"""Every image file of a real product from baseline 04.00 on, in the order of its metadata."""


def resolve_layers(acquisition: Acquisition, *, complete: bool) -> tuple[Layer, ...]:
    """Decide which image files a product holds.

    Args:
        acquisition: Its baseline: before 04.00 there is no B01 at 20 m.
        complete: All that a real product holds, or the twelve bands at their native resolutions and the
            classification at 20 m alone.
    """
    if not complete:
        return tuple(layer for layer in COMPLETE_LAYERS if layer in NATIVE_LAYERS)
    extra = Layer(name="B01", resolution_m=20)
    return tuple(layer for layer in COMPLETE_LAYERS if layer != extra or acquisition.has_offset)


def compute_dn(
    reflectance: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_] | None, *, has_offset: bool
) -> npt.NDArray[np.uint16]:
    """Turn reflectance into the product's digital numbers.

    Before baseline 04.00 a pixel at or below zero is clipped to 1, as in real products (in a clear lagoon most
    pixels of B03 and beyond are 1): it is dark, not missing.

    Args:
        reflectance: Surface reflectance, 1 is white; may be negative.
        valid: True where there is data; ``None`` where there is everywhere.
        has_offset: Whether the baseline adds 1000.

    Returns:
        Digital numbers from 1 to 32767, and 0 where there is no data.
    """
    dn = np.rint(reflectance * np.float32(QUANTIFICATION) - (OFFSET if has_offset else 0))
    dn = np.clip(dn, 1, _MAX_DN).astype(np.uint16)
    if valid is not None:
        dn[~valid] = 0
    return np.asarray(dn)


def compute_coarse_dn(dn: npt.NDArray[np.uint16], factor: int) -> npt.NDArray[np.uint16]:
    """Average whole blocks of pixels; a block that misses a pixel is missing.

    Args:
        dn: Digital numbers, rows and columns multiples of ``factor``; 0 is nodata.
        factor: Pixels along the edge of a block.
    """
    rows, cols = dn.shape[0] // factor, dn.shape[1] // factor
    blocks = dn.reshape(rows, factor, cols, factor)
    mean = blocks.astype(np.float32).mean(axis=(1, 3))
    coarse = np.maximum(np.rint(mean), 1).astype(np.uint16)
    coarse[blocks.min(axis=(1, 3)) == 0] = 0
    return np.asarray(coarse)


def compute_true_colour(rgb: npt.NDArray[np.uint16], *, has_offset: bool) -> npt.NDArray[np.uint8]:
    """The product's true-colour image: linear, white at a reflectance of 0.25, 0 for nodata alone.

    Args:
        rgb: Digital numbers of B04, B03, B02, ``(3, row, col)``.
        has_offset: Whether they carry the offset of 1000.
    """
    reflectance = (rgb.astype(np.float32) + (OFFSET if has_offset else 0)) / QUANTIFICATION
    image = np.clip(1 + reflectance * (254 / _TRUE_COLOUR_WHITE), 1, 255).astype(np.uint8)
    return np.where((rgb == 0).any(axis=0), np.uint8(0), image)


def compute_smooth_field(
    acquisition: Acquisition, layer: Layer, *, first_row: int, valid: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint16]:
    """Aerosol optical thickness or water vapour: a gentle slope across the tile, in thousandths (of 1, of a cm).

    Args:
        acquisition: Its seed tilts the slope.
        layer: ``AOT`` or ``WVP`` at some resolution.
        first_row: Row of the strip within the layer.
        valid: Where there is data, ``(row, col)``.
    """
    base, rise = (120, 30) if layer.name == "AOT" else (1800, 200)
    span = acquisition.size * 10 / layer.resolution_m
    rows = (first_row + np.arange(valid.shape[0])[:, None]) / span
    cols = np.arange(valid.shape[1])[None, :] / span
    tilt = np.deg2rad(acquisition.seed % 360)
    field = base + rise * (np.sin(tilt) * rows + np.cos(tilt) * cols)
    return np.where(valid, np.rint(field), 0).astype(np.uint16)


def compute_cloud_probability(classes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """``MSK_CLDPRB``: percent of cloud, from the scene classification of the same pixels."""
    return _look_up(classes, _CLOUD_PROBABILITY)


def compute_snow_probability(classes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """``MSK_SNWPRB``: percent of snow, from the scene classification of the same pixels."""
    return _look_up(classes, _SNOW_PROBABILITY)


def compute_classification_mask(classes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """``MSK_CLASSI``: 1 where there is opaque cloud, cirrus, snow; ``(3, row, col)``."""
    return np.stack([np.isin(classes, group) for group in ((8, 9), (10,), (11,))]).astype(np.uint8)


def _look_up(classes: npt.NDArray[np.uint8], values: dict[int, int]) -> npt.NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    for index, value in values.items():
        table[index] = value
    return np.asarray(table[classes])
