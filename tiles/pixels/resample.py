"""Bring bands of 20 and 60 m onto the finest grid, honouring pixel centres.

A 20 m pixel covers two by two 10 m pixels, but its *centre* lies on their common corner: the centre of 10 m column
``i`` is at ``(i + 0.5) / 2 - 0.5`` in 20 m columns. Repeating pixels, or interpolating from corner to corner, shifts
the band by up to half a coarse pixel, which is 30 m for B09.

Each output pixel is a function of its absolute position alone (no BLAS, no dependence on the window asked), so tiles
agree to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiles.grid import Grid

__all__ = ["AxisSampling", "compute_sampling", "interpolate", "reflect", "take_nearest"]

Axis = tuple[int, float, float]
"""Of a grid: pixels, the outer edge of the first, and the step from one to the next."""


def reflect(index: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Fold indices beyond an axis back into it, by reflection at the outer pixel edges (d c b a | a b c d | d c b a).

    Args:
        index: Any integers.
        length: Pixels along the axis, at least 1; an axis shorter than the excess is folded several times.

    Returns:
        Indices in ``0 .. length - 1``.
    """
    folded = np.mod(index, 2 * length)
    reflected: NDArray[np.int64] = np.minimum(folded, 2 * length - 1 - folded)
    return reflected


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AxisSampling:
    """Where the pixels of the finest grid fall along one axis of a band's own grid.

    Attributes:
        lower: Band pixel before (or at) each fine pixel's centre, int64 (n,).
        upper: Band pixel after it, int64 (n,); equals ``lower`` where its share is nil.
        weight: Share of ``upper``, float32 (n,), 0 to 1.
        nearest: Band pixel that contains the fine pixel's centre, int64 (n,).
        is_identity: Both grids have the same pixels along this axis.
    """

    lower: NDArray[np.int64]
    upper: NDArray[np.int64]
    weight: NDArray[np.float32]
    nearest: NDArray[np.int64]
    is_identity: bool

    @property
    def span(self) -> tuple[int, int]:
        """First band pixel needed, and one past the last."""
        return int(min(self.lower.min(), self.nearest.min())), int(max(self.upper.max(), self.nearest.max())) + 1

    def shift(self, offset: int) -> AxisSampling:
        """The same sampling in an array that begins at band pixel ``offset``."""
        return replace(self, lower=self.lower - offset, upper=self.upper - offset, nearest=self.nearest - offset)

    def take(self, part: slice) -> AxisSampling:
        """The sampling of some of the fine pixels."""
        return replace(
            self,
            lower=self.lower[part],
            upper=self.upper[part],
            weight=self.weight[part],
            nearest=self.nearest[part],
        )


def compute_sampling(src: Grid, dst: Grid, *, start: int, stop: int, axis: int) -> AxisSampling:
    """Compute where fine pixels fall along one axis of a band's grid.

    Args:
        src: The band's own grid.
        dst: The finest grid; same CRS.
        start: First fine pixel, may be negative (reflected).
        stop: One past the last, may exceed the grid (reflected).
        axis: 0 for rows, 1 for columns.

    Returns:
        The sampling, in band pixels from the band's own upper left corner.
    """
    return _sample(_find_axis(src, axis), _find_axis(dst, axis), start, stop)


def _find_axis(grid: Grid, axis: int) -> Axis:
    t = grid.transform
    return (grid.height, t.f, t.e) if axis == 0 else (grid.width, t.c, t.a)


@lru_cache(maxsize=128)  # twelve bands of three resolutions ask for the same, and each row of tiles for its columns
def _sample(src: Axis, dst: Axis, start: int, stop: int) -> AxisSampling:
    (src_length, src_origin, src_step), (dst_length, dst_origin, dst_step) = src, dst
    fine = reflect(np.arange(start, stop, dtype=np.int64), dst_length)
    # Position of fine centres in band pixels, band *edges* at integers.
    position = (dst_origin - src_origin) / src_step + (fine + 0.5) * (dst_step / src_step)
    nearest = np.clip(np.floor(position + 1e-9).astype(np.int64), 0, src_length - 1)
    from_centre = np.clip(position - 0.5, 0, src_length - 1)
    lower = np.floor(from_centre + 1e-9).astype(np.int64)
    weight = np.clip(from_centre - lower, 0, 1).astype(np.float32)
    is_identity = bool(np.all(weight < 1e-6)) and bool(np.array_equal(lower, nearest))
    sampling = AxisSampling(
        lower=lower,
        upper=np.minimum(lower + (weight > 0), src_length - 1),
        weight=weight,
        nearest=nearest,
        is_identity=is_identity,
    )
    for array in (sampling.lower, sampling.upper, sampling.weight, sampling.nearest):
        array.flags.writeable = False
    return sampling


