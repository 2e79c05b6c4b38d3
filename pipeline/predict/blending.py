"""Blend tiles that overlap, for networks that no halo makes seam-free.

A network with a norm over the tile, or with attention, sees all of what it is given: two tiles answer differently
where they meet. So tiles overlap, and each fades out where its neighbour fades in, along a Hann window's flank. The
weights of a pixel sum to one, so what the tiles agree on stays as it is.

Source: Pielawski & Wählby 2020, Introducing Hann windows for reducing edge-effects in patch-based image segmentation,
doi:10.1371/journal.pone.0229839.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiles.grid import Window
from tiles.masks import NODATA

__all__ = ["Blender", "compute_overlap", "compute_weight"]


def compute_overlap(tile_size: int, stride: int) -> int:
    """How far a tile reaches beyond its interior on each side, and fades within it, in pixels.

    Args:
        tile_size: Interior of a tile in pixels.
        stride: Of the network.

    Returns:
        A quarter of the interior, in whole strides and at least one, but never more than half of the interior.
    """
    return min(max(stride, tile_size // 4 // stride * stride), tile_size // 2)


def compute_weight(
    start: int, length: int, *, interior: tuple[int, int], overlap: int, domain: tuple[int, int]
) -> NDArray[np.float32]:
    """The weight of a tile along one axis, for the pixels from ``start`` on.

    Args:
        start: First pixel.
        length: Number of pixels.
        interior: First pixel of the tile's interior, and the first beyond it.
        overlap: Pixels over which it fades, on each side of an edge that it shares with a neighbour.
        domain: First pixel of all that is mapped, and the first beyond it; there nothing fades.

    Returns:
        float32 (length,), 0 to 1; with the neighbours' it sums to one over the domain.
    """
    centre = np.arange(start, start + length) + 0.5
    rise = np.ones(length) if interior[0] <= domain[0] else _flank(centre - interior[0], overlap)
    fall = np.zeros(length) if interior[1] >= domain[1] else _flank(centre - interior[1], overlap)
    return (rise - fall).astype(np.float32)


def _flank(away: NDArray[np.floating[Any]], overlap: int) -> NDArray[np.floating[Any]]:
    """From 0 to 1 within ``overlap`` pixels on both sides of an edge: half of a Hann window."""
    if overlap == 0:
        return (away > 0).astype(np.float64)
    return np.asarray(np.sin(np.clip(away / overlap + 1, 0, 2) * np.pi / 4) ** 2)


class Blender:
    """Sums weighted tiles, and gives rows back once no later tile can reach them.

    It holds the rows of one row of tiles and its overlap, never the scene.

    Args:
        domain: All that is mapped, a window of the scene's grid.
        overlap: Pixels over which tiles fade, on each side of a shared edge.
    """

    def __init__(self, domain: Window, *, overlap: int) -> None:
        self._domain = domain
        self._overlap = overlap
        self._row = domain.row_off  # first row that is held
        self._sum = np.zeros((0, domain.width), dtype=np.float32)
        self._state, self._look = (np.zeros((0, domain.width), dtype=np.uint8) for _ in range(2))
        self._infrared = np.zeros((0, domain.width), dtype=np.int16)

    def reach(self, interior: Window) -> Window | None:
        """The pixels that a tile takes part in: its interior and overlap, cut to the domain."""
        grown = Window(
            interior.col_off - self._overlap,
            interior.row_off - self._overlap,
            interior.width + 2 * self._overlap,
            interior.height + 2 * self._overlap,
        )
        return grown.intersection(self._domain)

    def add(self, interior: Window, target: Window, probability: NDArray[np.float32]) -> None:
        """Add what a tile answers, with the weight that it has.

        Args:
            interior: The tile's interior.
            target: What ``reach`` says of it.
            probability: (row, col) of the target.
        """
        self._hold(target.row_stop)
        domain, overlap = self._domain, self._overlap
        rows = compute_weight(
            target.row_off,
            target.height,
            interior=(interior.row_off, interior.row_stop),
            overlap=overlap,
            domain=(domain.row_off, domain.row_stop),
        )
        cols = compute_weight(
            target.col_off,
            target.width,
            interior=(interior.col_off, interior.col_stop),
            overlap=overlap,
            domain=(domain.col_off, domain.col_stop),
        )
        self._sum[self._slices(target)] += probability * rows[:, None] * cols

    def set_state(
        self, interior: Window, state: NDArray[np.uint8], look: NDArray[np.uint8], infrared: NDArray[np.int16]
    ) -> None:
        """Say which pixels of a tile's interior have data, what they look like, and their near infrared."""
        self._hold(interior.row_stop)
        self._state[self._slices(interior)] = state
        self._look[self._slices(interior)] = look
        self._infrared[self._slices(interior)] = infrared

    def take(
        self, interior_stop: int
    ) -> Iterator[tuple[int, NDArray[np.float32], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int16]]]:
        """Give back the rows that are finished once all tiles above ``interior_stop`` were added, and forget them.

        Args:
            interior_stop: First row below the interiors so far.

        Yields:
            First row, probability, state, look and infrared, at most once.
        """
        last = interior_stop >= self._domain.row_stop
        stop = self._domain.row_stop if last else interior_stop - self._overlap
        count = stop - self._row
        if count > 0:
            self._hold(stop)
            part = slice(count)
            yield self._row, self._sum[part], self._state[part], self._look[part], self._infrared[part]
            self._sum, self._state, self._row = self._sum[count:].copy(), self._state[count:].copy(), stop
            self._look, self._infrared = self._look[count:].copy(), self._infrared[count:].copy()

    def _slices(self, window: Window) -> tuple[slice, slice]:
        top, left = window.row_off - self._row, window.col_off - self._domain.col_off
        return slice(top, top + window.height), slice(left, left + window.width)

    def _hold(self, stop: int) -> None:
        missing = stop - self._row - len(self._sum)
        if missing > 0:
            self._sum = np.pad(self._sum, ((0, missing), (0, 0)))
            self._look = np.pad(self._look, ((0, missing), (0, 0)))
            self._infrared = np.pad(self._infrared, ((0, missing), (0, 0)))
            self._state = np.pad(self._state, ((0, missing), (0, 0)), constant_values=NODATA)
