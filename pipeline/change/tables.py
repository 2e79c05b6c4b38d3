"""What was found as tables: features of the three layers, and the same as CSV and Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow
import shapely
from numpy.typing import NDArray

from pipeline.change.bodies import SHORE, Changes
from pipeline.change.fields import CHANGE_LAYERS
from pipeline.change.plane import Plane
from pipeline.change.shift import Shifts
from pipeline.change.source import DatedCoast
from pipeline.errors import output_errors
from pipeline.output.fields import conform_layer

__all__ = ["build_change_frame", "build_shift_frame", "write_tables"]

_WATERS = np.array(["coast", "inland"], dtype=object)
_STATES = np.array(["steady", "moved", "no shore", "body"], dtype=object)


def build_change_frame(changes: Changes, plane: Plane, old: DatedCoast, new: DatedCoast) -> gpd.GeoDataFrame:
    """Features of land gained or lost; see ``change_fields`` for their columns."""
    count = len(changes)
    columns: dict[str, Any] = {
        "id": np.arange(1, count + 1),
        "kind": changes.kind,
        "waters": np.where(changes.kind == SHORE, _WATERS[changes.inland.astype(int)], None),
        "area_m2": plane.compute_areas(changes.polygon),
        "mean_shift_m": changes.mean_shift_m,
        "max_shift_m": changes.max_shift_m,
        "least_shift_m": changes.least_shift_m,
        "shore_m": changes.shore_m,
        "uncertainty_old_m": changes.sigma_old_m,
        "uncertainty_new_m": changes.sigma_new_m,
        "uncertainty_m": changes.sigma_m,
        **_make_date_columns(old, new, count),
    }
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(list(changes.polygon), crs=plane.crs), crs=plane.crs)


def build_shift_frame(shifts: Shifts, plane: Plane, old: DatedCoast, new: DatedCoast) -> gpd.GeoDataFrame:
    """Features of the old shore in short pieces, from north to south."""
    order = np.lexsort((shifts.xy[:, 0], -shifts.xy[:, 1]))
    shifts = shifts.take(order)
    lon, lat = plane.compute_degrees(shifts.xy).T.reshape(2, -1)
    corners = np.stack((shifts.ends[:, 0], shifts.xy, shifts.ends[:, 1]), axis=1)
    pieces: NDArray[Any] = np.asarray(shapely.linestrings(corners))
    columns: dict[str, Any] = {
        "id": np.arange(1, len(shifts) + 1),
        "state": _STATES[shifts.state],
        "waters": _WATERS[shifts.inland.astype(int)],
        "shift_m": shifts.shift_m,
        "local_shift_m": shifts.local_m,
        "uncertainty_old_m": shifts.sigma_old_m,
        "uncertainty_new_m": shifts.sigma_new_m,
        "uncertainty_m": shifts.sigma_m,
        "datum": np.full(len(shifts), _describe_datum(old, new), dtype=object),
        "old_tide_m": np.full(len(shifts), np.nan if old.tide_m is None else old.tide_m),
        "new_tide_m": np.full(len(shifts), np.nan if new.tide_m is None else new.tide_m),
        "lon": np.round(lon, 7),
        "lat": np.round(lat, 7),
        **_make_date_columns(old, new, len(shifts)),
    }
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(list(pieces), crs=plane.crs), crs=plane.crs)


def write_tables(folder: Path, frames: Mapping[str, gpd.GeoDataFrame]) -> None:
    """Write ``change.csv`` and ``change.parquet`` (the polygons), ``shift.csv`` and ``shift.parquet`` (the samples).

    Args:
        folder: Existing folder.
        frames: Features by layer name.

    Raises:
        OutputError: A file cannot be written.
    """
    flat = {
        layer.name: pd.DataFrame(conform_layer(frames[layer.name], layer, times=False).drop(columns="geometry"))
        for layer in CHANGE_LAYERS
    }
    polygons = pd.concat([flat[name].assign(change=name) for name in ("gained", "lost")], ignore_index=True)
    first = ["change", *(name for name in polygons.columns if name != "change")]
    tables = {"change": polygons[first], "shift": flat["shift"]}
    for name, table in tables.items():
        path = folder / f"{name}.csv"
        with output_errors(path):
            table.to_csv(path, index=False, lineterminator="\n")
        path = folder / f"{name}.parquet"
        with output_errors(path, pyarrow.ArrowException):
            table.to_parquet(path, index=False, compression="zstd")


def _describe_datum(old: DatedCoast, new: DatedCoast) -> str | None:
    """What the two lines are, in one word where they are alike."""
    words = dict.fromkeys((old.datum or "unknown", new.datum or "unknown"))
    return None if list(words) == ["unknown"] else " to ".join(words)


def _make_date_columns(old: DatedCoast, new: DatedCoast, count: int) -> dict[str, NDArray[Any]]:
    facts = {"old": old.id, "old_time": old.time, "new": new.id, "new_time": new.time}
    return {name: np.full(count, value, dtype=object) for name, value in facts.items()}
