"""Tell the sea from other water: where the ocean is, near a scene, and which bodies of water meet it.

The bundled land is Natural Earth's at 1:10m (public domain), quantised to 400 m, and up to about 2 km from the truth;
``benchmarks/make_ocean.py`` made it. So a body of water is sea where it shares a good part of its area with the ocean,
or a large area with those parts of the ocean that lie well off the land. An ocean of the user's own is taken at its
word.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from pipeline.trace.coarse import CoarseGrid, fill_polygons
from pipeline.trace.ellipsoid import Ground
from pipeline.trace.gshhg import find_gshhg, read_gshhg_land
from pipeline.trace.traced import Bools, Floats, Ints
from pipeline.trace.waters import OceanCells
from tiles.errors import GridError
from tiles.vector_edges import project_shapes
from tiles.vector_file import read_water_layers

__all__ = ["SEA_IS_GUESSED", "Ocean", "draw_ocean", "read_ocean", "resolve_ocean"]

SEA_IS_GUESSED: Final = (
    "Where no water lies in the ocean as it is drawn (Natural Earth's is up to 2 km off), the broad water nearest to "
    "it was taken for sea. A finer ocean (--ocean) would tell."
)

_LAND_FILE: Final = Path(__file__).parents[1] / "data" / "land_10m.npz"
_OFFSHORE_M = 2000.0
"""How far the bundled land may be wrong."""
_GSHHG_OFF_M = 500.0
"""As much of its source: nine tenths of the World Vector Shoreline's points lie within it."""
_OFFSHORE_AREA_M2 = 1e6
_OWN_AREA_M2 = 1e4
_LONGEST_EDGE_M = 2000.0
"""Longer edges would be curves on the scene's grid."""
_TOLERANCE_PX = 0.05
"""How far from where it was given a side of the user's own ocean may be drawn."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ocean:
    """The ocean around a scene, in the scene's plane (``Ground.plane``).

    Attributes:
        whole: All of it.
        certain: The part of it that is ocean beyond doubt.
        least_area_m2: A body of water that has this much in common with ``certain`` is sea.
        tolerance_m: How far from the truth it may be.
    """

    whole: shapely.Geometry
    certain: shapely.Geometry
    least_area_m2: float
    tolerance_m: float


def resolve_ocean(path: Path | None) -> Path | None:
    """The file that a user means: GSHHG may be asked for by name. What reading it takes must be installed.

    Args:
        path: A file, or ``gshhg``.

    Raises:
        GridError: It is not installed.
    """
    found = find_gshhg() if path == Path("gshhg") else path
    if found is not None and found.suffix == ".nc":
        import netCDF4  # noqa: F401, PLC0415 (what lacks it says so before a scene is mapped)
    return found


def read_ocean(ground: Ground, *, path: Path | None = None) -> Ocean:
    """Read the ocean near a scene.

    Args:
        ground: The scene's ground.
        path: A file of polygons of ocean in any CRS, all its layers together; or GSHHG as GMT keeps it (``.nc``);
            without it, what Natural Earth does not call land.

    Raises:
        GridError: The file cannot be read, has no CRS, holds no polygons, something else beside them, or land.
    """
    frame = _frame(ground)
    if path is not None and path.suffix == ".nc":
        whole = shapely.difference(frame, _read_land(ground, frame, partial(read_gshhg_land, path)))
        return _blur(whole, _GSHHG_OFF_M)
    if path is not None:
        own = shapely.intersection(_read_polygons(path, ground, frame), frame)
        return Ocean(whole=own, certain=own, least_area_m2=_OWN_AREA_M2, tolerance_m=0.0)
    return _blur(shapely.difference(frame, _read_land(ground, frame, _cut_bundled_land)), _OFFSHORE_M)


def _blur(whole: shapely.Geometry, error_m: float) -> Ocean:
    """An ocean whose shore may be wrong by so much."""
    certain = shapely.buffer(whole, -error_m)
    return Ocean(whole=whole, certain=certain, least_area_m2=_OFFSHORE_AREA_M2, tolerance_m=error_m)


def draw_ocean(ocean: Ocean, ground: Ground, coarse: CoarseGrid) -> OceanCells:
    """Draw the ocean on the cells of a scene.

    Args:
        ocean: Near the scene.
        ground: The scene's ground.
        coarse: The cells.
    """
    around = shapely.buffer(ocean.whole, ocean.tolerance_m) if ocean.tolerance_m else ocean.whole

    def to_pixels(xy: Floats) -> Floats:
        places = ground.to_plane.transform(xy[:, 0], xy[:, 1], direction="INVERSE")
        return np.stack(~ground.grid.transform @ places, axis=1)

    def draw(part: shapely.Geometry) -> Bools:
        fine = np.array([shapely.segmentize(part, _LONGEST_EDGE_M)], dtype=object)
        return fill_polygons(shapely.transform(fine, to_pixels), coarse)

    def measure(row: Ints, col: Ints) -> Floats:
        middle = np.stack((col, row), axis=1) + np.add(coarse.corner, 0.5)
        xy = ground.compute_coordinates(np.asarray(middle * coarse.factor, dtype=np.float64))
        points = shapely.points(*ground.to_plane.transform(xy[:, 0], xy[:, 1]))
        distance: Floats = shapely.distance(points, ocean.whole)
        return distance

    return OceanCells(
        whole=draw(ocean.whole),
        certain=draw(ocean.certain),
        near=draw(around),
        least_area_m2=ocean.least_area_m2,
        measure=measure,
    )


def _frame(ground: Ground) -> shapely.Geometry:
    """The scene and a margin around it in its plane, so that the offshore part of the ocean is right within it."""
    width, height = ground.grid.width, ground.grid.height
    along = np.linspace(0, 1, 21)
    edge = np.concatenate([np.stack((along * width, np.full(21, y)), axis=1) for y in (0, height)])
    side = np.concatenate([np.stack((np.full(21, x), along * height), axis=1) for x in (0, width)])
    x, y = ground.to_plane.transform(*ground.compute_coordinates(np.concatenate((edge, side))).T)
    margin = 2 * _OFFSHORE_M
    frame: shapely.Geometry = shapely.box(x.min() - margin, y.min() - margin, x.max() + margin, y.max() + margin)
    return frame


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


def _read_land(
    ground: Ground, frame: shapely.Geometry, read: Callable[[tuple[float, float, float, float]], NDArray[Any]]
) -> shapely.Geometry:
    """Land within a frame in the scene's plane, of a source that gives it by windows in degrees."""
    to_plane = pyproj.Transformer.from_crs("EPSG:4326", ground.plane, always_xy=True)
    x, y = shapely.get_coordinates(shapely.segmentize(frame, 5000)).T
    lon, lat = to_plane.transform(x, y, direction="INVERSE")
    centre = ground.compute_degrees(np.array([[ground.grid.width / 2, ground.grid.height / 2]]))[0, 0]
    lon = (lon - centre + 180) % 360 - 180  # degrees from the centre, which knows no antimeridian
    margin = 0.1
    window = (lon.min() - margin, lat.min() - margin, lon.max() + margin, lat.max() + margin)
    pieces = []
    for turn in (-360, 0, 360):
        cut = (window[0] + centre + turn, window[1], window[2] + centre + turn, window[3])
        pieces.append(shapely.transform(read(cut), lambda xy: np.stack(to_plane.transform(*xy.T), axis=1)))
    merged: shapely.Geometry = shapely.union_all(shapely.make_valid(np.concatenate(pieces)))
    return merged


def _cut_bundled_land(window: tuple[float, float, float, float]) -> NDArray[Any]:
    """Natural Earth's polygons that touch a window (left, bottom, right, top), cut to it."""
    polygons = _read_bundled_land()
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
