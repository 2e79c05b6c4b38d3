"""Bring the layers of a result into the shape that a user wants: smooth, with points, dissolved, in another CRS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from pipeline.errors import OptionError
from pipeline.export.dissolve import dissolve_by_kind
from pipeline.export.nodes import NodeTable
from pipeline.export.options import VectorOptions
from pipeline.export.points import POINTS, build_points, make_point_layer
from pipeline.export.smooth import MOST_SWEEPS, Displacement, count_sweeps, smooth_nodes
from pipeline.output.fields import Layer
from pipeline.place import plan_placing

__all__ = ["FinishedLayers", "finish_layers", "place_frames"]

Frames = Mapping[str, gpd.GeoDataFrame]
Floats = NDArray[np.float64]

_LINES = "coastline"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FinishedLayers:
    """Layers as they are to be written.

    Attributes:
        frames: Features by layer, all in one CRS.
        layers: Their schemas, in order.
        notes: What the user should be told, a sentence each.
        facts: Of the smoothing, for the record; empty where there was none.
    """

    frames: Frames
    layers: tuple[Layer, ...]
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def finish_layers(frames: Frames, layers: Sequence[Layer], options: VectorOptions) -> FinishedLayers:
    """Do to the layers what the options ask for, in the one order in which it keeps together.

    Args:
        frames: Features by layer, in one CRS, ``coastline`` among them; polygons share its vertices.
        layers: Their schemas.
        options: What is wanted.

    Raises:
        OptionError: The smoothing would take hours, or no shift of datum leads to the CRS.
    """
    wanted, facts = tuple(layers), {}
    notes: tuple[str, ...] = ()
    if options.smooth_m and len(frames[_LINES]):
        frames, moved = smooth_frames(frames, options.smooth_m)
        facts = {
            "wave_m": options.smooth_m,
            "displacement_mean_m": round(moved.mean_m, 3),
            "displacement_max_m": round(moved.max_m, 3),
            "vertices": moved.vertices,
            "vertices_held": moved.held,
        }
        notes = (
            f"Smoothed over {options.smooth_m:g} m: the lines moved by {moved.mean_m:.2f} m in the mean, by "
            f"{moved.max_m:.1f} m at most; no area changed.",
        )
    lines = next(layer for layer in wanted if layer.name == _LINES)
    points = None if options.points_every_m is None else build_points(frames[_LINES], options.points_every_m)
    if options.dissolve:
        frames = {layer.name: dissolve_by_kind(frames[layer.name], layer) for layer in wanted}
    if points is not None:
        frames, wanted = {**frames, POINTS: points}, (*wanted, make_point_layer(lines))
    placed, shift_notes = place_frames(frames, options.crs)
    return FinishedLayers(frames=placed, layers=wanted, notes=notes + shift_notes, facts=facts)


def place_frames(frames: Frames, crs: str | None) -> tuple[Frames, tuple[str, ...]]:
    """Bring layers to another CRS; lengths, areas and positions in their fields stay what they are.

    Args:
        frames: Features by layer, in one CRS.
        crs: Code of the one that is wanted; ``None``: they stay as they are.

    Returns:
        The layers, and what the user should be told.

    Raises:
        OptionError: No shift of datum leads there.
    """
    if crs is None:
        return frames, ()
    dst_crs = pyproj.CRS(crs)
    src_crs = pyproj.CRS.from_user_input(next(iter(frames.values())).crs)
    bounds = np.array([frame.total_bounds for frame in frames.values() if len(frame)])
    whole = (*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0)) if len(bounds) else (np.nan,) * 4
    placing = plan_placing(src_crs, dst_crs, whole)
    placed = {
        name: frame.set_geometry(gpd.GeoSeries(placing.place(frame.geometry.to_numpy()), crs=dst_crs), crs=dst_crs)
        for name, frame in ((name, frame.reset_index(drop=True)) for name, frame in frames.items())
    }
    return placed, () if placing.note is None else (placing.note,)


def smooth_frames(frames: Frames, wave_m: float) -> tuple[Frames, Displacement]:
    """Smooth the coastline, and whatever shares its vertices.

    Args:
        frames: Features by layer.
        wave_m: Length of the waves that lose half their height.

    Returns:
        The layers, lengths of lines measured anew, and how far the lines moved.

    Raises:
        OptionError: The waves are too long for vertices as near to each other as these.
    """
    crs = pyproj.CRS.from_user_input(frames[_LINES].crs)
    to_plane = _make_plane(frames[_LINES], crs)
    plane = {name: _transform(frame.geometry.to_numpy(), to_plane) for name, frame in frames.items()}
    followers = {name: shapes for name, shapes in plane.items() if name != _LINES}
    table = NodeTable.build(plane[_LINES], followers)
    spacing_m = _measure_spacing(table)
    sweeps = count_sweeps(wave_m, spacing_m)
    if sweeps > MOST_SWEEPS:
        longest = wave_m * (MOST_SWEEPS / sweeps) ** 0.25
        raise OptionError(
            f"Expected up to {longest:.0f} m for lines whose vertices lie {spacing_m:.1f} m apart, found "
            f"{wave_m:g}. Thin the lines first (--simplify-m).",
            option="smooth",
        )
    xy, moved = smooth_nodes(table, edges=table.list_edges(followers), wave_m=wave_m, sweeps=sweeps)
    is_moved = (xy != table.xy).any(axis=1)
    places = xy if to_plane is None else np.stack(to_plane.transform(xy[:, 0], xy[:, 1], direction="INVERSE"), axis=1)
    smooth = {name: _move(frames[name].geometry.to_numpy(), table.layers[name], places, is_moved) for name in followers}
    smooth[_LINES] = _rebuild_lines(frames[_LINES].geometry.to_numpy(), table, places, is_moved)
    return {
        name: _measure_lengths(frame.set_geometry(gpd.GeoSeries(smooth[name], index=frame.index, crs=crs)))
        for name, frame in frames.items()
    }, moved


def _make_plane(lines: gpd.GeoDataFrame, crs: pyproj.CRS) -> pyproj.Transformer | None:
    """The way to a plane in metres that keeps areas; ``None`` where they lie in UTM, which does so well enough."""
    if crs.utm_zone is not None:
        return None
    degrees = pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
    xy = shapely.get_coordinates(lines.geometry.to_numpy())
    lon, lat = degrees.transform(*xy[len(xy) // 2])
    return pyproj.Transformer.from_crs(crs, f"+proj=laea +lat_0={lat} +lon_0={lon} +units=m", always_xy=True)


def _transform(shapes: NDArray[Any], change: pyproj.Transformer | None) -> NDArray[Any]:
    if change is None or not len(shapes):
        return shapes
    placed: NDArray[Any] = shapely.transform(shapes, lambda xy: np.stack(change.transform(xy[:, 0], xy[:, 1]), axis=1))
    return placed


def _measure_spacing(table: NodeTable) -> float:
    edges = table.lines.list_edges()
    return float(np.hypot(*(table.xy[edges[:, 1]] - table.xy[edges[:, 0]]).T).mean())


def _move(shapes: NDArray[Any], number: NDArray[np.int64], places: Floats, moved: NDArray[np.bool_]) -> NDArray[Any]:
    """Shapes with those of their vertices elsewhere that moved, the others bit for bit where they were."""
    if not len(shapes):
        return shapes
    placed: NDArray[Any] = shapely.transform(shapes, lambda xy: np.where(moved[number][:, None], places[number], xy))
    return placed


def _rebuild_lines(shapes: NDArray[Any], table: NodeTable, places: Floats, moved: NDArray[np.bool_]) -> NDArray[Any]:
    lines = table.lines
    if len(lines.node) == shapely.get_num_coordinates(shapes).sum():
        return _move(shapes, lines.node, places, moved)
    # They got vertices where polygons are cut.
    parts: Any = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, places[lines.node], (lines.start,))
    owner = shapely.get_parts(shapes, return_index=True)[1]
    whole = shapely.multilinestrings(parts, indices=owner)
    single = np.bincount(owner, minlength=len(shapes)) == 1
    whole[single] = parts[np.flatnonzero(single[owner])]
    return np.asarray(whole, dtype=object)


def _measure_lengths(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    if "length_m" not in frame or not len(frame):
        return frame
    crs = pyproj.CRS.from_user_input(frame.crs)
    geod = crs.get_geod() or pyproj.Geod(ellps="WGS84")
    degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs or "EPSG:4326", always_xy=True)
    lines = _transform(frame.geometry.to_numpy(), degrees)
    return frame.assign(length_m=[geod.geometry_length(line) for line in lines])
