"""How large shapefiles get, which are refused, and what an archive of them holds."""

from __future__ import annotations

import csv
import os
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely

from pipeline.errors import OutputError
from pipeline.output.fields import Field, Layer
from pipeline.output.shapefile import (
    SIZE_LIMIT,
    estimate_size,
    refuse_oversize,
    write_shapefiles,
    write_zipped_shapefiles,
)

RING = [(0, 0), (9, 0), (9, 9), (0, 0)]
HOLE = [(6, 2), (7, 2), (7, 3), (6, 2)]


def make_layer(name: str = "lakes", *, types: tuple[str, ...] = ("int",)) -> Layer:
    fields = tuple(
        Field(name=f"long_name_{n}", short=f"s_{n}", type=kind, unit="m", meaning=f"Meaning {n}.")  # type: ignore[arg-type]
        for n, kind in enumerate(types)
    )
    return Layer(name=name, title="Lakes", geometry="Polygon", meaning="All.", fields=fields, style="land")


def make_frame(*, types: tuple[str, ...] = ("int",), copies: int = 1) -> gpd.GeoDataFrame:
    values = {"int": 7, "real": 0.5, "flag": True, "text": "ä", "time": "2024-05-06T23:59:21.7Z"}
    columns = {f"long_name_{n}": [values[kind]] * copies for n, kind in enumerate(types)}
    return gpd.GeoDataFrame(columns, geometry=[shapely.Polygon(RING, [HOLE])] * copies, crs="EPSG:32632")


def test_the_geometry_is_counted_to_the_byte(tmp_path: Path) -> None:
    frame, layer = make_frame(copies=3), make_layer()
    write_shapefiles(tmp_path, {"lakes": frame}, [layer])
    assert estimate_size(frame, layer) == (tmp_path / "lakes.shp").stat().st_size == 100 + 3 * (52 + 2 * 4 + 8 * 16)


def test_many_fields_outweigh_a_small_geometry() -> None:
    types = ("text", "time", "int", "real", "flag") * 4
    assert estimate_size(make_frame(), make_layer(types=types)) == 1 + 4 * (2 * 80 + 8 + 3 * 24)


@pytest.mark.parametrize(("size", "refused"), [(SIZE_LIMIT, False), (SIZE_LIMIT + 1, True)])
def test_what_passes_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch, size: int, refused: bool) -> None:
    assert SIZE_LIMIT == 2_147_483_647
    monkeypatch.setattr("pipeline.output.shapefile.estimate_size", lambda *_: size)
    if not refused:
        refuse_oversize({"lakes": make_frame()}, [make_layer()])
        return
    with pytest.raises(OutputError, match=r"lakes\.shp would take 2\.00 GiB and a shapefile holds less than 2\.00\."):
        refuse_oversize({"lakes": make_frame()}, [make_layer()])


def test_an_oversize_layer_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.output.shapefile.estimate_size", lambda *_: 3 * 2**30)
    with pytest.raises(OutputError, match=r"3\.00 GiB"):
        write_zipped_shapefiles(tmp_path / "coast.shp.zip", {"lakes": make_frame()}, [make_layer()])
    assert list(tmp_path.iterdir()) == []


def test_a_shapefile_has_short_names_and_a_table_of_long_ones(tmp_path: Path) -> None:
    types = ("flag", "text", "real")
    layer = make_layer(types=types)
    paths = write_shapefiles(tmp_path, {"lakes": make_frame(types=types)}, [layer])
    assert [path.name for path in paths] == ["lakes.shp", "fields.csv"]
    assert {path.suffix for path in tmp_path.iterdir()} == {".shp", ".shx", ".dbf", ".prj", ".cpg", ".csv"}
    read = pyogrio.read_dataframe(tmp_path / "lakes.shp")
    assert read[["s_0", "s_1", "s_2"]].to_numpy().tolist() == [[1, "ä", 0.5]]
    assert read["s_0"].dtype.kind == "i"
    with (tmp_path / "fields.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[:2] == [
        ["layer", "short", "long", "unit", "meaning"],
        ["lakes", "s_0", "long_name_0", "m", "Meaning 0."],
    ]
    assert (tmp_path / "lakes.dbf").read_bytes()[1:4] == bytes((80, 1, 1))  # 1980-01-01


def test_times_are_dates_with_their_text_beside(tmp_path: Path) -> None:
    frame, layer = make_frame(types=("time",), copies=2), make_layer(types=("time",))
    frame.loc[1, "long_name_0"] = None
    write_shapefiles(tmp_path, {"lakes": frame}, [layer])
    info = pyogrio.read_info(tmp_path / "lakes.shp")
    types = dict(zip(info["fields"], info["ogr_types"], strict=True))
    assert types == {"s_0": "OFTDate", "s_0_utc": "OFTString"}
    read = pyogrio.read_dataframe(tmp_path / "lakes.shp")
    assert [str(value)[:10] for value in read["s_0"]] == ["2024-05-06", "NaT"]
    assert read["s_0_utc"].fillna("").to_list() == ["2024-05-06T23:59:21Z", ""]
    assert "lakes,s_0_utc,long_name_0,m," in (tmp_path / "fields.csv").read_text()


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [("m", 1234.5678, b"1234.57"), ("m2", 12_345_678_901_234.4, b"12345678901234"), ("degrees", -0.1, b"-0.1000000")],
)
def test_reals_have_the_decimals_of_their_field(tmp_path: Path, unit: str, value: float, text: bytes) -> None:
    field = Field(name="size", short="size", type="real", unit=unit, meaning="Size.")
    layer = Layer(name="lakes", title="Lakes", geometry="Polygon", meaning="All.", fields=(field,), style="land")
    sizes = {"size": [value, np.nan]}
    frame = gpd.GeoDataFrame(sizes, geometry=[shapely.Polygon(RING, [HOLE])] * 2, crs="EPSG:32632")
    write_shapefiles(tmp_path, {"lakes": frame}, [layer])
    table = (tmp_path / "lakes.dbf").read_bytes()
    width, places = table[32 + 16], table[32 + 17]
    assert table[32 + 32 + 2 :][:width].strip() == text
    assert places == field.places
    read = pyogrio.read_dataframe(tmp_path / "lakes.shp")["size"]
    assert read[0] == pytest.approx(value, abs=0.5 * 10.0**-places)
    assert np.isnan(read[1])


def test_an_archive_is_packed_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    first, second = tmp_path / "a.shp.zip", tmp_path / "b.shp.zip"
    frames = {"lakes": make_frame(copies=400), "seas": make_frame()}
    for path in (first, second):
        write_zipped_shapefiles(path, frames, [make_layer(), make_layer("seas")])
        os.utime(path, (0, 0))
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.shp.zip", "b.shp.zip"]
    with zipfile.ZipFile(first) as archive:
        entries = archive.infolist()
        assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.compress_type for entry in entries} == {zipfile.ZIP_DEFLATED}
        assert sum(entry.compress_size for entry in entries) < sum(entry.file_size for entry in entries) / 2
    assert len(pyogrio.read_dataframe(f"/vsizip/{first}/lakes.shp")) == 400
