"""Small islands that are none: clouds that the mask missed, and ships. They are hidden, not mapped as land.

A network that knows land and water must call a cumulus over the sea one of the two, and a ship too. An islet is taken
for a **cloud** where it is grey, at most 1000 m long, and a patch of cloud that holds a square of 60 m is masked within
2000 m of it (specks are roofs and surf, as ``tiles.pixels.cloud_buffer`` has it); for a **vessel** where
it is at most 450 m long and 70 m wide, not green, and either grey or two and a half times as long as wide. Not where
land for sure (larger, or green) lies within 100 m: quays and breakwaters are grey too. Nor where its end is not seen
(nodata, the edge).

Rows are held until all that can decide about them was seen, so the answer does not depend on how they were cut.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.clock import StageClock
from pipeline.predict.looks import GREEN, GREY
from pipeline.predict.tile import MappedRows
from tiles.masks import NODATA, OBSCURED, VALID
from tiles.pixels.cloud_buffer import CORE_M

__all__ = ["IsletRule", "hide_islets"]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_LONGEST_CLOUD_M, _NEAR_M, _ALONE_M = 1000.0, 2000.0, 100.0
_LONGEST_VESSEL_M, _WIDEST_VESSEL_M, _SLENDER = 450.0, 70.0, 2.5
_LARGEST_PIXEL_M = 20.0
"""In larger pixels a ship has no shape."""

_BLOCK_ROWS = 32
_BLOCK_COLS = 6000
"""Columns that are searched together, about, without their margins: a full tile in two halves."""

_NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class IsletRule:
    """What the rule above comes to on a grid.

    Attributes:
        threshold: Probability from which a pixel is water.
        width_m: Width of a pixel on the ground.
        height_m: Its height.
        rows: Of the grid.
        counted: Columns of what is looked at in which an islet must end to be counted; ``None``: all.
    """

    threshold: float
    width_m: float
    height_m: float
    rows: int
    counted: range | None = None

    def reach(self, metres: float) -> tuple[int, int]:
        """Rows and columns within a distance."""
        return math.ceil(metres / self.height_m), math.ceil(metres / self.width_m)

    @property
    def margin(self) -> int:
        """Rows above and below a row that decide about it: an islet, one beside it, and the cloud near it."""
        return self._compute_margin(0)

    @property
    def margin_cols(self) -> int:
        """Columns on either side of a column that decide about it, likewise."""
        return self._compute_margin(1)

    def _compute_margin(self, axis: int) -> int:
        longest, alone, near = (self.reach(m)[axis] for m in (_LONGEST_CLOUD_M, _ALONE_M, _NEAR_M))
        return longest + max(longest + alone, near + self.core[axis]) + 1

    @property
    def core(self) -> tuple[int, int]:
        """Rows and columns of the square that a patch of cloud must hold."""
        return max(1, round(CORE_M / self.height_m)), max(1, round(CORE_M / self.width_m))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Islets:
    """Pieces of land that may be none.

    Attributes:
        box: (4, islets) first row, first column, and one past the last of each.
        is_cloud: (islets,) looks like a cloud.
        is_vessel: (islets,) looks like a vessel.
        is_green: (islets,) overgrown: land for sure.
        number: (pixels,) number of the islet of each of their pixels, from 0.
        place: (pixels,) where that lies in the flat map.
    """

    box: Ints
    is_cloud: Bools
    is_vessel: Bools
    is_green: Bools
    number: Ints
    place: Ints


def hide_islets(rows: Iterable[MappedRows], rule: IsletRule, *, clock: StageClock) -> Iterator[MappedRows]:
    """Take the rows of a map, and give them again with clouds and vessels hidden that were mapped as land.

    Args:
        rows: From top to bottom, with looks.
        rule: What is hidden.
        clock: Takes the time of it.

    Yields:
        The same rows, cut otherwise: state ``OBSCURED`` and no probability where an islet is hidden, and how many were.
    """
    waiting: deque[MappedRows] = deque()
    memory = _Memory()
    seen: _Seen | None = None  # from ``margin`` rows above those that wait
    start = 0  # of those that wait
    for more in rows:
        waiting.append(more)
        if more.look is None:
            del more  # nor is it kept while the next are waited for
            yield waiting.popleft()
            continue
        with clock.stage("look for islets"):
            seen = _Seen.join(seen, more, more.look, threshold=rule.threshold)
            del more
            stop = seen.row_off + len(seen.state)
            ready = stop if stop == rule.rows else stop - rule.margin
            if stop < rule.rows and ready - start < rule.margin:  # or each row would be looked at many times
                continue
            hidden = _decide(seen, rule, start, ready, memory)
            seen, start = seen.forget(ready - rule.margin), ready
        yield from _release(waiting, hidden, ready)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Seen:
    """What decides about islets, of rows of the map.

    Attributes:
        row_off: The first row.
        land: bool (row, col), what the map calls land.
        state: uint8 (row, col).
        look: uint8 (row, col).
    """

    row_off: int
    land: Bools
    state: NDArray[np.uint8]
    look: NDArray[np.uint8]

    @classmethod
    def join(cls, above: _Seen | None, rows: MappedRows, look: NDArray[np.uint8], *, threshold: float) -> _Seen:
        """These, with rows below them."""
        land = (rows.state == VALID) & (rows.probability < threshold)
        if above is None:
            return cls(row_off=rows.row_off, land=land, state=rows.state, look=look)
        return cls(
            row_off=above.row_off,
            land=np.concatenate((above.land, land)),
            state=np.concatenate((above.state, rows.state)),
            look=np.concatenate((above.look, look)),
        )

    def forget(self, before: int) -> _Seen:
        """The rows from one on, in memory of their own."""
        first = max(self.row_off, before)
        kept = slice(first - self.row_off, None)
        return _Seen(
            row_off=first, land=self.land[kept].copy(), state=self.state[kept].copy(), look=self.look[kept].copy()
        )


class _Memory:
    """Arrays as large as what is seen, used again: to find new memory for them takes longer than the search."""

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[Any]] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
        """An array that holds anything."""
        size = math.prod(shape)
        if name not in self._arrays or self._arrays[name].size < size:
            self._arrays[name] = np.empty(size, dtype=dtype)
        return self._arrays[name][:size].reshape(shape)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Hidden:
    """What is hidden in some rows.

    Attributes:
        place: (pixels,) ascending, their places in the whole map, flat.
        clouds: Islets that end in these rows, and were taken for clouds.
        vessels: Likewise, for vessels.
    """

    place: Ints
    clouds: int = 0
    vessels: int = 0


def _decide(seen: _Seen, rule: IsletRule, start: int, stop: int, memory: _Memory) -> _Hidden:
    """What is hidden in some of the rows that are seen; of the islets, those that end there are counted."""
    width = seen.land.shape[1]
    blocks = -(-width // _BLOCK_COLS)
    edges = [width * block // blocks for block in range(blocks + 1)]
    parts = [_decide_columns(seen, rule, range(start, stop), range(*own), memory) for own in pairwise(edges)]
    return _Hidden(
        place=np.sort(np.concatenate([part.place for part in parts])),
        clouds=sum(part.clouds for part in parts),
        vessels=sum(part.vessels for part in parts),
    )


def _decide_columns(seen: _Seen, rule: IsletRule, rows: range, own: range, memory: _Memory) -> _Hidden:
    """As ``_decide``, of the islets whose last column is one of some, as far as these are seen with their margin."""
    width = seen.land.shape[1]
    look = slice(max(0, own.start - rule.margin_cols), min(width, own.stop + rule.margin_cols))
    part = _Seen(row_off=seen.row_off, land=seen.land[:, look], state=seen.state[:, look], look=seen.look[:, look])
    if not part.land.any():
        return _Hidden(place=np.empty(0, dtype=np.int64))
    islets, sure = _find_islets(part, rule, memory)
    clouds, vessels = _choose(islets, sure, _find_squares(part.state, rule.core, memory), rule)
    last_col, last = islets.box[3] + look.start, islets.box[2] + seen.row_off
    is_own = (last_col > own.start) & (last_col <= own.stop)
    row, col = np.divmod(islets.place[((clouds | vessels) & is_own)[islets.number]], part.land.shape[1])
    ending = is_own & (last > rows.start) & (last <= rows.stop)
    if rule.counted is not None:
        ending &= (last_col > rule.counted.start) & (last_col <= rule.counted.stop)
    return _Hidden(
        place=(row + seen.row_off) * width + col + look.start,
        clouds=int((clouds & ending).sum()),
        vessels=int((vessels & ending).sum()),
    )


def _release(waiting: deque[MappedRows], hidden: _Hidden, stop: int) -> Iterator[MappedRows]:
    """The rows before one, as they came but for what is hidden in them; they wait no more."""
    clouds, vessels = hidden.clouds, hidden.vessels
    while waiting and waiting[0].row_off < stop:
        yield replace(_hide(_take(waiting, stop), hidden.place), clouds=clouds, vessels=vessels)
        clouds = vessels = 0


def _take(waiting: deque[MappedRows], stop: int) -> MappedRows:
    """The first rows that wait, no further than to one; the others wait on."""
    rows = waiting.popleft()
    count = stop - rows.row_off
    if count < len(rows.state):
        rest = _cut(rows, slice(count, None))  # copied, or the whole would be kept for it
        waiting.appendleft(replace(rest, row_off=stop, cells=()))
        rows = _cut(rows, slice(count))
    return rows


def _cut(rows: MappedRows, part: slice) -> MappedRows:
    arrays: dict[str, Any] = {
        each.name: value[part].copy()
        for each in fields(rows)
        if isinstance(value := getattr(rows, each.name), np.ndarray)
    }
    return replace(rows, **arrays)


def _hide(rows: MappedRows, place: Ints) -> MappedRows:
    first = rows.row_off * rows.state.shape[1]
    inside = place[np.searchsorted(place, first) : np.searchsorted(place, first + rows.state.size)] - first
    if not len(inside):
        return rows
    state, probability = rows.state.copy(), rows.probability.copy()
    state.reshape(-1)[inside], probability.reshape(-1)[inside] = OBSCURED, np.nan
    return replace(rows, state=state, probability=probability)


def _find_islets(seen: _Seen, rule: IsletRule, memory: _Memory) -> tuple[_Islets, Bools]:
    """The pieces of land that are small and wholly seen; and, (row, col), all land that is more than such a piece."""
    land = seen.land
    label = memory.take("label", land.shape, np.int32)
    pieces = ndimage.label(land, structure=_NEIGHBOURS, output=label)
    slices = ndimage.find_objects(label)
    box = np.array([[r.start, c.start, r.stop, c.stop] for r, c in slices], dtype=np.int64).T  # (4, pieces)
    rows, cols = rule.reach(_LONGEST_CLOUD_M)
    small = (box[2] - box[0] <= rows) & (box[3] - box[1] <= cols)
    small &= (box[1] > 0) & (box[3] < land.shape[1])
    small &= (box[0] + seen.row_off > 0) & (box[2] + seen.row_off < rule.rows)
    small &= ~_touch_nodata(seen.state, label, pieces)
    chosen = np.concatenate(([False], small))
    inside = memory.take("inside", land.shape, np.bool_)
    for first in range(0, len(label), _BLOCK_ROWS):  # numpy widens what it looks up by
        np.take(chosen, label[first : first + _BLOCK_ROWS], out=inside[first : first + _BLOCK_ROWS])
    place = np.flatnonzero(inside)
    islet, box = (np.cumsum(small) - 1)[label.reshape(-1)[place] - 1], box[:, small]
    row, col = np.divmod(place, land.shape[1])
    look = seen.look[row, col]
    shape = _measure_shape(islet, (row - box[0, islet]) * rule.height_m, (col - box[1, islet]) * rule.width_m, rule)
    is_grey, is_green = (_is_mostly(look & bit, islet, box.shape[1]) for bit in (GREY, GREEN))
    is_vessel = (shape.length_m <= _LONGEST_VESSEL_M) & (shape.breadth_m <= _WIDEST_VESSEL_M) & ~is_green
    is_vessel &= is_grey | (shape.length_m >= _SLENDER * shape.breadth_m)
    is_vessel &= max(rule.width_m, rule.height_m) <= _LARGEST_PIXEL_M
    islets = _Islets(
        box=box, is_cloud=is_grey & ~is_green, is_vessel=is_vessel, is_green=is_green, number=islet, place=place
    )
    np.logical_not(inside, out=inside)
    inside &= land
    return islets, inside


def _touch_nodata(state: NDArray[np.uint8], label: NDArray[np.int32], pieces: int) -> Bools:
    """(pieces,) whether a pixel without data lies beside a piece, or at one of its corners."""
    touched = np.zeros(pieces + 1, dtype=bool)
    for first in range(0, len(state), _BLOCK_ROWS):
        above = min(first, 1)
        missing = state[first - above : first + _BLOCK_ROWS + 1] == NODATA
        if missing.any():
            for axis in (0, 1):
                missing = _spread(missing, axis)
            inner = missing[above : above + _BLOCK_ROWS]
            touched[label[first : first + len(inner)][inner]] = True
    return touched[1:]


def _spread(mask: Bools, axis: int) -> Bools:
    """A mask with the pixels before and after those that it holds."""
    spread, turned = mask.copy(), np.moveaxis(mask, axis, 0)
    along = np.moveaxis(spread, axis, 0)
    along[1:] |= turned[:-1]
    along[:-1] |= turned[1:]
    return spread


def _is_mostly(bits: NDArray[np.integer[Any]], islet: Ints, islets: int) -> Bools:
    """(islets,) whether half of an islet's pixels or more have a bit."""
    having = np.bincount(islet, weights=bits > 0, minlength=islets)
    mostly: Bools = 2 * having >= np.bincount(islet, minlength=islets)
    return mostly


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shape:
    """Sides of the rectangles that have an islet's moments.

    Attributes:
        length_m: (islets,) the longer one.
        breadth_m: (islets,) the other.
    """

    length_m: Floats
    breadth_m: Floats


