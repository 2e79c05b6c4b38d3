"""One of two dates: what was given (a mapped scene, a mosaic, a raster, a vector file), and what it says of itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyogrio
import pyproj
import rasterio
import shapely
from affine import Affine
from pyogrio.errors import DataSourceError
from rasterio.errors import RasterioError

from pipeline.change.options import ChangeError
from pipeline.output.classes import SHARE_NAME
from pipeline.output.texture import TEXTURE_NAME
from pipeline.record.links import make_whole_href
from pipeline.record.result import ITEM_NAME, read_sensing_time
from tiles.grid import Grid
from tiles.times import parse_moment

__all__ = ["DatedCoast", "RasterPart", "read_dated_coast"]

_WATER, _PROBABILITY, _VECTORS = "water.tif", "probability.tif", "coastline.gpkg"
_LINES = ("coastline", "shoreline")
"""Layers of lines as maps and simulated truths name them."""

_CLASS_RMSE = 0.5
"""A raster of classes says on which side of its threshold a pixel lies, and no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterPart:
    """A raster that a contour is drawn from.

    Attributes:
        grid: Its grid; north up.
        probability: Raster of probability, where there is one.
        share: Raster of the share of water and its error, where there is one: the contour is drawn from it.
        water: Raster of classes, where there is one; it tells cloud from nodata.
        texture: Raster of brightness on their grid, where there is one, by which dates are registered.
    """

    grid: Grid
    probability: Path | None
    water: Path | None
    texture: Path | None = None
    share: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedCoast:
    """A coast on one date.

    Attributes:
        path: What was given.
        home: URL of the folder where readers of the record find it; empty: they find it at ``path``.
        id: Of the scene or mosaic; the file's name where there is none.
        files: All files that are read.
        parts: Rasters to draw contours from; where two overlap the first one counts.
        vectors: Vector file, read where there are no rasters.
        acquired: Time of sensing in UTC, where one is known.
        model: Name of the model; empty where not known.
        threshold: Probability from which on a pixel is water.
        probability_rmse: Error of the probability near the coastline; ``None`` where nothing states one.
        simulated: It shows no place on Earth.
        layers: Of the vector file, that of the lines first.
        lines: Vector file that says of its lines what waters they belong to; ``None`` where there is none.
        datum: What its line is, as ``tiles.datum`` has it; ``None`` where nothing says it.
        tide_m: Height of the tide, where known.
        tide_source: Name of what says so; heights of one source may be compared.
    """

    path: Path
    home: str = ""
    id: str
    files: tuple[Path, ...]
    parts: tuple[RasterPart, ...] = ()
    vectors: Path | None = None
    acquired: datetime | None = None
    model: str = ""
    threshold: float = 0.5
    probability_rmse: float | None = None
    simulated: bool = False
    layers: tuple[str, ...] = field(default=())
    lines: Path | None = None
    datum: str | None = None
    tide_m: float | None = None
    tide_source: str | None = None

    @property
    def crs(self) -> pyproj.CRS:
        """CRS of the first raster, or of the vectors."""
        if self.parts:
            return pyproj.CRS.from_user_input(self.parts[0].grid.crs)
        return pyproj.CRS.from_user_input(pyogrio.read_info(self.vectors, layer=self.layers[0])["crs"])

    @property
    def lines_layer(self) -> str:
        """Layer of ``lines``."""
        return self.layers[0] if self.layers else "coastline"

    def name_file(self, path: Path) -> str:
        """The href by which records name what was given, or one of its files."""
        if not self.home:
            return make_whole_href(str(path))
        inside = quote(path.relative_to(self.path).as_posix())
        return self.home if inside == "." else f"{self.home}/{inside}"

    @property
    def time(self) -> str | None:
        """Time of sensing by ISO 8601 in UTC."""
        return None if self.acquired is None else self.acquired.isoformat().replace("+00:00", "Z")


