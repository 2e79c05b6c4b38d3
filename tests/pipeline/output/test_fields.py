"""Layers and their fields: short names that fit, and columns of one type whatever comes in."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.errors import OutputError
from pipeline.output.fields import Field, Layer, conform_layer, read_layers

ODD = 1234.567891234


@pytest.mark.parametrize("short", ["", "elevenchars", "größe"])
def test_short_names_have_one_to_ten_ascii_letters(short: str) -> None:
    with pytest.raises(ValueError, match="1 to 10 ASCII"):
        Field(name="a", short=short, type="int", meaning="A.")
    assert Field(name="a", short="tencharact", type="int", meaning="A.").short == "tencharact"


@pytest.mark.parametrize("kind", ["map", "change", "mosaic", "timeseries"])
def test_every_layer_fits_a_shapefile_and_is_explained(kind: str) -> None:
    for name, layer in read_layers(kind).items():
        short = [field.short.lower() for field in layer.fields]
        assert len(set(short)) == len(short), name
        assert layer.name == name
        assert all(field.meaning.endswith(".") for field in layer.fields)


@pytest.mark.parametrize("kind", ["map", "change", "mosaic", "timeseries"])
def test_every_real_says_how_many_decimals_it_has(kind: str) -> None:
    reals = {f.name: f for layer in read_layers(kind).values() for f in layer.fields if f.type == "real"}
    assert [name for name, field in reals.items() if field.places is None] == []
    places = {field.unit: field.places for field in reals.values() if field.decimals is None}
    assert places.items() <= {"m": 2, "m2": 0, "m/year": 3, "years": 3, "degrees": 7}.items()


@pytest.mark.parametrize("kind", ["map", "change", "mosaic", "timeseries"])
def test_every_time_has_a_name_for_its_text_in_a_shapefile(kind: str) -> None:
    for layer in read_layers(kind).values():
        names = [name for field in layer.fields for name in field.short_names]
        assert all(len(name) <= 10 for name in names)
        assert len(set(names)) == len(names) == len(layer.fields) + sum(f.type == "time" for f in layer.fields)


@pytest.mark.parametrize(
    ("unit", "decimals", "value"),
    [("m", None, 1234.57), ("m2", None, 1235.0), ("degrees", None, 1234.5678912), ("m", 3, 1234.568), ("", None, ODD)],
)
def test_reals_are_rounded_as_their_fields_say(unit: str, decimals: int | None, value: float) -> None:
    field = Field(name="a", short="a", type="real", unit=unit, decimals=decimals, meaning="A.")
    layer = Layer(name="one", title="One", geometry="Point", meaning="One.", fields=(field,), style="one")
    frame = gpd.GeoDataFrame({"a": [ODD, np.nan]}, geometry=[shapely.Point(0, 0)] * 2, crs=32630)
    first, second = conform_layer(frame, layer)["a"]
    assert first == value
    assert np.isnan(second)


def make_layer() -> Layer:
    kinds = ("int", "real", "flag", "text", "time")
    fields = tuple(Field(name=kind, short=kind, type=kind, meaning="One.") for kind in kinds)  # type: ignore[arg-type]
    return Layer(name="one", title="One", geometry="Point", meaning="One.", fields=fields, style="one")


def make_frame() -> gpd.GeoDataFrame:
    values = {
        "time": ["2024-05-06T11:06:21.5Z", None],
        "text": ["a", np.nan],
        "flag": [1, 0],
        "real": [1, np.nan],
        "int": [1.0, 2.0],
        "more": [0, 0],
    }
    return gpd.GeoDataFrame(values, geometry=[shapely.Point(0, 0)] * 2, crs=32630, index=[5, 6])


def test_columns_get_the_order_and_types_of_the_layer() -> None:
    frame = conform_layer(make_frame(), make_layer())
    assert list(frame.columns) == ["int", "real", "flag", "text", "time", "geometry"]
    assert [str(frame[name].dtype) for name in ("int", "real", "flag", "text", "time")] == [
        "int64",
        "float64",
        "bool",
        "object",
        "datetime64[ms, UTC]",
    ]
    assert frame["text"].tolist() == ["a", None]
    assert frame["time"][0] == pd.Timestamp("2024-05-06T11:06:21.5Z")
    assert frame.index.tolist() == [0, 1]
    assert frame.crs.to_epsg() == 32630


def test_times_become_text_for_formats_without_a_time() -> None:
    assert conform_layer(make_frame(), make_layer(), times=False)["time"].tolist() == ["2024-05-06T11:06:21Z", None]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(OutputError, match="needs the columns int, real, flag, text, time; flag not found"):
        conform_layer(make_frame().drop(columns="flag"), make_layer())
