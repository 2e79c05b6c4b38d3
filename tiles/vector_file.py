"""Vector files that users give: every layer that holds what is wanted, its shapes as they were drawn, and their CRS.

GDAL reads a file's first layer where none is named; a file of two folders of KML, or a GeoPackage of two layers, is
half read then. GeoParquet is read by geopandas, as few builds of GDAL read it. A zip may hold its files in folders.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from strandline import StrandlineError
from tiles.vector_edges import compute_period, list_paths

if TYPE_CHECKING:
    import geopandas

__all__ = ["CROSSING_NOTE", "Kind", "VectorLayer", "read_layers", "read_water_layers"]

Kind = Literal["polygons", "lines", "shapes"]

CROSSING_NOTE = "An edge of the area spans over half the globe: it was taken to cross the antimeridian."

_TYPES: Final[dict[Kind, tuple[str, ...]]] = {
    "polygons": ("Polygon",),
    "lines": ("LineString", "LinearRing"),
    "shapes": ("Polygon", "LineString", "LinearRing", "Point"),
}
_PARQUET = frozenset({".parquet", ".geoparquet"})
_ZIPPED = frozenset({".fgb", ".geojson", ".gml", ".gpkg", ".gpx", ".json", ".kml", ".kmz", ".shp", ".tab"})
"""Of what in a zip is a vector file, and no part of one or a text beside it."""
_READ_ERRORS = (OSError, ValueError, RuntimeError, LookupError, TypeError, zipfile.BadZipFile)
"""What GDAL, geopandas and pyarrow raise over files that are none, or are broken."""

_MOST_DEGREES = 540.0
"""Maps that scroll write longitudes beyond 180, but not beyond another turn."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VectorLayer:
    """The shapes of one layer, in the CRS in which they were drawn: there alone their edges are straight.

    Attributes:
        name: Of the layer.
        frame: A part a row, two-dimensional, valid, not empty, with the columns of its feature. Longitudes are
            continuous, and so may lie beyond 180 degrees.
        features: How many features the layer has, of whatever kind.
        others: What else it holds, such as ``Point``.
        crosses: An edge spans over half the globe: it was taken to cross the antimeridian.
    """

    name: str
    frame: geopandas.GeoDataFrame
    features: int
    others: tuple[str, ...]
    crosses: bool

    @property
    def shapes(self) -> NDArray[Any]:
        """(n,) shapely geometries."""
        return np.asarray(self.frame.geometry, dtype=object)

    @property
    def crs(self) -> pyproj.CRS:
        """In which they are given."""
        return pyproj.CRS.from_user_input(self.frame.crs)


def read_layers(
    path: str | Path,
    *,
    kind: Kind,
    noun: str,
    error_type: type[StrandlineError],
    required: bool = True,
    apart: frozenset[str] = frozenset(),
) -> tuple[VectorLayer, ...]:
    """Read all layers of a vector file that hold shapes of a kind.

    Args:
        path: A file that GDAL reads, a zip of such files, or GeoParquet.
        kind: What is wanted. Parts of collections count, other kinds are left out.
        noun: What the file is for, in messages: ``area of interest``.
        error_type: Raised where it cannot be used.
        required: It must hold some; else layers without any come back where there are no others.
        apart: Words, in the names of layers, for what is something else: where such a layer stands beside others, it
            is asked which are meant.

    Raises:
        StrandlineError: Of ``error_type``: the file cannot be read, shapes have no CRS or lie off the globe, none is
            of that kind, or a layer is something else.
    """
    try:
        frames = tuple(_read_frames(Path(path)))
    except _READ_ERRORS as error:
        # GDAL ends with a hint for programmers.
        reason = " ".join(str(error).split()).partition("; It might help")[0] or type(error).__name__
        raise error_type(
            f"The {noun} {path} cannot be read: expected a vector file with {kind} ({reason[:200]})."
        ) from error
    layers = tuple(_make_layer(name, frame, kind) for name, frame in frames)
    holding = tuple(layer for layer in layers if len(layer.frame))
    names = [layer.name for layer in holding]
    meant = [name for name in names if not apart & {word.rstrip("s") for word in re.split("[^a-z]+", name.lower())}]
    if 1 < len(names) != len(meant):
        raise error_type(
            f"Expected one sort of {kind} in the {noun} {path}, found layers {', '.join(names)}. "
            f"Put what is meant into a file of its own (ogr2ogr meant.gpkg {Path(path).name} {(meant or names)[0]})."
        )
    for layer in holding:
        _require_place(layer, path, f"{kind} with a CRS in the {noun}", error_type)
    if required and not holding:
        others = sorted({name for layer in layers for name in layer.others})
        count = sum(layer.features for layer in layers)
        raise error_type(
            f"The {noun} {path} holds no {kind.removesuffix('s')}, found {count} features of "
            f"{', '.join(others) or 'nothing'}. Give a file with {kind}."
        )
    return holding or layers


