"""A GeoPackage that explains itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
from shapely.geometry import Point

from pipeline.output import geopackage
from pipeline.output.fields import Field, Layer
from pipeline.output.geopackage import append_features, explain_geopackage, write_geopackage
from pipeline.output.styles import read_style

FIELDS = (
    Field(name="id", short="id", type="int", meaning="Number."),
    Field(name="length_m", short="length_m", type="real", unit="m", meaning="Length."),
)
LAYERS = tuple(
    Layer(name=name, title=name.title(), geometry="Point", meaning=f"All {name}.", fields=FIELDS, style=style)
    for name, style in (("first", "crossings"), ("second", "sources"))
)


def make_frame(count: int) -> gpd.GeoDataFrame:
    values = {"id": range(count), "length_m": [1.5] * count}
    return gpd.GeoDataFrame(values, geometry=[Point(i, 0) for i in range(count)], crs="EPSG:32630")


def ask(path: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(question).fetchall()


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "a.gpkg"
    write_geopackage(path, {"first": make_frame(3), "second": make_frame(0)}, LAYERS)
    return path


def test_every_layer_is_there_an_empty_one_too(package: Path) -> None:
    assert [name for name, _ in pyogrio.list_layers(package)][:2] == ["first", "second"]
    assert [pyogrio.read_info(package, layer=name)["features"] for name in ("first", "second")] == [3, 0]
    assert list(pyogrio.read_info(package, layer="second")["fields"]) == ["id", "length_m"]


def test_fields_are_explained_with_their_units(package: Path) -> None:
    told = ask(package, "SELECT table_name, column_name, description FROM gpkg_data_columns ORDER BY table_name")
    assert told == [
        ("first", "id", "Number."),
        ("first", "length_m", "Length. [m]"),
        ("second", "id", "Number."),
        ("second", "length_m", "Length. [m]"),
    ]
    rows = ask(package, "SELECT identifier, description FROM gpkg_contents WHERE table_name = 'first'")
    assert rows == [("First", "All first.")]
    scopes = ask(
        package, "SELECT DISTINCT extension_name, scope FROM gpkg_extensions WHERE extension_name LIKE '%schema'"
    )
    assert scopes == [("gpkg_schema", "read-write")]


def test_each_layer_brings_its_style_and_applies_it(package: Path) -> None:
    styles = ask(package, "SELECT f_table_name, f_geometry_column, styleQML, useAsDefault FROM layer_styles")
    assert styles == [("first", "geom", read_style("crossings"), 1), ("second", "geom", read_style("sources"), 1)]


def test_it_is_of_version_1_2_and_says_no_time(package: Path) -> None:
    assert ask(package, "PRAGMA user_version") == [(10200,)]
    assert ask(package, "SELECT DISTINCT last_change FROM gpkg_contents") == [("1970-01-01T00:00:00.000Z",)]


def test_the_same_features_give_the_same_bytes_however_they_were_appended(tmp_path: Path) -> None:
    frame = make_frame(4)
    write_geopackage(tmp_path / "once.gpkg", {"first": frame}, LAYERS[:1])
    append_features(tmp_path / "twice.gpkg", frame[:1], LAYERS[0])
    append_features(tmp_path / "twice.gpkg", frame[1:], LAYERS[0])
    explain_geopackage(tmp_path / "twice.gpkg", LAYERS[:1])
    assert pyogrio.read_info(tmp_path / "twice.gpkg", layer="first")["features"] == 4
    once, twice = ((tmp_path / f"{name}.gpkg").read_bytes() for name in ("once", "twice"))
    assert once[24:28] == twice[24:28] == once[92:96] == twice[92:96] == (1).to_bytes(4, "big")
    write_geopackage(tmp_path / "again.gpkg", {"first": frame}, LAYERS[:1])
    assert (tmp_path / "again.gpkg").read_bytes() == once


@pytest.mark.parametrize("chosen", [None, "FULL"])
def test_nothing_waits_for_the_disk_unless_the_user_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    name, write, seen = "OGR_SQLITE_SYNCHRONOUS", pyogrio.write_dataframe, []

    def look(*args: object, **options: object) -> None:
        seen.append(pyogrio.get_gdal_config_option(name))
        write(*args, **options)

    monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pyogrio, "write_dataframe", look)
    pyogrio.set_gdal_config_options({name: chosen})
    try:
        append_features(tmp_path / "a.gpkg", make_frame(2), LAYERS[0])
        assert seen == [chosen or False]  # pyogrio says so of "OFF"
        assert pyogrio.get_gdal_config_option(name) == chosen
        with geopackage._connect(tmp_path / "a.gpkg") as database:
            assert database.execute("PRAGMA synchronous").fetchone() == ((2,) if chosen else (0,))
        with pytest.raises(pyogrio.errors.DataSourceError):
            append_features(tmp_path / "nowhere" / "a.gpkg", make_frame(2), LAYERS[0])
        assert pyogrio.get_gdal_config_option(name) == chosen
    finally:
        pyogrio.set_gdal_config_options({name: None})
