"""The scene classification (SCL) that a simulated product carries, with the faults of the real one if wanted.

Source: Sentinel-2 L2A Algorithm Theoretical Basis Document (S2-PDGS-MPC-ATBD-L2A), scene classification: 2 dark,
3 cloud shadow, 4 vegetation, 5 bare, 6 water, 7 unclassified, 8 and 9 cloud, 10 cirrus, 11 snow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiles.grid import Window
from tiles.simulate.world.clouds import CloudView
from tiles.simulate.world.noise import compute_uniform

__all__ = ["GroundTruth", "compute_scene_classes"]

Field = NDArray[np.float32]


def _coarsen(field: NDArray[Any]) -> Field:
    """Mean of two by two pixels."""
    rows, cols = field.shape
    return np.asarray(field.reshape(rows // 2, 2, cols // 2, 2).mean(axis=(1, 3), dtype=np.float32))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroundTruth:
    """What truly lies in the 10 m pixels (rows, cols) of a window, both even.

    Attributes:
        land: Class of the land, as if all were land.
        bright: Whether the surface can be taken for cloud.
        fraction: Share of water, 0 to 1.
        shade: Light on the slope relative to the flat.
        foam: Share of white water.
        ice: Share of ice on water.
        clouds: Clouds of the window.
    """

    land: NDArray[np.uint8]
    bright: NDArray[np.bool_]
    fraction: Field
    shade: Field
    foam: Field | None
    ice: Field | None
    clouds: CloudView | None


def compute_scene_classes(truth: GroundTruth, *, faults: tuple[int, Window] | None) -> NDArray[np.uint8]:
    """Classify pixels of 20 m from what truly lies there.

    Args:
        truth: The ground and the clouds.
        faults: Seed and window of the classifier's errors; ``None`` for a faultless one.

    Returns:
        Classes (rows / 2, cols / 2).
    """
    wet = _coarsen(truth.fraction)
    classes = np.where(wet > 0.5, 6, truth.land[::2, ::2]).astype(np.uint8)
    classes[(wet <= 0.5) & (_coarsen(truth.shade) < 0.35)] = 2
    if truth.ice is not None:
        classes[(wet > 0.5) & (_coarsen(truth.ice) > 0.5)] = 11
    if faults is not None:
        _add_faults(classes, wet, _coarsen(truth.bright), truth.foam, *faults)
    if truth.clouds is not None:
        _lay_clouds(classes, truth.clouds)
    return classes


def _lay_clouds(classes: NDArray[np.uint8], clouds: CloudView) -> None:
    opacity = _coarsen(clouds.opacity)
    classes[_coarsen(clouds.shadow) > 0.4] = 3
    if clouds.veil is not None:
        classes[_coarsen(clouds.veil) > 0.35] = 10
    classes[opacity > 0.3] = 8
    classes[opacity > 0.65] = 9


def _add_faults(
    classes: NDArray[np.uint8], wet: Field, bright: Field, foam: Field | None, seed: int, window: Window
) -> None:
    """Take bright ground and surf for cloud, miss some bright lakes, leave some shores unclassified."""
    rows = np.arange(window.row_off // 2, window.row_stop // 2)[:, None]
    cols = np.arange(window.col_off // 2, window.col_stop // 2)[None, :]
    patch = compute_uniform(seed + 77, rows // 6, cols // 6)
    speck = compute_uniform(seed + 78, rows, cols)
    classes[(bright > 0.7) & (wet < 0.5) & (patch < 0.06)] = 8
    if foam is not None:
        classes[(_coarsen(foam) > 0.4) & (wet > 0.5) & (patch < 0.5)] = 8
    classes[(wet > 0.5) & (compute_uniform(seed + 79, rows // 40, cols // 40) < 0.01)] = 5
    classes[(wet > 0.2) & (wet < 0.8) & (speck < 0.12)] = 7
    classes[(classes == 5) & (speck < 0.004)] = 7
