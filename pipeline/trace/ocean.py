"""Tell the sea from other water: where the ocean is, near a scene, and which bodies of water meet it.

The bundled land is Natural Earth's at 1:10m (public domain), quantised to 400 m, and up to about 2 km from the truth;
``benchmarks/make_ocean.py`` made it. So a body of water is sea where it shares a good part of its area with the ocean,
or a large area with those parts of the ocean that lie well off the land. An ocean of the user's own is taken at its
word.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from pipeline.trace.ellipsoid import Ground
from pipeline.trace.traced import Bools, Floats
from tiles.errors import GridError
from tiles.vector_edges import project_shapes
from tiles.vector_file import read_water_layers

__all__ = ["Ocean", "find_sea", "read_ocean"]

_LAND_FILE: Final = Path(__file__).parents[1] / "data" / "land_10m.npz"
_OFFSHORE_M = 2000.0
"""How far the bundled land may be wrong."""
_OFFSHORE_AREA_M2 = 1e6
_OWN_AREA_M2 = 1e4
_SHARE = 0.25
_TOLERANCE_PX = 0.05
"""How far from where it was given a side of the user's own ocean may be drawn."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ocean:
    """The ocean around a scene, in the scene's plane (``Ground.plane``).

    Attributes:
        whole: All of it.
        certain: The part of it that is ocean beyond doubt.
        least_area_m2: A body of water that has this much in common with ``certain`` is sea.
    """

    whole: shapely.Geometry
    certain: shapely.Geometry
    least_area_m2: float


def read_ocean(ground: Ground, *, path: Path | None = None) -> Ocean:
    """Read the ocean near a scene.

    Args:
        ground: The scene's ground.
        path: A file of polygons of ocean in any CRS, all its layers together; without it, what Natural Earth does not
            call land.

    Raises:
        GridError: The file cannot be read, has no CRS, holds no polygons, something else beside them, or land.
    """
    frame = _frame(ground)
    if path is not None:
        own = shapely.intersection(_read_polygons(path, ground, frame), frame)
        return Ocean(whole=own, certain=own, least_area_m2=_OWN_AREA_M2)
    whole = shapely.difference(frame, _read_land(ground, frame))
    return Ocean(whole=whole, certain=shapely.buffer(whole, -_OFFSHORE_M), least_area_m2=_OFFSHORE_AREA_M2)


def find_sea(polygons: NDArray[Any], crs: pyproj.CRS, ground: Ground, ocean: Ocean) -> Bools:
    """Which bodies of water meet the ocean.

    Args:
        polygons: (n,) shapely polygons.
        crs: Their CRS.
        ground: The scene's ground.
        ocean: The ocean near the scene.
    """
    if len(polygons) == 0 or shapely.is_empty(ocean.whole):
        return np.zeros(len(polygons), dtype=bool)
    bodies = _project(polygons, crs, ground)
    for part in (ocean.whole, ocean.certain):
        shapely.prepare(part)
    share = shapely.area(shapely.intersection(bodies, ocean.whole)) / shapely.area(bodies)
    certain = shapely.area(shapely.intersection(bodies, ocean.certain))
    return np.asarray((share >= _SHARE) | (certain >= ocean.least_area_m2))


def _frame(ground: Ground) -> shapely.Geometry:
    """The scene and a margin around it in its plane, so that the offshore part of the ocean is right within it."""
    width, height = ground.grid.width, ground.grid.height
    along = np.linspace(0, 1, 21)
    edge = np.concatenate([np.stack((along * width, np.full(21, y)), axis=1) for y in (0, height)])
    side = np.concatenate([np.stack((np.full(21, x), along * height), axis=1) for x in (0, width)])
    to_plane = pyproj.Transformer.from_crs(ground.crs, ground.plane, always_xy=True)
    x, y = to_plane.transform(*ground.compute_coordinates(np.concatenate((edge, side))).T)
    margin = 2 * _OFFSHORE_M
    frame: shapely.Geometry = shapely.box(x.min() - margin, y.min() - margin, x.max() + margin, y.max() + margin)
    return frame


def _project(polygons: NDArray[Any], crs: pyproj.CRS, ground: Ground) -> NDArray[Any]:
    to_plane = pyproj.Transformer.from_crs(crs, ground.plane, always_xy=True)
    return shapely.transform(polygons, lambda xy: np.stack(to_plane.transform(*xy.T), axis=1))


def _read_polygons(path: Path, ground: Ground, frame: shapely.Geometry) -> shapely.Geometry:
    """The user's ocean near a frame in the scene's plane."""
    layers = read_water_layers(path, noun="ocean file", error_type=GridError)
    left, bottom, right, top = shapely.bounds(frame).tolist()
    tolerance = _TOLERANCE_PX * min(ground.pixel_m)
    near = [
        project_shapes(layer.shapes, layer.crs, ground.plane, tolerance=tolerance, bounds=(left, bottom, right, top))
        for layer in layers
    ]
    merged: shapely.Geometry = shapely.union_all(np.concatenate(near))
    return merged


def _read_land(ground: Ground, frame: shapely.Geometry) -> shapely.Geometry:
    """Natural Earth's land within a frame in the scene's plane."""
    to_degrees = pyproj.Transformer.from_crs(ground.plane, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(*shapely.get_coordinates(shapely.segmentize(frame, 5000)).T)
    centre = ground.compute_degrees(np.array([[ground.grid.width / 2, ground.grid.height / 2]]))[0, 0]
    lon = (lon - centre + 180) % 360 - 180  # degrees from the centre, which knows no antimeridian
    margin = 0.1
    window = (lon.min() - margin, lat.min() - margin, lon.max() + margin, lat.max() + margin)
    land = _read_bundled_land()
    pieces = []
    for turn in (-360, 0, 360):
        cut = (window[0] + centre + turn, window[1], window[2] + centre + turn, window[3])
        pieces.append(_project(_cut(land, cut), pyproj.CRS.from_epsg(4326), ground))
    merged: shapely.Geometry = shapely.union_all(shapely.make_valid(np.concatenate(pieces)))
    return merged


def _cut(polygons: NDArray[Any], window: tuple[float, float, float, float]) -> NDArray[Any]:
    """Those polygons that touch a window (left, bottom, right, top), cut to it."""
    box = shapely.bounds(polygons)
    near = (box[:, 2:] >= window[:2]).all(axis=1) & (box[:, :2] <= window[2:]).all(axis=1)
    return np.asarray(shapely.clip_by_rect(polygons[near], *window))


@cache
def _read_bundled_land() -> NDArray[Any]:
    """Natural Earth's polygons in longitude and latitude."""
    with np.load(_LAND_FILE, allow_pickle=False) as file:
        data = {name: file[name] for name in file.files}
    xy = _restore_coordinates(data)
    return np.asarray(shapely.from_ragged_array(shapely.GeometryType.POLYGON, xy, (data["ring"], data["polygon"])))


def _restore_coordinates(data: dict[str, NDArray[Any]]) -> Floats:
    """(n, 2) longitude and latitude from steps; each ring begins at its origin."""
    steps = np.stack((data["step_x"], data["step_y"]), axis=1).astype(np.int64)
    first = data["ring"][:-1]
    whole = np.cumsum(steps, axis=0)
    whole += np.repeat(data["origin"] - whole[first], np.diff(data["ring"]), axis=0)
    degrees: Floats = whole * data["scale"] + data["translate"]
    return degrees
