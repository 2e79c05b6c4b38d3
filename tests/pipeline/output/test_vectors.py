"""Vector files: the same features in every format, whole or not at all."""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from hypothesis import assume, given
from hypothesis import strategies as st
from shapely.affinity import translate
from shapely.geometry import shape

from pipeline.errors import OutputError, UnknownFormatError
from pipeline.lonlat import cut_at_antimeridian, to_lonlat
from pipeline.output import shapefile
from pipeline.output.fields import LAYERS
from pipeline.output.vectors import FORMATS, resolve_formats, write_vectors
from tests.pipeline.vector_layers import SCENE, build_layers

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = {"gpkg": "coastline.gpkg", "shp.zip": "vectors.shp.zip", "kml": "coastline.kml"}
GDAL_FORMATS = [name for name in FORMATS if name not in {"parquet", "pmtiles"}]
"""Those that the system's own, older GDAL reads."""
WEB_FORMATS = ("kml", "pmtiles")
WHOLE_FORMATS = [name for name in FORMATS if name not in WEB_FORMATS]
"""Those that give back what was written; the others are for looking at."""


def read(folder: Path, layer: str, format_name: str) -> gpd.GeoDataFrame:
    """A layer as a user reads it back."""
    if format_name == "parquet":
        return gpd.read_parquet(folder / f"{layer}.parquet")
    if format_name in PACKAGES:
        return gpd.read_file(folder / PACKAGES[format_name], layer=layer)
    return gpd.read_file(folder / f"{layer}.{format_name}")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("all")
    write_vectors(build_layers(), folder, formats=list(FORMATS))
    return folder


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("format_name", WHOLE_FORMATS)
def test_every_format_gives_the_features_back(written: Path, layer: str, format_name: str) -> None:
    sent, found = build_layers()[layer], read(written, layer, format_name).sort_values("id", ignore_index=True)
    assert len(found) == len(sent)
    near = found.to_crs(sent.crs).geometry if format_name == "geojson" else found.geometry
    tolerance = 0.02 if format_name == "geojson" else 0
    assert (near.normalize().hausdorff_distance(sent.geometry.normalize()) <= tolerance).all()
    assert found["kind"].tolist() == sent["kind"].tolist()
    assert found["scene"].unique().tolist() == [SCENE]
    measure = "length_m" if layer == "coastline" else "area_m2"
    assert found[measure].to_numpy() == pytest.approx(sent[measure].round(2 if layer == "coastline" else 0), rel=1e-12)


@pytest.mark.parametrize("format_name", [name for name in WHOLE_FORMATS if not name.startswith("shp")])
def test_lines_keep_their_direction_land_on_the_left(written: Path, format_name: str) -> None:
    lines = read(written, "coastline", format_name).sort_values("id").geometry
    rings = [shapely.LinearRing(line.coords) for line in lines]
    # Three islands (counter-clockwise: land inside), then three lakes (clockwise: land outside).
    assert [ring.is_ccw for ring in rings] == [True] * 3 + [False] * 3


@pytest.mark.parametrize("format_name", ["gpkg", "fgb", "parquet"])
def test_times_are_times(written: Path, format_name: str) -> None:
    times = read(written, "coastline", format_name)["time"]
    assert str(times.dt.tz) == "UTC"
    assert times.iloc[0].isoformat() == "2024-05-06T11:06:21+00:00"


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_scene_of_unknown_time_is_written(tmp_path: Path, format_name: str) -> None:
    write_vectors(build_layers(time=None), tmp_path, formats=[format_name])
    assert read(tmp_path, "land", format_name)["time"].isna().all()


@pytest.mark.parametrize("format_name", [name for name in FORMATS if name != "pmtiles"])
def test_empty_layers_are_whole_files_with_all_fields(tmp_path: Path, format_name: str) -> None:
    empty = {name: frame.iloc[:0] for name, frame in build_layers().items()}
    write_vectors(empty, tmp_path, formats=[format_name])
    for layer in LAYERS.values():
        found = read(tmp_path, layer.name, format_name)
        assert len(found) == 0
        short = format_name.startswith("shp")
        expected = [name for field in layer.fields for name in (field.short_names if short else (field.name,))]
        # GeoJSON has no schema beyond its features.
        names = [name for name in found.columns if name != "geometry"]
        assert format_name in {"geojson", *WEB_FORMATS} or names == expected


def test_there_are_no_tiles_of_nothing(tmp_path: Path) -> None:
    layers = build_layers()
    written = write_vectors({**layers, "land": layers["land"].iloc[:0]}, tmp_path, formats=["pmtiles"])
    assert [path.name for path in written] == ["coastline.pmtiles", "water.pmtiles"]


