"""Write the coastline, water and land in every format that analysts ask for.

Source: OGC 24-013, GeoParquet 1.1; FlatGeobuf 3; the modules of the other formats name theirs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import geopandas as gpd
import pyarrow
import pyogrio

from pipeline.errors import UnknownFormatError, output_errors
from pipeline.output.fields import LAYERS, Layer, conform_layer, name_geometry_type
from pipeline.output.geojson import write_geojson
from pipeline.output.geopackage import write_geopackage
from pipeline.output.kml import KML_DRIVER, write_kml
from pipeline.output.pmtiles import PMTILES_DRIVER, write_pmtiles
from pipeline.output.shapefile import refuse_oversize, write_shapefiles, write_zipped_shapefiles
from pipeline.output.styles import read_style

__all__ = ["FORMATS", "resolve_formats", "write_vectors"]

Frames = Mapping[str, gpd.GeoDataFrame]

_STYLED_BESIDE = frozenset({"shp", "fgb", "geojson", "parquet"})

_DRIVERS = {"kml": KML_DRIVER, "pmtiles": PMTILES_DRIVER}
"""Of formats that not every GDAL can write."""


def write_vectors(
    frames: Frames,
    folder: Path,
    *,
    formats: Sequence[str] = ("gpkg",),
    layers: Sequence[Layer] = tuple(LAYERS.values()),
) -> tuple[Path, ...]:
    """Write the layers in each of the formats.

    Args:
        frames: Features by layer name, all in one CRS. Empty layers are written too, with all their fields.
        folder: Existing folder; files of the same names there are replaced. A caller that wants all or nothing gives
            a temporary folder and renames it when done.
        formats: Names from ``FORMATS``, in any case.
        layers: What the frames hold; those of a scene, unless it is said.

    Returns:
        The files written: ``coastline.gpkg`` with all layers, ``vectors.shp.zip`` and ``coastline.kml`` likewise, one
        file a layer in the other formats, and ``.qml`` styles beside those in which QGIS looks for them there.

    Raises:
        UnknownFormatError: A format is not known.
        OutputError: A file cannot be written whole, or a shapefile would pass its limit; nothing is then written.
    """
    wanted = resolve_formats(formats)
    if {"shp", "shp.zip"} & set(wanted):
        refuse_oversize(frames, layers)
    written = [path for name in wanted for path in FORMATS[name](frames, folder, layers)]
    if set(wanted) & _STYLED_BESIDE:
        written += [_write_style(folder, layer) for layer in layers]
    return tuple(written)


def resolve_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """Check the names of formats, and drop repetitions.

    Args:
        formats: Names in any case, with or without a leading dot; ``geopackage`` and the like are not names.

    Raises:
        UnknownFormatError: One is not known, and the message lists those that are; or GDAL cannot write it here.
    """
    wanted = dict.fromkeys(name.strip().lower().removeprefix(".") for name in formats)
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown or not wanted:
        raise UnknownFormatError(f"Expected formats among {', '.join(FORMATS)}, found {', '.join(unknown) or 'none'}.")
    if lacking := [name for name in wanted if _DRIVERS.get(name, "GPKG") not in pyogrio.list_drivers(write=True)]:
        raise UnknownFormatError(
            f"The GDAL {'.'.join(map(str, pyogrio.__gdal_version__))} that pyogrio uses here cannot write "
            f"{', '.join(lacking)}: leave it out, or install pyogrio's own wheel, whose GDAL can."
        )
    return tuple(wanted)


@contextmanager
def _whole(*paths: Path) -> Iterator[None]:
    """Replace files that are there, turn errors into clear ones, and leave nothing that only looks whole."""
    for path in paths:
        path.unlink(missing_ok=True)
    try:
        # GDAL's errors come as RuntimeError, those of the database and of Parquet as their own.
        with output_errors(paths[0], RuntimeError, sqlite3.Error, pyarrow.ArrowException):
            yield
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        raise


def _write_style(folder: Path, layer: Layer) -> Path:
    path = folder / f"{layer.name}.qml"
    with _whole(path):
        path.write_text(read_style(layer.style), encoding="utf-8")
    return path


def _write_gpkg(frames: Frames, folder: Path, layers: Sequence[Layer]) -> tuple[Path, ...]:
    path = folder / "coastline.gpkg"
    with _whole(path):
        write_geopackage(path, frames, layers)
    return (path,)


def _write_shp(frames: Frames, folder: Path, layers: Sequence[Layer]) -> tuple[Path, ...]:
    parts = [folder / f"{layer.name}.{ending}" for layer in layers for ending in ("shp", "shx", "dbf", "prj", "cpg")]
    with _whole(*parts, folder / "fields.csv"):
        return write_shapefiles(folder, frames, layers)


def _write_shp_zip(frames: Frames, folder: Path, layers: Sequence[Layer]) -> tuple[Path, ...]:
    path = folder / "vectors.shp.zip"
    with _whole(path):
        write_zipped_shapefiles(path, frames, layers)
    return (path,)


def _write_fgb(frames: Frames, folder: Path, layers: Sequence[Layer]) -> tuple[Path, ...]:
    return tuple(_write_flatgeobuf(folder, frames[layer.name], layer) for layer in layers)


def _write_flatgeobuf(folder: Path, frame: gpd.GeoDataFrame, layer: Layer) -> Path:
    path = folder / f"{layer.name}.fgb"
    with _whole(path):
        pyogrio.write_dataframe(
            conform_layer(frame, layer),
            path,
            driver="FlatGeobuf",
            geometry_type=name_geometry_type(frame, layer),
            layer_options={"TITLE": layer.title, "DESCRIPTION": layer.meaning, "SPATIAL_INDEX": "YES"},
        )
    return path


def _write_parquet(frames: Frames, folder: Path, layers: Sequence[Layer]) -> tuple[Path, ...]:
    return tuple(_write_geoparquet(folder, frames[layer.name], layer) for layer in layers)


def _write_geoparquet(folder: Path, frame: gpd.GeoDataFrame, layer: Layer) -> Path:
    path = folder / f"{layer.name}.parquet"
    with _whole(path):
        conform_layer(frame, layer).to_parquet(
            path, index=False, compression="zstd", schema_version="1.1.0", write_covering_bbox=True
        )
    return path


def _write_geojson(frames: Frames, folder: Path, layers: Sequence[Layer]) -> tuple[Path, ...]:
    return tuple(_write_rfc7946(folder, frames[layer.name], layer) for layer in layers)


def _write_rfc7946(folder: Path, frame: gpd.GeoDataFrame, layer: Layer) -> Path:
    path = folder / f"{layer.name}.geojson"
    with _whole(path):
        write_geojson(path, frame, layer)
    return path


def _write_kml(frames: Frames, folder: Path, layers: Sequence[Layer]) -> tuple[Path, ...]:
    path = folder / "coastline.kml"
    with _whole(path):
        write_kml(path, frames, layers)
    return (path,)


def _write_pmtiles(frames: Frames, folder: Path, layers: Sequence[Layer]) -> tuple[Path, ...]:
    # Tiles of nothing are none: GDAL has no bounds to write.
    return tuple(_write_tiles(folder, frames[layer.name], layer) for layer in layers if len(frames[layer.name]))


def _write_tiles(folder: Path, frame: gpd.GeoDataFrame, layer: Layer) -> Path:
    path = folder / f"{layer.name}.pmtiles"
    with _whole(path):
        write_pmtiles(path, frame, layer)
    return path


FORMATS: Mapping[str, Callable[[Frames, Path, Sequence[Layer]], tuple[Path, ...]]] = MappingProxyType(
    {
        "gpkg": _write_gpkg,
        "shp": _write_shp,
        "shp.zip": _write_shp_zip,
        "fgb": _write_fgb,
        "parquet": _write_parquet,
        "geojson": _write_geojson,
        "kml": _write_kml,
        "pmtiles": _write_pmtiles,
    }
)
"""The writer of each format, by the name that the user gives."""
