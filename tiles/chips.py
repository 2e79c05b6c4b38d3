"""Small squares of a grid on which dates are compared: the same ground on every date, whatever part of it was mapped.

They lie on a lattice of the CRS, not of the grid, so grids of one tile that begin elsewhere share them.
"""

from __future__ import annotations

import math
from typing import Final

from tiles.grid import Grid, Window

__all__ = ["CHIP_PX", "list_chips"]

CHIP_PX: Final = 64
"""Side of a chip, in pixels."""

_MOST = 2048
"""More than this many are thinned to every second a side, every fourth, and so on: a full tile keeps one in sixteen."""


def list_chips(grid: Grid, *, near: Window | None = None) -> tuple[Window, ...]:
    """The chips that lie in a grid, row by row; at its edges cut ones.

    Args:
        grid: Where to look.
        near: Only those that share pixels with this window of the grid, in a time that does not grow with the grid;
            ``None``: all.

    Returns:
        Windows of the grid, ``CHIP_PX`` a side but at the edges. A grid within this one has the same ones or more.
    """
    # Where the grid begins on the lattice, in pixels.
    left, top = round(grid.transform.c / grid.resolution[0]), round(-grid.transform.f / grid.resolution[1])
    pitch = CHIP_PX
    while math.ceil(grid.width / pitch) * math.ceil(grid.height / pitch) > _MOST:
        pitch *= 2
    part = near or grid.window
    rows = _list_starts(top, pitch, part.row_off, min(part.row_stop, grid.height))
    cols = _list_starts(left, pitch, part.col_off, min(part.col_stop, grid.width))
    chips = (Window(col, row, CHIP_PX, CHIP_PX).intersection(grid.window) for row in rows for col in cols)
    return tuple(chip for chip in chips if chip is not None)


def _list_starts(origin: int, pitch: int, start: int, stop: int) -> range:
    """Where the chips begin that reach into the pixels from ``start`` on, and begin before ``stop``."""
    return range((origin + start - CHIP_PX) // pitch * pitch + pitch - origin, stop, pitch)