def test_two_runs_give_the_same_bytes(written: Path, tmp_path: Path) -> None:
    write_vectors(build_layers(), tmp_path, formats=list(FORMATS))
    names = sorted(path.name for path in written.iterdir())
    assert [name for name in names if (tmp_path / name).read_bytes() != (written / name).read_bytes()] == []


def test_files_of_an_older_run_are_replaced(tmp_path: Path) -> None:
    write_vectors(build_layers(), tmp_path, formats=list(FORMATS))
    fewer = {name: frame.iloc[:1] for name, frame in build_layers().items()}
    write_vectors(fewer, tmp_path, formats=list(FORMATS))
    assert [len(read(tmp_path, "land", name)) for name in WHOLE_FORMATS] == [1] * len(WHOLE_FORMATS)
    assert read(tmp_path, "land", "pmtiles")["id"].unique().tolist() == [1]


def test_the_geopackage_explains_itself(written: Path) -> None:
    with sqlite3.connect(written / "coastline.gpkg") as database:
        styles = dict(database.execute("SELECT f_table_name, useAsDefault FROM layer_styles"))
        comments = dict(
            database.execute("SELECT column_name, description FROM gpkg_data_columns WHERE table_name = 'coastline'")
        )
        titles = dict(database.execute("SELECT table_name, identifier FROM gpkg_contents"))
        indexes = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE name LIKE 'rtree_%_geom'")}
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    assert styles == dict.fromkeys(LAYERS, 1)
    assert set(comments) == {field.name for field in LAYERS["coastline"].fields}
    assert titles["water"] == "Water"
    assert indexes == {f"rtree_{name}_geom" for name in LAYERS}


def test_shapefiles_have_planned_names_and_a_table_of_them(written: Path) -> None:
    with (written / "fields.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    for layer in LAYERS.values():
        names = pyogrio.read_info(written / f"{layer.name}.shp")["fields"].tolist()
        assert names == [row["short"] for row in table if row["layer"] == layer.name]
        assert (written / f"{layer.name}.cpg").read_text() == "UTF-8"
        assert "UTM" in (written / f"{layer.name}.prj").read_text()
    assert {len(row["short"]) <= 10 for row in table} == {True}


def test_the_zip_holds_all_parts(written: Path) -> None:
    with zipfile.ZipFile(written / "vectors.shp.zip") as archive:
        assert archive.testzip() is None
        parts = {f"{layer}.{ending}" for layer in LAYERS for ending in ("shp", "shx", "dbf", "prj", "cpg", "qml")}
        assert set(archive.namelist()) == parts | {"fields.csv"}
        styles = {name: archive.read(name) for name in archive.namelist() if name.endswith(".qml")}
    assert styles == {name: (written / name).read_bytes() for name in styles}


@pytest.mark.parametrize("layer", LAYERS)
def test_the_estimate_is_the_size_of_the_shapefile(written: Path, layer: str) -> None:
    estimate = shapefile.estimate_size(build_layers()[layer], LAYERS[layer])
    sizes = [(written / f"{layer}.{ending}").stat().st_size for ending in ("shp", "dbf")]
    assert max(sizes) <= estimate <= max(sizes) * 1.1


@pytest.mark.parametrize("format_name", ["shp", "shp.zip"])
def test_a_shapefile_beyond_its_limit_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_name: str
) -> None:
    monkeypatch.setattr(shapefile, "SIZE_LIMIT", 10_000)
    with pytest.raises(OutputError, match=r"coastline\.shp would take .* gpkg, fgb or parquet"):
        write_vectors(build_layers(), tmp_path, formats=["gpkg", format_name])
    assert list(tmp_path.iterdir()) == []