def read_dated_coast(path: Path) -> DatedCoast:
    """Find out what a path holds.

    Args:
        path: Folder of a mapped scene, of a mosaic or of one of its tiles; ``water.tif`` or ``probability.tif``; or a
            vector file of lines, land on the left of their direction.

    Raises:
        ChangeError: It is none of these, or cannot be read.
    """
    if not path.exists():
        raise ChangeError(f"{path} is not there. Give a mapped scene's folder, a mosaic, a raster or a vector file.")
    if path.is_dir():
        return _read_folder(path)
    if path.suffix.lower() in {".tif", ".tiff", ".vrt"}:
        return _read_raster_file(path)
    return _read_vectors(path, {})


def _read_folder(path: Path) -> DatedCoast:
    properties = _read_properties(path)
    pairs = [path] if _holds_raster(path) else sorted(p for p in path.iterdir() if p.is_dir() and _holds_raster(p))
    if pairs:
        return _make_coast(path, properties, [(_find(p / _PROBABILITY), _find(p / _WATER)) for p in pairs])
    if (path / _VECTORS).is_file():
        return _read_vectors(path / _VECTORS, properties)
    raise ChangeError(
        f"Expected {_PROBABILITY}, {_WATER} or {_VECTORS} in {path}, found none of them. Give the folder of one scene "
        "(maps/<scene id>), a mosaic, or one of its tiles."
    )


def _read_raster_file(path: Path) -> DatedCoast:
    properties = _read_properties(path.parent)
    if path.name == _WATER:
        return _make_coast(path, properties, [(_find(path.with_name(_PROBABILITY)), path)])
    return _make_coast(path, properties, [(path, _find(path.with_name(_WATER)) if path.name == _PROBABILITY else None)])


def _make_coast(path: Path, properties: dict[str, Any], pairs: list[tuple[Path | None, Path | None]]) -> DatedCoast:
    if properties.get("strandline:parameters", {}).get("statistic", "median") != "median":
        pairs = [(None, water) if water else (chance, water) for chance, water in pairs]  # its line follows the classes
    parts = tuple(_make_part(chance, water) for chance, water in pairs)
    stated = properties.get("strandline:probability_rmse")
    chances = all(part.probability for part in parts)
    lines = _find((path if path.is_dir() else path.parent) / _VECTORS)
    textures = [file for part in parts for file in (part.texture, part.share) if file]
    return DatedCoast(
        path=path,
        files=(*(file for pair in pairs for file in pair if file is not None), *textures, *([lines] if lines else [])),
        lines=lines,
        parts=parts,
        probability_rmse=(None if stated is None else float(stated)) if chances else _CLASS_RMSE,
        **_read_facts(path, properties),
    )


def _make_part(probability: Path | None, water: Path | None) -> RasterPart:
    share = None if probability is None or water is None else _find(probability.with_name(SHARE_NAME))
    grids = [_read_grid(path) for path in (probability, water) if path is not None]
    grids += [] if share is None else [_read_grid(share, bands=2)]
    if len({(grid.crs.to_wkt(), grid.transform, grid.shape) for grid in grids}) > 1:
        paths = ", ".join(str(path) for path in (probability, water, share) if path is not None)
        raise ChangeError(f"Expected {paths} on one grid, found two. Map the scene again.")
    texture = _find((water or probability or Path()).with_name(TEXTURE_NAME))
    if texture is not None and (water is None or _read_grid(texture) != grids[0]):
        texture = None  # of another map
    return RasterPart(grid=grids[0], probability=probability, water=water, texture=texture, share=share)


def _read_grid(path: Path, *, bands: int = 1) -> Grid:
    try:
        with rasterio.open(path) as src:
            crs, transform, shape, found = src.crs, Affine(*src.transform[:6]), src.shape, src.count
    except RasterioError as error:
        raise ChangeError(f"{path} cannot be read as a raster ({error}). Is it whole?") from error
    if crs is None or found != bands:
        raise ChangeError(
            f"Expected a CRS and {bands} band(s) in {path}, found {crs} and {found}. Give a raster of ours."
        )
    return Grid(crs=crs, transform=transform, width=shape[1], height=shape[0])


