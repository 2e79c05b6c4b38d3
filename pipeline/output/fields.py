"""The vector layers that Strandline writes, and the meaning of each of their fields.

They stand as tables in ``pipeline/data/layers``. Every exporter takes its names, types, short names and descriptions
from here, so that an empty layer has the same schema as a full one, and a shapefile's ten-letter names are planned
rather than cut.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.errors import OutputError

__all__ = ["LAYERS", "Field", "Layer", "conform_layer", "name_geometry_type", "read_layers"]

_LAYERS = Path(__file__).parents[1] / "data" / "layers"

FieldType = Literal["int", "real", "flag", "text", "time"]

_DECIMALS: Mapping[str, int] = {"m": 2, "m2": 0, "m/year": 3, "years": 3, "degrees": 7}
"""Of reals by their unit: no map of 10 m pixels knows its lengths to a millimetre, or its areas to a hand's breadth."""

_DTYPES: Mapping[FieldType, Any] = {"int": "int64", "real": "float64", "flag": "bool"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column of a layer.

    Attributes:
        name: Name in every format but the shapefile.
        short: Name in a shapefile, at most ten letters.
        type: ``int``, ``real``, ``flag`` (true or false), ``text`` or ``time`` (UTC).
        unit: Unit of the values, empty where there is none.
        decimals: Of a real, where the unit does not say how many there are.
        meaning: One sentence for the user.
    """

    name: str
    short: str
    type: FieldType
    unit: str = ""
    decimals: int | None = None
    meaning: str

    @property
    def places(self) -> int | None:
        """Decimals of a real; ``None``: as many as it has."""
        return _DECIMALS.get(self.unit) if self.decimals is None else self.decimals

    @property
    def short_names(self) -> tuple[str, ...]:
        """Names in a shapefile: of a time, that of the day and that of the text that tells the time of day too."""
        return (self.short,) if self.type != "time" else (self.short, f"{self.short.removesuffix('_time')}_utc")

    def __post_init__(self) -> None:
        wrong = [name for name in self.short_names if not 1 <= len(name) <= 10 or not name.isascii()]
        if wrong:
            raise ValueError(f"A shapefile's field name has 1 to 10 ASCII letters, found {wrong[0]!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer: what it is called, what it shows, what its fields mean.

    Attributes:
        name: Name of the layer, and of the file where a format holds one layer a file.
        title: Name for a person.
        geometry: Type of its geometry.
        meaning: A sentence or two for the user.
        fields: Its columns in order, the geometry aside.
        style: Name of its style, see ``styles``; its own name where the table names none.
    """

    name: str
    title: str
    geometry: Literal["Point", "LineString", "Polygon"]
    meaning: str
    fields: tuple[Field, ...]
    style: str


def read_layers(name: str) -> Mapping[str, Layer]:
    """Read the layers of a kind of result, as ``pipeline/data/layers`` states them.

    Args:
        name: ``map``, ``change``, ``mosaic`` or ``timeseries``.

    Returns:
        The layers by name, in the order in which they are written.
    """
    stated = tomllib.loads((_LAYERS / f"{name}.toml").read_text(encoding="utf-8"))
    fields = {field: Field(name=field, **values) for field, values in stated["fields"].items()}
    return MappingProxyType(
        {
            layer: Layer(
                **{"name": layer, "style": layer, **values, "fields": tuple(map(fields.get, values["fields"]))}
            )
            for layer, values in stated["layers"].items()
        }
    )


LAYERS: Mapping[str, Layer] = read_layers("map")
"""The layers of a mapped scene by name, in the order in which they are written."""


def conform_layer(frame: gpd.GeoDataFrame, layer: Layer, *, times: bool = True) -> gpd.GeoDataFrame:
    """Give a layer the columns and types of its schema, so that an empty one is written with all of them.

    Reals are rounded to the decimals of their fields.

    Args:
        frame: Features with the layer's columns, in any order; geometries are shared with the result, not copied.
        layer: The schema.
        times: Times become timestamps in UTC; else ISO 8601 text, for formats that know no time.

    Returns:
        A frame with the columns in order, the geometry last and named ``geometry``.

    Raises:
        OutputError: A column is missing.
    """
    missing = [field.name for field in layer.fields if field.name not in frame.columns]
    if missing:
        raise OutputError(
            f"Layer {layer.name} needs the columns {', '.join(field.name for field in layer.fields)}; "
            f"{', '.join(missing)} not found. This is a fault of Strandline: please report it."
        )
    columns = {field.name: _conform_column(frame[field.name], field, times=times) for field in layer.fields}
    return gpd.GeoDataFrame(columns, geometry=frame.geometry.array, crs=frame.crs)


def name_geometry_type(frame: gpd.GeoDataFrame, layer: Layer) -> str:
    """The type that a file states of a layer: that of its schema, or the multipart one where a feature has parts.

    Args:
        frame: Features of the layer.
        layer: Its schema.
    """
    kinds = shapely.get_type_id(np.asarray(frame.geometry, dtype=object))
    return f"Multi{layer.geometry}" if (kinds >= shapely.GeometryType.MULTIPOINT).any() else layer.geometry


def _conform_column(values: pd.Series, field: Field, *, times: bool) -> pd.Series:
    values = values.reset_index(drop=True)
    if field.type == "time":
        stamps = pd.to_datetime(values, utc=True, format="ISO8601").dt.as_unit("ms")
        return stamps if times else stamps.dt.strftime("%Y-%m-%dT%H:%M:%SZ").astype(object).where(stamps.notna(), None)
    if field.type == "text":
        return values.astype(object).where(values.notna(), None)
    numbers: pd.Series = values.astype(_DTYPES[field.type])
    return numbers if field.type != "real" or field.places is None else numbers.round(field.places)
