"""What is known of each pixel: valid, missing, or hidden by cloud.

Source of the class numbers: Sentinel-2 Products Specification Document, scene classification (SCL).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from tiles.errors import SceneError

__all__ = [
    "CLOUD_BUFFER_M",
    "CLOUD_CLASSES",
    "MASK_NAMES",
    "NODATA",
    "OBSCURED",
    "SCL_CLASSES",
    "VALID",
    "combine_validity",
    "compute_band_validity",
    "parse_cloud_classes",
    "parse_mask_classes",
    "read_declared_validity",
]

VALID, NODATA, OBSCURED = 0, 1, 2
"""States of a pixel. Nodata wins over obscured."""

MASK_NAMES: frozenset[str] = frozenset({"alpha", "datamask"})
"""Names, in small letters, of bands that are 0 where the others hold no data."""

SCL_CLASSES: dict[int, str] = {
    0: "no data",
    1: "saturated or defective",
    2: "topographic shadow",
    3: "cloud shadow",
    4: "vegetation",
    5: "bare",
    6: "water",
    7: "unclassified",
    8: "cloud, medium probability",
    9: "cloud, high probability",
    10: "thin cirrus",
    11: "snow or ice",
}
"""The scene classification of L2A products."""

CLOUD_CLASSES: frozenset[int] = frozenset({3, 8, 9, 10})
"""Classes that hide the ground, unless the user chooses otherwise."""

CLOUD_BUFFER_M = 60.0
"""How far around them the ground is hidden too, unless the user chooses otherwise (docs/clouds.md)."""


def compute_band_validity(
    dn: NDArray[Any], nodata: float | None, fills: Iterable[float] = ()
) -> NDArray[np.bool_] | None:
    """Decide on the DN, before any offset, which pixels of one band hold data.

    Args:
        dn: As stored, any shape.
        nodata: The marker, or ``None``; NaN and infinities are always missing.
        fills: Further markers.

    Returns:
        True where there is data, or ``None`` where that is everywhere.
    """
    valid: NDArray[np.bool_] | None = None
    for marker in (nodata, *fills):
        if marker is not None and not np.isnan(marker):
            other = dn != marker
            valid = other if valid is None else valid & other
    if np.issubdtype(dn.dtype, np.floating):
        finite = np.isfinite(dn)
        valid = finite if valid is None else valid & finite
    return None if valid is None or bool(valid.all()) else valid


def read_declared_validity(
    dataset: rasterio.DatasetReader,
    index: int,
    masks: Sequence[int],
    *,
    window: rasterio.windows.Window | None = None,
    out_shape: tuple[int, int] | None = None,
) -> NDArray[np.bool_]:
    """Read which pixels a file itself declares valid, apart from nodata.

    Args:
        dataset: The file, open.
        index: Number of the band, from 1.
        masks: As ``BandSource.masks`` has them, at least one.
        window: What to read; ``None``: all.
        out_shape: Rows and columns of the answer; ``None``: those of the file.

    Returns:
        (row, col), True where all of them say valid.
    """
    values = [
        dataset.read(mask, window=window, out_shape=out_shape)
        if mask
        else dataset.read_masks(index, window=window, out_shape=out_shape)
        for mask in masks
    ]
    valid: NDArray[np.bool_] = np.logical_and.reduce([value != 0 for value in values])
    return valid


def combine_validity(
    bands: Iterable[tuple[NDArray[np.bool_] | None, bool]], *, shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """Decide which pixels hold data, from what is known of their bands.

    Args:
        bands: Where a band holds data, of ``shape`` (``None``: everywhere), and whether it takes a pixel away alone
            (``Radiometry.is_missing_alone``); of the others one that holds data is enough.
        shape: Of the pixels.

    Returns:
        True where there is data.
    """
    valid = np.ones(shape, dtype=bool)
    seen: NDArray[np.bool_] | None = None
    everywhere = False
    for mask, alone in bands:
        if mask is None:
            everywhere |= not alone
        elif alone:
            np.logical_and(valid, mask, out=valid)
        else:
            seen = mask.copy() if seen is None else np.logical_or(seen, mask, out=seen)
    return valid if seen is None or everywhere else np.logical_and(valid, seen, out=valid)


def parse_cloud_classes(text: str) -> frozenset[int]:
    """Read the user's choice of classes that hide the ground.

    Args:
        text: Numbers of the scene classification, ``3,8,9,10``; or ``none``.

    Returns:
        The classes.

    Raises:
        SceneError: A word is no class.
    """
    if text.strip().lower() in {"none", ""}:
        return frozenset()
    words = [word.strip() for word in text.split(",")]
    wrong = [word for word in words if not (word.isdecimal() and int(word) in SCL_CLASSES)]
    if wrong:
        raise SceneError(
            f"Expected cloud classes as numbers 0 to 11 of the scene classification, such as 3,8,9,10, or none; "
            f"found {', '.join(map(repr, wrong))}."
        )
    return frozenset(int(word) for word in words)


def parse_mask_classes(text: str | None) -> frozenset[int]:
    """Read which values of the user's own cloud mask hide the ground.

    Args:
        text: Whole numbers, ``1,2,3``; ``None``: none was said.

    Returns:
        The values.

    Raises:
        SceneError: A word is no such number.
    """
    words = [word.strip() for word in text.split(",")] if text else []
    wrong = [word for word in words if not word.isdecimal()]
    if wrong:
        raise SceneError(
            f"Expected values of the cloud mask that hide the ground as whole numbers, such as 1,2,3; found "
            f"{', '.join(map(repr, wrong))}."
        )
    return frozenset(map(int, words))
