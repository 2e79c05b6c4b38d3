"""Transects: straight lines across the shore, from land to sea, along which its position is measured.

They are given, or cast normal to a reference line. The reference is smoothed first, so that a normal follows the run
of the coast and not the steps of its pixels; positions still count from where a transect meets the reference itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import ProjError
from scipy.ndimage import gaussian_filter1d

from pipeline.lonlat import to_lonlat
from strandline import StrandlineError
from tiles.vector_edges import project_shapes
from tiles.vector_file import read_layers

__all__ = [
    "Casting",
    "TimeseriesError",
    "Transects",
    "cast_transects",
    "project_lines",
    "read_lines",
    "read_transects",
    "resolve_metric_crs",
]


class TimeseriesError(StrandlineError, ValueError):
    """Maps, transects and choices do not make a time series."""

    exit_code = 2


Floats = NDArray[np.float64]

_STEP_M = 5.0
"""Spacing of the points by which a reference line is smoothed."""

_TOLERANCE_M = 0.5
"""How far from where it was drawn an edge of a reference line may run."""

_REFERENCES = ("coastline", "shoreline", "baseline", "reference")
"""Layers that are one by their name: so maps, simulated truths and the tools that cast transects call them."""

_NAMES = ("id", "name", "transect", "transect_id")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transects:
    """Straight lines in a metric CRS; a position is a distance from the origin, positive seaward.

    Attributes:
        ids: (n,) names, no two alike.
        origin: (n, 2) where the position is 0.
        direction: (n, 2) of length 1, seaward.
        landward_m: (n,) how far each reaches from its origin to the landward side, 0 or more.
        seaward_m: (n,) and to the seaward side.
        crs: Metric CRS of all of it.
    """

    ids: NDArray[np.object_]
    origin: Floats
    direction: Floats
    landward_m: Floats
    seaward_m: Floats
    crs: CRS

    def __post_init__(self) -> None:
        count = len(self.ids)
        if self.origin.shape != (count, 2) or self.direction.shape != (count, 2):
            raise ValueError(f"{count} transects need origins and directions of ({count}, 2) numbers.")
        if not np.allclose(np.hypot(*self.direction.T), 1.0):
            raise ValueError("The direction of a transect has the length 1.")
        if len(set(self.ids)) != count:
            raise ValueError("No two transects share a name.")

    def __len__(self) -> int:
        return len(self.ids)

    def build_lines(self) -> NDArray[Any]:
        """(n,) LineStrings, each from its landward to its seaward end."""
        ends = np.stack((self.locate(-self.landward_m), self.locate(self.seaward_m)), axis=1)
        return np.asarray(shapely.linestrings(ends), dtype=object)

    def locate(self, position_m: Floats) -> Floats:
        """(n, 2) the place on each transect at a position (n,)."""
        return np.asarray(self.origin + position_m[:, None] * self.direction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Casting:
    """How transects are cast from a reference line.

    Attributes:
        spacing_m: From one to the next along the reference.
        landward_m: How far each reaches over land.
        seaward_m: And over water.
        smooth_m: Scale (standard deviation of a Gaussian along the line) of the smoothing.
        least_m: Reference lines that are shorter get no transects.
    """

    spacing_m: float = 100.0
    landward_m: float = 200.0
    seaward_m: float = 200.0
    smooth_m: float = 100.0
    least_m: float = 500.0

    def __post_init__(self) -> None:
        if not 0 < self.spacing_m < np.inf:
            raise TimeseriesError(f"Expected a spacing of transects of more than 0 m, found {self.spacing_m}.")
        for name in ("landward_m", "seaward_m", "smooth_m", "least_m"):
            if not 0 <= getattr(self, name) < np.inf:
                raise TimeseriesError(f"Expected {name} of 0 m or more, found {getattr(self, name)}.")
        if self.landward_m + self.seaward_m == 0:
            raise TimeseriesError("Expected transects with a length: landward or seaward must be more than 0 m.")


def resolve_metric_crs(geometries: NDArray[Any], crs: CRS | str) -> CRS:
    """Choose the UTM zone of the middle of an area, also where the area spans two zones or the antimeridian.

    Args:
        geometries: What lies in the area.
        crs: Of the geometries.

    Returns:
        EPSG:326zz north of the equator, EPSG:327zz south of it. A few tens of kilometres beyond a zone's edge its
        scale is off by about one in a thousand: 0.2 m on 200 m, the same on every date.
    """
    west, south, east, north = shapely.total_bounds(to_lonlat(geometries, crs))
    lon, lat = (west + east) / 2, (south + north) / 2
    zone = int(((lon + 180) % 360) // 6) + 1
    return CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)


def read_lines(path: Path, *, what: str) -> gpd.GeoDataFrame:
    """Read a vector file's lines, each a feature of its own.

    Args:
        path: A vector file with lines in any CRS, of all its layers; of a reference the layer that is named
            ``coastline``, ``shoreline``, ``baseline`` or ``reference`` alone, where it has one.
        what: What it is for: ``transects`` or ``reference``.

    Returns:
        LineStrings with the file's columns, in the CRS of its first layer.

    Raises:
        TimeseriesError: It cannot be read, has no CRS or no line, or a reference lies among the transects.
    """
    is_reference = what == "reference"
    apart = frozenset[str]() if is_reference else frozenset(_REFERENCES)
    layers = read_layers(path, kind="lines", noun=what, error_type=TimeseriesError, required=False, apart=apart)
    named = [layer for name in _REFERENCES for layer in layers if is_reference and layer.name.lower() == name]
    frames = [layer.frame for layer in named[:1] or layers if len(layer.frame)]
    if not frames:
        count = sum(layer.features for layer in layers)
        raise TimeseriesError(f"Expected lines for the {what} in {path}, found none among {count} features.")
    crs = frames[0].crs
    same = [frame.set_geometry(gpd.GeoSeries(project_lines(frame, crs), crs=crs)) for frame in frames]
    return gpd.GeoDataFrame(pd.concat(same, ignore_index=True), crs=crs)


def project_lines(frame: gpd.GeoDataFrame, crs: CRS) -> NDArray[Any]:
    """Bring lines to another CRS, their edges where they were drawn.

    Args:
        frame: Lines.
        crs: Metric, but where it is that of the frame.

    Returns:
        (n,) LineStrings.

    Raises:
        TimeseriesError: There is no way from one CRS to the other.
    """
    try:
        return project_shapes(
            np.asarray(frame.geometry, dtype=object), CRS.from_user_input(frame.crs), crs, tolerance=_TOLERANCE_M
        )
    except ProjError as error:
        reason = " ".join(str(error).split())
        raise TimeseriesError(f"Lines cannot be brought from {frame.crs.name} to {crs.name} ({reason}).") from error


def read_transects(path: Path, *, crs: CRS | None = None, seaward_first: bool = False) -> Transects:
    """Read transects that a user gives; the position is 0 at the landward end.

    A line of more than two vertices counts as the straight line between its ends.

    Args:
        path: A vector file with lines in any CRS, of all its layers; a column ``id`` or ``name`` names them where its
            values differ.
        crs: Metric CRS to measure in; ``None``: the UTM zone of their middle.
        seaward_first: The first vertex of each is the seaward end, not the landward one.

    Raises:
        TimeseriesError: The file cannot be used.
    """
    frame = read_lines(path, what="transects")
    crs = crs or resolve_metric_crs(np.asarray(frame.geometry, dtype=object), frame.crs)
    lines = np.asarray(frame.to_crs(crs).geometry, dtype=object)
    ends = np.stack([shapely.get_coordinates(shapely.get_point(lines, place)) for place in (0, -1)])
    land, sea = ends[::-1] if seaward_first else ends
    span = np.hypot(*(sea - land).T)
    if not (np.isfinite(span) & (span > 0)).all():
        wrong = int(np.flatnonzero(~(np.isfinite(span) & (span > 0)))[0])
        raise TimeseriesError(f"Transect {wrong + 1} of {path} has no length: expected a line from land to sea.")
    return Transects(
        ids=_name_lines(frame),
        origin=land,
        direction=(sea - land) / span[:, None],
        landward_m=np.zeros(len(span)),
        seaward_m=span,
        crs=crs,
    )


def _name_lines(frame: gpd.GeoDataFrame) -> NDArray[np.object_]:
    for name in (column for wanted in _NAMES for column in frame.columns if str(column).lower() == wanted):
        values = [str(value) for value in frame[name]]
        if frame[name].notna().all() and len(set(values)) == len(values):
            return np.array(values, dtype=object)
    return np.array([f"{number:04d}" for number in range(1, len(frame) + 1)], dtype=object)


def cast_transects(lines: NDArray[Any], *, crs: CRS, casting: Casting | None = None) -> Transects:
    """Cast transects normal to reference lines, land on the left of their direction.

    Args:
        lines: (n,) LineStrings in a metric CRS, land on the left.
        crs: That CRS.
        casting: Spacing, reach and smoothing.

    Returns:
        Transects whose position is 0 where they meet the reference, numbered along the lines, the longest line first.

    Raises:
        TimeseriesError: No line is long enough.
    """
    casting = casting or Casting()
    order = np.argsort(-shapely.length(lines), kind="stable")
    long_enough = [lines[number] for number in order if shapely.length(lines[number]) >= casting.least_m]
    cast = [pair for line in long_enough for pair in _cast_from_line(line, casting)]
    if not cast:
        longest = float(shapely.length(lines).max()) if len(lines) else 0.0
        raise TimeseriesError(
            f"Expected a reference line of at least {casting.least_m:g} m to cast transects from, found "
            f"{longest:.0f} m at most. Give --transects or --reference, or a smaller --least."
        )
    origin, direction = np.array(cast).transpose(1, 0, 2)
    count = len(cast)
    return Transects(
        ids=np.array([f"{number:04d}" for number in range(1, count + 1)], dtype=object),
        origin=origin,
        direction=direction,
        landward_m=np.full(count, casting.landward_m),
        seaward_m=np.full(count, casting.seaward_m),
        crs=crs,
    )


def _cast_from_line(line: Any, casting: Casting) -> Iterator[tuple[Floats, Floats]]:  # noqa: ANN401 (a shapely line)
    """Origin and direction of each transect of a line."""
    smooth, closed = _smooth(line, casting.smooth_m)
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(smooth, axis=0).T))))
    count = max(1, int(along[-1] / casting.spacing_m + 1e-6))
    # On an open line the rest is shared by both ends; on a ring the last gap is as wide as the others.
    gap = along[-1] / count if closed else casting.spacing_m
    places = (np.arange(count) + 0.5) * gap + (0 if closed else (along[-1] - count * gap) / 2)
    tangent = _compute_tangents(smooth, closed=closed)
    for place in places:
        point = np.array([np.interp(place, along, smooth[:, axis]) for axis in (0, 1)])
        ahead = np.array([np.interp(place, along, tangent[:, axis]) for axis in (0, 1)])
        direction = np.array([ahead[1], -ahead[0]]) / np.hypot(*ahead)  # land is on the left, so the sea is right
        yield point + _find_reference(line, point, direction, casting) * direction, direction


def _smooth(line: Any, scale_m: float) -> tuple[Floats, bool]:  # noqa: ANN401 (a shapely line)
    """Points of the line at even steps, smoothed along it, and whether it is closed."""
    closed = bool(shapely.is_closed(line))
    count = max(4, round(line.length / _STEP_M))
    places = np.linspace(0, line.length, count + 1)
    points = shapely.get_coordinates(shapely.line_interpolate_point(line, places))
    sigma = scale_m / (line.length / count)
    if sigma == 0:
        return points, closed
    if closed:
        ring = gaussian_filter1d(points[:-1], sigma, axis=0, mode="wrap")
        return np.concatenate((ring, ring[:1])), True
    # Reflected through its end points a straight line stays straight, up to its ends.
    pad = min(count, int(4 * sigma) + 1)
    before, after = 2 * points[0] - points[pad:0:-1], 2 * points[-1] - points[-2 : -pad - 2 : -1]
    padded = gaussian_filter1d(np.concatenate((before, points, after)), sigma, axis=0, mode="nearest")
    return padded[pad : pad + count + 1], False


def _compute_tangents(points: Floats, *, closed: bool) -> Floats:
    if closed:
        ring = points[:-1]
        steps = np.roll(ring, -1, axis=0) - np.roll(ring, 1, axis=0)
        steps = np.concatenate((steps, steps[:1]))
    else:
        steps = np.gradient(points, axis=0)
    return np.asarray(steps / np.maximum(np.hypot(*steps.T), 1e-12)[:, None])


def _find_reference(line: Any, point: Floats, direction: Floats, casting: Casting) -> float:  # noqa: ANN401
    """Position, from a point of the smoothed line, at which the transect meets the line itself; 0 where it does not."""
    ends = [point - casting.landward_m * direction, point + casting.seaward_m * direction]
    met = shapely.get_coordinates(shapely.intersection(line, shapely.LineString(ends)))
    if not len(met):
        return 0.0
    positions = (met - point) @ direction
    return float(positions[np.argmin(np.abs(positions))])