def interpolate(
    values: NDArray[np.float32], rows: AxisSampling, cols: AxisSampling, *, out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Interpolate bilinearly between pixel centres.

    Args:
        values: Band pixels, (src_rows, src_cols), finite.
        rows: Sampling along the rows of ``values``.
        cols: Sampling along its columns.
        out: Where the answer goes, (fine rows, fine cols); ``None``: an array of its own.

    Returns:
        (fine rows, fine cols).
    """
    shape = (len(rows.lower), len(cols.lower))
    out = np.empty(shape, dtype=np.float32) if out is None else out
    runs = () if cols.is_identity else _find_runs(cols)
    same_rows, same_cols = (_find_slice(axis.lower) if axis.is_identity else None for axis in (rows, cols))
    if same_rows and same_cols:
        out[:] = values[same_rows, same_cols]
        return out
    for start in range(0, shape[0], _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        mixed = values[rows.lower[block]]  # (rows of the block, src_cols)
        if not rows.is_identity:
            beyond = values[rows.upper[block]]
            beyond -= mixed
            beyond *= rows.weight[block, None]
            mixed += beyond
        if cols.is_identity:
            np.take(mixed, cols.lower, axis=1, out=out[block], mode="clip")
        else:
            _interpolate_columns(mixed, cols, runs, out[block])
    return out


def _find_slice(index: NDArray[np.int64]) -> slice | None:
    """The same pixels as a slice, where they follow each other: within a scene's edges."""
    first, last = int(index[0]), int(index[-1])
    return slice(first, last + 1) if last - first == len(index) - 1 and np.all(np.diff(index) == 1) else None


_BLOCK_ROWS = 32
"""Rows that are interpolated together: few enough for the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Fine columns at an even distance, whose band pixels follow each other one by one; or any, given by number."""

    fine: slice
    lower: slice | NDArray[np.int64]
    upper: slice | NDArray[np.int64]


def _find_runs(cols: AxisSampling) -> tuple[_Run, ...]:
    """Cut columns into runs that slices can reach, which is several times faster than gathering them by number.

    Within a scene every ``factor``-th fine column lies in the next band pixel; only beyond the scene's edge, where
    pixels are reflected, and for factors that are not whole, does that not hold.
    """
    count = len(cols.lower)
    factor = int(np.count_nonzero(cols.lower == cols.lower[count // 2]))
    jumps = cols.upper - cols.lower
    even = np.zeros(count, dtype=bool)
    even[:-factor] = cols.lower[factor:] - cols.lower[:-factor] == 1
    even &= jumps == 1
    begin, end = _find_longest(even)
    end = min(end + factor, count)
    while end > begin and jumps[end - 1] != 1:
        end -= 1
    if factor > _LARGEST_FACTOR or end - begin < 2 * factor:
        begin = end = 0
    runs = []
    for phase in range(begin, min(begin + factor, end)):
        first, length = int(cols.lower[phase]), len(range(phase, end, factor))
        fine = slice(phase, end, factor)
        runs.append(_Run(fine, slice(first, first + length), slice(first + 1, first + 1 + length)))
    rests = [rest for rest in (slice(0, begin), slice(end, count)) if rest.stop > rest.start]
    return (*runs, *(_Run(rest, cols.lower[rest], cols.upper[rest]) for rest in rests))


_LARGEST_FACTOR = 12


def _find_longest(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """Begin and end of the longest run of true."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    if not len(edges):
        return 0, 0
    longest = int(np.argmax(edges[1::2] - edges[::2]))
    return int(edges[2 * longest]), int(edges[2 * longest + 1])


def _interpolate_columns(
    mixed: NDArray[np.float32], cols: AxisSampling, runs: tuple[_Run, ...], out: NDArray[np.float32]
) -> None:
    for run in runs:
        lower = mixed[:, run.lower]
        between = mixed[:, run.upper] - lower
        between *= cols.weight[run.fine]
        between += lower
        out[:, run.fine] = between


def take_nearest(values: NDArray[Any], rows: AxisSampling, cols: AxisSampling) -> NDArray[Any]:
    """Take the band pixel that contains each fine pixel's centre: for classes and masks, which cannot be mixed.

    Args:
        values: (src_rows, src_cols).
        rows: Sampling along the rows of ``values``.
        cols: Sampling along its columns.

    Returns:
        (fine rows, fine cols), dtype of ``values``.
    """
    return np.take(values, cols.nearest, axis=1)[rows.nearest]  # rows are copied faster than columns
