"""Batches of features become one GeoPackage and parts in GeoParquet, numbered through; other formats on demand."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet
import pyproj
import pytest
import shapely

from pipeline.errors import OutputError, UnknownFormatError
from pipeline.mosaic.fields import MOSAIC_LAYERS
from pipeline.mosaic.writer import CoastWriter, write_more_formats

LINE = shapely.LineString([(3, 50), (3.01, 50)])


def make_frames(count: int, *, items: str = "a,b") -> dict[str, gpd.GeoDataFrame]:
    """Frames of both layers with so many features; the second layer has one more."""
    frames = {}
    for extra, layer in enumerate(MOSAIC_LAYERS[:2]):
        values = {"int": 1, "real": 2.5, "flag": True, "text": "word", "time": "2024-06-01T10:00:00Z"}
        columns = {
            field.name: [items if field.name == "items" else values[field.type]] * (count + extra)
            for field in layer.fields
            if field.name != "id"
        }
        frames[layer.name] = gpd.GeoDataFrame(pd.DataFrame(columns), geometry=[LINE] * (count + extra), crs="EPSG:4326")
    return frames


def write(folder: Path, *counts: int, items: str = "a,b") -> CoastWriter:
    writer = CoastWriter(folder, MOSAIC_LAYERS)
    for count in counts:
        writer.add(make_frames(count, items=items))
    writer.finish(pyproj.CRS(4326))
    return writer


def test_features_are_numbered_from_1_through_all_batches(tmp_path: Path) -> None:
    writer = write(tmp_path, 2, 1)
    assert dict(writer.counts) == {"coastline": 3, "sources": 5, "water": 0, "land": 0}
    for layer, count in (("coastline", 3), ("sources", 5)):
        package = gpd.read_file(tmp_path / "coastline.gpkg", layer=layer)
        assert package["id"].tolist() == list(range(1, count + 1))
        part = gpd.read_parquet(tmp_path / layer / "part-00000.parquet")
        assert part["id"].tolist() == list(range(1, count + 1))
        assert [path.name for path in (tmp_path / layer).iterdir()] == ["part-00000.parquet"]


@pytest.mark.parametrize(("limit", "most"), [("_PART", 3), ("_POINTS", 6)])
def test_a_part_ends_where_it_has_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(f"pipeline.mosaic.writer.{limit}", most)
    write(tmp_path, 2, 1, 2)
    paths = sorted((tmp_path / "coastline").iterdir())
    assert [path.name for path in paths] == ["part-00000.parquet", "part-00001.parquet"]
    assert [gpd.read_parquet(path)["id"].tolist() for path in paths] == [[1, 2, 3], [4, 5]]


def test_a_window_is_in_few_groups_of_rows(tmp_path: Path) -> None:
    """Of features over a long stripe in no order, those of a tenth of it are in little more than a tenth of groups."""
    rng, count = np.random.default_rng(1), 4000
    frame = make_frames(count)["coastline"]
    places = rng.uniform((0, 50), (10, 51), (count, 2))
    lines = shapely.linestrings(places[:, None] + np.array([(0, 0), (0.001, 0)]))
    writer = CoastWriter(tmp_path, MOSAIC_LAYERS)
    writer.add({"coastline": frame.set_geometry(gpd.GeoSeries(lines, crs=4326))})
    writer.finish(pyproj.CRS(4326))
    path = tmp_path / "coastline" / "part-00000.parquet"
    groups = pyarrow.parquet.read_metadata(path)
    met = 0
    for number in range(groups.num_row_groups):
        columns = (groups.row_group(number).column(place) for place in range(groups.num_columns))
        bounds = {column.path_in_schema: column.statistics for column in columns if column.is_stats_set}
        assert set(bounds) == {"bbox.xmin", "bbox.ymin", "bbox.xmax", "bbox.ymax"}
        met += bounds["bbox.xmin"].min <= 4 and bounds["bbox.xmax"].max >= 3
    assert groups.num_row_groups >= 40
    assert met <= 0.25 * groups.num_row_groups
    taken = gpd.read_parquet(path, bbox=(3, 50, 4, 51))
    assert sorted(taken["id"]) == (np.flatnonzero((places[:, 0] + 0.001 >= 3) & (places[:, 0] <= 4)) + 1).tolist()


def test_what_a_run_that_was_cut_off_left_is_begun_anew(tmp_path: Path) -> None:
    write(tmp_path, 4)
    (tmp_path / "coastline.gpkg-journal").write_text("left")
    write(tmp_path, 1)
    assert len(gpd.read_file(tmp_path / "coastline.gpkg", layer="coastline")) == 1
    assert not (tmp_path / "coastline.gpkg-journal").exists()


def test_a_part_is_a_row_group_with_bounds_that_readers_may_ask_by(tmp_path: Path) -> None:
    write(tmp_path, 1)
    path = tmp_path / "coastline" / "part-00000.parquet"
    assert len(gpd.read_parquet(path, bbox=(2.9, 49.9, 3.1, 50.1))) == 1
    assert len(gpd.read_parquet(path, bbox=(4, 49.9, 5, 50.1))) == 0


def test_formats_that_the_writer_has_written_are_passed_over(tmp_path: Path) -> None:
    write_more_formats(tmp_path, ("gpkg", "parquet"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UnknownFormatError):
        write_more_formats(tmp_path, ("dwg",))


def test_other_formats_hold_the_same_features(tmp_path: Path) -> None:
    write(tmp_path, 2)
    before = {path.name for path in tmp_path.iterdir()}
    write_more_formats(tmp_path, ("gpkg", "fgb", "shp"))
    written = {path.name for path in tmp_path.iterdir()} - before
    assert {"coastline.fgb", "sources.fgb", "coastline.shp", "sources.shp"} <= written
    assert not any(name.endswith((".geojson", ".zip")) for name in written)
    for name, count in (("coastline.fgb", 2), ("sources.fgb", 3), ("sources.shp", 3)):
        assert len(gpd.read_file(tmp_path / name)) == count


@pytest.mark.parametrize(
    ("length", "shown"),
    [(254, 254), (255, None)],
)
def test_a_shapefile_lists_as_many_whole_ids_as_its_field_holds(tmp_path: Path, length: int, shown: int | None) -> None:
    items = ",".join([f"{number:099d}" for number in range(2)] + ["x" * (length - 200)])
    assert len(items) == length
    write(tmp_path, 1, items=items)
    write_more_formats(tmp_path, ("shp", "geojson"))
    text = gpd.read_file(tmp_path / "sources.shp")["items"][0]
    assert text == (items if shown else f"{0:099d},{1:099d},...")
    assert gpd.read_file(tmp_path / "sources.geojson")["items"][0] == items


def test_a_list_is_cut_at_a_comma_so_that_mark_and_ids_fit(tmp_path: Path) -> None:
    items = ",".join(["a" * 250, "b" * 10])
    write(tmp_path, 1, items=items)
    write_more_formats(tmp_path, ("shp",))
    text = gpd.read_file(tmp_path / "sources.shp")["items"][0]
    assert text == f"{'a' * 250},..."
    assert len(text) == 254


def test_an_error_of_the_disk_is_one_line_that_names_the_file(tmp_path: Path) -> None:
    writer = CoastWriter(tmp_path, MOSAIC_LAYERS)
    (tmp_path / "coastline").write_text("a file where the folder should be")
    writer.add(make_frames(1))
    with pytest.raises(OutputError, match=r"coastline/part-00000\.parquet") as caught:
        writer.finish(pyproj.CRS(4326))
    assert "\n" not in str(caught.value)
