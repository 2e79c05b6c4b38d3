"""Make one feature of all features of a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from pipeline.output.fields import Field, Layer
from pipeline.place import measure_metre

__all__ = ["dissolve_by_kind"]

_SNAP_M = 0.01
"""Where pieces of a mosaic are joined, vertices nearer than this become one: those of two zones differ by rounding."""

_SUMS = frozenset({"length_m", "area_m2"})
_MEANS = frozenset({"uncertainty_mean_m", "observations_mean"})
_MOST = frozenset({"uncertainty_max_m", "last", "scenes"})
_LEAST = frozenset({"observations_min", "first"})
_MAIN = frozenset({"certainty"})
"""Fields by how that of the whole comes of those of its parts; of any other it is what all say, or nothing."""


def dissolve_by_kind(frame: gpd.GeoDataFrame, layer: Layer) -> gpd.GeoDataFrame:
    """Make one feature of many parts for each kind of a layer of lines or polygons.

    Lines stay as many parts as there were lines, in their direction; polygons that a mosaic had cut become whole.

    Args:
        frame: Features with ``kind`` and the fields of the layer.
        layer: Its schema, which holds afterwards too: lengths and areas are sums, uncertainties weighted means.
    """
    rows, shapes, crs = [], [], pyproj.CRS.from_user_input(frame.crs)
    for number, (kind, group) in enumerate(frame.groupby("kind", sort=True), 1):
        size = group["length_m" if "length_m" in group else "area_m2"].to_numpy(dtype=np.float64)
        row = {field.name: _join_field(field, group[field.name], size) for field in layer.fields}
        rows.append(row | {"id": number, "kind": kind})
        shapes.append(_join_shapes(group.geometry.to_numpy(), layer, crs))
    columns = pd.DataFrame(rows, columns=[field.name for field in layer.fields])
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(shapes, crs=frame.crs), crs=frame.crs)


def _join_field(field: Field, values: pd.Series, size: NDArray[np.float64]) -> object:
    known = values.dropna()
    if known.empty:
        return None
    joins: tuple[tuple[frozenset[str], Callable[[], object]], ...] = (
        (_SUMS, values.sum),
        (_MOST, known.max),
        (_LEAST, known.min),
        (_MEANS, lambda: np.average(values.astype(float), weights=size if size.any() else None)),
        (_MAIN, lambda: pd.Series(size, index=values.index).groupby(values).sum().idxmax()),
    )
    for names, join in joins:
        if field.name in names:
            return join()
    if field.type == "flag":
        return bool(values.all())
    if field.type == "int":
        return 0
    return values.iloc[0] if values.notna().all() and values.nunique() == 1 else None


def _join_shapes(shapes: NDArray[Any], layer: Layer, crs: pyproj.CRS) -> Any:  # noqa: ANN401 (a geometry, of which shapely is not sure)
    parts = shapely.get_parts(shapes)
    if layer.geometry == "LineString":
        return shapely.multilinestrings(parts)
    whole: Any = shapely.multipolygons(parts)
    if not shapely.is_valid(whole):  # pieces of a mosaic, side by side; in two zones their edges differ by rounding
        whole = shapely.union_all(parts, grid_size=_SNAP_M * measure_metre(crs))
    return shapely.multipolygons(shapely.get_parts(whole))
