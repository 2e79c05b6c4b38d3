"""Which water of a mosaic is sea: told on coarse cells, block by block, so that memory does not grow with the coast.

A block is worked on with a margin of three cells of the store, some 30 km, which is farther than the rule of
``pipeline.trace.waters`` looks along the water. What a block cannot know of a body that goes on beyond its margin, the
line along its shore knows: see ``kinds``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely import affinity

from pipeline.atomic import open_draft
from pipeline.mosaic.lattice import CELL_PX, Cell, Lattice
from pipeline.trace.coarse import CELL_M, CoarseGrid, fill_polygons
from pipeline.trace.ellipsoid import Ground
from pipeline.trace.line_runs import look_beside
from pipeline.trace.ocean import draw_ocean, read_ocean
from pipeline.trace.traced import Bools, Floats
from pipeline.trace.waters import KINDS, WaterCells, Waters
from tiles.grid import Window

__all__ = ["BlockWaters", "list_blocks", "read_samples", "tell_block", "write_samples"]

BLOCK_CELLS = 10
"""Cells of the store along the side of a block."""
MARGIN_CELLS = 3
_UNKNOWN, _LAND, _WATER = range(3)
_AROUND = 4
"""Coarse cells that are kept around a block: what is looked up beside a line may lie there."""
_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockWaters:
    """Where the kinds of a block's coarse cells are kept, and how to look them up.

    Attributes:
        path: The file.
        step: Side of a coarse cell in the units of the lattice's CRS.
    """

    path: Path
    step: float

    @classmethod
    def of(cls, folder: Path, lattice: Lattice, cell: Cell) -> BlockWaters:
        """Those of the block that a cell lies in.

        Args:
            folder: As ``tell_block`` was given it.
            lattice: Of the cell.
            cell: Of the store.
        """
        return cls(path=_name_block(folder, _find_block(cell)), step=lattice.resolution * _resolve_factor(lattice))

    def look(self, xy: Floats) -> NDArray[np.uint8]:
        """Codes of ``pipeline.trace.waters.KINDS`` of the water beside the vertices of a line within the block.

        Args:
            xy: (n, 2) in the lattice's CRS, land on the left.
        """
        cells, corner = _read_block(self.path)
        return look_beside(xy * (1, -1) / self.step - corner, np.array([0, len(xy)]), cells)

    def weigh(self, pieces: NDArray[Any]) -> NDArray[np.uint8]:
        """(n,) codes of most of each piece of water; 0 where it is too small for any coarse cell.

        Args:
            pieces: (n,) polygons in the lattice's CRS, within the block.
        """
        cells, corner = _read_block(self.path)
        code = np.zeros(len(pieces), dtype=np.uint8)
        placed = shapely.transform(pieces, lambda xy: xy * (1, -1) / self.step - corner)
        for number, piece in enumerate(placed):
            left, top, right, bottom = np.floor(shapely.bounds(piece)).astype(int).clip(min=0).tolist()
            part = cells[top : bottom + 1, left : right + 1]
            shape = (part.shape[0], part.shape[1])
            moved = np.array([affinity.translate(piece, -left, -top)], dtype=object)
            inside = part[fill_polygons(moved, CoarseGrid(factor=(1, 1), shape=shape, cell_m=CELL_M))]
            count = np.bincount(inside if inside.any() else part.ravel(), minlength=len(KINDS))
            count[0] = 0
            code[number] = count.argmax()
        return code


def write_samples(path: Path, cell: Cell, lattice: Lattice, *, wet: Bools, seen: Bools) -> None:
    """Keep what the middles of coarse cells show, of all pixels of a cell.

    Args:
        path: Ends in ``.npz``.
        cell: Which.
        lattice: Its pixels.
        wet: (row, col) True for water.
        seen: (row, col) True where the ground was seen.

    Raises:
        OutputError: It cannot be written.
    """
    factor, window = _resolve_factor(lattice), cell.window
    rows, cols = (_list_middles(first, factor) - first for first in (window.row_off, window.col_off))
    code = np.where(seen, np.where(wet, _WATER, _LAND), _UNKNOWN).astype(np.uint8)[np.ix_(rows, cols)]
    with open_draft(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, code=code)


def read_samples(path: Path) -> NDArray[np.uint8]:
    """Read what ``write_samples`` wrote: (row, col) 0 for not seen, 1 for land, 2 for water."""
    with np.load(path, allow_pickle=False) as file:
        code: NDArray[np.uint8] = file["code"]
    return code


def list_blocks(cells: Iterable[Cell]) -> list[tuple[int, int]]:
    """Rows and columns of the blocks that hold some cells."""
    return sorted({_find_block(cell) for cell in cells})


def tell_block(folder: Path, lattice: Lattice, block: tuple[int, int], ocean: Path | None) -> bool:
    """Tell what the waters of a block are, and keep it.

    Args:
        folder: Where the samples of the lattice's cells are, as ``samples_<row>_<col>.npz``, and where this goes.
        lattice: The pixels.
        block: Row and column, of ``list_blocks``.
        ocean: The user's own, if any.

    Returns:
        Whether what is sea there was guessed.

    Raises:
        GridError: The ocean cannot be used.
        OutputError: The file cannot be written.
    """
    factor = _resolve_factor(lattice)
    code, corner = _join_samples(folder, block, factor)
    window = Window(corner[0] * factor, corner[1] * factor, code.shape[1] * factor, code.shape[0] * factor)
    ground = Ground(lattice.compute_grid(window))
    cell_m = factor * (ground.pixel_m[0] + ground.pixel_m[1]) / 2
    rows, cols = _find_known(code)  # beyond them is what is beyond the block: nobody knows
    known = code[rows, cols]
    shape, place = (known.shape[0], known.shape[1]), (cols.start, rows.start)
    coarse = CoarseGrid(factor=(factor, factor), shape=shape, cell_m=cell_m, corner=place)
    body, count = ndimage.label(known == _WATER, _EIGHT)
    unseen = ndimage.binary_dilation(np.pad(known == _UNKNOWN, 1, constant_values=True), _EIGHT)[1:-1, 1:-1]
    closed = np.bincount(body[unseen], minlength=count + 1)[1:] == 0
    water = WaterCells(body=body.astype(np.int32), known=known > 0, closed=closed, cell_m=cell_m)
    waters = Waters.tell(water, draw_ocean(read_ocean(ground, path=ocean), ground, coarse))
    cell = np.zeros_like(code)
    cell[rows, cols] = waters.cell
    first_row, first_col = (_count_from(number * BLOCK_CELLS * CELL_PX, factor) for number in block)
    last_row, last_col = (_count_from((number + 1) * BLOCK_CELLS * CELL_PX, factor) for number in block)
    top, left = max(first_row - _AROUND, corner[1]), max(first_col - _AROUND, corner[0])
    kept = cell[top - corner[1] : last_row + _AROUND - corner[1], left - corner[0] : last_col + _AROUND - corner[0]]
    with open_draft(_name_block(folder, block)) as draft, draft.open("wb") as file:
        np.savez_compressed(file, cell=kept, corner=np.array([left, top]))
    return waters.guessed


def _join_samples(folder: Path, block: tuple[int, int], factor: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Samples of a block and its margin, and column and row of the first, counted from the lattice's origin."""
    first = [number * BLOCK_CELLS - MARGIN_CELLS for number in block]
    last = [(number + 1) * BLOCK_CELLS + MARGIN_CELLS for number in block]
    begin = [_count_from(number * CELL_PX, factor) for number in first]
    stop = [_count_from(number * CELL_PX, factor) for number in last]
    code = np.zeros((stop[0] - begin[0], stop[1] - begin[1]), dtype=np.uint8)
    for row in range(first[0], last[0]):
        for col in range(first[1], last[1]):
            path = folder / f"samples_{row}_{col}.npz"
            if path.exists():
                part = read_samples(path)
                top = _count_from(row * CELL_PX, factor) - begin[0]
                left = _count_from(col * CELL_PX, factor) - begin[1]
                code[top : top + part.shape[0], left : left + part.shape[1]] = part
    return code, (begin[1], begin[0])


