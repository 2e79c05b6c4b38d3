"""Write all layers into one GeoPackage that explains itself: descriptions, field comments and QGIS styles.

Source: OGC 12-128r15, GeoPackage 1.2 (tables, extension *schema* for field descriptions); table ``layer_styles`` as
QGIS makes and reads it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import geopandas as gpd
import pyogrio

from pipeline.output.fields import Layer, conform_layer, name_geometry_type
from pipeline.output.styles import read_style

__all__ = ["append_features", "explain_geopackage", "write_geopackage"]

_GEOMETRY = "geom"

# A file that tells when it was written differs from run to run; the item beside it tells that.
_NO_DATE = "1970-01-01T00:00:00.000Z"

_SYNCHRONOUS: Final = "OGR_SQLITE_SYNCHRONOUS"

_STYLES_SCHEMA = """
CREATE TABLE layer_styles (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256),
    f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
    useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
    update_time DATETIME DEFAULT CURRENT_TIMESTAMP
)
"""
_COLUMNS_SCHEMA = """
CREATE TABLE gpkg_data_columns (
    table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT, mime_type TEXT,
    constraint_name TEXT, CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
    CONSTRAINT gdc_tn UNIQUE (table_name, name)
)
"""
_CONSTRAINTS_SCHEMA = """
CREATE TABLE gpkg_data_column_constraints (
    constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT, min NUMERIC, min_is_inclusive BOOLEAN,
    max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
    CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value)
)
"""
_SCHEMA_EXTENSION = ("gpkg_schema", "http://www.geopackage.org/spec/#extension_schema", "read-write")


def write_geopackage(path: Path, frames: Mapping[str, gpd.GeoDataFrame], layers: Iterable[Layer]) -> None:
    """Write the layers, then what explains them; the same input gives the same bytes.

    Args:
        path: File to write; it must not exist.
        frames: Features by layer name, all in one CRS.
        layers: The layers to write, in order.
    """
    written = tuple(layers)
    for layer in written:
        append_features(path, frames[layer.name], layer)
    explain_geopackage(path, written)


def append_features(path: Path, frame: gpd.GeoDataFrame, layer: Layer) -> None:
    """Write features into a layer, after those that it holds; the file and the layer are made where they are not.

    Args:
        path: The GeoPackage.
        frame: Features.
        layer: Where they go.
    """
    with _without_sync():
        pyogrio.write_dataframe(
            conform_layer(frame, layer),
            path,
            layer=layer.name,
            driver="GPKG",
            geometry_type=name_geometry_type(frame, layer),
            append=path.exists(),
            # GDAL would write 1.4, of which the QGIS that many have installed warns.
            dataset_options={"VERSION": "1.2"},
            layer_options={
                "GEOMETRY_NAME": _GEOMETRY,
                "IDENTIFIER": layer.title,
                "DESCRIPTION": layer.meaning,
                "SPATIAL_INDEX": "YES",
            },
        )


@contextmanager
def _without_sync() -> Iterator[None]:
    """SQLite does not wait for the disk after each layer: a folder reaches it whole (``pipeline.atomic``).

    What the user set stands. pyogrio's options are those of the whole process: who meets that of another thread leaves
    it to that one, and may wait for the disk.
    """
    if not _may_skip_sync():
        yield
        return
    pyogrio.set_gdal_config_options({_SYNCHRONOUS: "OFF"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({_SYNCHRONOUS: None})


@contextmanager
def _connect(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as database:
        if _may_skip_sync():
            database.execute("PRAGMA synchronous = OFF")
        yield database


def _may_skip_sync() -> bool:
    return pyogrio.get_gdal_config_option(_SYNCHRONOUS) is None


def explain_geopackage(path: Path, layers: Sequence[Layer]) -> None:
    """Add field descriptions and styles, once all features are in.

    Args:
        path: The GeoPackage.
        layers: All that it holds.
    """
    with _connect(path) as database, database:
        _describe_fields(database, layers)
        _add_styles(database, layers)
        database.execute("UPDATE gpkg_contents SET last_change = ?", (_NO_DATE,))
    _rewrite(path)


def _rewrite(path: Path) -> None:
    """SQLite counts a file's transactions in its head, and GDAL does not always take as many for the same rows.

    Source: SQLite, "VACUUM", INTO clause: what is written is a new database of the same content.
    """
    draft = path.with_name(f".{path.name}.begun")
    draft.unlink(missing_ok=True)
    with _connect(path) as database:
        database.execute("VACUUM INTO ?", (str(draft),))
    draft.replace(path)


def _describe_fields(database: sqlite3.Connection, layers: Iterable[Layer]) -> None:
    database.execute(_COLUMNS_SCHEMA)
    database.execute(_CONSTRAINTS_SCHEMA)
    for table in ("gpkg_data_columns", "gpkg_data_column_constraints"):
        database.execute(
            "INSERT INTO gpkg_extensions (table_name, column_name, extension_name, definition, scope) "
            "VALUES (?, NULL, ?, ?, ?)",
            (table, *_SCHEMA_EXTENSION),
        )
    database.executemany(
        "INSERT INTO gpkg_data_columns (table_name, column_name, description) VALUES (?, ?, ?)",
        [
            (layer.name, field.name, f"{field.meaning} [{field.unit}]" if field.unit else field.meaning)
            for layer in layers
            for field in layer.fields
        ],
    )


def _add_styles(database: sqlite3.Connection, layers: Iterable[Layer]) -> None:
    database.execute(_STYLES_SCHEMA)
    database.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description) "
        "VALUES ('layer_styles', 'attributes', 'layer_styles', 'Styles that QGIS applies by itself')"
    )
    database.executemany(
        "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, "
        "styleQML, styleSLD, useAsDefault, description, owner, update_time) "
        "VALUES ('', '', ?, ?, ?, ?, '', 1, ?, '', ?)",
        [(layer.name, _GEOMETRY, layer.title, read_style(layer.style), layer.meaning, _NO_DATE) for layer in layers],
    )
