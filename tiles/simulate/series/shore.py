"""Moves the shore of a simulated world by an exact distance: along its normals, by the signed distance to it.

The field of a moved terrain is the distance in metres to the shoreline of the terrain as drawn (positive in water)
plus the shift, so its zero contour lies that far landward of it wherever such a place exists. Where the shore bends
more sharply than the shift is wide the offset has a corner; spits, islets and creeks narrower than twice the shift
vanish, as they would.

Source: Osher and Fedkiw, Level Set Methods and Dynamic Implicit Surfaces, 2003, chapter 2: signed distance functions.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tiles.errors import GridError, SceneError
from tiles.grid import Window
from tiles.simulate.world.landscape import compute_shoreline
from tiles.simulate.world.terrain import CELL_PX, SUBNODES, Terrain, TerrainBlock
from tiles.simulate.world.waterline import compute_area_share
from tiles.simulate.world.world import World

__all__ = ["MovedTerrain", "Waterline", "compute_normal_share", "trace_waterline"]

Field = NDArray[np.float64]

_PIXEL_M = 10.0
_STEP_M = 0.5  # between vertices: the nearest segment then touches the nearest vertex
_CROSSED_M = 15.0  # a pixel's diagonal: no shore crosses a pixel whose corners are all farther away
_NEARBY_M = 50.0  # no node of a pixel with a nearer corner is farther from the moved shore
_CELL_RADIUS_M = 86.0
_SETTLED_M = 60.0  # beyond the shift, in which the field is a pure distance
_NORMAL_M = 0.2
_SAMPLE_M = 5.0
_KEPT_GROUNDS = 64  # some 4 MB each: two rows of a scene of 6,000 px, or a small scene whole, for all its dates


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ground:
    """What the dates of a series have in common in a window.

    Attributes:
        drawn: The terrain as drawn.
        sign: Of its field at all fine nodes, 1 in water.
        distance: Signed distance to the shoreline at pixel corners, metres, infinite far from it.
    """

    drawn: TerrainBlock
    sign: NDArray[np.int8]
    distance: Field


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waterline:
    """The shoreline of a terrain as drawn, from which distances are taken.

    Attributes:
        terrain: As drawn.
        window: Where the shoreline was traced, in whole cells; farther out distances are unknown.
        reach_m: How far from it, landward and seaward, it may be moved.
        lines: Its parts (n, 2): column and row in pixels, land on the left of travel.
        points: All vertices (n, 2) in metres to the east and south, at most half a metre apart.
        before: Index (n,) of the vertex before each, itself where a line begins.
        after: Index (n,) of the vertex after each, itself where a line ends.
        tree: The vertices, to find the nearest.
    """

    terrain: Terrain
    window: Window
    reach_m: float
    lines: tuple[Field, ...]
    points: Field
    before: NDArray[np.intp]
    after: NDArray[np.intp]
    tree: cKDTree
    kept: OrderedDict[Window, _Ground] = field(default_factory=OrderedDict, repr=False)

    @property
    def pure_m(self) -> float:
        """Distance to which moved fields are the distance alone; twice as far out they are as drawn."""
        return self.reach_m + _SETTLED_M

    def compute_distance(self, points: Field, *, reach_m: float) -> Field:
        """Distance in metres from points (n, 2) to the shoreline; infinite where it is beyond ``reach_m``."""
        answer = self.tree.query(points, distance_upper_bound=reach_m)
        reached = np.isfinite(np.asarray(answer[0]))
        some, at = points[reached], np.asarray(answer[1])[reached]
        ends = self.points[at]
        near = np.minimum(
            _compute_segment_distance(some, ends, self.points[self.before[at]]),
            _compute_segment_distance(some, ends, self.points[self.after[at]]),
        )
        out = np.full(len(points), np.inf)
        out[reached] = near
        return out


def _compute_segment_distance(points: Field, start: Field, end: Field) -> Field:
    along = end - start
    length = np.maximum((along * along).sum(axis=1), 1e-12)
    share = np.clip(((points - start) * along).sum(axis=1) / length, 0, 1)
    rest = points - start - share[:, None] * along
    return np.asarray(np.sqrt((rest * rest).sum(axis=1)))


def trace_waterline(world: World, window: Window, *, reach_m: float) -> Waterline:
    """Trace the shoreline from which distances are to be taken.

    Args:
        world: With the terrain as drawn.
        window: Pixels in whole cells; as far beyond the scene as the shore is to be known.
        reach_m: Greatest distance by which it is to be moved, metres.

    Raises:
        SceneError: There is no shoreline in it.
    """
    lines = [line for line in compute_shoreline(world, window) if len(line) > 1]
    if not lines:
        raise SceneError(f"There is no shoreline to move in {window}. Choose another seed or kind.")
    dense = [
        shapely.get_coordinates(shapely.segmentize(shapely.LineString(line * _PIXEL_M), _STEP_M)) for line in lines
    ]
    starts = np.cumsum([0, *(len(line) for line in dense)])
    count = np.arange(starts[-1])
    before, after = count - 1, count + 1
    before[starts[:-1]] = starts[:-1]
    after[starts[1:] - 1] = starts[1:] - 1
    points = np.concatenate(dense)
    return Waterline(
        terrain=world.terrain,
        window=window,
        reach_m=reach_m,
        lines=tuple(lines),
        points=points,
        before=before.astype(np.intp),
        after=after.astype(np.intp),
        tree=cKDTree(points),
    )


class MovedTerrain(Terrain):
    """A terrain whose shoreline lies a given distance landward of where it was drawn."""

    def __init__(self, waterline: Waterline, *, shift_m: float) -> None:
        """Move the shore.

        Args:
            waterline: Where it was drawn.
            shift_m: How far it retreats, metres; negative: the land advances.

        Raises:
            GridError: The shift is beyond the waterline's reach.
        """
        if abs(shift_m) > waterline.reach_m:
            raise GridError(f"Expected a shift of {waterline.reach_m:g} m at most, found {shift_m:g} m.")
        self._waterline = waterline
        self.relief = waterline.terrain.relief
        self._shift_m = shift_m

    def compute_outline(self, rows: Field, cols: Field) -> Field:
        """The outline as drawn; see ``Terrain.compute_outline``."""
        return self._waterline.terrain.compute_outline(rows, cols)

    def compute_block(self, window: Window) -> TerrainBlock:
        """Evaluate the terrain of a window; see ``Terrain.compute_block``.

        Raises:
            GridError: The window reaches to where the shoreline is not known.
        """
        known = self._waterline.window
        if window.intersection(known) != window:
            raise GridError(f"The shoreline is known in {known}, found the window {window}. Stay inside.")
        ground = self._get_ground(window)
        drawn, distance = ground.drawn, ground.distance + self._shift_m
        nodes = self._blend_nodes(ground)
        near = np.abs(distance) < _CROSSED_M
        crossed = near[:-1, :-1] | near[1:, :-1] | near[:-1, 1:] | near[1:, 1:]
        cells = _find_cells(crossed)
        fine = np.empty((len(cells), CELL_PX * SUBNODES + 1, CELL_PX * SUBNODES + 1))
        for index, cell in enumerate(cells):
            fine[index] = self._refine_cell(cell, ground, nodes, crossed)
        fraction = (nodes[:-1, :-1] > 0).astype(np.float32)
        for (row, col), share in zip(cells * CELL_PX, compute_area_share(fine, SUBNODES), strict=True):
            fraction[row : row + CELL_PX, col : col + CELL_PX] = share
        return TerrainBlock(
            window=window,
            nodes=nodes,
            # Sea and land before rivers move with the shore that they have in common.
            base=drawn.base + (nodes - drawn.nodes),
            water_fraction=fraction,
            cells=cells,
            fine=fine,
        )

    def _get_ground(self, window: Window) -> _Ground:
        """What all dates share in a window, from memory where it was needed lately."""
        kept = self._waterline.kept
        ground = kept.get(window)
        if ground is None:
            drawn = self._waterline.terrain.compute_block(window)
            ground = _Ground(
                drawn=drawn,
                sign=np.sign(drawn.compute_fine_nodes()).astype(np.int8),
                distance=np.sign(drawn.nodes) * self._measure_corners(window),
            )
            kept[window] = ground
            while len(kept) > _KEPT_GROUNDS:
                kept.popitem(last=False)
        return ground

    def _measure_corners(self, window: Window) -> Field:
        """Distance to the shoreline at all pixel corners of a window, cell by cell where any lies within reach."""
        reach = 2 * self._waterline.pure_m
        rows = np.arange(window.row_off, window.row_stop + 1)
        cols = np.arange(window.col_off, window.col_stop + 1)
        middle = [np.arange(axis[0], axis[-1], CELL_PX) + CELL_PX / 2 for axis in (rows, cols)]
        away = self._measure_distance(*np.meshgrid(*middle, indexing="ij"), reach_m=reach + _CELL_RADIUS_M)
        far = np.kron(~np.isfinite(away), np.ones((CELL_PX, CELL_PX), np.bool_))
        far = np.pad(far, ((0, 1), (0, 1)), mode="edge")
        distance = np.full(far.shape, np.inf)
        down, across = np.nonzero(~far)
        distance[down, across] = self._measure_distance(rows[down], cols[across], reach_m=reach)
        return distance

    def _measure_distance(self, rows: NDArray[Any], cols: NDArray[Any], *, reach_m: float) -> Field:
        """Distance to the shoreline at positions in pixels, arrays of one shape."""
        places = np.stack([cols, rows], axis=-1).reshape(-1, 2) * _PIXEL_M
        return self._waterline.compute_distance(places, reach_m=reach_m).reshape(rows.shape)

    def _blend_nodes(self, ground: _Ground) -> Field:
        """The moved field near the shore, the field as drawn far from it; both have one sign in between."""
        settled = np.clip((np.abs(ground.distance) - self._waterline.pure_m) / self._waterline.pure_m, 0, 1)
        moved = np.where(settled < 1, ground.distance, 0) + self._shift_m
        return _leave_zero((1 - settled) * moved + settled * ground.drawn.nodes)

    def _refine_cell(self, cell: NDArray[np.int64], ground: _Ground, nodes: Field, crossed: NDArray[np.bool_]) -> Field:
        """The moved field at the fine nodes (49, 49) of a cell: exact in pixels that the shore may cross."""
        row, col = (int(value) * CELL_PX for value in cell)
        pixels = (slice(row, row + CELL_PX), slice(col, col + CELL_PX))
        inner = np.pad(np.kron(crossed[pixels], np.ones((SUBNODES, SUBNODES), np.bool_)), ((0, 1), (0, 1)))
        exact = inner.copy()  # a crossed pixel's nodes, those on its lower and right edge too
        exact[1:] |= inner[:-1]
        exact[:, 1:] |= exact[:, :-1].copy()
        # Elsewhere the sign alone counts, and it is that of the pixel's corner.
        corner = nodes[row : row + CELL_PX + 1, col : col + CELL_PX + 1]
        side = np.minimum(np.arange(CELL_PX * SUBNODES + 1) // SUBNODES, CELL_PX)
        fine: Field = np.asarray(corner[np.ix_(side, side)])
        down, across = np.nonzero(exact)
        at_row, at_col = row * SUBNODES + down, col * SUBNODES + across
        window = ground.drawn.window
        rows, cols = window.row_off + at_row / SUBNODES, window.col_off + at_col / SUBNODES
        distance = self._measure_distance(rows, cols, reach_m=abs(self._shift_m) + _NEARBY_M)
        fine[down, across] = _leave_zero(ground.sign[at_row, at_col] * distance + self._shift_m)
        return fine


def _leave_zero(field: Field) -> Field:
    """No node is exactly on the shoreline, so every crossing has two sides."""
    return np.asarray((np.floor(field * 256) + 0.5) / 256)


def _find_cells(crossed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Cells (N, 2) that hold pixels which the shore may cross."""
    rows, cols = (size // CELL_PX for size in crossed.shape)
    return np.argwhere(crossed.reshape(rows, CELL_PX, cols, CELL_PX).any(axis=(1, 3)))


def compute_normal_share(waterline: Waterline, *, shift_m: float, window: Window) -> float:
    """Share of the shoreline in a window from whose points the moved shore lies ``shift_m`` along the normal.

    The rest are bends sharper than the shift is wide, spits, islets and creeks: there the shore moves farther, or is
    gone.

    Args:
        waterline: The shore as drawn.
        shift_m: How far it retreats, metres; negative: advances.
        window: Pixels.
    """
    left, top = window.col_off * _PIXEL_M, window.row_off * _PIXEL_M
    box = shapely.box(left, top, left + window.width * _PIXEL_M, top + window.height * _PIXEL_M)
    good = total = 0
    for line in waterline.lines:
        path = shapely.LineString(line * _PIXEL_M)
        at = np.arange(_SAMPLE_M, path.length - _SAMPLE_M, _SAMPLE_M)
        places = shapely.get_coordinates(shapely.line_interpolate_point(path, at))
        ahead = shapely.get_coordinates(shapely.line_interpolate_point(path, at + _SAMPLE_M))
        behind = shapely.get_coordinates(shapely.line_interpolate_point(path, at - _SAMPLE_M))
        heading = ahead - behind
        heading /= np.maximum(np.hypot(*heading.T), 1e-9)[:, None]
        # East and south: the left of travel, where the land is, is a quarter turn towards -south.
        landward = np.column_stack([heading[:, 1], -heading[:, 0]])
        inside = shapely.contains_xy(box, places)
        moved = (places + shift_m * landward)[inside]
        distance = waterline.compute_distance(moved, reach_m=abs(shift_m) + 50)
        good += int((np.abs(distance - abs(shift_m)) < _NORMAL_M).sum())
        total += int(inside.sum())
    return good / total if total else 0.0
