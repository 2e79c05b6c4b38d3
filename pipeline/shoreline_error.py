"""How far a mapped shoreline lies from the true one."""

from __future__ import annotations

from typing import Any

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray
from scipy.spatial import cKDTree

__all__ = ["compute_contour", "compute_distances", "compute_shoreline_distances"]

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


def compute_contour(surface: Floats, valid: Mask, *, level: float = 0.5, spacing_px: float = 0.25) -> Floats:
    """Points along the line where a surface crosses a level, between pixel centres.

    Args:
        surface: (row, col), such as a probability or a water fraction.
        valid: (row, col), False where the line must not be drawn.
        level: Which level.
        spacing_px: Largest distance of neighbouring points.

    Returns:
        (N, 2), x and y in pixels, pixel centres at half numbers.
    """
    masked = np.ma.masked_array(np.asarray(surface, np.float64), mask=~valid)
    lines = contour_generator(z=masked).lines(level)
    pieces = [_densify(np.asarray(line), spacing_px) for line in lines if len(line) > 1]
    return np.concatenate(pieces) + 0.5 if pieces else np.empty((0, 2))


def _densify(line: Floats, spacing_px: float) -> Floats:
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))))
    places = np.linspace(0, along[-1], max(2, int(np.ceil(along[-1] / spacing_px)) + 1))
    return np.stack([np.interp(places, along, line[:, axis]) for axis in (0, 1)], axis=1)


def compute_distances(points: Floats, reference: Floats) -> Floats:
    """Distance from each point to the nearest reference point; infinite where there is no reference.

    Args:
        points: (N, 2).
        reference: (M, 2), dense along the lines it stands for.
    """
    if len(reference) == 0:
        return np.full(len(points), np.inf)
    return np.asarray(cKDTree(reference).query(points)[0], np.float64)


def compute_shoreline_distances(
    probability: Floats, fraction: Floats, valid: Mask, *, resolution_m: float = 10
) -> Floats:
    """Distances in metres from the mapped shoreline to the true one.

    Args:
        probability: (row, col), of water.
        fraction: (row, col), true share of water.
        valid: (row, col), True where both count.
        resolution_m: Size of a pixel.

    Returns:
        One distance for each quarter pixel of the mapped line; infinite where the truth has no shoreline at all.
    """
    mapped = compute_contour(probability, valid)
    true = compute_contour(fraction, np.ones_like(valid), spacing_px=0.05)
    return compute_distances(mapped, true) * resolution_m
