"""Cut a grid into tiles that can be stitched back without a seam.

A network of 3×3 convolutions sees no further than its receptive field. A tile is therefore read with a *halo* at
least that wide, and only its *interior* is kept: each kept pixel saw what it would have seen untiled. Pooling adds
one condition: every tile must begin at a multiple of the network's stride, counted from the grid's corner, or its
pooling cells would fall elsewhere than its neighbour's.

The plan is computed here, without any I/O; ``tiles.reader`` carries it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tiles.errors import GridError
from tiles.grid import Window

__all__ = ["Tile", "TileRow", "Tiling"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """What the network sees at once, and what is kept of it.

    Attributes:
        interior: Pixels that are kept; interiors cover the domain once.
        read: Pixels that the network sees: interior and halo. May reach beyond the grid, where the reader reflects.
    """

    interior: Window
    read: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class TileRow:
    """Tiles side by side, all of the same rows.

    Attributes:
        interior: Kept pixels of the whole row; as wide as the domain.
        read: Pixels that the row's tiles see between them.
        tiles: From left to right.
    """

    interior: Window
    read: Window
    tiles: tuple[Tile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """The plan of all tiles over a domain.

    Attributes:
        domain: The pixels to be mapped, a window of the scene's grid (the whole of it, or an area of interest).
        tile_size: Interior edge of a tile in pixels; need not be a multiple of the stride.
        halo: Least number of pixels read beyond the interior on each side: the receptive field's reach.
        stride: Total down-sampling of the network; tiles are read from multiples of it.

    Raises:
        GridError: A size is impossible.
    """

    domain: Window
    tile_size: int
    halo: int
    stride: int = 1

    def __post_init__(self) -> None:
        if self.tile_size < 1 or self.stride < 1 or self.halo < 0:
            raise GridError(
                "A tiling needs tile_size >= 1, stride >= 1 and halo >= 0, found "
                f"tile_size {self.tile_size}, stride {self.stride}, halo {self.halo}."
            )

    def rows(self) -> Iterator[TileRow]:
        """The rows of tiles, from top to bottom."""
        columns = list(self._axis(self.domain.col_off, self.domain.col_stop))
        for (row_off, height), (read_row_off, read_height) in self._axis(self.domain.row_off, self.domain.row_stop):
            tiles = tuple(
                Tile(
                    interior=Window(col_off, row_off, width, height),
                    read=Window(read_col_off, read_row_off, read_width, read_height),
                )
                for (col_off, width), (read_col_off, read_width) in columns
            )
            read_col_off, read_col_stop = tiles[0].read.col_off, tiles[-1].read.col_stop
            yield TileRow(
                interior=Window(self.domain.col_off, row_off, self.domain.width, height),
                read=Window(read_col_off, read_row_off, read_col_stop - read_col_off, read_height),
                tiles=tiles,
            )

    def _axis(self, start: int, stop: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        """Along one axis: ``(offset, length)`` of each interior and of what is read for it."""
        for offset in range(start, stop, self.tile_size):
            length = min(self.tile_size, stop - offset)
            read_start = (offset - self.halo) // self.stride * self.stride
            read_stop = -(-(offset + length + self.halo) // self.stride) * self.stride
            yield (offset, length), (read_start, read_stop - read_start)