def _measure_shape(islet: Ints, y_m: Floats, x_m: Floats, rule: IsletRule) -> _Shape:
    """From the places of pixels within the box of their islet: the same to the bit, however rows were cut."""
    pixels = np.bincount(islet)

    def compute_mean(values: Floats) -> Floats:
        return np.bincount(islet, weights=values) / pixels

    y_m, x_m = y_m - compute_mean(y_m)[islet], x_m - compute_mean(x_m)[islet]
    # A pixel has a size of its own.
    yy, xx = compute_mean(y_m**2) + rule.height_m**2 / 12, compute_mean(x_m**2) + rule.width_m**2 / 12
    middle, spread = (yy + xx) / 2, np.hypot((yy - xx) / 2, compute_mean(x_m * y_m))
    return _Shape(length_m=np.sqrt(12 * (middle + spread)), breadth_m=np.sqrt(12 * np.maximum(middle - spread, 0)))


def _find_squares(state: NDArray[np.uint8], size: tuple[int, int], memory: _Memory) -> Bools:
    """True at the upper left corner of each rectangle of a size that is wholly hidden."""
    squares = memory.take("squares", state.shape, np.bool_)
    for first in range(0, len(state), _BLOCK_ROWS):
        block = state[first : first + _BLOCK_ROWS + size[0] - 1] == OBSCURED
        if block.any():
            _erode_to_corner(block, size)
        squares[first : first + _BLOCK_ROWS] = block[:_BLOCK_ROWS]
    return squares


