"""How far a mapped shoreline lies from the true one, and the true one from the mapped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

__all__ = [
    "ShorelineError",
    "compute_contour",
    "compute_distances",
    "compute_shoreline_distances",
    "compute_shoreline_error",
]

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShorelineError:
    """Distances between two shorelines, a point of a line each; infinite where the other line is not there at all.

    Attributes:
        mapped_to_true: (N,), metres: what is drawn wrong.
        true_to_mapped: (M,), metres: what is missed.
    """

    mapped_to_true: Floats
    true_to_mapped: Floats


def compute_shoreline_error(
    surface: Floats, fraction: Floats, valid: Mask, *, level: float = 0.5, resolution_m: float = 10
) -> ShorelineError:
    """Compare the contour of an answer with the contour of the truth, where the truth is known in places only.

    A mapped point that has an unknown pixel nearer than any true shore is as far off as that pixel: the shore may lie
    there, so more cannot be said against it.

    Args:
        surface: (row, col), a probability or a water index; higher over water.
        fraction: (row, col), true share of water; any value where not valid.
        valid: (row, col), True where the truth is known.
        level: What the surface is at the shore.
        resolution_m: Size of a pixel.
    """
    true = compute_contour(fraction, valid, spacing_px=0.25)
    # The truth may end at a pixel that is not known; the mapped line that it is compared with goes on.
    whole = compute_contour(surface, np.isfinite(surface), level=level)
    mapped = whole[_look_up(valid, whole)]
    off = compute_distances(mapped, true)
    if not valid.all():
        off = np.minimum(off, _look_up(distance_transform_edt(valid), mapped))
    missed = compute_distances(true, whole)
    return ShorelineError(mapped_to_true=off * resolution_m, true_to_mapped=missed * resolution_m)


def _look_up(values: NDArray[Any], points: Floats) -> NDArray[Any]:
    """The value of the pixel that each point lies in."""
    col, row = (np.clip(points[:, axis].astype(np.int64), 0, values.shape[1 - axis] - 1) for axis in (0, 1))
    return np.asarray(values[row, col])
