"""Tell the open sea from what runs inland from it, by how wide the water is and how far along it the sea lies.

A tidal channel belongs to the same body of water as the sea, so it takes more than the body to tell them apart. On
cells of some 50 m:

- Water is *broad* where a disc of ``WIDTH_M`` fits into it; what is hidden, or beyond the edge, may be water.
- A stretch of broad water that shares a good part of its area with the ocean is sea, as far as ``REACH_M`` along the
  water from where the ocean is known to be.
- What opens on it and goes no farther inland than ``DEPTH_M`` along the water is the sea's own: coves, docks, harbours.
- All else of that body is river from its mouth on: estuaries, creeks, canals, lagoons behind an inlet.

A body that meets no ocean but is cut off is river where it is narrow all along, for twice the width, or for
``DEPTH_M`` where the ocean is near; else it is open: it cannot be told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.trace.traced import Bools, Floats, Ints

__all__ = [
    "DEPTH_M",
    "KINDS",
    "LAKE",
    "OPEN",
    "REACH_M",
    "RIVER",
    "SEA",
    "WIDTH_M",
    "OceanCells",
    "ShoreKind",
    "WaterCells",
    "Waters",
]

KINDS: Final = (None, "sea", "river", "lake", "open")
"""Words for the codes ``SEA`` and so on; 0 is no water."""
SEA, RIVER, LAKE, OPEN = 1, 2, 3, 4
ShoreKind = Literal["sea", "river", "lake", "open"]

WIDTH_M: Final = 500.0
"""Water narrower than this is a channel."""
DEPTH_M: Final = 3000.0
"""What opens on the sea and goes no farther inland is the sea's."""
REACH_M: Final = 10_000.0
"""How far along broad water from the known ocean the sea goes."""

