"""GeoJSON as RFC 7946 wants it."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pytest
from shapely.geometry import LineString, shape

from pipeline.output.fields import Field, Layer
from pipeline.output.geojson import write_geojson

LAYER = Layer(
    name="lines",
    title="Lines",
    geometry="LineString",
    meaning="Some lines.",
    fields=(
        Field(name="id", short="id", type="int", meaning="Number."),
        Field(name="time", short="time", type="time", meaning="When."),
    ),
    style="sources",
)


def write(path: Path, line: LineString, crs: str) -> dict[str, object]:
    frame = gpd.GeoDataFrame({"id": [7], "time": ["2024-06-01T10:00:00Z"]}, geometry=[line], crs=crs)
    write_geojson(path, frame, LAYER)
    document: dict[str, object] = json.loads(path.read_text())
    return document


def test_metres_become_degrees_of_seven_decimals(tmp_path: Path) -> None:
    document = write(tmp_path / "a.geojson", LineString([(500000, 0), (500000, 1000)]), "EPSG:32630")
    (feature,) = document["features"]  # type: ignore[misc]
    assert feature["properties"] == {"id": 7, "time": "2024-06-01T10:00:00Z"}
    (west, south), (east, north) = feature["geometry"]["coordinates"]
    assert (west, south, east) == (-3.0, 0.0, -3.0)
    assert north == pytest.approx(0.0090473, abs=2e-7)
    assert len(str(north).split(".")[1]) <= 7
    assert "crs" not in document
    assert "bbox" not in document


def test_a_line_across_the_antimeridian_is_cut_there(tmp_path: Path) -> None:
    document = write(tmp_path / "a.geojson", LineString([(179.5, -17), (180.5, -17)]), "OGC:CRS84")
    (feature,) = document["features"]  # type: ignore[misc]
    assert feature["geometry"]["type"] == "MultiLineString"
    parts = sorted(sorted(x for x, _ in part.coords) for part in shape(feature["geometry"]).geoms)
    assert parts == [[-180.0, -179.5], [179.5, 180.0]]


def test_the_same_lines_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.geojson", "b.geojson"):
        write(tmp_path / name, LineString([(0, 0), (1, 1)]), "OGC:CRS84")
    assert (tmp_path / "a.geojson").read_bytes() == (tmp_path / "b.geojson").read_bytes()