def _erode_to_corner(mask: Bools, size: tuple[int, int]) -> None:
    for axis, length in enumerate(size):
        along, done = np.moveaxis(mask, axis, 0), 1
        while done < length:
            step = min(done, length - done)
            along[:-step] &= along[step:].copy()
            along[-step:] = False
            done += step


def _choose(islets: _Islets, sure: Bools, patches: Bools, rule: IsletRule) -> tuple[Bools, Bools]:
    """(islets,) those that are taken for clouds, and for vessels: they lie alone; ``sure`` is changed."""
    candidate = islets.is_cloud | islets.is_vessel
    sure.reshape(-1)[islets.place[islets.is_green[islets.number]]] = True  # overgrown: land for sure
    alone, near = rule.reach(_ALONE_M), rule.reach(_NEAR_M)
    clouds, vessels = np.zeros_like(candidate), np.zeros_like(candidate)
    for number in np.flatnonzero(candidate):
        box = islets.box[:, number]
        if not sure[_grow(box, alone)].any():
            clouds[number] = islets.is_cloud[number] and patches[_grow(box, near)].any()
            vessels[number] = islets.is_vessel[number] and not clouds[number]
    return clouds, vessels


def _grow(box: Ints, reach: tuple[int, int]) -> tuple[slice, slice]:
    top, left, bottom, right = box.tolist()
    return slice(max(0, top - reach[0]), bottom + reach[0]), slice(max(0, left - reach[1]), right + reach[1])
