"""The three vector layers that Strandline writes, and the meaning of each of their fields.

Every exporter takes its names, types, short names and descriptions from here, so that an empty layer has the same
schema as a full one, and a shapefile's ten-letter names are planned rather than cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import geopandas as gpd
import pandas as pd

from pipeline.errors import OutputError

__all__ = ["LAYERS", "Field", "Layer", "conform_layer"]

FieldType = Literal["int", "real", "flag", "text", "time"]

_DTYPES: Mapping[FieldType, Any] = {"int": "int64", "real": "float64", "flag": "bool"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column of a layer.

    Attributes:
        name: Name in every format but the shapefile.
        short: Name in a shapefile, at most ten letters.
        type: ``int``, ``real``, ``flag`` (true or false), ``text`` or ``time`` (UTC).
        unit: Unit of the values, empty where there is none.
        meaning: One sentence for the user.
    """

    name: str
    short: str
    type: FieldType
    unit: str = ""
    meaning: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.short) <= 10 or not self.short.isascii():
            raise ValueError(f"A shapefile's field name has 1 to 10 ASCII letters, found {self.short!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer: what it is called, what it shows, what its fields mean.

    Attributes:
        name: Name of the layer, and of the file where a format holds one layer a file.
        title: Name for a person.
        geometry: Type of its geometry.
        meaning: A sentence or two for the user.
        fields: Its columns in order, the geometry aside.
        style: Name of its style, see ``styles``; empty: its own name.
    """

    name: str
    title: str
    geometry: Literal["LineString", "Polygon"]
    meaning: str
    fields: tuple[Field, ...]
    style: str = ""


_ID = Field(name="id", short="id", type="int", meaning="Number of the feature within its layer.")
_SCENE = Field(name="scene", short="scene", type="text", meaning="Identifier of the Sentinel-2 scene.")
_TIME = Field(
    name="time", short="time", type="time", unit="UTC", meaning="Time of sensing; the state of the tide then."
)
_MODEL = Field(name="model", short="model", type="text", meaning="Name and version of the model that mapped it.")
_KIND = Field(
    name="kind",
    short="kind",
    type="text",
    meaning="sea: the water meets the ocean; inland: it is enclosed by land; open: it only reaches the scene's edge.",
)
_AREA = Field(
    name="area_m2", short="area_m2", type="real", unit="m2", meaning="Area on the ellipsoid, holes taken out."
)
_POLYGON_FIELDS = (_ID, _KIND, _AREA, _SCENE, _TIME, _MODEL)

_COASTLINE = Layer(
    name="coastline",
    title="Coastline",
    geometry="LineString",
    meaning="Where land meets water: lines of equal probability, land on the left of the direction of travel.",
    fields=(
        _ID,
        _KIND,
        Field(name="closed", short="closed", type="flag", meaning="True where the line ends where it begins."),
        Field(name="length_m", short="length_m", type="real", unit="m", meaning="Length on the ellipsoid."),
        Field(
            name="start_reason",
            short="start_why",
            type="text",
            meaning="Why the line starts here: scene edge, nodata or cloud; empty where it closes.",
        ),
        Field(name="end_reason", short="end_why", type="text", meaning="Why the line ends here, in the same words."),
        Field(
            name="uncertainty_mean_m",
            short="unc_mean_m",
            type="real",
            unit="m",
            meaning="Mean over the line of its positional uncertainty (one standard deviation).",
        ),
        Field(
            name="uncertainty_max_m",
            short="unc_max_m",
            type="real",
            unit="m",
            meaning="Worst positional uncertainty on the line (one standard deviation).",
        ),
        _SCENE,
        _TIME,
        _MODEL,
    ),
)
_WATER = Layer(
    name="water",
    title="Water",
    geometry="Polygon",
    meaning="Bodies of water, islands cut out; they share their vertices with the coastline.",
    fields=_POLYGON_FIELDS,
)
_LAND = Layer(
    name="land",
    title="Land",
    geometry="Polygon",
    meaning="Land, lakes and lagoons cut out; it shares its vertices with the coastline.",
    fields=_POLYGON_FIELDS,
)

LAYERS: Mapping[str, Layer] = MappingProxyType({layer.name: layer for layer in (_COASTLINE, _WATER, _LAND)})
"""The layers by name, in the order in which they are written."""


def conform_layer(frame: gpd.GeoDataFrame, layer: Layer, *, times: bool = True) -> gpd.GeoDataFrame:
    """Give a layer the columns and types of its schema, so that an empty one is written with all of them.

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


def _conform_column(values: pd.Series, field: Field, *, times: bool) -> pd.Series:
    values = values.reset_index(drop=True)
    if field.type == "time":
        stamps = pd.to_datetime(values, utc=True, format="ISO8601").dt.as_unit("ms")
        return stamps if times else stamps.dt.strftime("%Y-%m-%dT%H:%M:%SZ").astype(object).where(stamps.notna(), None)
    if field.type == "text":
        return values.astype(object).where(values.notna(), None)
    numbers: pd.Series = values.astype(_DTYPES[field.type])
    return numbers
