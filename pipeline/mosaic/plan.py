"""Decide, before a pixel is read, on which pixels a mosaic is made, and which scenes each of its cells needs."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import shapely
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.warp import transform_bounds
from shapely import Point
from shapely.geometry.base import BaseGeometry

from pipeline.errors import MosaicError
from pipeline.mosaic.lattice import Cell, Lattice, find_transformer, parse_utm_zone
from pipeline.record.mapped_scene import MappedScene
from tiles.grid import Window
from tiles.mgrs import MgrsSquare, resolve_utm_zone

__all__ = ["LatticePlan", "plan_lattices"]

Key = TypeVar("Key", Cell, str)

_EDGE_POINTS = 41
"""Points along a side of a scene; its edges are curves in another CRS."""

_SQUARE_M = 100_000

_OVERLAP_DEG = 0.01
"""Beyond its meridian a zone needs no scene of its neighbour, rounding aside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatticePlan:
    """What is computed on one lattice.

    Attributes:
        lattice: The pixels.
        cells: Numbers of the scenes that may hold data of each cell.
        tiles: Windows by MGRS tile, each written as rasters of its own; one window, named ``mosaic``, where the user
            asked for one CRS. Scenes that name no tile go by the square kilometre in their middle (``33TVM4216``), or
            by their own name where one scene alone shows a place.
        members: Numbers of the scenes of each of these.
    """

    lattice: Lattice
    cells: Mapping[Cell, tuple[int, ...]]
    tiles: Mapping[str, Window]
    members: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def domain(self) -> Window:
        """Smallest window of whole cells that holds all of them."""
        windows = [cell.window for cell in self.cells]
        col_off, row_off = min(w.col_off for w in windows), min(w.row_off for w in windows)
        width, height = max(w.col_stop for w in windows) - col_off, max(w.row_stop for w in windows) - row_off
        return Window(col_off, row_off, width, height)


def plan_lattices(scenes: Sequence[MappedScene], *, grid: str) -> tuple[LatticePlan, ...]:
    """Decide on which lattices a mosaic is made, and what each cell needs.

    Args:
        scenes: What was mapped.
        grid: ``mgrs``: a lattice a UTM zone, in the zone's own pixels. Or a CRS and a pixel size, ``EPSG:3035:10``:
            one lattice.

    Returns:
        The lattices, zones from west to east (across the antimeridian, zone 60 comes before zone 1).

    Raises:
        MosaicError: The grid is neither, or a scene does not lie on it.
    """
    if grid.lower() == "mgrs":
        return _plan_zones(scenes)
    lattice = _parse_grid(grid)
    cells: defaultdict[Cell, list[int]] = defaultdict(list)
    for number, scene in enumerate(scenes):
        for cell in lattice.find_cells(_project_bounds(scene, lattice)):
            cells[cell].append(number)
    plan = LatticePlan(lattice=lattice, cells=_freeze(cells), tiles={})
    members = {"mosaic": tuple(range(len(scenes)))}
    return (LatticePlan(lattice=lattice, cells=plan.cells, tiles={"mosaic": plan.domain}, members=members),)


def _parse_grid(text: str) -> Lattice:
    crs_text, _, size_text = text.rpartition(":")
    try:
        crs, resolution = CRS.from_user_input(crs_text), float(size_text)
    except (CRSError, ValueError) as error:
        raise MosaicError(
            f"Expected --grid mgrs, or a CRS and a pixel size in its units such as EPSG:3035:10, found {text!r}."
        ) from error
    name = re.sub(r"[^A-Za-z0-9]+", "_", crs_text).strip("_")
    return Lattice(name=name, crs=crs, resolution=resolution)


def _plan_zones(scenes: Sequence[MappedScene]) -> tuple[LatticePlan, ...]:
    homes = [_resolve_zone(scene) for scene in scenes]
    zones = sorted(set(homes))
    resolution = min(_measure_pixel_m(scene) for scene in scenes)
    plans = []
    for zone in _order_zones(zones):
        lattice = _make_zone(zone, zones, [scenes[n] for n, home in enumerate(homes) if home == zone], resolution)
        cells: defaultdict[Cell, list[int]] = defaultdict(list)
        own: set[Cell] = set()
        for number, (scene, home) in enumerate(zip(scenes, homes, strict=True)):
            if (home - zone) % 60 not in (0, 1, 59):
                continue
            for cell in lattice.find_cells(_project_bounds(scene, lattice)):
                cells[cell].append(number)
                if home == zone:
                    own.add(cell)
        wanted = {cell: cells[cell] for cell in cells if cell in own or _is_owned(cell, lattice)}
        groups = _group_scenes({n: scene for n, scene in enumerate(scenes) if homes[n] == zone}, lattice)
        tiles = {name: _find_window([scenes[n] for n in numbers], lattice) for name, numbers in groups.items()}
        plans.append(LatticePlan(lattice=lattice, cells=_freeze(wanted), tiles=tiles, members=_freeze(groups)))
    return tuple(plans)


def _freeze(numbers: Mapping[Key, Sequence[int]]) -> dict[Key, tuple[int, ...]]:
    return {key: tuple(numbers[key]) for key in sorted(numbers)}