_SHARE = 0.25
"""Of a stretch of water that must be ocean for it to be sea."""
_NARROW = 0.2
"""A body of which no more is broad is narrow: near the edge discs fit whose larger part nobody sees."""
_LONG = 2.0
"""Times its greatest width that a channel goes on, far from the ocean: less may be a bay of a lake."""
_EIGHT: Final = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WaterCells:
    """Water on a coarse grid.

    Attributes:
        body: (row, col) number of the body of water, from 1; 0 for land, for waters that are known to be enclosed, and
            for what was not seen.
        known: (row, col) True where land or water was seen.
        closed: (bodies,) land surrounds it: it is no sea unless the ocean says so.
        cell_m: Side of a cell.
    """

    body: NDArray[np.int32]
    known: Bools
    closed: Bools
    cell_m: float

    def count(self, chosen: Bools) -> Ints:
        """(bodies + 1,) chosen cells of each body, the first of none."""
        return np.bincount(self.body[chosen], minlength=len(self.closed) + 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OceanCells:
    """The ocean on the same grid.

    Attributes:
        whole: (row, col) all of it.
        certain: (row, col) where it is ocean beyond doubt.
        near: (row, col) where there may be ocean.
        least_area_m2: Water that has as much in common with ``certain`` is sea.
        measure: Gives the distance to the ocean in metres of cells, by rows and columns.
    """

    whole: Bools
    certain: Bools
    near: Bools
    least_area_m2: float
    measure: Callable[[Ints, Ints], Floats]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waters:
    """What is what.

    Attributes:
        body: (bodies,) uint8 codes of ``KINDS``; of a body that is sea in part, ``SEA``.
        cell: (row, col) uint8 codes of ``KINDS`` of the cells of bodies.
        guessed: No water lies in the ocean, and what lies nearest to it was taken for sea.
    """

    body: NDArray[np.uint8]
    cell: NDArray[np.uint8]
    guessed: bool

    @classmethod
    def tell(cls, water: WaterCells, ocean: OceanCells) -> Waters:
        """Decide what each body is, and each cell of it.

        Args:
            water: All bodies that may be more than lakes.
            ocean: On the same cells.
        """
        broad = _find_broad(water)
        parts = _Parts.of(broad, water.body)
        narrow = water.count(broad) <= _NARROW * water.count(water.body > 0)
        is_sea, guessed = _find_sea_parts(parts, water, ocean, narrow)
        in_sea = np.zeros(water.body.shape, dtype=bool)
        in_sea[parts.cells] = is_sea[parts.number]
        seeds = in_sea if guessed else in_sea & ocean.whole
        stretch = np.where(in_sea, water.body, 0)
        open_sea = _spread(seeds, stretch, REACH_M / water.cell_m)
        has_sea = water.count(open_sea) > 0
        whole_sea = _find_whole_sea(water, ocean) & ~has_sea
        body = _tell_cut_off(water, ocean, narrow)
        body[(has_sea | whole_sea)[1:]] = SEA
        cell = np.concatenate((np.zeros(1, np.uint8), body))[water.body]
        cell[_find_rivers(water, open_sea, has_sea)] = RIVER
        return cls(body=body, cell=cell, guessed=guessed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Parts:
    """Stretches of cells that hang together and are of one body.

    Attributes:
        cells: Rows and columns of their cells.
        number: (cells,) of the stretch of each, from 0.
        count: How many there are.
    """

    cells: tuple[Any, ...]
    number: Ints
    count: int

    @classmethod
    def of(cls, chosen: Bools, body: NDArray[np.int32]) -> _Parts:
        """The stretches of some cells."""
        from pandas import factorize  # noqa: PLC0415 (a quarter of a second, beside the network)

        cells = np.nonzero(chosen)
        group = ndimage.label(chosen, _EIGHT)[0][cells].astype(np.int64)
        number, pairs = factorize(group * (int(body.max(initial=0)) + 1) + body[cells])
        return cls(cells=cells, number=number, count=len(pairs))

    def any(self, flag: Bools) -> Bools:
        """(parts,) whether any cell of each is flagged in an array of the grid."""
        return np.bincount(self.number[flag[self.cells]], minlength=self.count) > 0

    def measure(self, flag: Bools) -> Floats:
        """(parts,) share of its cells that are flagged."""
        flagged = np.bincount(self.number[flag[self.cells]], minlength=self.count)
        return np.asarray(flagged / np.bincount(self.number, minlength=self.count), dtype=np.float64)

    def span(self) -> Ints:
        """(parts,) rows or columns that each spans, whichever are more."""
        longest = np.zeros(self.count, dtype=np.int64)
        for axis in self.cells:
            least, most = np.full(self.count, axis.max(initial=0)), np.zeros(self.count, dtype=np.int64)
            np.minimum.at(least, self.number, axis)
            np.maximum.at(most, self.number, axis)
            longest = np.maximum(longest, most - least + 1)
        return longest


def _find_broad(water: WaterCells) -> Bools:
    """Cells of water that an octagon of the stated width covers, which fits into water and what may be water."""
    radius = WIDTH_M / 2 / water.cell_m
    square, diamond = round(0.414 * radius), round(0.586 * radius)
    pad = square + diamond + 1
    free = np.pad((water.body > 0) | ~water.known, pad, constant_values=True)
    core = _lie_within(free, square, "chessboard")
    core = _lie_within(core, diamond, "taxicab")
    beyond = _lie_within(_lie_within(~core, square, "chessboard"), diamond, "taxicab")
    return np.asarray(~beyond[pad:-pad, pad:-pad] & (water.body > 0))


def _lie_within(flag: Bools, steps: int, metric: Literal["chessboard", "taxicab"]) -> Bools:
    """True where all cells within some steps are True; what lies beyond the array counts as True."""
    if steps == 0 or flag.all():
        return flag
    return np.asarray(ndimage.distance_transform_cdt(flag, metric) > steps)


def _find_sea_parts(parts: _Parts, water: WaterCells, ocean: OceanCells, narrow: Bools) -> tuple[Bools, bool]:
    """Which stretches of broad water are sea, and whether that is a guess; ``narrow`` are (bodies + 1,)."""
    size = np.bincount(parts.number, minlength=parts.count)
    certain_m2 = parts.measure(ocean.certain) * size * water.cell_m**2
    body = np.zeros(parts.count, dtype=np.int64)
    body[parts.number] = water.body[parts.cells]
    closed = water.closed[body - 1]
    is_certain = ~closed & (certain_m2 >= ocean.least_area_m2)
    # Beside a stretch that is sea beyond doubt, one behind an inlet may lie in the ocean by the ocean's error alone.
    is_known = np.bincount(body[is_certain], minlength=len(water.closed) + 1) > 0
    is_sea = is_certain | (~closed & ~is_known[body] & (parts.measure(ocean.whole) >= _SHARE))
    if is_sea.any() or _find_whole_sea(water, ocean).any():
        return is_sea, False
    within = parts.any(ocean.near) & ~closed & ~narrow[body]
    chosen = within[parts.number]
    if not chosen.any():
        return is_sea, False
    distance = ocean.measure(*(axis[chosen] for axis in parts.cells))
    is_sea[parts.number[chosen][np.argmin(distance)]] = True
    return is_sea, True


def _find_whole_sea(water: WaterCells, ocean: OceanCells) -> Bools:
    """(bodies + 1,) those that lie in the ocean beyond doubt, however narrow they are."""
    size, certain = np.maximum(water.count(water.body > 0), 1), water.count(ocean.certain & (water.body > 0))
    closed = np.append(False, water.closed)
    by_area = (certain * water.cell_m**2 >= ocean.least_area_m2) & ~closed
    return np.asarray((certain >= _SHARE * size) | by_area) & (np.arange(len(size)) > 0)


def _tell_cut_off(water: WaterCells, ocean: OceanCells, narrow: Bools) -> NDArray[np.uint8]:
    """(bodies,) what bodies are that do not meet the ocean; ``narrow`` are (bodies + 1,)."""
    wet = water.body > 0
    far = water.count(ocean.near & wet) == 0
    span = np.zeros(len(narrow), dtype=np.int64)
    for number, place in enumerate(ndimage.find_objects(water.body, max_label=len(narrow) - 1), start=1):
        span[number] = 0 if place is None else max(axis.stop - axis.start for axis in place)
    is_river = narrow & (span * water.cell_m > np.where(far, _LONG * WIDTH_M, DEPTH_M))
    return np.where(water.closed, LAKE, np.where(is_river[1:], RIVER, OPEN)).astype(np.uint8)


def _find_rivers(water: WaterCells, open_sea: Bools, has_sea: Bools) -> Bools:
    """Cells of bodies that are sea in part, which open on the sea and go far inland."""
    rest = has_sea[water.body] & ~open_sea
    if not rest.any():
        return rest
    near = _spread(open_sea, water.body, DEPTH_M / water.cell_m)
    parts = _Parts.of(rest, water.body)
    touches, goes_on = parts.any(near), parts.any(~near)
    # Where a channel is narrower than a cell the way along the water is lost; then the way across counts.
    off_m = ndimage.distance_transform_cdt(~open_sea, "chessboard") * water.cell_m
    is_far = parts.any(off_m > DEPTH_M) | (parts.span() * water.cell_m > DEPTH_M)
    is_river = np.where(touches, goes_on, is_far)
    rest[parts.cells] = is_river[parts.number]
    return rest


def _spread(seeds: Bools, body: NDArray[np.int32], steps: float) -> Bools:
    """Go from cells to cells of the same body, by turns to four and to eight neighbours: octagons are nearly discs.

    Args:
        seeds: (row, col) where to begin.
        body: (row, col) numbers of bodies; 0 is no way.
        steps: How far to go.

    Returns:
        (row, col) True where it leads to, the seeds included.
    """
    width = body.shape[1] + 2
    number, reached = np.pad(body, 1).ravel(), np.pad(seeds & (body > 0), 1).ravel()
    four = np.array([-1, 1, -width, width])
    eight = np.concatenate((four, [-width - 1, -width + 1, width - 1, width + 1]))
    rim = seeds & ndimage.binary_dilation((body > 0) & ~seeds, _EIGHT)
    before = front = np.flatnonzero(np.pad(rim, 1))
    for step in range(round(steps)):
        around = four if step % 2 == 0 else eight
        begin = front if step % 2 == 0 else np.concatenate((before, front))
        if len(begin) == 0:
            break
        place = (begin[:, None] + around).ravel()
        fits = (number[place] == np.repeat(number[begin], len(around))) & ~reached[place]
        before, front = front, np.unique(place[fits])
        reached[front] = True
    return reached.reshape(body.shape[0] + 2, width)[1:-1, 1:-1]
