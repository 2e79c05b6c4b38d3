"""Where land meets water in a simulated world: a field in metres, positive in water, zero at the shoreline.

The field is defined by position alone. Smooth components (sea floor and hills, rivers' lines and widths, lakes) live
on the corners of the 10 m pixels; near the shore they are brought to nodes every 2.5 m by Catmull-Rom interpolation,
and the corners of rivers, quays and dikes are cut there, so a river of one pixel is a river. All sums are exact in
float64 (see ``tiles.simulate.world.noise``), hence neighbouring windows agree to the last bit.

Source: Catmull and Rom, A class of local interpolating splines, 1974, doi:10.1016/B978-0-12-079050-0.50020-5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tiles.grid import Window
from tiles.simulate.world.noise import compute_hash, compute_noise
from tiles.simulate.world.relief import Barrier, Causeway, Channels, Lattice, Relief
from tiles.simulate.world.single_thread import single_threaded
from tiles.simulate.world.waterline import compute_area_share, trace_lines

__all__ = ["CELL_PX", "SUBNODES", "Terrain", "TerrainBlock"]

CELL_PX = 12
"""Side of the cells that are refined near the shore; windows of terrain start and end on multiples of it."""

SUBNODES = 4
"""Nodes a pixel, along each axis, in refined cells."""

Field = NDArray[np.float64]
_RING = 2  # nodes around a block: one for differences, one for the interpolation's outer taps
_FAR_M = 1.0e4
_LEAST_HALF_WIDTH_M = 2.6  # narrower, a river would fall between the nodes
_BATCH = 24


def _quantise(field: Field) -> Field:
    """Round to 1/1024 so that interpolation with short binary weights is exact."""
    return np.asarray(np.round(field * 1024.0) / 1024.0)


def _compute_upsampling() -> Field:
    """Catmull-Rom weights (fine nodes of a cell, its coarse nodes with a ring), multiples of 1/128."""
    fine = CELL_PX * SUBNODES + 1
    matrix = np.zeros((fine, CELL_PX + 3))
    for node in range(fine):
        base, step = divmod(node, SUBNODES)
        if base == CELL_PX:
            matrix[node, base + 1] = 1.0
            continue
        t = step / SUBNODES
        matrix[node, base : base + 4] = (
            (-t + 2 * t**2 - t**3) / 2,
            (2 - 5 * t**2 + 3 * t**3) / 2,
            (t + 4 * t**2 - 3 * t**3) / 2,
            (t**3 - t**2) / 2,
        )
    return matrix


_UPSAMPLING = _compute_upsampling()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Stream:
    """One family of channels at nodes: phase in pixels, its gradient (pixels a pixel), half width in metres."""

    phase: Field
    gradient: Field
    half_width: Field


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Components:
    """The smooth parts of the field, all of one shape (..., rows, cols), in metres."""

    base: Field
    streams: tuple[_Stream, ...]
    lakes: Field | None
    skerries: Field | None
    barrier: Field | None

    def transform(self, change: Callable[[Field], Field]) -> _Components:
        """The same parts, each put through ``change``."""
        return _Components(
            base=change(self.base),
            streams=tuple(
                _Stream(phase=change(s.phase), gradient=change(s.gradient), half_width=change(s.half_width))
                for s in self.streams
            ),
            lakes=None if self.lakes is None else change(self.lakes),
            skerries=None if self.skerries is None else change(self.skerries),
            barrier=None if self.barrier is None else change(self.barrier),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TerrainBlock:
    """The terrain of one window.

    Attributes:
        window: Which pixels.
        nodes: Field (height + 1, width + 1) at pixel corners, metres, positive in water.
        base: The same before rivers, lakes and works: depth of the sea below 0, height of the land above.
        water_fraction: Share of each pixel (height, width) that is water, 0 to 1.
        cells: Row and column (N, 2) of each refined cell, in cells from the window's corner.
        fine: Field (N, 49, 49) at the nodes of the refined cells.
    """

    window: Window
    nodes: Field
    base: Field
    water_fraction: NDArray[np.float32]
    cells: NDArray[np.int64]
    fine: Field

    def crop(self, part: Window) -> TerrainBlock:
        """The terrain of a part of the window, as if it had been computed alone.

        Args:
            part: Pixels; offsets and sizes are multiples of ``CELL_PX``.
        """
        rows, cols = part.slices(within=self.window)
        corner = np.array([rows.start, cols.start]) // CELL_PX
        cells = self.cells - corner
        held = ((cells >= 0) & (cells < np.array(part.shape) // CELL_PX)).all(axis=1)
        nodes = (slice(rows.start, rows.stop + 1), slice(cols.start, cols.stop + 1))
        return TerrainBlock(
            window=part,
            nodes=self.nodes[nodes],
            base=self.base[nodes],
            water_fraction=self.water_fraction[rows, cols],
            cells=cells[held],
            fine=self.fine[held],
        )

    def trace(self, part: Window) -> list[Field]:
        """The shoreline in a part of the window.

        Args:
            part: Pixels; any whole offsets and sizes.

        Returns:
            Lines (N, 2) of x (right) and y (down) in pixels of the absolute plane, land on the left of travel.
        """
        if not len(self.cells):
            return []
        rows, cols = part.slices(within=self.window)
        nodes = self.compute_fine_nodes()[
            rows.start * SUBNODES : rows.stop * SUBNODES + 1, cols.start * SUBNODES : cols.stop * SUBNODES + 1
        ]
        return [line / SUBNODES + (part.col_off, part.row_off) for line in trace_lines(nodes)]

    def compute_fine_nodes(self) -> Field:
        """The field at all nodes, four a pixel; where no shore is near, the sign times a large number."""
        field = np.repeat(np.repeat(np.sign(self.nodes[:-1, :-1]) * _FAR_M, SUBNODES, axis=0), SUBNODES, axis=1)
        field = np.pad(field, ((0, 1), (0, 1)), mode="edge")
        side = CELL_PX * SUBNODES
        for (row, col), values in zip(self.cells, self.fine, strict=True):
            field[row * side : (row + 1) * side + 1, col * side : (col + 1) * side + 1] = values
        return field


def _compute_slope(field: Field) -> Field:
    """Magnitude of the gradient a pixel, from central differences; the outermost ring is a copy of its neighbour."""
    down = np.zeros_like(field)
    across = np.zeros_like(field)
    down[1:-1] = (field[2:] - field[:-2]) / 2
    across[:, 1:-1] = (field[:, 2:] - field[:, :-2]) / 2
    return np.sqrt(down * down + across * across)


def _compute_lattice_distance(works: Lattice, rows: Field, cols: Field) -> Field:
    """Metres inside the edge of straight-edged works; negative outside and in cells that are not taken."""
    x, y = works.heading
    u = (cols * x + rows * y) / works.size_px[0]
    v = (rows * x - cols * y) / works.size_px[1]
    cell_u, cell_v = np.floor(u), np.floor(v)
    along = (0.5 - np.abs(u - cell_u - 0.5)) * (works.size_px[0] * 10) - works.margin_m[0]
    across = (0.5 - np.abs(v - cell_v - 0.5)) * (works.size_px[1] * 10) - works.margin_m[1]
    taken = compute_hash(works.seed, cell_u, cell_v) < np.uint32(works.share * 0xFFFFFFFF)
    inside = np.minimum(along, across)
    if works.district_share < 1:
        chosen = compute_hash(works.seed + 1, np.floor(cell_u / 8), np.floor(cell_v / 12))
        taken &= chosen < np.uint32(works.district_share * 0xFFFFFFFF)
    if works.vary_m > 0:
        inside -= np.round(compute_hash(works.seed + 2, cell_u, cell_v) * (16 * works.vary_m / 2.0**32)) / 16
    return np.where(taken, inside, -_FAR_M)


def _compute_causeway_distance(causeway: Causeway, rows: Field, cols: Field) -> Field:
    """Metres inside the edge of a bridge or mole that goes on for ever; negative outside."""
    x, y = causeway.heading
    phase = cols * x + rows * y
    return causeway.half_width_m - 10 * np.abs(phase - causeway.period_px * np.round(phase / causeway.period_px))


class Terrain:
    """The shoreline field of one world, evaluable in any window of the absolute plane.

    Attributes:
        relief: The recipe that it follows.
    """

    def __init__(self, relief: Relief, *, extent_px: int) -> None:
        """Settle the sea level so that the wanted share of the extent is sea.

        Args:
            relief: The recipe.
            extent_px: Side of the square from (0, 0) over which ``relief.water_share`` is meant.
        """
        self.relief = relief
        self._level = 0.0
        self._level = self._compute_level(extent_px)

    def _compute_level(self, extent_px: int) -> float:
        share = self.relief.water_share
        if share <= 0 or share >= 1:
            return _FAR_M if share <= 0 else -_FAR_M
        steps = np.round(np.linspace(0, extent_px, 49))
        field, _ = self._compute_base(steps, steps)
        return float(np.round(np.quantile(field, 1 - share)))

    def _compute_base(self, rows: Field, cols: Field) -> tuple[Field, Field]:
        """Sea and land at positions: the whole field, and the part of the coarse octaves alone (R, C)."""
        relief = self.relief
        coarse = compute_noise(relief.coarse, rows, cols) - self._level
        coarse += cols[None, :] * relief.trend[0] + rows[:, None] * relief.trend[1]
        rough = np.clip(compute_noise(relief.ruggedness, rows, cols) + 0.7, 0.08, 1.6)
        return coarse + compute_noise(relief.fine, rows, cols) * rough, coarse

    def _compute_stream(self, channels: Channels, rows: Field, cols: Field, base: Field) -> _Stream:
        phase = compute_noise(channels.meander, rows, cols)
        phase += cols[None, :] * channels.heading[0] + rows[:, None] * channels.heading[1]
        width = np.full_like(base, channels.half_width_m)
        if channels.width_noise is not None:
            width *= 1.0 + np.clip(compute_noise(channels.width_noise, rows, cols), -0.9, 1.5)
        if channels.mouth_m > 0:
            width += channels.mouth_m * np.clip(1 + base / channels.funnel_m, 0, 1) ** 2
        # Where it is too narrow to be seen, it tapers fast and is gone.
        short = _LEAST_HALF_WIDTH_M - width
        width = np.where(short > 0, np.maximum(_LEAST_HALF_WIDTH_M - 4 * short, -50.0), width)
        return _Stream(phase=phase, gradient=_compute_slope(phase), half_width=width)

    def _compute_barrier(self, barrier: Barrier, rows: Field, cols: Field, coarse: Field) -> Field:
        offshore = coarse / np.maximum(_compute_slope(coarse) / 10, 0.15)
        gaps = np.clip(1.0 + 1.3 * compute_noise(barrier.gaps, rows, cols), -0.5, 1.6)
        return barrier.half_width_m * gaps - np.abs(offshore - barrier.distance_m)

    def _compute_components(self, rows: Field, cols: Field) -> _Components:
        relief = self.relief
        base, coarse = self._compute_base(rows, cols)
        lakes = None if relief.lakes is None else compute_noise(relief.lakes[0], rows, cols) - relief.lakes[1]
        islets = None if relief.skerries is None else compute_noise(relief.skerries[0], rows, cols) - relief.skerries[1]
        barrier = None if relief.barrier is None else self._compute_barrier(relief.barrier, rows, cols, coarse)
        streams = tuple(self._compute_stream(channels, rows, cols, base) for channels in relief.channels)
        parts = _Components(base=base, streams=streams, lakes=lakes, skerries=islets, barrier=barrier)
        return parts.transform(_quantise)

    def _compose(self, parts: _Components, rows: Field, cols: Field) -> Field:
        """Join the parts into the field; ``rows`` and ``cols`` are positions that broadcast against them."""
        relief = self.relief
        field = parts.base
        if parts.barrier is not None:
            field = np.minimum(field, -parts.barrier)
        for channels, stream in zip(relief.channels, parts.streams, strict=True):
            period = channels.period_px
            phase = stream.phase - period * np.round(stream.phase / period)
            field = np.maximum(field, stream.half_width - np.abs(phase) * 10 / np.maximum(stream.gradient, 0.3))
        if parts.lakes is not None:
            field = np.maximum(field, parts.lakes)
        if parts.skerries is not None:
            field = np.minimum(field, -parts.skerries)
        field = self._build_works(field, rows, cols)
        # No node is exactly on the shoreline, so every crossing has two sides.
        return np.asarray((np.floor(field * 256) + 0.5) / 256)

    def _build_works(self, field: Field, rows: Field, cols: Field) -> Field:
        shore, relief = field, self.relief
        dug, built_out = (relief.ponds, relief.basins, relief.pools), (relief.piers, relief.marinas)
        for works, sign in (*((one, 1) for one in dug), *((one, -1) for one in built_out)):
            if works is None or float(np.abs(shore).min()) > works.reach_m:
                continue
            built = np.minimum(_compute_lattice_distance(works, rows, cols), works.reach_m - np.abs(shore))
            field = np.maximum(field, built) if sign > 0 else np.minimum(field, -built)
        nearest = float(np.abs(shore).min())
        for causeway in relief.causeways:
            if nearest <= causeway.reach_m:
                built = np.minimum(_compute_causeway_distance(causeway, rows, cols), causeway.reach_m - np.abs(shore))
                field = np.minimum(field, -built)
        return field

    @single_threaded()
    def compute_outline(self, rows: Field, cols: Field) -> Field:
        """Sea (positive) and land at positions, before rivers, lakes and all that people build: at any spacing.

        Args:
            rows: Positions (R,) down the plane in pixels.
            cols: Positions (C,) across it.

        Returns:
            The field (R, C), never exactly 0.
        """
        return np.asarray((np.floor(self._compute_base(rows, cols)[0] * 256) + 0.5) / 256)

    @single_threaded()
    def compute_block(self, window: Window) -> TerrainBlock:
        """Evaluate the terrain of a window.

        Args:
            window: Pixels; offsets and sizes are multiples of ``CELL_PX``.
        """
        rows = np.arange(window.row_off - _RING, window.row_stop + _RING + 1, dtype=np.float64)
        cols = np.arange(window.col_off - _RING, window.col_stop + _RING + 1, dtype=np.float64)
        parts = self._compute_components(rows, cols)
        inner = parts.transform(lambda field: field[_RING:-_RING, _RING:-_RING])
        nodes = self._compose(inner, rows[_RING:-_RING, None], cols[None, _RING:-_RING])
        cells = _find_shore_cells(nodes)
        fraction = (nodes[:-1, :-1] > 0).astype(np.float32)
        fine = self._refine(parts, cells, rows, cols)
        shares = compute_area_share(fine, SUBNODES)
        for (row, col), share in zip(cells * CELL_PX, shares, strict=True):
            fraction[row : row + CELL_PX, col : col + CELL_PX] = share
        return TerrainBlock(
            window=window, nodes=nodes, base=inner.base, water_fraction=fraction, cells=cells, fine=fine
        )

    def _refine(self, parts: _Components, cells: NDArray[np.int64], rows: Field, cols: Field) -> Field:
        """The field at the fine nodes of cells, a batch at a time so that it stays in the cache."""
        side = CELL_PX * SUBNODES + 1
        fine = np.empty((len(cells), side, side))
        steps = np.arange(side) / SUBNODES
        for start in range(0, len(cells), _BATCH):
            corner = cells[start : start + _BATCH] * CELL_PX
            batch = parts.transform(partial(_upsample, corner=corner))
            down = rows[corner[:, 0] + _RING][:, None, None] + steps[:, None]
            across = cols[corner[:, 1] + _RING][:, None, None] + steps[None, :]
            fine[start : start + _BATCH] = self._compose(batch, down, across)
        return fine


def _upsample(field: Field, *, corner: NDArray[np.int64]) -> Field:
    """Bring cells of a ringed field, given their upper left nodes (N, 2), to the fine nodes (N, 49, 49)."""
    cells = [field[row + 1 : row + CELL_PX + 4, col + 1 : col + CELL_PX + 4] for row, col in corner]
    return np.asarray(_UPSAMPLING @ np.stack(cells) @ _UPSAMPLING.T)


def _find_shore_cells(nodes: Field) -> NDArray[np.int64]:
    """Cells (N, 2) in which the field may change sign between nodes: it is smaller than its own steps there."""
    corners = (nodes[:-1, :-1], nodes[1:, :-1], nodes[:-1, 1:], nodes[1:, 1:])
    low = np.minimum(np.minimum(corners[0], corners[1]), np.minimum(corners[2], corners[3]))
    high = np.maximum(np.maximum(corners[0], corners[1]), np.maximum(corners[2], corners[3]))
    shape = (low.shape[0] // CELL_PX, CELL_PX, low.shape[1] // CELL_PX, CELL_PX)
    step = (high - low).reshape(shape).max(axis=(1, 3))
    near = (low.reshape(shape).min(axis=(1, 3)) < step) & (high.reshape(shape).max(axis=(1, 3)) > -step)
    return np.argwhere(near)
