"""Each output of a map is told by its name: what it is, how large, with which bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pystac
import pytest
from affine import Affine
from rasterio.crs import CRS

from pipeline.record.assets import build_assets
from tiles.grid import Grid

UTM = Grid(crs=CRS.from_epsg(32630), transform=Affine(10, 0, 500000, 0, -10, 5600000), width=60, height=40)
DEGREES = Grid(crs=CRS.from_epsg(4326), transform=Affine(0.001, 0, 10, 0, -0.001, 50), width=60, height=40)


@pytest.mark.parametrize(
    ("name", "media_type", "title", "roles"),
    [
        ("water.tif", pystac.MediaType.COG, "Land/water map", ["data"]),
        ("preview.png", pystac.MediaType.PNG, "Preview", ["overview"]),
        ("coastline.gpkg", "application/geopackage+sqlite3", "Coastline, water and land, with QGIS styles", ["data"]),
        ("land.geojson", "application/geo+json", "Land", ["data"]),
        ("water.shp", "application/vnd.shp", "Water", ["data"]),
        ("water.dbf", "application/octet-stream", "Water: part of the shapefile", ["data"]),
        ("probability.qml", pystac.MediaType.XML, "QGIS style of probability", ["metadata"]),
        ("fields.csv", "text/csv", "Names and meanings of the shapefiles' fields", ["metadata"]),
    ],
)
def test_a_file_is_described_by_its_name(
    tmp_path: Path, name: str, media_type: str, title: str, roles: list[str]
) -> None:
    (tmp_path / name).write_bytes(b"bytes")
    (key, asset), *others = build_assets(tmp_path, UTM).items()
    assert (key, others) == (name.replace(".", "_"), [])
    assert (asset.href, asset.media_type, asset.title, asset.roles) == (f"./{name}", media_type, title, roles)
    assert asset.extra_fields["file:size"] == 5
    assert asset.extra_fields["file:checksum"] == "1220" + hashlib.sha256(b"bytes").hexdigest()


def test_rasters_say_what_their_numbers_mean(tmp_path: Path) -> None:
    for name in ("water.tif", "probability.tif"):
        (tmp_path / name).touch()
    water, probability = (asset.extra_fields for asset in build_assets(tmp_path, UTM).values())
    assert [(entry["value"], entry["name"]) for entry in water["classification:classes"]] == [
        (0, "land"),
        (1, "water"),
        (2, "obscured"),
    ]
    assert water["classification:classes"][1]["color_hint"] == "2D72B2"
    assert (probability["raster:scale"], probability["raster:offset"]) == (0.004, 0.002)
    for fields in (water, probability):
        assert (fields["data_type"], fields["nodata"], fields["raster:sampling"]) == ("uint8", 255, "area")
        assert fields["raster:spatial_resolution"] == 10


def test_a_resolution_in_degrees_is_not_stated_as_metres(tmp_path: Path) -> None:
    (tmp_path / "water.tif").touch()
    assert "raster:spatial_resolution" not in build_assets(tmp_path, DEGREES)["water_tif"].extra_fields


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    assert build_assets(tmp_path, UTM) == {}
