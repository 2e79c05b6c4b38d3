"""Bodies of water and land of a mosaic, cut at the edges of cells, so that no memory holds a continent.

A cell is traced with a margin of a pixel, by the tracer of a scene, and cut to its own pixels; where a zone ends, at
the meridian. Its vertices are those of the coastline, and pieces of neighbours meet along the cells' straight edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from pipeline.lonlat import cut_at_antimeridian, to_lonlat
from pipeline.mosaic.lattice import CELL_PX, Cell, Lattice, find_transformer
from pipeline.mosaic.store import SURFACE_SCALE, Store
from pipeline.mosaic.waters import BlockWaters
from pipeline.trace.contour import ContourTracer
from pipeline.trace.ellipsoid import Ground
from pipeline.trace.simplify import build_polygons, drop_small_rings
from pipeline.trace.traced import Floats, Traced
from pipeline.trace.waters import KINDS, OPEN
from tiles import masks
from tiles.grid import Window

__all__ = ["PolygonJob", "place_polygons", "trace_polygons"]

_MERIDIAN_POINTS = 33
"""Along the meridian past a cell of some 10 km: its chords are straight to a nanometre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonJob:
    """What all cells of a lattice share.

    Attributes:
        store: Holds the cells.
        folder: Where the kinds of their blocks are.
        level: Value of the surface at the coastline.
        min_area_m2: Islands and lakes smaller than this are left out, as far as they lie in one cell.
    """

    store: Store
    folder: Path
    level: float
    min_area_m2: float


def trace_polygons(job: PolygonJob, cell: Cell) -> dict[str, gpd.GeoDataFrame]:
    """The pieces of bodies in a cell, with ``kind`` and ``area_m2``, in the lattice's CRS.

    Args:
        job: What all cells share.
        cell: One whose neighbours' statistics are in the store, too, and whose block's kinds are told.

    Returns:
        ``water`` and ``land``. Water is what most of the piece is; land is ``sea`` where any sea washes it in the
        cell, else what the water around it is.
    """
    lattice, first = job.store.lattice, cell.window
    window = Window(first.col_off - 1, first.row_off - 1, CELL_PX + 2, CELL_PX + 2)
    ground = Ground(lattice.compute_grid(window))
    traced = _trace(job, window)
    if job.min_area_m2:
        areas = ground.compute_ring_areas(traced.xy, traced.land.vertex, traced.land.start)
        traced = drop_small_rings(traced, land_areas_m2=areas, min_area_m2=job.min_area_m2)
    places = ground.compute_coordinates(traced.xy)
    own = _build_own(lattice, cell)
    water, land = (_cut(build_polygons(rings, places), own) for rings in (traced.water, traced.land))
    kinds = _tell_water(water, BlockWaters.of(job.folder, lattice, cell))
    return {
        "water": _make_frame(water, kinds, ground),
        "land": _make_frame(land, _tell_land(land, water, kinds), ground),
    }


def place_polygons(frame: gpd.GeoDataFrame, crs: pyproj.CRS, model: str) -> gpd.GeoDataFrame:
    """Bring pieces to the CRS of the output; what crosses 180 degrees is cut there where that is geographic.

    Args:
        frame: Of ``trace_polygons``.
        crs: Of the output: the lattice's own, or longitude and latitude.
        model: Name and version.
    """
    placed = frame.assign(model=np.full(len(frame), model, dtype=object))
    if not crs.is_geographic or not len(frame):
        return placed.set_crs(crs, allow_override=True)
    shapes = cut_at_antimeridian(to_lonlat(np.asarray(frame.geometry), frame.crs))
    is_cut = shapely.get_num_geometries(shapes) > 1
    parts = placed.set_geometry(gpd.GeoSeries(shapes, crs=crs)).assign(is_cut=is_cut).explode(ignore_index=True)
    halves = parts["is_cut"].to_numpy()
    parts.loc[halves, "area_m2"] = _measure_degrees(shapely.orient_polygons(parts.geometry[halves]), frame.crs)
    return parts.drop(columns="is_cut")


