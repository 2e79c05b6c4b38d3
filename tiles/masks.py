"""What is known of each pixel: valid, missing, or hidden by cloud.

Source of the class numbers: Sentinel-2 Products Specification Document, scene classification (SCL).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiles.errors import SceneError

__all__ = [
    "CLOUD_CLASSES",
    "NODATA",
    "OBSCURED",
    "SCL_CLASSES",
    "VALID",
    "combine_validity",
    "compute_band_validity",
    "parse_cloud_classes",
]

VALID, NODATA, OBSCURED = 0, 1, 2
"""States of a pixel. Nodata wins over obscured."""

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


def compute_band_validity(dn: NDArray[Any], nodata: float | None) -> NDArray[np.bool_] | None:
    """Decide on the DN, before any offset, which pixels of one band hold data.

    Args:
        dn: As stored, any shape.
        nodata: The marker, or ``None``; NaN and infinities are always missing.

    Returns:
        True where there is data, or ``None`` where that is everywhere.
    """
    valid: NDArray[np.bool_] | None = None
    if nodata is not None and not np.isnan(nodata):
        valid = dn != nodata
    if np.issubdtype(dn.dtype, np.floating):
        finite = np.isfinite(dn)
        valid = finite if valid is None else valid & finite
    return None if valid is None or bool(valid.all()) else valid


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
