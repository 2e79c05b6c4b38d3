"""Every layer of a vector file counts, in whatever wrapping it comes, and what cannot be used is said in one line."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from tiles.errors import GridError
from tiles.vector_file import Kind, VectorLayer, read_layers, read_water_layers

BOX, OTHER = shapely.box(1, 50, 2, 51), shapely.box(4, 50, 5, 51)
LINE = shapely.LineString([(1, 50), (2, 51)])
SHP = (".shp", ".shx", ".dbf", ".prj")


def write(
    path: Path, *shapes: shapely.Geometry | None, crs: str | None = "EPSG:4326", layer: str | None = None
) -> Path:
    frame = geopandas.GeoDataFrame({"id": range(len(shapes))}, geometry=list(shapes), crs=crs)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_file(path, **({"layer": layer} if layer else {}))
    return path


def read(path: Path, kind: Kind = "polygons") -> tuple[VectorLayer, ...]:
    return read_layers(path, kind=kind, noun="area", error_type=GridError)


def merge(layers: tuple[VectorLayer, ...]) -> shapely.Geometry:
    return shapely.union_all(np.concatenate([layer.shapes for layer in layers]))


def write_two_layers(folder: Path) -> Path:
    write(folder / "two.gpkg", BOX, layer="south")
    return write(folder / "two.gpkg", OTHER, layer="north")


def write_kml(path: Path, *, mark: bytes = b"") -> Path:
    """Two folders of one name, a folder in a folder; heights, as KML always has."""

    def draw(shape: shapely.Geometry) -> str:
        ring = " ".join(f"{x},{y},0" for x, y in shape.exterior.coords)
        return (
            "<Placemark><Polygon><outerBoundaryIs><LinearRing><coordinates>"
            f"{ring}</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
        )

    inner = f"<Folder><name>a</name>{draw(BOX)}</Folder><Folder><name>a</name></Folder>"
    inner += f"<Folder><name>b</name><Folder><name>c</name>{draw(OTHER)}</Folder></Folder>"
    text = f'<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>{inner}'
    path.write_bytes(mark + f"{text}</Document></kml>".encode())
    return path


def write_zip(path: Path, *members: Path, inside: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.write(member, f"{inside}{member.name}")
        archive.writestr(f"__MACOSX/{inside}._{members[0].name}", "no shapefile")
        archive.writestr(f"{inside}read.me", "not this")
    return path


def write_shapefiles(folder: Path, ending: str, inside: str) -> Path:
    write(folder / "one.shp", BOX)
    write(folder / "other.shp", OTHER)
    parts = [folder / f"{name}{part}" for name in ("one", "other") for part in SHP]
    return write_zip(folder / f"both{ending}", *parts, inside=inside)


WRAPPINGS: dict[str, Callable[[Path], Path]] = {
    "layers": write_two_layers,
    "folders of KML": lambda folder: write_kml(folder / "two.kml"),
    "KML with a byte-order mark": lambda folder: write_kml(folder / "two.kml", mark=b"\xef\xbb\xbf"),
    "KMZ": lambda folder: write_zip(folder / "two.kmz", write_kml(folder / "doc.kml")),
    "zipped shapefiles": lambda folder: write_shapefiles(folder, ".zip", ""),
    "zipped shapefiles by their name": lambda folder: write_shapefiles(folder, ".shp.zip", ""),
    "zipped folder": lambda folder: write_shapefiles(folder, ".zip", "my areas/2024/"),
    "zipped GeoPackage": lambda folder: write_zip(folder / "two.zip", write_two_layers(folder)),
    "GeoParquet": lambda folder: write(folder / "two.parquet", BOX, None, shapely.MultiPolygon([OTHER])),
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_all_layers_count_in_any_wrapping(tmp_path: Path, name: str) -> None:
    layers = read(WRAPPINGS[name](tmp_path))
    assert merge(layers).equals(shapely.union(BOX, OTHER))
    assert not any(shapely.has_z(layer.shapes).any() or layer.crosses or layer.others for layer in layers)


def test_geojson_says_its_crs_or_bears_a_mark(tmp_path: Path) -> None:
    named = write(tmp_path / "named.geojson", shapely.box(5e5, 5e6, 6e5, 6e6), crs="EPSG:32633")
    assert '"crs"' in named.read_text()
    assert [layer.crs.to_epsg() for layer in read(named)] == [32633]
    bare = tmp_path / "bare.json"
    bare.write_bytes(b"\xef\xbb\xbf" + json.dumps(shapely.geometry.mapping(BOX)).encode())
    assert merge(read(bare)).equals(BOX)


def test_parts_of_collections_count_and_what_else_there_is_is_named(tmp_path: Path) -> None:
    inner = shapely.GeometryCollection([shapely.MultiPolygon([OTHER]), LINE])
    path = write(tmp_path / "mixed.geojson", shapely.GeometryCollection([BOX, inner, shapely.Point(0, 0)]), None)
    (layer,) = read(path)
    assert merge((layer,)).equals(shapely.union(BOX, OTHER))
    assert (layer.features, layer.others) == (2, ("LineString", "Point"))
    assert [len(one.frame) for kind in ("lines", "shapes") for one in read(path, kind)] == [1, 4]


def test_layers_without_what_is_wanted_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "coast.gpkg", LINE, layer="coastline")
    write(path, BOX, layer="area")
    assert [layer.name for layer in read(path)] == ["area"]
    assert [layer.name for layer in read(path, "lines")] == ["coastline"]
    assert [layer.name for layer in read(path, "shapes")] == ["coastline", "area"]


def test_a_ring_that_crosses_itself_is_two(tmp_path: Path) -> None:
    (layer,) = read(write(tmp_path / "bow.geojson", shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])))
    assert shapely.is_valid(layer.shapes).all()
    assert shapely.area(layer.shapes).sum() == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("shape", "width"),
    [
        (shapely.Polygon([(178, -17), (-178, -17), (-178, -16), (178, -16)]), 4),  # as people write it
        (shapely.box(-180, -17, 180, -16), None),  # around the world, and not across its seam
        (shapely.box(-120, -17, 40, -16), None),
        (shapely.box(-100, -60, -99, -20).union(shapely.box(140, -20, 141, 60)), None),  # two parts
        (  # a wide land with a lake on its far side
            shapely.box(-20, 0, 150, 70).difference(shapely.box(149, 60, 149.5, 61)),
            None,
        ),
    ],
    ids=["seam", "world", "wide", "parts", "lake"],
)
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:4807"])
def test_an_edge_over_half_the_globe_crosses_the_antimeridian(
    tmp_path: Path, shape: shapely.Geometry, width: float | None, crs: str
) -> None:
    unit = {"EPSG:4326": 1.0, "EPSG:3857": 111319.49079327358, "EPSG:4807": 10 / 9}[crs]
    drawn = shapely.transform(shape, lambda xy: xy * unit)
    layers = read(write(tmp_path / "area.gpkg", drawn, crs=crs))
    assert [layer.crosses for layer in layers] == [width is not None]
    left, _, right, _ = shapely.total_bounds(layers[0].shapes)
    expected = shape.bounds[2] - shape.bounds[0] if width is None else width
    assert (right - left) / unit == pytest.approx(expected)


def write_text(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def write_bare(folder: Path) -> Path:
    with pytest.warns(UserWarning, match="crs"):
        return write(folder / "bare.shp", BOX, crs=None)


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda folder: folder / "none.gpkg", "cannot be read: expected a vector file"),
    "no vector file": (lambda folder: write_text(folder / "area.geojson", "{"), "cannot be read"),
    "no zip": (lambda folder: write_text(folder / "area.zip", "PK no more"), "cannot be read"),
    "a zip of texts": (lambda folder: write_zip(folder / "a.zip", write_text(folder / "a.txt", "a")), "cannot be read"),
    "no parquet": (lambda folder: write_text(folder / "area.parquet", "PAR1"), "cannot be read"),
    "no CRS": (write_bare, "found no CRS in its layer bare"),
    "no CRS in GeoParquet": (lambda folder: write(folder / "a.parquet", BOX, crs=None), "found no CRS in its layer a"),
    "metres as degrees": (lambda folder: write(folder / "a.geojson", shapely.box(5e5, 5e6, 6e5, 6e6)), "off the globe"),
    "lines": (lambda folder: write(folder / "a.geojson", LINE, LINE), "holds no polygon, found 2 features of LineStr"),
    "nothing": (
        lambda folder: write_text(folder / "a.geojson", '{"type": "FeatureCollection", "features": []}'),
        "holds no polygon, found 0 features of nothing",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_one_line(tmp_path: Path, name: str) -> None:
    make, match = REFUSED[name]
    path = make(tmp_path)
    with pytest.raises(GridError, match=match) as caught:
        read(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "<DRIVER>" not in str(caught.value)


def test_a_table_without_shapes_is_no_layer(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    geopandas.GeoDataFrame({"id": [1]}, geometry=[BOX]).drop(columns="geometry").to_parquet(path)
    with pytest.raises(GridError, match="cannot be read"):
        read(path)


def test_land_is_not_taken_for_water(tmp_path: Path) -> None:
    path = write(tmp_path / "coast.gpkg", LINE, layer="coastline")
    write(path, BOX, layer="land")
    read_water_layers(path, noun="ocean", error_type=GridError)  # one layer: as it is meant
    write(path, OTHER, layer="water")
    with pytest.raises(GridError, match=r"found layers land, water\. .*ogr2ogr meant\.gpkg coast\.gpkg water\)"):
        read_water_layers(path, noun="ocean", error_type=GridError)


def test_names_that_only_sound_like_land_are_water(tmp_path: Path) -> None:
    path = write(tmp_path / "lakes.gpkg", BOX, layer="Netherlands")
    write(path, OTHER, layer="finland_lakes")
    assert len(read_water_layers(path, noun="ocean", error_type=GridError)) == 2
    write(path, OTHER, layer="Land areas 2024")
    with pytest.raises(GridError, match="Land areas 2024"):
        read_water_layers(path, noun="ocean", error_type=GridError)


def test_water_polygons_have_nothing_else_among_them(tmp_path: Path) -> None:
    path = write(tmp_path / "mixed.geojson", BOX, LINE)
    with pytest.raises(GridError, match="found LineString in its layer mixed"):
        read_water_layers(path, noun="ocean", error_type=GridError)
    nothing = write_text(tmp_path / "none.geojson", '{"type": "FeatureCollection", "features": []}')
    assert all(not len(layer.frame) for layer in read_water_layers(
        nothing, noun="labels", error_type=GridError, required=False
    ))  # fmt: skip
