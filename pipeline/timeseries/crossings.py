"""Where the shore of one date crosses each transect, and why it has no position on the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from rasterio.windows import Window

from pipeline.output.classes import LAND, NODATA, OBSCURED, WATER
from pipeline.record.mapped_scene import MappedScene
from pipeline.record.stored import read_layer
from pipeline.register.registration import Registration, compute_translation
from pipeline.timeseries.transects import Transects

__all__ = [
    "CLEARANCE_M",
    "Crossed",
    "Crossings",
    "Policy",
    "Positions",
    "choose_crossings",
    "cross_lines",
    "find_crossings",
    "find_reversed",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Policy = Literal["nearest", "seaward", "landward"]

CLEARANCE_M = 20.0
"""Cloud or nodata nearer than this to a crossing, and the crossing does not count."""

_STEP_M = 5.0
_TWICE_M = 30.0
"""Crossings of two overlapping scenes of one overpass that are nearer than this are one shore."""

_STEEPEST = 0.2
"""Least cosine between a transect and the normal of a line: a line that runs along it has no position to a metre."""

_BLOCK = 512


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crossed:
    """Where lines cross transects.

    Attributes:
        transect: (k,) number of the transect.
        position_m: (k,) position on it.
        sigma_m: (k,) uncertainty of the position, one standard deviation, in metres.
        seaward: (k,) True where one goes from land to water on the way seaward.
    """

    transect: Ints
    position_m: Floats
    sigma_m: Floats
    seaward: NDArray[np.bool_]

    def take(self, rows: NDArray[Any]) -> Crossed:
        """Some of them."""
        return Crossed(
            transect=self.transect[rows],
            position_m=self.position_m[rows],
            sigma_m=self.sigma_m[rows],
            seaward=self.seaward[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crossings:
    """All places where the shore of one date crosses transects, and what the transects see.

    Attributes:
        transect: (k,) number of the transect.
        position_m: (k,) position on it.
        sigma_m: (k,) uncertainty of the position, one standard deviation, in metres.
        seaward: (k,) True where one goes from land to water on the way seaward: a shore. Else it is the far bank.
        clear: (k,) True where all within 20 m is clear.
        obstacle: (k,) the class that hides what is not clear, ``OBSCURED`` or ``NODATA``.
        profile: (transects, samples) classes of ``water.tif`` along each transect; NODATA beyond the map.
        place_m: (transects, samples) their positions.
    """

    transect: Ints
    position_m: Floats
    sigma_m: Floats
    seaward: NDArray[np.bool_]
    clear: NDArray[np.bool_]
    obstacle: NDArray[np.uint8]
    profile: NDArray[np.uint8]
    place_m: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Positions:
    """The shore's position on each transect and date.

    Attributes:
        position_m: (transects, dates), NaN where there is none.
        sigma_m: (transects, dates) its uncertainty, one standard deviation.
        reason: (transects, dates) why there is none, as text; empty where there is one.
        crossings: (transects, dates) how many shores the transect crossed, clear or not.
    """

    position_m: Floats
    sigma_m: Floats
    reason: NDArray[np.object_]
    crossings: Ints


def find_crossings(
    scenes: Sequence[MappedScene], transects: Transects, registered: Mapping[str, Registration] | None = None
) -> Crossings:
    """Cross the coastline of one overpass with the transects.

    Args:
        scenes: Its mapped scenes, each with ``coastline.gpkg`` and ``water.tif``; where two overlap, the first counts.
        transects: In any metric CRS.
        registered: How far scenes lie beside the reference, by id; they are moved back, and what is left is in the
            uncertainty.
    """
    lines, place_m = transects.build_lines(), _place_samples(transects)
    moves = {scene.id: _find_move(scene, registered) for scene in scenes}
    kept: list[Crossed] = []
    for scene in scenes:
        coastline = _read_coastline(scene, moves[scene.id], lines, transects.crs)
        crossed = cross_lines(coastline, transects)
        left_m = registered[scene.id].left_m if registered else 0.0
        kept.append(_drop_twice(replace(crossed, sigma_m=np.hypot(crossed.sigma_m, left_m)), kept))
    transect, position, sigma, seaward = (
        np.concatenate([getattr(one, name) for one in kept])
        for name in ("transect", "position_m", "sigma_m", "seaward")
    )
    origin, direction = transects.origin, transects.direction
    points = origin[:, None] + place_m[..., None] * direction[:, None]
    profile = _read_classes(scenes, moves, points.reshape(-1, 2), transects.crs).reshape(place_m.shape)
    around = (origin[transect] + position[:, None] * direction[transect])[:, None] + _make_disc()
    classes = _read_classes(scenes, moves, around.reshape(-1, 2), transects.crs).reshape(around.shape[:2])
    obstacle = classes.max(axis=1, initial=LAND)  # LAND < WATER < OBSCURED < NODATA
    return Crossings(
        transect=transect,
        position_m=position,
        sigma_m=sigma,
        seaward=seaward,
        clear=obstacle <= WATER,
        obstacle=obstacle,
        profile=profile,
        place_m=place_m,
    )


def _place_samples(transects: Transects) -> Floats:
    """(transects, samples) positions every 5 m from end to end; a shorter transect than the longest repeats its end."""
    length = transects.landward_m + transects.seaward_m
    along = np.arange(int(np.ceil(length.max() / _STEP_M)) + 1) * _STEP_M
    return np.asarray(np.minimum(along, length[:, None]) - transects.landward_m[:, None])


def _make_disc() -> Floats:
    side = np.arange(-CLEARANCE_M, CLEARANCE_M + 1, _STEP_M)
    x, y = np.meshgrid(side, side)
    return np.asarray(np.stack((x, y), axis=-1)[np.hypot(x, y) <= CLEARANCE_M])


def _find_move(scene: MappedScene, registered: Mapping[str, Registration] | None) -> tuple[float, float]:
    """What is to be added to a scene's coordinates."""
    return compute_translation(registered[scene.id], scene.grid) if registered else (0.0, 0.0)