def _resolve_zone(scene: MappedScene) -> int:
    """UTM zone of a scene; one in another CRS goes to the zone in which its centre lies."""
    zone = parse_utm_zone(scene.grid.crs)
    if zone is not None:
        return zone[0]
    left, bottom, right, top = scene.grid.bounds
    to_degrees = find_transformer(scene.grid.crs.to_wkt(), "OGC:CRS84")
    lon = to_degrees.transform((left + right) / 2, (bottom + top) / 2)[0]
    if not np.isfinite(lon):
        raise MosaicError(f"{scene.id} lies where no UTM zone is. Choose --grid with a CRS of your own.")
    return int((lon + 180) // 6) % 60 + 1


def _measure_pixel_m(scene: MappedScene) -> float:
    """Side of a scene's pixel in metres; 10 where it is not in a UTM zone."""
    return scene.grid.resolution[0] if parse_utm_zone(scene.grid.crs) else 10.0


def _order_zones(zones: Sequence[int]) -> list[int]:
    """From west to east, beginning after the widest gap, so that zone 60 comes before zone 1 where both are met."""
    gaps = [(following - zone) % 60 or 60 for zone, following in zip(zones, [*zones[1:], zones[0]], strict=True)]
    first = (gaps.index(max(gaps)) + 1) % len(zones)
    return [*zones[first:], *zones[:first]]


def _make_zone(zone: int, zones: Sequence[int], own: Sequence[MappedScene], resolution: float) -> Lattice:
    """The lattice of a zone: its hemisphere is that of most of its scenes; it ends where a neighbour begins."""
    halves = Counter((parse_utm_zone(scene.grid.crs) or (zone, _is_north(scene)))[1] for scene in own)
    north = halves[True] >= halves[False]
    west = -180.0 + 6 * (zone - 1)
    return Lattice(
        name=f"utm{zone:02d}",
        crs=CRS.from_epsg((32600 if north else 32700) + zone),
        resolution=resolution,
        west=west if (zone - 2) % 60 + 1 in zones and len(zones) > 1 else None,
        east=west + 6 if zone % 60 + 1 in zones and len(zones) > 1 else None,
    )


def _is_north(scene: MappedScene) -> bool:
    left, bottom, right, top = scene.grid.bounds
    to_degrees = find_transformer(scene.grid.crs.to_wkt(), "OGC:CRS84")
    return bool(to_degrees.transform((left + right) / 2, (bottom + top) / 2)[1] >= 0)


def _project_bounds(scene: MappedScene, lattice: Lattice) -> tuple[float, float, float, float]:
    try:
        bounds = transform_bounds(scene.grid.crs, lattice.crs, *scene.grid.bounds, densify_pts=_EDGE_POINTS)
    except CRSError as error:
        raise MosaicError(f"{scene.id} cannot be brought to {lattice.crs}: {error}.") from error
    if not np.isfinite(bounds).all():
        raise MosaicError(f"{scene.id} lies where {lattice.crs} is not defined. Choose another --grid.")
    left, bottom, right, top = bounds
    return left, bottom, right, top


def _is_owned(cell: Cell, lattice: Lattice) -> bool:
    """Whether any of a cell may lie on the lattice's side of its meridians."""
    bounds = lattice.compute_grid(cell.window).bounds
    west, _, east, _ = transform_bounds(lattice.crs, "OGC:CRS84", *bounds, densify_pts=_EDGE_POINTS)

    def turn(lon: float, reference: float) -> float:
        return (lon - reference + 180) % 360 - 180

    beyond_east = lattice.east is not None and turn(west, lattice.east) > _OVERLAP_DEG
    beyond_west = lattice.west is not None and turn(east, lattice.west) < -_OVERLAP_DEG
    return not (beyond_east or beyond_west)


def _group_scenes(scenes: Mapping[int, MappedScene], lattice: Lattice) -> dict[str, list[int]]:
    """Numbers of scenes by the tile that they show; what names no MGRS tile goes by where it lies."""
    groups: dict[str, list[int]] = defaultdict(list)
    elsewhere: dict[int, BaseGeometry] = {}
    for number, scene in scenes.items():
        if scene.tile is None:
            elsewhere[number] = shapely.box(*_project_bounds(scene, lattice))
        else:
            groups[scene.tile].append(number)
    # Scenes over one place are one mosaic there, of many dates: none of their names would say what it is.
    for place in shapely.get_parts(shapely.union_all(list(elsewhere.values()))):
        numbers = [number for number, box in elsewhere.items() if shapely.intersects(place, box)]
        name = scenes[numbers[0]].id if len(numbers) == 1 else _name_place(place.centroid, lattice)
        groups[name] += numbers
    return {name: sorted(groups[name]) for name in sorted(groups)}


def _name_place(centre: Point, lattice: Lattice) -> str:
    """MGRS reference of the square kilometre around a point, such as ``33TVM4216``."""
    column, row = int(centre.x // _SQUARE_M), int(centre.y // _SQUARE_M)
    zone, north = resolve_utm_zone(lattice.crs.to_string())
    square = MgrsSquare(zone=zone, north=north, column=column, row=row)
    return f"{square.tile_id}{int(centre.x % _SQUARE_M) // 1000:02d}{int(centre.y % _SQUARE_M) // 1000:02d}"


def _find_window(scenes: Sequence[MappedScene], lattice: Lattice) -> Window:
    """Smallest window of whole pixels that holds some scenes."""
    boxes = [_project_bounds(scene, lattice) for scene in scenes]
    left, bottom = (min(box[side] for box in boxes) for side in (0, 1))
    right, top = (max(box[side] for box in boxes) for side in (2, 3))
    size = lattice.resolution
    col_off, row_off = int(np.floor(left / size + 1e-6)), int(np.floor(-top / size + 1e-6))
    width, height = int(np.ceil(right / size - 1e-6)) - col_off, int(np.ceil(-bottom / size - 1e-6)) - row_off
    return Window(col_off, row_off, width, height)
