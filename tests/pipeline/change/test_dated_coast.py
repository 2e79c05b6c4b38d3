"""What is found at a path that is given as one date of a comparison."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine

from pipeline.change.options import ChangeError
from pipeline.change.source import DatedCoast, read_dated_coast

PROPERTIES = {
    "datetime": "2024-06-01T10:20:30Z",
    "mlm:name": "small",
    "strandline:parameters": {"threshold": 0.4},
    "strandline:probability_rmse": 0.07,
    "strandline:simulated": True,
}


def write_raster(path: Path, *, size: int = 4, bands: int = 1, crs: str | None = "EPSG:32630") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": size,
        "height": 3,
        "count": bands,
        "dtype": "uint8",
        "crs": crs,
    }
    with rasterio.open(path, "w", **profile, transform=Affine(10, 0, 500_000, 0, -10, 5_600_000)) as file:
        file.write(np.ones((bands, 3, size), np.uint8))
    return path


def write_item(folder: Path, **changes: Any) -> None:  # noqa: ANN401
    properties = {name: value for name, value in (PROPERTIES | changes).items() if value is not None}
    (folder / "item.json").write_text(json.dumps({"id": "S2A_1", "properties": properties}))


def write_lines(path: Path, layer: str = "coastline", **columns: Any) -> Path:  # noqa: ANN401
    line = shapely.LineString([(0, 0), (9, 9)])
    gpd.GeoDataFrame({name: [value] for name, value in columns.items()}, geometry=[line], crs="EPSG:32631").to_file(
        path, layer=layer, engine="pyogrio"
    )
    return path


def test_the_share_of_water_counts_where_it_is_of_the_same_map(tmp_path: Path) -> None:
    for name, bands in (("water.tif", 1), ("probability.tif", 1), ("share.tif", 2)):
        write_raster(tmp_path / "map" / name, bands=bands)
    write_raster(tmp_path / "map" / "other.tif")
    share = tmp_path / "map" / "share.tif"
    for given in ("", "water.tif", "probability.tif"):
        coast = read_dated_coast(tmp_path / "map" / given)
        assert [part.share for part in coast.parts] == [share]
        assert share in coast.files
    assert read_dated_coast(tmp_path / "map" / "other.tif").parts[0].share is None
    write_raster(share, bands=2, size=5)
    with pytest.raises(ChangeError, match=r"on one grid, found two"):
        read_dated_coast(tmp_path / "map")


def describe(coast: DatedCoast) -> list[tuple[str | None, str | None]]:
    return [tuple(part and part.name for part in (one.probability, one.water)) for one in coast.parts]  # type: ignore[misc]


def test_a_coast_of_which_nothing_is_known(tmp_path: Path) -> None:
    bare = DatedCoast(path=tmp_path, id="a", files=())
    assert (bare.parts, bare.vectors, bare.acquired, bare.model, bare.threshold) == ((), None, None, "", 0.5)
    assert (bare.probability_rmse, bare.simulated, bare.layers, bare.lines) == (None, False, (), None)
    assert (bare.time, bare.lines_layer) == (None, "coastline")


def test_a_folder_of_a_scene_has_a_probability_classes_and_lines(tmp_path: Path) -> None:
    for name in ("probability.tif", "water.tif"):
        write_raster(tmp_path / name)
    write_lines(tmp_path / "coastline.gpkg")
    write_item(tmp_path)
    coast = read_dated_coast(tmp_path)
    assert describe(coast) == [("probability.tif", "water.tif")]
    assert [file.name for file in coast.files] == ["probability.tif", "water.tif", "coastline.gpkg"]
    assert (coast.id, coast.model, coast.threshold, coast.probability_rmse) == ("S2A_1", "small", 0.4, 0.07)
    assert (coast.simulated, coast.time, coast.lines) == (True, "2024-06-01T10:20:30Z", tmp_path / "coastline.gpkg")
    assert coast.acquired == datetime(2024, 6, 1, 10, 20, 30, tzinfo=UTC)
    assert (coast.parts[0].grid.width, coast.parts[0].grid.height, coast.crs.to_epsg()) == (4, 3, 32630)


@pytest.mark.parametrize(
    ("names", "rmse"), [(["water.tif"], 0.5), (["probability.tif"], 0.07), (["probability.tif", "water.tif"], 0.07)]
)
def test_classes_alone_are_off_by_half(tmp_path: Path, names: list[str], rmse: float) -> None:
    for name in names:
        write_raster(tmp_path / name)
    write_item(tmp_path)
    coast = read_dated_coast(tmp_path)
    assert (coast.probability_rmse, coast.lines) == (rmse, None)


@pytest.mark.parametrize(("statistic", "probability"), [("median", True), ("frequency", False), (None, True)])
def test_a_mosaic_is_compared_by_what_its_line_follows(
    tmp_path: Path, statistic: str | None, probability: bool
) -> None:
    for tile in ("30UXB", "30UXA"):
        for name in ("probability.tif", "water.tif"):
            write_raster(tmp_path / tile / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "note.txt").touch()
    write_item(tmp_path, **({"strandline:parameters": {"statistic": statistic}} if statistic else {}))
    coast = read_dated_coast(tmp_path)
    assert describe(coast) == [("probability.tif" if probability else None, "water.tif")] * 2
    assert [part.water.parent.name for part in coast.parts if part.water] == ["30UXA", "30UXB"]
    assert coast.probability_rmse == (0.07 if probability else 0.5)


def test_what_an_item_does_not_say_is_usual(tmp_path: Path) -> None:
    write_raster(tmp_path / "scene" / "probability.tif")
    coast = read_dated_coast(tmp_path / "scene")
    assert (coast.id, coast.model, coast.threshold, coast.probability_rmse, coast.simulated) == (
        "scene",
        "",
        0.5,
        None,
        False,
    )
    write_item(
        tmp_path / "scene",
        **{
            "datetime": None,
            "end_datetime": "2024-07-01T00:00:00",
            "mlm:name": None,
            "strandline:model": "big 2",
            "strandline:parameters": {},
            "strandline:threshold": 0.3,
        },
    )
    coast = read_dated_coast(tmp_path / "scene")
    assert (coast.model, coast.threshold, coast.time) == ("big 2", 0.3, "2024-07-01T00:00:00Z")


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("water.tif", ("probability.tif", "water.tif")),
        ("probability.tif", ("probability.tif", "water.tif")),
        ("other.TIF", ("other.TIF", None)),
    ],
)
def test_a_raster_brings_its_sibling(tmp_path: Path, name: str, pair: tuple[str, str | None]) -> None:
    for file in ("water.tif", "probability.tif", "other.TIF"):
        write_raster(tmp_path / file)
    assert describe(read_dated_coast(tmp_path / name)) == [pair]


def test_a_file_of_lines_says_its_scene_time_and_model(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "c.gpkg", "land")
    write_lines(path, "coastline", scene="S2A_2", model="m 1", time="2024-05-06T07:08:09+02:00")
    coast = read_dated_coast(path)
    assert (coast.layers, coast.lines_layer, coast.vectors, coast.lines, coast.files) == (
        ("coastline", "land"),
        "coastline",
        path,
        path,
        (path,),
    )
    assert (coast.id, coast.model, coast.time) == ("S2A_2", "m 1", "2024-05-06T05:08:09Z")
    assert coast.crs == pyproj.CRS.from_epsg(32631)


@pytest.mark.parametrize(
    ("last", "time"), [("2024-01-02", "2024-01-02T00:00:00Z"), ("soon", None), (None, None), (7, None)]
)
def test_lines_of_others_are_named_after_their_file(tmp_path: Path, last: object, time: str | None) -> None:
    coast = read_dated_coast(write_lines(tmp_path / "shore.gpkg", "beach", scene=3, last=last))
    assert (coast.id, coast.model, coast.layers, coast.lines_layer, coast.time) == (
        "shore",
        "",
        ("beach",),
        "beach",
        time,
    )


def test_what_is_no_coast_is_refused(tmp_path: Path) -> None:
    for name, words in (("absent", "is not there"), ("", r"found none of them")):
        with pytest.raises(ChangeError, match=words):
            read_dated_coast(tmp_path / name)
    (tmp_path / "note.txt").write_text("no lines")
    with pytest.raises(ChangeError, match="cannot be read as raster or vectors"):
        read_dated_coast(tmp_path / "note.txt")
    (tmp_path / "broken.tif").write_text("no raster")
    with pytest.raises(ChangeError, match="cannot be read as a raster"):
        read_dated_coast(tmp_path / "broken.tif")
    for number, wrong in enumerate(({"bands": 2}, {"crs": None})):
        with pytest.raises(ChangeError, match="Expected a CRS and 1 band\\(s\\)"):
            read_dated_coast(write_raster(tmp_path / f"{number}.tif", **wrong))  # type: ignore[arg-type]
    write_raster(tmp_path / "two" / "water.tif")
    write_raster(tmp_path / "two" / "probability.tif", size=5)
    with pytest.raises(ChangeError, match="on one grid, found two"):
        read_dated_coast(tmp_path / "two")
    write_raster(tmp_path / "item" / "water.tif")
    (tmp_path / "item" / "item.json").write_text("{}")
    with pytest.raises(ChangeError, match="Expected a STAC item"):
        read_dated_coast(tmp_path / "item")
    frame = gpd.GeoDataFrame(geometry=[shapely.LineString([(0, 0), (1, 1)])])
    frame.to_file(tmp_path / "nowhere.gpkg", engine="pyogrio")
    with pytest.raises(ChangeError, match="a layer with a CRS"):
        read_dated_coast(tmp_path / "nowhere.gpkg")