def _find_known(code: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Rows and columns that hold all samples of what was seen; one of each where nothing was."""
    seen = [np.flatnonzero((code != _UNKNOWN).any(axis=axis)) for axis in (1, 0)]
    rows, cols = (slice(int(place[0]), int(place[-1]) + 1) if len(place) else slice(0, 1) for place in seen)
    return rows, cols


def _resolve_factor(lattice: Lattice) -> int:
    """Pixels along the side of a coarse cell."""
    return max(1, round(CELL_M / lattice.pixel_m))


def _find_block(cell: Cell) -> tuple[int, int]:
    return cell.row // BLOCK_CELLS, cell.col // BLOCK_CELLS


def _name_block(folder: Path, block: tuple[int, int]) -> Path:
    return folder / f"waters_{block[0]}_{block[1]}.npz"


def _count_from(pixel: int, factor: int) -> int:
    """The first coarse cell whose middle lies at a pixel or after it, counted from the lattice's origin."""
    return -((factor // 2 - pixel) // factor)


def _list_middles(first: int, factor: int) -> NDArray[np.int64]:
    """Pixels in the middles of coarse cells, of the ``CELL_PX`` from a first one on."""
    begin, stop = _count_from(first, factor), _count_from(first + CELL_PX, factor)
    return np.arange(begin, stop) * factor + factor // 2


@lru_cache(maxsize=8)
def _read_block(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    with np.load(path, allow_pickle=False) as file:
        return file["cell"], file["corner"]