def _read_coastline(scene: MappedScene, move: tuple[float, float], lines: NDArray[Any], crs: CRS) -> gpd.GeoDataFrame:
    """The coastline near the transects, moved back, in their CRS."""
    frame = read_layer(scene.folder / "coastline.gpkg", "coastline", columns=["uncertainty_mean_m"])
    frame = frame.explode(ignore_index=True)  # of a map whose kinds are one feature each
    if any(move):
        own = frame.to_crs(scene.grid.crs.to_wkt())
        frame = own.set_geometry(own.translate(*move))
    frame = frame.to_crs(crs)
    left, bottom, right, top = shapely.total_bounds(lines)
    return frame.cx[left - 1 : right + 1, bottom - 1 : top + 1]


def cross_lines(coastline: gpd.GeoDataFrame, transects: Transects) -> Crossed:
    """Find where lines cross transects, by transect and position.

    Args:
        coastline: Lines with land on their left, in the CRS of the transects, with ``uncertainty_mean_m``.
        transects: In any metric CRS.

    Returns:
        All crossings; the uncertainty of a line, which is across it, is divided by the cosine of the angle at which
        the transect leaves its normal, 0.2 at least.
    """
    vertices, which = shapely.get_coordinates(np.asarray(coastline.geometry), return_index=True)
    same = which[1:] == which[:-1]
    start, end, line = vertices[:-1][same], vertices[1:][same], which[1:][same]
    tree = shapely.STRtree(list(shapely.get_parts(shapely.linestrings(np.stack((start, end), axis=1)))))
    # The tree alone decides what is near, and arithmetic what crosses: then a shared vertex counts once.
    number, segment = tree.query(shapely.buffer(transects.build_lines(), 0.01))
    step, ahead = end[segment] - start[segment], transects.direction[number]
    # Solve origin + p * ahead = start + s * step for p and s.
    across = ahead[:, 0] * step[:, 1] - ahead[:, 1] * step[:, 0]
    offset = start[segment] - transects.origin[number]
    with np.errstate(divide="ignore", invalid="ignore"):  # a segment along the transect has no crossing
        position = (offset[:, 0] * step[:, 1] - offset[:, 1] * step[:, 0]) / across
        cosine = np.abs(across) / np.hypot(*step.T)
    # On which side of the transect both ends lie, by the same sum for a vertex that two segments share.
    before = offset[:, 1] * ahead[:, 0] - offset[:, 0] * ahead[:, 1] >= 0
    offset = end[segment] - transects.origin[number]
    after = offset[:, 1] * ahead[:, 0] - offset[:, 0] * ahead[:, 1] >= 0
    within = (position >= -transects.landward_m[number]) & (position <= transects.seaward_m[number])
    kept = np.flatnonzero((before != after) & within)
    order = kept[np.lexsort((position[kept], number[kept]))]
    stated = coastline["uncertainty_mean_m"].to_numpy(dtype=np.float64)[line[segment[order]]]
    return Crossed(
        transect=number[order].astype(np.int64),
        position_m=position[order],
        sigma_m=stated / np.maximum(cosine[order], _STEEPEST),
        # Land is left of the line: going seaward, one leaves land where the line runs to the left.
        seaward=across[order] > 0,
    )