def _read_vectors(path: Path, properties: dict[str, Any]) -> DatedCoast:
    if path.suffix.lower() in {".parquet", ".geoparquet"}:
        raise ChangeError(
            f"Expected vectors that can be read piece by piece, found GeoParquet in {path}. "
            f"Give the {_VECTORS} that a map has beside it."
        )
    try:
        layers = _choose_layers(path)
        known = pyogrio.read_info(path, layer=layers[0])["crs"] is not None
    except DataSourceError as error:
        raise ChangeError(f"{path} cannot be read as raster or vectors ({error}). Is it one of ours?") from error
    if not known:
        raise ChangeError(f"Expected a layer with a CRS in {path}, found none. Give a coastline that says where it is.")
    facts = _read_facts(path, properties)
    return DatedCoast(
        path=path, files=(path,), vectors=path, lines=path, layers=layers, **(facts | _read_columns(path, layers[0]))
    )


def _choose_layers(path: Path) -> tuple[str, ...]:
    """That of the lines, by its name or as the only one with lines, and those of polygons as we name them."""
    kinds = {str(name): kind for name, kind in pyogrio.list_layers(path)}
    named = [name for name in _LINES if name in kinds]
    lines = named[:1] or [name for name, kind in kinds.items() if kind is not None and _holds_lines(path, name, kind)]
    if len(lines) != 1:
        layers = f"layers {', '.join(lines)}" if lines else f"none in its layers {', '.join(kinds) or '(none)'}"
        raise ChangeError(
            f"Expected one layer of lines, land on their left, in {path}, found {layers}. "
            f"Name the one that is meant coastline (ogr2ogr -nln coastline meant.gpkg {path.name} LAYER)."
        )
    return (lines[0], *(name for name in ("water", "land") if name in kinds and name != lines[0]))


def _holds_lines(path: Path, layer: str, kind: str) -> bool:
    """Whether a layer holds lines; one that does not say of what it is, as in KML, is looked into."""
    if kind.partition(" ")[0] not in {"Unknown", "Geometry", "GeometryCollection"}:
        return "Line" in kind or "Curve" in kind
    shapes = pyogrio.read_dataframe(path, layer=layer, columns=[]).geometry
    return bool((shapely.get_dimensions(np.asarray(shapes)) == 1).any())


def _read_columns(path: Path, layer: str) -> dict[str, Any]:
    """Scene, time and model, as the first line's columns state them."""
    first = pyogrio.read_dataframe(path, layer=layer, max_features=1, read_geometry=False)
    row = first.iloc[0].to_dict() if len(first) else {}
    facts: dict[str, Any] = {}
    if isinstance(row.get("scene"), str):
        facts["id"] = row["scene"]
    if isinstance(row.get("datum"), str):
        facts["datum"] = row["datum"]
    if isinstance(row.get("model"), str):
        facts["model"] = row["model"]
    # In a shapefile the time of day stands beside its day, as text.
    moments = (parse_moment(row.get(name)) for name in ("time_utc", "time", "last_utc", "last"))
    if (acquired := next((moment for moment in moments if moment is not None), None)) is not None:
        facts["acquired"] = acquired
    return facts


def _read_properties(folder: Path) -> dict[str, Any]:
    path = folder / ITEM_NAME
    if not path.is_file():
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {"id": document["id"], **document["properties"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ChangeError(f"Expected a STAC item in {path}, found {error}. Map the scene again.") from error


def _read_facts(path: Path, properties: dict[str, Any]) -> dict[str, Any]:
    parameters = properties.get("strandline:parameters", {})
    return {
        "id": str(properties.get("id") or path.stem),
        "acquired": read_sensing_time(properties),
        "model": str(properties.get("mlm:name") or properties.get("strandline:model") or ""),
        "threshold": float(parameters.get("threshold", properties.get("strandline:threshold", 0.5))),
        "simulated": bool(properties.get("strandline:simulated")),
        "datum": properties.get("strandline:datum"),
        "tide_m": properties.get("strandline:tide_m"),
        "tide_source": parameters.get("tides"),
    }


def _holds_raster(folder: Path) -> bool:
    return (folder / _PROBABILITY).is_file() or (folder / _WATER).is_file()


def _find(path: Path) -> Path | None:
    return path if path.is_file() else None
