"""Cut a grid into tiles that can be stitched back without a seam.

A network of 3×3 convolutions sees no further than its receptive field. A tile is therefore read with a *halo* at
least that wide, and only its *interior* is kept: each kept pixel saw what it would have seen untiled. Pooling adds
one condition: every tile must begin at a multiple of the network's stride, counted from the grid's corner, or its
pooling cells would fall elsewhere than its neighbour's.

The plan is computed here, without any I/O; ``tiles.pixels.reader`` carries it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tiles.errors import GridError
from tiles.grid import Window
from tiles.panels import Panel

__all__ = ["Tile", "TileRow", "Tiling"]

Span = tuple[int, int]
"""Offset and length along an axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """What the network sees at once, and what is kept of it.

    Attributes:
        interior: Pixels that are kept; interiors cover the domain once.
        read: Pixels that the network sees: interior and halo. May reach beyond the grid, where the reader reflects.
        own: The part of the interior that the panel keeps, which sees more of its neighbours than that; ``None``:
            nothing of it.
    """

    interior: Window
    read: Window
    own: Window | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TileRow:
    """Tiles side by side, all of the same rows.

    Attributes:
        interior: Kept pixels of the whole row; as wide as the domain, or as what a panel of it sees.
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
        most_rows: Rows that an interior has at the most; 0: as many as columns. Low tiles keep rows of them small.
        halo: Least number of pixels read beyond the interior on each side: the receptive field's reach.
        stride: Total down-sampling of the network; tiles are read from multiples of it.
        block_rows: Rows of the files' blocks, in pixels of the grid; 0: whatever. Rows of tiles are then laid so that
            what they read ends with a row of blocks: none is decoded, and kept, for a few rows of halo. The first row
            of tiles is lower for it. Sizes that do not go into each other cannot be laid so.
        is_even: Tiles are as wide as each other, as far as the stride lets them, and ``tile_size`` at the most, and all
            of a row are read equally wide; rows are whole strides high. So a network need know one shape, and another
            two for the first row and the last.
        panel: The columns of the domain that are mapped; ``None``: all. Tiles are cut where they are cut without
            panels, and at the edges of what a panel sees.

    Raises:
        GridError: A size is impossible.
    """

    domain: Window
    tile_size: int
    halo: int
    stride: int = 1
    block_rows: int = 0
    most_rows: int = 0
    is_even: bool = False
    panel: Panel | None = None

    def __post_init__(self) -> None:
        if self.tile_size < 1 or self.stride < 1 or self.halo < 0 or self.most_rows < 0:
            raise GridError(
                "A tiling needs tile_size >= 1, stride >= 1, halo >= 0 and most_rows >= 0, found "
                f"tile_size {self.tile_size}, stride {self.stride}, halo {self.halo}, most_rows {self.most_rows}."
            )

    @property
    def tile_rows(self) -> int:
        """Rows of a tile's interior, but for the first and the last."""
        rows = min(self.tile_size, self.most_rows or self.tile_size)
        return rows - rows % self.stride if self.is_even and rows > self.stride else rows

    def rows(self) -> Iterator[TileRow]:
        """The rows of tiles, from top to bottom."""
        columns = list(self._plan_columns())
        for (row_off, height), (read_row_off, read_height) in self._plan_rows():
            tiles = tuple(
                Tile(
                    interior=Window(col_off, row_off, width, height),
                    read=Window(read_col_off, read_row_off, read_width, read_height),
                    own=self._find_own(Window(col_off, row_off, width, height)),
                )
                for (col_off, width), (read_col_off, read_width) in columns
            )
            left, right = tiles[0], tiles[-1]
            col_off, read_col_off = left.interior.col_off, left.read.col_off
            yield TileRow(
                interior=Window(col_off, row_off, right.interior.col_stop - col_off, height),
                read=Window(read_col_off, read_row_off, right.read.col_stop - read_col_off, read_height),
                tiles=tiles,
            )

    @property
    def _tile_cols(self) -> int:
        """Columns of a tile's interior, but for the last."""
        if not self.is_even:
            return self.tile_size
        count = -(-self.domain.width // self.tile_size)
        return min(self.tile_size, -(-self.domain.width // (count * self.stride)) * self.stride)

    def _plan_columns(self) -> Iterator[tuple[Span, Span]]:
        """As ``_plan_rows``, for the columns that the panel sees."""
        whole = range(self.domain.col_off, self.domain.col_stop)
        seen = self.panel.seen if self.panel else whole
        inner = [col for col in whole[:: self._tile_cols] if seen.start < col < seen.stop]
        interiors = [(start, stop - start) for start, stop in pairwise((seen.start, *inner, seen.stop))]
        reads = [self._find_read(start, start + length) for start, length in interiors]
        if self.is_even:
            first, widest = reads[0][0], max(length for _, length in reads)
            reads = [(max(first, start + length - widest), widest) for start, length in reads]
        yield from zip(interiors, reads, strict=True)

    def _find_own(self, interior: Window) -> Window | None:
        """The part of an interior that the panel keeps."""
        if self.panel is None:
            return interior
        own = self.panel.own
        return interior.intersection(Window(own.start, interior.row_off, len(own), interior.height))

    def _compute_first_height(self) -> int:
        """Rows of the first row of tiles, such that every row of tiles reads to the end of a row of blocks."""
        rows = self.tile_rows
        period = min(self.block_rows, rows)
        if period == 0 or self.block_rows % period or rows % period or period % self.stride:
            return rows
        halo = -(-self.halo // self.stride) * self.stride
        return rows - (self.domain.row_off + rows + halo) % period

    def _plan_rows(self) -> Iterator[tuple[Span, Span]]:
        """Each interior along the rows, and what is read for it."""
        start, stop = self.domain.row_off, self.domain.row_stop
        begin = start + self._compute_first_height()
        for offset in (start, *range(begin, stop, self.tile_rows)):
            length = min(begin - start if offset == start else self.tile_rows, stop - offset)
            yield (offset, length), self._find_read(offset, offset + length)

    def _find_read(self, start: int, stop: int) -> Span:
        """What is read for an interior, along one axis."""
        read_start = (start - self.halo) // self.stride * self.stride
        return read_start, -(-(stop + self.halo) // self.stride) * self.stride - read_start
