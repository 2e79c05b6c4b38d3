"""Trace the coastline of a scene from strips of its water probability, between pixel centres.

To follow a shore from pixels to a file: strips become blocks of nodes here, ``cells`` computes the pieces of contour
and boundary in a block, ``rings`` links the pieces of all blocks into lines and polygons (``traced`` says what those
are), and ``coastline`` makes features of them.

Memory grows with the coastline, not with the scene. The result does not depend on how the scene was cut into strips:
every vertex is computed from the same two pixels in the same order, and known by an integer, so strips are joined by
comparing integers, never coordinates.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.trace.cells import OUTSIDE, Block, compute_pieces
from pipeline.trace.rings import Pieces, link_pieces
from pipeline.trace.traced import Traced
from tiles.errors import GridError
from tiles.masks import NODATA, OBSCURED, VALID

__all__ = ["ContourTracer"]

_BLOCK_ROWS = 64
"""Rows that are looked at together: few enough for the processor's cache."""

_OBSCURED_CODE: Final = np.uint8(1)
_NODATA_CODE: Final = np.uint8(2)  # where both lie beyond a line's end, nodata is the reason


class ContourTracer:
    """Takes a scene strip by strip from the top, and gives its coastline and its bodies of land and water.

    The field is bilinear between pixel centres and constant in the outermost half pixel, so that lines and polygons
    reach the scene's edge. Between pixel centres of which one is not valid, there is neither land nor water: polygons
    end at the last valid centres, and lines there too.

    Args:
        width: Columns of the scene.
        height: Rows of the scene.
        threshold: Probability from which on a pixel is water.
    """

    def __init__(self, *, width: int, height: int, threshold: float = 0.5) -> None:
        if width < 1 or height < 1:
            raise GridError(f"A scene to trace needs at least one pixel each way, found {width} x {height} (w x h).")
        self._width, self._height, self._threshold = width, height, threshold
        # Most of the memory goes into numbers of vertices: those of a Sentinel-2 tile fit 32 bits.
        self._number_type = np.uint32 if 4 * (width + 2) * (height + 3) < 2**32 else np.int64
        self._rows_taken = 0
        self._node_row = 0
        self._last_probability = np.empty((0, width + 2), dtype=np.float32)
        self._last_code = np.empty((0, width + 2), dtype=np.uint8)
        self._last_error = np.empty((0, width + 2), dtype=np.float32)
        self._last_cells = np.full((1, width + 3), OUTSIDE, dtype=np.uint8)
        self._pieces: defaultdict[str, list[NDArray[Any]]] = defaultdict(list)

    def add_strip(
        self,
        probability: NDArray[np.floating[Any]],
        state: NDArray[np.uint8],
        error: NDArray[np.float32] | None = None,
    ) -> None:
        """Take the next rows of the scene.

        Args:
            probability: (rows, width) water probability; its value does not matter where ``state`` is not 0. NaN
                where it is 0 counts as nodata.
            state: (rows, width) 0 valid, 1 nodata, 2 obscured by cloud.
            error: (rows, width) standard deviation of the probability near the contour: slopes are then given in units
                of it. With all strips of a scene, or with none.

        Raises:
            GridError: The strip is as wide as no strip of the scene, or reaches below it.
        """
        if probability.shape != state.shape or probability.ndim != 2 or probability.shape[1] != self._width:
            raise GridError(
                f"Expected strips of (rows, {self._width}), found a probability of {probability.shape} and a state of "
                f"{state.shape} below row {self._rows_taken}. Hand over whole rows."
            )
        if self._rows_taken + len(probability) > self._height:
            raise GridError(
                f"Expected {self._height - self._rows_taken} more rows, found {len(probability)}. "
                "Strips must not overlap, nor reach below the scene."
            )
        for row in range(0, len(probability), _BLOCK_ROWS):
            rows = slice(row, row + _BLOCK_ROWS)
            self._add_rows(probability[rows], state[rows], None if error is None else error[rows])

    def finish(self) -> Traced:
        """Join what was found in all strips.

        Raises:
            GridError: Rows are missing.
        """
        if self._rows_taken < self._height:
            raise GridError(
                f"Expected {self._height} rows, found {self._rows_taken}. Add the remaining strips before finish()."
            )
        return link_pieces(self._take_pieces())

    def _take_pieces(self) -> Pieces:
        parts = {name: np.concatenate(self._pieces.pop(name), axis=-1) for name in list(self._pieces)}
        return Pieces(width=self._width, height=self._height, **parts)

    def _add_rows(
        self, probability: NDArray[np.floating[Any]], state: NDArray[np.uint8], error: NDArray[np.float32] | None
    ) -> None:
        values = probability.astype(np.float32, copy=False)
        # Mapping leaves no probability under cloud: that is cloud, not missing data.
        missing = (np.isnan(values) & (state == VALID)) | (state == NODATA)
        code = missing * _NODATA_CODE + ((state == OBSCURED) & ~missing) * _OBSCURED_CODE
        self._rows_taken += len(values)
        errors = None if error is None else self._make_nodes(self._last_error, error)
        self._add_nodes(
            self._make_nodes(self._last_probability, values), self._make_nodes(self._last_code, code), errors
        )
        if self._rows_taken == self._height:
            beyond = np.full_like(self._last_code, OUTSIDE)
            last_error = None if errors is None else self._last_error.repeat(2, axis=0)
            codes = np.concatenate((self._last_code, beyond))
            self._add_nodes(self._last_probability.repeat(2, axis=0), codes, last_error)

    def _make_nodes(self, above: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
        """The row of nodes above some pixels, if any, and theirs; the outermost are repeated on the scene's edge."""
        top, bottom = int(len(above) == 0), int(self._rows_taken == self._height)
        nodes = np.empty((len(above) + top + len(values) + bottom, self._width + 2), dtype=values.dtype)
        nodes[: len(above)] = above
        inner = nodes[len(above) + top : len(nodes) - bottom]
        inner[:, 1:-1] = values
        inner[:, 0], inner[:, -1] = values[:, 0], values[:, -1]
        if top:
            nodes[0] = inner[0]
        if bottom:
            nodes[-1] = inner[-1]
        return nodes

    def _add_nodes(
        self, probability: NDArray[np.float32], code: NDArray[np.uint8], error: NDArray[np.float32] | None
    ) -> None:
        rows = np.maximum(code[:-1], code[1:])
        cells = np.full((len(code), self._width + 3), OUTSIDE, dtype=np.uint8)
        cells[0] = self._last_cells
        cells[1:, 1:-1] = np.maximum(rows[:, :-1], rows[:, 1:])
        block = Block(
            row=self._node_row,
            threshold=self._threshold,
            probability=probability,
            wet=probability >= self._threshold,
            cells=cells,
            error=error,
        )
        self._node_row += block.rows
        # Copies, so that no view keeps a whole strip alive.
        self._last_probability, self._last_code = probability[-1:].copy(), code[-1:].copy()
        if error is not None:
            self._last_error = error[-1:].copy()
        self._last_cells = cells[-1:].copy()
        for name, array in compute_pieces(block).items():
            self._pieces[name].append(array.astype(self._number_type) if array.dtype == np.int64 else array)