def _trace(job: PolygonJob, window: Window) -> Traced:
    surface = (job.store.read("surface", window) * np.float64(SURFACE_SCALE)).astype(np.float32)
    state = job.store.read("state", window)
    state = np.where(np.isin(state, (masks.VALID, masks.OBSCURED)), state, masks.NODATA).astype(np.uint8)
    tracer = ContourTracer(width=window.width, height=window.height, threshold=job.level)
    tracer.add_strip(surface, state)
    return tracer.finish()


def _build_own(lattice: Lattice, cell: Cell) -> shapely.Geometry:
    """The ground that a cell owns: its square, up to the meridians where its zone ends."""
    left, bottom, right, top = lattice.compute_grid(cell.window).bounds
    own: shapely.Geometry = shapely.box(left, bottom, right, top)
    to_degrees = find_transformer(lattice.crs.to_wkt(), "OGC:CRS84")
    to_plane = find_transformer("OGC:CRS84", lattice.crs.to_wkt())
    lat = np.array(to_degrees.transform([left, right, left, right], [bottom, bottom, top, top])[1])
    along = np.linspace(lat.min() - 0.05, lat.max() + 0.05, _MERIDIAN_POINTS).clip(-90, 90)
    for meridian, away in ((lattice.west, right), (lattice.east, left)):
        if meridian is None:
            continue
        edge = np.stack(to_plane.transform(np.full(len(along), meridian), along), axis=1)
        far = away + 100 * (away - (left if away == right else right))
        side = shapely.Polygon([*edge, (far, edge[-1, 1]), (far, edge[0, 1])])
        own = shapely.intersection(own, side)
    return own


def _cut(polygons: NDArray[Any], own: shapely.Geometry) -> NDArray[Any]:
    shapely.prepare(own)
    whole = shapely.contains_properly(own, polygons)
    parts = shapely.get_parts(shapely.intersection(polygons[~whole], own))
    is_area = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & (shapely.area(parts) > 0)
    return np.concatenate((polygons[whole], parts[is_area]))


def _tell_water(water: NDArray[Any], waters: BlockWaters) -> NDArray[Any]:
    """(n,) what most of each piece is."""
    code = waters.weigh(water)
    return np.array(KINDS, dtype=object)[np.where(code == 0, OPEN, code)]


def _tell_land(land: NDArray[Any], water: NDArray[Any], kinds: NDArray[Any]) -> NDArray[Any]:
    """(n,) kind of each piece of land, from the water that touches it."""
    told = np.full(len(land), "open", dtype=object)
    if len(land) and len(water):
        piece, beside = shapely.STRtree(water).query(land, predicate="intersects")
        for kind in ("open", "lake", "river", "sea"):
            told[piece[kinds[beside] == kind]] = kind
    return told


def _make_frame(pieces: NDArray[Any], kinds: NDArray[Any], ground: Ground) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"kind": kinds, "area_m2": _measure(pieces, ground)}, geometry=pieces, crs=ground.crs)


def _measure(pieces: NDArray[Any], ground: Ground) -> Floats:
    """(n,) area on the ellipsoid; sides of cells, which are no geodesics, in steps of 160 m."""
    fine = shapely.segmentize(shapely.orient_polygons(pieces), 16 * ground.grid.transform.a)
    to_degrees = find_transformer(ground.grid.crs.to_wkt(), "OGC:CRS84")
    degrees = shapely.transform(fine, lambda xy: np.stack(to_degrees.transform(xy[:, 0], xy[:, 1]), axis=1))
    return _measure_degrees(degrees, ground.crs)


def _measure_degrees(pieces: NDArray[Any], crs: pyproj.CRS) -> Floats:
    geod = crs.get_geod() or pyproj.Geod(ellps="WGS84")
    return np.array([geod.geometry_area_perimeter(piece)[0] for piece in pieces], dtype=np.float64)
