"""Write shapefiles that an analyst can trust: planned names, dates that are dates, UTF-8, a refusal in time.

A time becomes a date, by which programs sort and filter (QGIS' temporal controller), and beside it an ISO 8601 text
with the time of day, for which the format has no type. Reals have the decimals of their fields.

Source: ESRI Shapefile Technical Description, July 1998 (sizes of records); GDAL's driver for the rest.
"""

from __future__ import annotations

import csv
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely

from pipeline.errors import OutputError
from pipeline.output.fields import Field, Layer, conform_layer, name_geometry_type
from pipeline.output.styles import read_style

__all__ = ["SIZE_LIMIT", "estimate_size", "refuse_oversize", "write_shapefiles", "write_zipped_shapefiles"]

SIZE_LIMIT: Final = 2**31 - 1
"""Bytes: beyond this many readers fail, though not all."""

_HEADER, _RECORD, _PART, _POINT = 100, 52, 4, 16
_NUMBER_WIDTH, _TEXT_WIDTH, _DATE_WIDTH = 24, 80, 8
_LONGEST_TEXT = 254
_DIGITS = 18
"""Of a real, decimals among them: the area of a continent to a square metre has 13."""
_WHOLE_TIME: Final = "The same with the time of day, as text by ISO 8601."
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)


def estimate_size(frame: gpd.GeoDataFrame, layer: Layer) -> int:
    """Compute how large the larger of ``.shp`` and ``.dbf`` will be, before a byte is written.

    Args:
        frame: Features of the layer.
        layer: Its schema.

    Returns:
        Bytes; exact for the geometry, an upper estimate for the attributes.
    """
    geometry = shapely.get_parts(frame.geometry.to_numpy())
    parts = len(geometry) + int(shapely.get_num_interior_rings(geometry).sum())
    points = int(shapely.get_num_coordinates(geometry).sum())
    shp = _HEADER + _RECORD * len(frame) + _PART * parts + _POINT * points
    special = {"text": _TEXT_WIDTH, "time": _DATE_WIDTH + _TEXT_WIDTH}
    widths = (special.get(field.type, _NUMBER_WIDTH) for field in layer.fields)
    return max(shp, len(frame) * (1 + sum(widths)))


def refuse_oversize(frames: Mapping[str, gpd.GeoDataFrame], layers: Iterable[Layer]) -> None:
    """Refuse shapefiles that would pass the limit of the format.

    Raises:
        OutputError: One would; the message names it and the formats that can hold it.
    """
    for layer in layers:
        size = estimate_size(frames[layer.name], layer)
        if size > SIZE_LIMIT:
            raise OutputError(
                f"{layer.name}.shp would take {size / 2**30:.2f} GiB and a shapefile holds less than "
                f"{SIZE_LIMIT / 2**30:.2f}. Write gpkg, fgb or parquet instead (--formats), or map a smaller --aoi."
            )


def write_shapefiles(folder: Path, frames: Mapping[str, gpd.GeoDataFrame], layers: Iterable[Layer]) -> tuple[Path, ...]:
    """Write one shapefile a layer, and ``fields.csv`` with the long name, unit and meaning of each field.

    Args:
        folder: Existing folder.
        frames: Features by layer name.
        layers: The layers to write.

    Returns:
        The ``.shp`` files and ``fields.csv``; ``.shx``, ``.dbf``, ``.prj`` and ``.cpg`` lie beside.

    Raises:
        OutputError: A layer is too large for the format.
    """
    written = tuple(layers)
    refuse_oversize(frames, written)
    for layer in written:
        _write_one(folder / f"{layer.name}.shp", frames[layer.name], layer)
    table = folder / "fields.csv"
    _write_field_table(table, written)
    return (*(folder / f"{layer.name}.shp" for layer in written), table)


def write_zipped_shapefiles(path: Path, frames: Mapping[str, gpd.GeoDataFrame], layers: Iterable[Layer]) -> None:
    """Write all shapefiles and their styles into one archive, which GDAL and QGIS open as it is.

    QGIS looks for styles beside a shapefile, not within an archive: it applies them once the archive is unpacked.

    Args:
        path: File to write, ending in ``.shp.zip``.
        frames: Features by layer name.
        layers: The layers to write.

    Raises:
        OutputError: A layer is too large for the format.
    """
    begun = path.with_name(f".{path.name}.begun")
    begun.mkdir()
    try:
        written = tuple(layers)
        write_shapefiles(begun, frames, written)
        for layer in written:
            (begun / f"{layer.name}.qml").write_text(read_style(layer.style), encoding="utf-8")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(begun.iterdir()):
                # A fixed date, so that the same map gives the same bytes.
                entry = zipfile.ZipInfo(file.name, date_time=_FIXED_DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                with file.open("rb") as src, archive.open(entry, "w", force_zip64=True) as dst:
                    shutil.copyfileobj(src, dst)
    finally:
        shutil.rmtree(begun)


def _write_one(path: Path, frame: gpd.GeoDataFrame, layer: Layer) -> None:
    # Through Arrow, since decimals and dates have types there, and none in a frame.
    conformed = conform_layer(frame, layer)
    columns = {
        name: column for field in layer.fields for name, column in _make_columns(conformed[field.name], field).items()
    }
    pyogrio.write_arrow(
        pa.table({**columns, "geometry": pa.array(conformed.geometry.to_wkb(), pa.binary())}),
        path,
        driver="ESRI Shapefile",
        geometry_name="geometry",
        geometry_type=name_geometry_type(frame, layer),
        crs=frame.crs.to_wkt(),
        layer_options={"ENCODING": "UTF-8", "DBF_DATE_LAST_UPDATE": "1980-01-01", "SPATIAL_INDEX": "NO"},
    )


def _make_columns(values: pd.Series, field: Field) -> dict[str, pa.Array]:
    """The column of a field by its short name; of a time two, its day and the whole of it."""
    if field.type == "time":
        days, texts = values.dt.date, values.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            name: pa.array(column, kind, from_pandas=True)
            for name, column, kind in zip(field.short_names, (days, texts), (pa.date32(), pa.string()), strict=True)
        }
    if field.type == "flag":  # dBase has no flag that all programs read: a number 0 or 1
        return {field.short: pa.array(values.astype("int32"))}
    if field.type == "text":
        return {field.short: pa.array(values.map(_shorten, na_action="ignore"), pa.string(), from_pandas=True)}
    column = pa.array(values, from_pandas=True)
    is_rounded = field.type == "real" and field.places is not None
    return {field.short: column.cast(pa.decimal128(_DIGITS, field.places)) if is_rounded else column}


def _shorten(text: str) -> str:
    """As much of a list as the format holds, whole words of it, and a mark where there is more."""
    if len(text.encode()) <= _LONGEST_TEXT:
        return text
    kept = text.encode()[: _LONGEST_TEXT - 3].decode(errors="ignore").rsplit(",", maxsplit=1)[0]
    return f"{kept},..."


def _write_field_table(path: Path, layers: Iterable[Layer]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("layer", "short", "long", "unit", "meaning"))
        for layer in layers:
            for field in layer.fields:
                for short, meaning in zip(field.short_names, (field.meaning, _WHOLE_TIME), strict=False):
                    table.writerow((layer.name, short, field.name, field.unit, meaning))