def _drop_twice(crossed: Crossed, before: Sequence[Crossed]) -> Crossed:
    """Leave out crossings that an earlier scene of the overpass has."""
    twice = np.zeros(len(crossed.transect), dtype=np.bool_)
    for other in before:
        near = np.abs(crossed.position_m[:, None] - other.position_m) < _TWICE_M
        near &= crossed.transect[:, None] == other.transect
        near &= crossed.seaward[:, None] == other.seaward
        twice |= near.any(axis=1)
    return crossed.take(~twice)


def _read_classes(
    scenes: Sequence[MappedScene], moves: Mapping[str, tuple[float, float]], points: Floats, crs: CRS
) -> NDArray[np.uint8]:
    """(n,) classes at points; where scenes overlap, the one that sees the ground counts."""
    classes = np.full(len(points), NODATA, dtype=np.uint8)
    for scene in scenes:
        transformer = Transformer.from_crs(crs, scene.grid.crs.to_wkt(), always_xy=True)
        x, y = transformer.transform(points[:, 0], points[:, 1])
        with rasterio.open(scene.folder / "water.tif") as file:
            east, north = moves[scene.id]
            classes = np.minimum(classes, _sample(file, np.asarray(x) - east, np.asarray(y) - north))
    return classes


def _sample(file: Any, x: Floats, y: Floats) -> NDArray[np.uint8]:  # noqa: ANN401 (a rasterio dataset)
    """Values at places in the file's CRS, block by block, so that no more than a block is held."""
    cols, rows = ~file.transform @ (x, y)
    col, row = np.floor(cols).astype(np.int64), np.floor(rows).astype(np.int64)
    values = np.full(len(x), NODATA, dtype=np.uint8)
    inside = np.flatnonzero((col >= 0) & (row >= 0) & (col < file.width) & (row < file.height))
    block = (row[inside] // _BLOCK) * (file.width // _BLOCK + 1) + col[inside] // _BLOCK
    order = np.argsort(block, kind="stable")
    for part in np.split(inside[order], np.flatnonzero(np.diff(block[order])) + 1):
        if not len(part):
            continue
        top, left = int(row[part[0]]) // _BLOCK * _BLOCK, int(col[part[0]]) // _BLOCK * _BLOCK
        window = Window(left, top, min(_BLOCK, file.width - left), min(_BLOCK, file.height - top))
        values[part] = file.read(1, window=window)[row[part] - top, col[part] - left]
    return values


def choose_crossings(dates: Sequence[Crossings], count: int, *, policy: Policy = "nearest") -> Positions:
    """Decide which crossing is the shore on each transect and date.

    Far banks (from water to land on the way seaward) never are. ``nearest`` takes the shore nearest to the
    transect's usual position: the median of the dates that cross one shore alone, or of all crossings where fewer
    than three do. Where the ground at the usual position is hidden and the crossing lies elsewhere, or something
    hidden lies on the side that decides (``seaward``, ``landward``), there is no position.

    Args:
        dates: The crossings of each date.
        count: Number of transects.
        policy: Which of several shores.
    """
    shape = (count, len(dates))
    position, sigma = np.full(shape, np.nan), np.full(shape, np.nan)
    reason, crossings = np.full(shape, "", dtype=object), np.zeros(shape, dtype=np.int64)
    shores = [_list_shores(date, count) for date in dates]
    usual = [_find_usual([date[number] for date in shores], dates) for number in range(count)]
    for column, (date, own) in enumerate(zip(dates, shores, strict=True)):
        for number in range(count):
            crossings[number, column] = len(own[number])
            chosen, why = _choose(date, own[number], number, usual[number], policy)
            if chosen is None:
                reason[number, column] = why
            else:
                position[number, column] = date.position_m[chosen]
                sigma[number, column] = date.sigma_m[chosen]
    return Positions(position_m=position, sigma_m=sigma, reason=reason, crossings=crossings)


def find_reversed(dates: Sequence[Crossings], count: int) -> NDArray[np.bool_]:
    """Which transects meet shores from the water alone, on all dates: they run from sea to land.

    Args:
        dates: The crossings of each date.
        count: Number of transects.
    """
    from_land, from_water = (
        np.isin(np.arange(count), np.concatenate([date.transect[date.seaward == seaward] for date in dates]))
        for seaward in (True, False)
    )
    return np.asarray(from_water & ~from_land)


def _list_shores(date: Crossings, count: int) -> list[Ints]:
    """Numbers of the crossings of each transect that are shores, landward first."""
    shores = np.flatnonzero(date.seaward)
    order = shores[np.lexsort((date.position_m[shores], date.transect[shores]))]
    ends = np.searchsorted(date.transect[order], np.arange(count + 1))
    return [order[first:last] for first, last in pairwise(ends)]


def _find_usual(own: Sequence[Ints], dates: Sequence[Crossings]) -> float:
    """Where the shore usually is on a transect; NaN where it never was clear."""
    places = [date.position_m[one[date.clear[one]]] for date, one in zip(dates, own, strict=True)]
    single = np.array([hits[0] for hits in places if len(hits) == 1])
    pool = single if len(single) >= 3 else np.concatenate([*places, np.zeros(0)])
    return float(np.median(pool)) if len(pool) else np.nan


def _choose(date: Crossings, own: Ints, number: int, usual: float, policy: Policy) -> tuple[int | None, str]:
    """The crossing that is the shore, or why there is none."""
    if not len(own):
        return None, _explain_absence(date.profile[number])
    if policy == "nearest" and np.isfinite(usual):
        chosen = int(own[np.argmin(np.abs(date.position_m[own] - usual))])
    else:
        chosen = int(own[0] if policy == "landward" else own[-1])
    if not date.clear[chosen]:
        return None, f"{_NAMES[int(date.obstacle[chosen])]} within {CLEARANCE_M:g} m of the crossing"
    place, position = date.place_m[number], date.position_m[chosen]
    if policy == "nearest":
        # A hidden stretch as near to the usual position as the crossing is may hide the shore.
        decides = np.abs(place - usual) < max(abs(position - usual), _STEP_M)
    else:
        decides = place < position if policy == "landward" else place > position
    hidden = decides & (date.profile[number] > WATER)
    if hidden.any():
        return None, f"{_NAMES[int(date.profile[number][hidden].min())]} where the shore may be"
    return chosen, ""


def _explain_absence(profile: NDArray[np.uint8]) -> str:
    seen = set(np.unique(profile).tolist())
    if OBSCURED in seen:
        return "cloud on the transect"
    if NODATA in seen:
        return "nodata on the transect" if seen & {LAND, WATER} else "outside the scene"
    return "all land" if seen == {LAND} else "all water" if seen == {WATER} else "no shore with land landward"


_NAMES = {OBSCURED: "cloud", NODATA: "nodata"}