def read_water_layers(
    path: str | Path, *, noun: str, error_type: type[StrandlineError], required: bool = True
) -> tuple[VectorLayer, ...]:
    """Read polygons of water: all layers together, unless one is of land, as in a GeoPackage of ours.

    Args:
        path: As in ``read_layers``.
        noun: As there.
        error_type: As there.
        required: As there.

    Raises:
        StrandlineError: As there; or there is something else among the polygons of a layer.
    """
    layers = read_layers(
        path, kind="polygons", noun=noun, error_type=error_type, required=required, apart=frozenset({"land"})
    )
    if mixed := next((layer for layer in layers if layer.others), None):
        raise error_type(
            f"Expected polygons in the {noun} {path}, found {', '.join(mixed.others)} in its layer {mixed.name}. "
            "Build polygons of water first, or leave these out."
        )
    return layers


def _read_frames(path: Path) -> Iterator[tuple[str, geopandas.GeoDataFrame]]:
    import geopandas  # noqa: PLC0415 (most maps are made without a vector file)
    import pyogrio  # noqa: PLC0415

    if path.suffix.lower() in _PARQUET:
        yield path.stem, geopandas.read_parquet(path)
        return
    for source in _list_sources(path):
        # By number: two layers may share a name.
        for number, (name, _) in enumerate(pyogrio.list_layers(source)):
            frame = pyogrio.read_dataframe(source, layer=number)
            if isinstance(frame, geopandas.GeoDataFrame):  # and no table
                yield str(name), frame


def _list_sources(path: Path) -> list[str]:
    """What GDAL is to open: of a zip the vector files in it, in whatever folder."""
    if path.suffix.lower() != ".zip" or not path.is_file():
        return [str(path)]
    with zipfile.ZipFile(path) as archive:
        names = [PurePosixPath(name) for name in archive.namelist() if "__MACOSX" not in name]
    members = [name for name in names if name.suffix.lower() in _ZIPPED]
    return [f"/vsizip/{path.absolute().as_posix()}/{name}" for name in members] or [str(path)]


def _make_layer(name: str, frame: geopandas.GeoDataFrame, kind: Kind) -> VectorLayer:
    parts = _list_parts(frame)
    wanted = parts.geom_type.isin(_TYPES[kind])
    kept = parts[wanted].reset_index(drop=True)
    crosses = False
    if len(kept) and kept.crs is not None:
        shapes, crosses = _join_across(np.asarray(kept.geometry, dtype=object), compute_period(kept.crs))
        kept = kept.set_geometry(type(kept.geometry)(shapes, crs=kept.crs))
    return VectorLayer(
        name=name,
        frame=kept,
        features=len(frame),
        others=tuple(sorted(set(parts.geom_type[~wanted]))),
        crosses=crosses,
    )


def _list_parts(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    """Single geometries, a row each."""
    shapes = shapely.force_2d(np.asarray(frame.geometry, dtype=object))
    broken = (shapely.get_dimensions(shapes) == 2) & ~shapely.is_valid(shapes)
    shapes[broken] = shapely.make_valid(shapes[broken])
    parts = frame.set_geometry(type(frame.geometry)(shapes, index=frame.index, crs=frame.crs))
    parts = parts[parts.geometry.notna() & ~parts.geometry.is_empty]
    while (shapely.get_type_id(np.asarray(parts.geometry)) >= shapely.GeometryType.MULTIPOINT).any():
        parts = parts.explode(ignore_index=True)
        parts = parts[~parts.geometry.is_empty]
    return parts.reset_index(drop=True)


def _join_across(shapes: NDArray[Any], period: float | None) -> tuple[NDArray[Any], bool]:
    """Bring shapes that jump from one end of the world to the other into one piece, beyond its end.

    An edge all around the world is none that jumps: so are shapes closed that hold a pole, or all of it.
    """
    if period is None:
        return shapes, False
    paths, owners = list_paths(shapes)
    xy, path = shapely.get_coordinates(paths, return_index=True)
    width = np.abs(np.diff(xy[:, 0]))
    jump = (path[1:] == path[:-1]) & (width > period / 2) & (width < period * (1 - 1e-9))
    jumping = np.unique(owners[path[1:][jump]])
    joined = shapes.copy()
    joined[jumping] = shapely.transform(
        shapes[jumping], lambda xy: np.column_stack([np.where(xy[:, 0] < 0, xy[:, 0] + period, xy[:, 0]), xy[:, 1]])
    )
    return joined, bool(len(jumping))


def _require_place(layer: VectorLayer, path: str | Path, wanted: str, error_type: type[StrandlineError]) -> None:
    """Refuse shapes of which nobody knows where they lie."""
    if layer.frame.crs is None:
        raise error_type(
            f"Expected {wanted} {path}, found no CRS in its layer {layer.name}: add one (ogr2ogr -a_srs EPSG:4326 ...)."
        )
    left, bottom, right, top = shapely.total_bounds(layer.shapes)
    degree = (compute_period(layer.crs) or 360.0) / 360
    beyond = max(-left, right) > _MOST_DEGREES * degree or max(-bottom, top) > 90.0 * degree + 1e-6
    if not np.isfinite([left, bottom, right, top]).all() or (layer.crs.is_geographic and beyond):
        raise error_type(
            f"Expected {wanted} {path}, found coordinates off the globe in its layer {layer.name} (x {left:.6g} to "
            f"{right:.6g}, y {bottom:.6g} to {top:.6g} in {layer.crs.name}): its CRS is wrong, write the right one in."
        )
