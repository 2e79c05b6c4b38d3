"""Which layer of a vector file is the coast: by its name, or as the only one with lines; else it is asked."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from pipeline.change.options import ChangeError
from pipeline.change.source import read_dated_coast

LINE, BOX = shapely.LineString([(0, 50), (1, 51)]), shapely.box(0, 50, 1, 51)


def write(path: Path, **layers: shapely.Geometry) -> Path:
    for name, shape in layers.items():
        gpd.GeoDataFrame({"name": [name]}, geometry=[shape], crs="EPSG:4326").to_file(path, layer=name)
    return path


@pytest.mark.parametrize(
    ("layers", "chosen"),
    [
        ({"land": BOX, "water": BOX, "coastline": LINE}, ("coastline", "water", "land")),
        ({"shoreline": LINE, "shoreline_lonlat": LINE}, ("shoreline",)),  # as a simulated truth has it
        ({"area": BOX, "places": shapely.Point(0, 50), "shore": LINE}, ("shore",)),
        ({"water": BOX, "shore": shapely.MultiLineString([LINE]), "land": BOX}, ("shore", "water", "land")),
    ],
)
def test_the_layer_of_lines_is_the_coast_wherever_it_stands(
    tmp_path: Path, layers: dict[str, shapely.Geometry], chosen: tuple[str, ...]
) -> None:
    assert read_dated_coast(write(tmp_path / "coast.gpkg", **layers)).layers == chosen


@pytest.mark.parametrize(
    ("layers", "match"),
    [
        ({"north": LINE, "south": LINE, "area": BOX}, r"found layers north, south\. .*-nln coastline"),
        ({"area": BOX, "lakes": BOX}, "found none in its layers area, lakes"),
    ],
)
def test_where_it_would_be_a_guess_it_is_asked(tmp_path: Path, layers: dict[str, shapely.Geometry], match: str) -> None:
    with pytest.raises(ChangeError, match=match) as caught:
        read_dated_coast(write(tmp_path / "coast.gpkg", **layers))
    assert "\n" not in str(caught.value)


def test_folders_of_kml_are_looked_into(tmp_path: Path) -> None:
    def draw(name: str, *places: str) -> str:
        marks = (
            f"<Placemark><LineString><coordinates>{place}</coordinates></LineString></Placemark>" for place in places
        )
        return f"<Folder><name>{name}</name>{''.join(marks)}</Folder>"

    path, line = tmp_path / "coast.kml", "0,50,0 1,51,0"
    head = '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
    path.write_text(f"{head}{draw('empty')}{draw('shore', line)}</Document></kml>")
    assert read_dated_coast(path).layers == ("shore",)
    path.write_text(f"{head}{draw('old', line)}{draw('new', line)}</Document></kml>")
    with pytest.raises(ChangeError, match="found layers old, new"):
        read_dated_coast(path)


def test_geoparquet_has_a_package_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "coastline.parquet"
    gpd.GeoDataFrame(geometry=[LINE], crs="EPSG:4326").to_parquet(path)
    with pytest.raises(ChangeError, match=r"found GeoParquet in .*Give the coastline\.gpkg"):
        read_dated_coast(path)