def test_geoparquet_says_its_version_and_box(written: Path) -> None:
    schema = pq.read_schema(written / "coastline.parquet")
    geo = json.loads(schema.metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    assert geo["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    assert geo["columns"]["geometry"]["crs"]["id"] == {"authority": "EPSG", "code": 32630}


def test_geojson_keeps_rfc_7946(written: Path) -> None:
    document = json.loads((written / "water.geojson").read_text())
    assert set(document) <= {"type", "features", "xy_coordinate_resolution"}
    for feature in document["features"]:
        polygon = shape(feature["geometry"])
        assert isinstance(polygon, shapely.Polygon)
        assert polygon.is_valid
        assert polygon.exterior.is_ccw
        assert not any(ring.is_ccw for ring in polygon.interiors)
        west, south, east, north = polygon.bounds
        assert -180 <= west <= east <= 180
        assert -90 <= south <= north <= 90


WEST_OF_180 = [
    # UTM zone 1 south beyond its western border, UTM zone 60 north beyond its eastern one, and degrees.
    (32701, (179000.0, 8000000.0), 1.0),
    (32660, (830000.0, 1000000.0), 1.0),
    ("EPSG:4326", (179.99, -16.0), 1e-5),
]


@pytest.mark.parametrize(("crs", "origin", "unit"), WEST_OF_180)
def test_geojson_is_cut_at_the_antimeridian(
    tmp_path: Path, crs: int | str, origin: tuple[float, float], unit: float
) -> None:
    layers = build_layers(crs=crs, origin=origin, unit=unit)
    write_vectors(layers, tmp_path, formats=["geojson"])
    kinds = set()
    for name, frame in layers.items():
        features = json.loads((tmp_path / f"{name}.geojson").read_text())["features"]
        assert len(features) == len(frame)
        for feature, sent in zip(features, frame.geometry, strict=True):
            geometry = shape(feature["geometry"])
            kinds.add(geometry.geom_type)
            parts = shapely.get_parts(geometry)
            assert all(p.bounds[0] >= -180 and p.bounds[2] <= 180 and p.bounds[2] - p.bounds[0] < 1 for p in parts)
            # Sewn together again it is what was sent.
            sewn = shapely.union_all([translate(p, 360) if p.bounds[2] < 0 else p for p in parts])
            back = to_lonlat(np.array([shapely.segmentize(sent, 50 * unit)], dtype=object), crs)[0]
            back = translate(back, 360) if back.bounds[2] < 0 else back
            # Long edges run where they ran within a decimetre, short ones within a centimetre.
            assert shapely.hausdorff_distance(sewn, back) < (1e-6 if name == "water" else 2e-7)
    assert any(kind.startswith("Multi") for kind in kinds)


# Thousandths of a degree: finer ones (1e-224) are no coordinates of a shore.
COORDINATES = st.lists(
    st.builds(lambda x, y: (180 + x / 1000, y / 1000), st.integers(-1000, 1000), st.integers(-1000, 1000)),
    min_size=2,
    max_size=8,
    unique=True,
)


@given(COORDINATES)
def test_a_cut_loses_no_length_and_keeps_the_direction(points: list[tuple[float, float]]) -> None:
    line = shapely.LineString(points)
    assume(line.is_simple)  # a shore does not run back over itself
    [cut] = cut_at_antimeridian(np.array([line], dtype=object))
    parts = shapely.get_parts(cut)
    assert shapely.length(parts).sum() == pytest.approx(line.length, rel=1e-9)
    assert all(part.bounds[0] >= -180 and part.bounds[2] <= 180 for part in parts)
    # Each part runs the way of the line: its first point comes before its second.
    for part in parts:
        east = translate(part, 360) if part.bounds[2] < 0 else part
        start, end = (line.project(shapely.Point(east.coords[n])) for n in (0, 1))
        assert start < end + 1e-9


@pytest.mark.parametrize("layer", LAYERS)
def test_kml_has_a_folder_a_layer_with_its_fields_and_its_style(written: Path, layer: str) -> None:
    sent, found = build_layers()[layer], read(written, layer, "kml")
    assert found["number"].tolist() == sent["id"].astype(str).tolist()
    assert found["Name"].tolist() == [f"{kind} {n}" for kind, n in zip(sent["kind"], sent["id"], strict=True)]
    assert found["mapped_by"].unique().tolist() == ["coast-16 1.0"]
    near = shapely.force_2d(found.geometry.to_crs(sent.crs).to_numpy())
    assert shapely.hausdorff_distance(near, sent.geometry.to_numpy()).max() < 0.02
    text = (written / "coastline.kml").read_text(encoding="utf-8")
    assert text.count(f"<styleUrl>#style_{layer}</styleUrl>") == len(sent)
    assert text.count(f'<Style id="style_{layer}">') == 1


def test_kml_takes_polygons_of_which_rounding_makes_parts_touch(tmp_path: Path) -> None:
    layers = build_layers()
    x, y = 600000, 5600000
    waist = [(x, y), (x + 9, y), (x + 9, y + 9), (x + 4.501, y + 4.5), (x, y + 9), (x, y + 4.5), (x + 4.499, y + 4.499)]
    shapes = [shapely.Polygon(waist), *layers["land"].geometry[1:]]
    write_vectors({**layers, "land": layers["land"].set_geometry(shapes, crs=32630)}, tmp_path, formats=["kml"])
    found = read(tmp_path, "land", "kml").to_crs(32630).geometry
    assert found.is_valid.all()
    assert found[0].area == pytest.approx(shapes[0].area, rel=0.05)


@pytest.mark.parametrize(("crs", "origin", "unit"), WEST_OF_180)
@pytest.mark.parametrize("format_name", WEB_FORMATS)
def test_formats_for_looking_at_are_cut_at_the_antimeridian(
    tmp_path: Path, format_name: str, crs: int | str, origin: tuple[float, float], unit: float
) -> None:
    write_vectors(build_layers(crs=crs, origin=origin, unit=unit), tmp_path, formats=[format_name])
    parts = shapely.get_parts(read(tmp_path, "land", format_name).to_crs("EPSG:4326").geometry.to_numpy())
    bounds = shapely.bounds(parts)
    assert (bounds[:, 2] - bounds[:, 0]).max() < 1
    assert {*np.sign(bounds[:, 0])} == {-1, 1}


@pytest.mark.parametrize("layer", LAYERS)
def test_tiles_show_every_feature_where_it_is(written: Path, layer: str) -> None:
    sent, found = build_layers()[layer], read(written, layer, "pmtiles")
    assert set(found["id"]) == set(sent["id"])
    assert found["scene"].unique().tolist() == [SCENE]
    near = found.to_crs(sent.crs).geometry.to_numpy()
    whole = shapely.union_all(sent.geometry.to_numpy())
    # A step of the last level is 1.2 m at the equator; what reaches beyond a tile is cut off there.
    assert shapely.distance(shapely.points(shapely.get_coordinates(near)), whole).max() < 2


def test_a_gdal_that_cannot_write_a_format_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyogrio, "list_drivers", lambda **_: {"GPKG": "rw"})
    assert resolve_formats(["gpkg", "shp"]) == ("gpkg", "shp")
    with pytest.raises(UnknownFormatError, match=r"cannot write kml, pmtiles: leave it out"):
        resolve_formats(["gpkg", "kml", "pmtiles"])


def test_layers_with_features_of_several_parts_say_so(tmp_path: Path) -> None:
    layers = build_layers()
    lines = layers["coastline"].dissolve("kind", as_index=False)
    write_vectors({**layers, "coastline": lines}, tmp_path, formats=WHOLE_FORMATS)
    for name in WHOLE_FORMATS:
        assert len(read(tmp_path, "coastline", name)) == 2
    kinds = pyogrio.read_info(tmp_path / "coastline.gpkg", layer="coastline")["geometry_type"]
    assert kinds == "MultiLineString"
    assert pyogrio.read_info(tmp_path / "coastline.gpkg", layer="land")["geometry_type"] == "Polygon"


def test_formats_are_read_as_people_write_them() -> None:
    assert resolve_formats(["GPKG", ".shp", "gpkg", " fgb"]) == ("gpkg", "shp", "fgb")


@pytest.mark.parametrize("formats", [["dxf"], []])
def test_an_unknown_format_is_one_clear_line(formats: list[str]) -> None:
    with pytest.raises(UnknownFormatError, match="Expected formats among gpkg, shp"):
        resolve_formats(formats)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from pipeline.errors import OutputError
from pipeline.output.vectors import write_vectors
from tests.pipeline.vector_layers import build_layers
layers = build_layers()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
for name in sys.argv[2:]:
    try:
        write_vectors(layers, Path(sys.argv[1]), formats=[name])
    except OutputError as error:
        print(name, error)
"""


def test_a_disk_that_fills_up_is_one_clear_line_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), *FORMATS]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    lines = done.stdout.splitlines()
    assert [line.split(" Could not write ")[0] for line in lines] == list(FORMATS), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    for name in FORMATS:
        with pytest.raises(OutputError, match="Could not write") as caught:
            write_vectors(build_layers(), tmp_path / "no", formats=[name])
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("format_name", GDAL_FORMATS)
def test_ogrinfo_finds_no_fault(written: Path, format_name: str, ogrinfo: str) -> None:
    found: dict[str, Any] = {}
    for layer, frame in build_layers().items():
        path = written / PACKAGES.get(format_name, f"{layer}.{format_name}")
        done = subprocess.run([ogrinfo, "-al", "-so", path, layer], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        found[layer] = f"Feature Count: {len(frame)}" in done.stdout
    assert found == dict.fromkeys(LAYERS, True)
