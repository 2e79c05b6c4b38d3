"""Write a time series as tables (CSV, Parquet) and as a GeoPackage with styles."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow
import shapely
from pyproj import Transformer

from pipeline.errors import output_errors
from pipeline.output.fields import conform_layer
from pipeline.output.geopackage import write_geopackage
from pipeline.timeseries.fields import CROSSINGS, SERIES_LAYERS, TRANSECTS
from pipeline.timeseries.series import Fits, Series
from tiles.datum import INSTANTANEOUS

__all__ = ["build_crossings", "build_rates", "write_series_tables"]


def build_rates(series: Series) -> gpd.GeoDataFrame:
    """One feature a transect, with the columns of the layer ``transects``."""
    transects = series.transects
    lon, lat = Transformer.from_crs(transects.crs, "OGC:CRS84", always_xy=True).transform(*transects.origin.T)
    columns: dict[str, Any] = {
        "transect": transects.ids,
        "lon": np.round(lon, 7),
        "lat": np.round(lat, 7),
        **{name: series.fits.get_column(name) for name in ("dates", "outliers", "span_years")},
    }
    columns["outliers"] = series.outlier.sum(axis=1)
    for field in TRANSECTS.fields[len(columns) :]:
        corrected = field.name.startswith("tide_")
        fits = series.corrected_fits if corrected else series.fits
        columns[field.name] = _get_column(fits, field.name.removeprefix("tide_"), len(transects))
    return gpd.GeoDataFrame(columns, geometry=transects.build_lines(), crs=transects.crs)


def _get_column(fits: Fits | None, name: str, count: int) -> Any:  # noqa: ANN401 (a column)
    return np.full(count, np.nan) if fits is None else fits.get_column(name)


def build_crossings(series: Series) -> gpd.GeoDataFrame:
    """One feature a transect and date, transect by transect, with the columns of the layer ``crossings``.

    Where there is no position the geometry is empty.
    """
    count, dates = series.positions.position_m.shape
    known = np.isfinite(series.positions.position_m)
    number, column = np.divmod(np.arange(count * dates), max(dates, 1))
    place = series.positions.position_m[number, column]
    xy = series.transects.origin[number] + place[:, None] * series.transects.direction[number]
    points = np.full(len(number), shapely.Point(), dtype=object)
    points[known.ravel()] = shapely.points(xy[known.ravel()])
    scenes = np.array([",".join(date.scenes) for date in series.dates], dtype=object)
    times = np.array([date.acquired.isoformat().replace("+00:00", "Z") for date in series.dates], dtype=object)
    corrected = series.corrected_m
    columns: dict[str, Any] = {
        "transect": series.transects.ids[number],
        "time": times[column],
        "position_m": place,
        "uncertainty_m": series.positions.sigma_m[number, column],
        "crossings": series.positions.crossings[number, column],
        "outlier": series.outlier[number, column],
        "datum": np.full(len(number), INSTANTANEOUS, dtype=object),
        "tide_m": series.tide_m[column],
        "corrected_m": np.full(len(number), np.nan) if corrected is None else corrected[number, column],
        "scenes": scenes[column],
        "reason": series.positions.reason[number, column],
    }
    return gpd.GeoDataFrame(columns, geometry=points, crs=series.transects.crs)


def write_series_tables(folder: Path, series: Series) -> None:
    """Write ``positions.csv``, ``rates.csv``, both as Parquet, and ``transects.gpkg``.

    Args:
        folder: Existing folder.
        series: What was found.

    Raises:
        OutputError: A file cannot be written.
    """
    rates, crossings = build_rates(series), build_crossings(series)
    for name, frame, layer in (("positions", crossings, CROSSINGS), ("rates", rates, TRANSECTS)):
        _write_table(folder, name, pd.DataFrame(conform_layer(frame, layer, times=False).drop(columns="geometry")))
    path = folder / "transects.gpkg"
    with output_errors(path, RuntimeError, sqlite3.Error):
        placed = crossings[np.isfinite(crossings["position_m"])].reset_index(drop=True)
        write_geopackage(path, {TRANSECTS.name: rates, CROSSINGS.name: placed}, SERIES_LAYERS)


def _write_table(folder: Path, name: str, table: pd.DataFrame) -> None:
    path = folder / f"{name}.csv"
    with output_errors(path):
        table.to_csv(path, index=False, lineterminator="\n")
    if "time" in table:
        table = table.assign(time=pd.to_datetime(table["time"], utc=True, format="ISO8601").dt.as_unit("ms"))
    path = folder / f"{name}.parquet"
    with output_errors(path, pyarrow.ArrowException):
        table.to_parquet(path, index=False, compression="zstd")
