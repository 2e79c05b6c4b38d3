"""One coastline through many scenes: joined across dates, tiles and zones, and honest about where it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pystac
import pytest
import rasterio
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import Transformer
from rio_cogeo.cogeo import cog_validate

import pipeline.mosaic.lattice
import pipeline.mosaic.polygons
import pipeline.mosaic.seam
import pipeline.mosaic.store
import pipeline.mosaic.tracer
import pipeline.mosaic.waters
import pipeline.mosaic.work
from pipeline.errors import MosaicError, StaleResultError
from pipeline.mosaic.build_mosaic import MosaicOptions, build_mosaic
from tests.pipeline.mapped_folder import Ground, make_grid, write_mapped
from tests.stac_schemas import require_all_valid
from tiles.grid import Grid

LonLat = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]

CELL = 128
SMALL = (
    pipeline.mosaic.tracer,
    pipeline.mosaic.lattice,
    pipeline.mosaic.store,
    pipeline.mosaic.work,
    pipeline.mosaic.seam,
    pipeline.mosaic.waters,
    pipeline.mosaic.polygons,
)


@pytest.fixture(autouse=True, scope="module")
def _small_cells() -> object:
    """Cells of 128 pixels, so that small scenes hold many of them."""
    with pytest.MonkeyPatch.context() as patch:
        for module in SMALL:
            patch.setattr(module, "CELL_PX", CELL)
        yield


def get_plane(lon: float, lat: float) -> str:
    return f"+proj=tmerc +lon_0={lon} +lat_0={lat} +k=1 +ellps=WGS84"


def make_discs(place: tuple[float, float], *discs: tuple[float, float, float]) -> LonLat:
    """Discs of water: x, y and radius in metres around a place in longitude and latitude."""
    plane = Transformer.from_crs("OGC:CRS84", get_plane(*place), always_xy=True)

    def measure(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = (np.asarray(axis).reshape(lon.shape) for axis in plane.transform(lon.ravel(), lat.ravel()))
        return np.max([radius - np.hypot(x - east, y - north) for east, north, radius in discs], axis=0)

    return measure


def place_grid(epsg: int, place: tuple[float, float], left_m: float, top_m: float, size: tuple[int, int]) -> Grid:
    """A grid on the zone's own pixels whose upper left corner lies about there, counted from a place."""
    to_zone = Transformer.from_crs(get_plane(*place), f"EPSG:{epsg}", always_xy=True)
    x, y = to_zone.transform(left_m, top_m)
    return make_grid(epsg=epsg, left=round(x / 10) * 10, top=round(y / 10) * 10, width=size[0], height=size[1])


def name_scene(tile: str, date: int = 0) -> str:
    return f"S2A_MSIL2A_202407{date + 1:02d}T112000_N0511_R037_T{tile}_20240731T150000"


def read_lines(out: Path, layer: str = "coastline") -> gpd.GeoDataFrame:
    return gpd.read_file(out / "coastline.gpkg", layer=layer)


def measure_errors(lines: gpd.GeoDataFrame, distance_m: LonLat) -> NDArray[np.float64]:
    """Metres from each vertex to the true shore."""
    lonlat = lines.to_crs("OGC:CRS84").get_coordinates().to_numpy()
    return np.abs(distance_m(*lonlat.T))


MEETING = (0.0, 50.0)  # zones 30 and 31


def write_four(folder: Path, distance_m: LonLat, *, dates: int = 1, **ground: object) -> None:
    """Two tiles in zone 30 and two in zone 31 around their meridian, which overlap."""
    seen = Ground(distance_m=distance_m, **ground)
    for date in range(dates):
        for tile, epsg, left, top in (
            ("30UYA", 32630, -2000, 2000),
            ("30UYB", 32630, -2000, 300),
            ("31UAA", 32631, -300, 2000),
            ("31UAB", 32631, -300, 300),
        ):
            grid = place_grid(epsg, MEETING, left, top, (230, 230))
            write_mapped(folder, name_scene(tile, date), grid, seen, date=date)


def write_canal(folder: Path) -> Path:
    """A sea in the west of zone 30 and a canal from there into zone 31, with their ocean."""
    plane = Transformer.from_crs("OGC:CRS84", get_plane(*MEETING), always_xy=True)

    def measure(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = (np.asarray(axis).reshape(lon.shape) for axis in plane.transform(lon.ravel(), lat.ravel()))
        return np.maximum(-3000 - x, np.minimum(80 - np.abs(y), 4000 - x))

    for tile, epsg, left in (("30UYA", 32630, -5000), ("31UAA", 32631, -300)):
        grid = place_grid(epsg, MEETING, left, 700, (520, 130))
        write_mapped(folder / "maps", name_scene(tile), grid, Ground(distance_m=measure))
    ocean = gpd.GeoDataFrame(geometry=[shapely.box(-20_000, -9000, -3000, 9000)], crs=get_plane(*MEETING))
    ocean.to_crs(4326).to_file(folder / "ocean.gpkg")
    return folder / "ocean.gpkg"


def test_the_sea_ends_at_the_mouth_of_a_canal_that_goes_on_in_the_next_zone(tmp_path: Path) -> None:
    ocean = write_canal(tmp_path)
    build_mosaic(tmp_path / "maps", tmp_path / "coast", options=MosaicOptions(ocean=ocean))
    lines = read_lines(tmp_path / "coast")
    assert sorted(lines["kind"]) == ["river", "sea", "sea"]
    assert lines["line"].nunique() == 1
    assert (lines["shape"] == "open").all()
    river = lines[lines["kind"] == "river"].iloc[0]
    assert (river.start_reason, river.end_reason) == ("mouth", "mouth")
    assert river.length_m == pytest.approx(2 * 7000 + 160, rel=0.02)
    only = MosaicOptions(ocean=ocean, only=frozenset({"sea"}))
    build_mosaic(tmp_path / "maps", tmp_path / "sea", options=only)
    sea = read_lines(tmp_path / "sea")
    assert sea["kind"].tolist() == ["sea", "sea"]
    assert sea.geometry.to_wkb().tolist() == lines[lines["kind"] == "sea"].geometry.to_wkb().tolist()
    assert set(read_lines(tmp_path / "sea", "sources")["kind"]) == {"sea"}
    water, land = (read_lines(tmp_path / "coast", layer) for layer in ("water", "land"))
    west = water.to_crs(get_plane(*MEETING)).centroid.x < -3300
    assert set(water["kind"][west]) == {"sea"}
    assert set(water["kind"][~west]) >= {"river"}
    assert set(read_lines(tmp_path / "sea", "water")["kind"]) == {"sea"}
    assert len(read_lines(tmp_path / "sea", "land")) < len(land)


def test_a_mosaic_says_that_its_sea_was_guessed(tmp_path: Path) -> None:
    ocean = write_canal(tmp_path)
    known = build_mosaic(tmp_path / "maps", tmp_path / "known", options=MosaicOptions(ocean=ocean))
    assert not any("taken for sea" in note for note in known.notes)
    touching = gpd.GeoDataFrame(geometry=[shapely.box(-4990, -9000, -4890, -490)], crs=get_plane(*MEETING))
    touching.to_crs(4326).to_file(tmp_path / "touching.gpkg")  # the sea's last corner
    options = MosaicOptions(ocean=tmp_path / "touching.gpkg")
    guessed = build_mosaic(tmp_path / "maps", tmp_path / "guessed", options=options)
    assert any("taken for sea" in note for note in guessed.notes)
    item = json.loads((tmp_path / "guessed" / "item.json").read_text())
    assert any("taken for sea" in note for note in item["properties"]["strandline:notes"])


def test_polygons_share_their_vertices_with_the_coastline_and_fill_the_area(tmp_path: Path) -> None:
    island = make_discs((3.0, 50.0), (0, 0, 900), (1500, 0, 450))
    grid = place_grid(32631, (3.0, 50.0), -1500, 1500, (370, 310))
    write_mapped(tmp_path / "maps", name_scene("31UDR"), grid, Ground(distance_m=lambda lon, lat: -island(lon, lat)))
    build_mosaic(tmp_path / "maps", tmp_path / "coast")
    coastline, water, land = (read_lines(tmp_path / "coast", layer) for layer in ("coastline", "water", "land"))
    together = np.concatenate([water.geometry.to_numpy(), land.geometry.to_numpy()])
    assert shapely.coverage_is_valid(together, gap_width=0.01)
    left, bottom, right, top = grid.bounds  # what is known ends at the outermost centres of pixels, as for lines
    whole = shapely.union_all(together, grid_size=0.001)
    assert shapely.symmetric_difference(whole, shapely.box(left + 5, bottom + 5, right - 5, top - 5)).area < 100
    assert (water.area_m2.sum() + land.area_m2.sum()) == pytest.approx(3690 * 3090, rel=2e-3)
    edges = shapely.union_all(shapely.boundary(water.geometry.to_numpy()))
    assert shapely.distance(shapely.points(coastline.get_coordinates().to_numpy()), edges).max() < 1e-6
    assert set(land["kind"]) == set(coastline["kind"]) == {"open"}  # far from any ocean
    assert water["id"].tolist() == list(range(1, len(water) + 1))
    large = MosaicOptions(min_area_m2=1e8)
    build_mosaic(tmp_path / "maps", tmp_path / "large", options=large)
    assert read_lines(tmp_path / "large", "land").area_m2.sum() <= land.area_m2.sum()


def test_a_mosaic_without_a_shore_has_all_its_layers(tmp_path: Path) -> None:
    grid = place_grid(32631, (3.0, 50.0), 0, 0, (64, 64))
    write_mapped(
        tmp_path / "maps", name_scene("31UDR"), grid, Ground(distance_m=lambda lon, _lat: np.full(lon.shape, 99.0))
    )
    result = build_mosaic(tmp_path / "maps", tmp_path / "coast")
    assert result.lines == 0
    assert [len(read_lines(tmp_path / "coast", layer)) for layer in ("coastline", "sources", "land")] == [0, 0, 0]
    assert read_lines(tmp_path / "coast", "water").area_m2.sum() == pytest.approx(630**2, rel=2e-3)


def test_a_lake_across_four_tiles_of_two_zones_is_one_closed_line(tmp_path: Path) -> None:
    lake = make_discs(MEETING, (37, -13, 1200))
    write_four(tmp_path / "maps", lake, dates=2)
    result = build_mosaic(tmp_path / "maps", tmp_path / "coast")
    lines = read_lines(tmp_path / "coast")
    assert (result.scenes, result.lines, len(lines)) == (8, 1, 1)
    assert lines.crs.to_epsg() == 4326
    assert lines.closed.all()
    assert lines["shape"][0] == "water body"
    assert lines["kind"][0] == "lake"
    assert lines.length_m[0] == pytest.approx(2 * np.pi * 1200, rel=1e-3)
    assert lines.area_m2[0] == pytest.approx(np.pi * 1200**2, rel=1e-3)
    assert measure_errors(lines, lake).max() < 0.5
    assert lines.observations_min[0] == 2  # the tiles of one overpass count once
    sources = read_lines(tmp_path / "coast", "sources")
    assert sources.length_m.sum() == pytest.approx(lines.length_m[0], rel=1e-6)
    water, land = (read_lines(tmp_path / "coast", layer) for layer in ("water", "land"))
    assert water.area_m2.sum() == pytest.approx(lines.area_m2[0], rel=2e-4)  # the seam is the lines' alone
    together = np.concatenate([water.geometry.to_numpy(), land.geometry.to_numpy()])
    assert shapely.is_valid(together).all()
    metres = shapely.transform(together, lambda xy: xy * (111_320 * np.cos(np.radians(50)), 111_320))
    assert shapely.area(metres).sum() - shapely.area(shapely.union_all(metres)) < 10  # nothing twice
    named = {name for items in sources["items"] for name in items.split(",")}
    assert {name.split("_")[5] for name in named} == {"T30UYA", "T30UYB", "T31UAA", "T31UAB"}
    assert (sources.observations == 2).all()


@settings(max_examples=5)
@given(
    discs=st.lists(
        st.tuples(st.floats(-1500, 1500), st.floats(-1200, 1200), st.floats(15, 500)), min_size=1, max_size=5
    )
)
def test_no_line_ends_within_the_data_whatever_lies_on_the_meridian(
    tmp_path_factory: pytest.TempPathFactory, discs: list[tuple[float, float, float]]
) -> None:
    folder = tmp_path_factory.mktemp("discs")
    water = make_discs(MEETING, *discs)
    write_four(folder / "maps", water, width_m=40)
    build_mosaic(folder / "maps", folder / "coast")
    lines = read_lines(folder / "coast")
    assert lines.closed.all()
    assert lines.geometry.is_valid.all()
    assert lines.geometry.is_closed.all()  # to the last bit, in a seam too
    if len(lines):
        assert measure_errors(lines, water).max() < 12  # where discs touch, the field has a crease


def test_one_grid_for_all_gives_the_same_lake(tmp_path: Path) -> None:
    lake = make_discs(MEETING, (37, -13, 1200))
    write_four(tmp_path / "maps", lake)
    build_mosaic(tmp_path / "maps", tmp_path / "coast", options=MosaicOptions(grid="EPSG:3035:10"))
    lines = read_lines(tmp_path / "coast")
    assert lines.crs.to_epsg() == 3035
    assert lines.closed.tolist() == [True]
    assert measure_errors(lines, lake).max() < 0.5
    assert (tmp_path / "coast" / "mosaic" / "water.tif").exists()


def test_vectors_of_two_zones_in_another_shape(tmp_path: Path) -> None:
    write_four(tmp_path / "maps", make_discs(MEETING, (37, -13, 1200)))
    options = MosaicOptions(crs="EPSG:3035", smooth_m=60, dissolve=True, points_every_m=500, formats=("fgb",))
    result = build_mosaic(tmp_path / "maps", tmp_path / "coast", options=options)
    assert result.lines == 1
    assert any("Smoothed over 60 m: the lines moved by" in note for note in result.notes)
    for layer, count in (("coastline", 1), ("water", 1), ("land", 2), ("points", 16)):
        frame = gpd.read_file(tmp_path / "coast" / "coastline.gpkg", layer=layer)
        assert (len(frame), frame.crs.to_epsg()) == (count, 3035)
        assert frame.geometry.is_valid.all()
        assert len(gpd.read_file(tmp_path / "coast" / f"{layer}.fgb")) == count
        assert len(gpd.read_parquet(tmp_path / "coast" / layer)) == count
    lake = gpd.read_file(tmp_path / "coast" / "coastline.gpkg", layer="water").geometry[0]
    assert lake.area == pytest.approx(np.pi * 1200**2, rel=2e-3)
    assert len(lake.geoms) == 1
    with pytest.raises(StaleResultError, match=r"differs in smooth_m \(60, now none\)"):
        build_mosaic(tmp_path / "maps", tmp_path / "coast", options=options.replace(smooth_m=0))


def test_coarser_pixels_are_averages(tmp_path: Path) -> None:
    lake = make_discs(MEETING, (37, -13, 1200))
    write_four(tmp_path / "maps", lake)
    build_mosaic(tmp_path / "maps", tmp_path / "coast", options=MosaicOptions(grid="EPSG:3035:40"))
    assert measure_errors(read_lines(tmp_path / "coast"), lake).max() < 12


def test_cloud_on_all_dates_cuts_the_line_and_says_so(tmp_path: Path) -> None:
    lake = make_discs(MEETING, (37, -13, 1200))
    hidden = make_discs(MEETING, (-1163, -13, 200))  # on the western shore, each day
    drifting = [make_discs(MEETING, (37, 1187 - 1200 * date, 300)) for date in range(2)]

    def cloudy(date: int, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        return (hidden(lon, lat) > 0) | (drifting[date](lon, lat) > 0)

    write_four(tmp_path / "maps", lake, dates=2, cloudy=cloudy)
    build_mosaic(tmp_path / "maps", tmp_path / "coast")
    lines = read_lines(tmp_path / "coast")
    assert lines.closed.tolist() == [False]
    assert lines.start_reason.tolist() == lines.end_reason.tolist() == ["cloud"]
    gap = 2 * np.pi * 1200 - lines.length_m[0]
    assert gap == pytest.approx(400, abs=40)
    assert lines.observations_min[0] == 1
    sources = read_lines(tmp_path / "coast", "sources")
    assert set(sources.observations) == {1, 2}


def test_lines_end_at_the_edge_of_the_area_and_at_cloud_on_the_meridian(tmp_path: Path) -> None:
    sea = make_discs(MEETING, (0, 200_000, 200_000))  # all north of the place
    blot = make_discs(MEETING, (0, 0, 150))
    write_four(tmp_path / "maps", sea, cloudy=lambda _date, lon, lat: blot(lon, lat) > 0)
    build_mosaic(tmp_path / "maps", tmp_path / "coast")
    lines = read_lines(tmp_path / "coast")
    ends = sorted(zip(lines.start_reason, lines.end_reason, strict=True))
    assert ends == [("area edge", "cloud"), ("cloud", "area edge")]
    for line in lines.geometry:  # land, which lies in the south, is on the left: lines go west
        assert line.coords[0][0] > line.coords[-1][0]


@pytest.mark.parametrize(
    ("place", "zones"),
    [((180.0, -17.0), (32760, 32701)), ((-3.0, 0.0), (32630, 32730))],
    ids=["antimeridian", "equator"],
)
def test_the_earth_has_no_edges(tmp_path: Path, place: tuple[float, float], zones: tuple[int, int]) -> None:
    lake = make_discs(place, (20, 10, 900))
    corners = ((-1500, 1500), (-500, 1500)) if zones == (32760, 32701) else ((-1500, 1500), (-1500, 500))
    for (left, top), epsg, tile in zip(corners, zones, ("01KAB", "60KYF"), strict=True):
        grid = place_grid(epsg, place, left, top, (300, 300) if zones[0] == 32630 else (200, 300))
        write_mapped(tmp_path / "maps", name_scene(tile), grid, Ground(distance_m=lake))
    build_mosaic(tmp_path / "maps", tmp_path / "coast")
    lines = read_lines(tmp_path / "coast")
    assert lines.line.nunique() == 1
    assert lines.closed.all()
    assert measure_errors(lines, lake).max() < 1
    if place[0] == 180:
        assert len(lines) == 2  # cut at 180 degrees
        longitudes = lines.get_coordinates().x
        assert longitudes.between(-180, 180).all()
        assert (longitudes.abs() > 179.9).all()
        west, _, east, _ = json.loads((tmp_path / "coast" / "item.json").read_text())["bbox"]
        assert west > east
    else:
        assert len(lines) == 1


def test_every_pixel_of_the_rasters_counts_what_was_seen(tmp_path: Path) -> None:
    lake = make_discs(MEETING, (37, -13, 1200))
    cloud = make_discs(MEETING, (-1163, -13, 400))
    write_four(tmp_path / "maps", lake, dates=3, cloudy=lambda date, lon, lat: (cloud(lon, lat) > 0) & (date == 1))
    build_mosaic(tmp_path / "maps", tmp_path / "coast")
    with rasterio.open(tmp_path / "maps" / name_scene("30UYA", 1) / "water.tif") as src:
        hidden, transform = src.read(1) == 2, src.transform
    tile = tmp_path / "coast" / "30UYA"
    for name in ("water", "frequency", "probability", "observations", "latest", "latest_day"):
        assert cog_validate(tile / f"{name}.tif", quiet=True)[0]
        with rasterio.open(tile / f"{name}.tif") as src:
            assert src.transform == transform
            assert src.shape == hidden.shape
    with rasterio.open(tile / "observations.tif") as src:
        np.testing.assert_array_equal(src.read(1), np.where(hidden, 2, 3))
    with rasterio.open(tile / "frequency.tif") as src:
        frequency = src.read(1) * src.scales[0]
    with rasterio.open(tile / "water.tif") as src:
        water = src.read(1)
    np.testing.assert_array_equal(frequency >= 0.5, water == 1)
    with rasterio.open(tmp_path / "maps" / name_scene("30UYA", 0) / "water.tif") as src:
        np.testing.assert_array_equal(src.read(1), water)


def test_the_store_opens_in_xarray(tmp_path: Path) -> None:
    write_four(tmp_path / "maps", make_discs(MEETING, (37, -13, 1200)))
    build_mosaic(tmp_path / "maps", tmp_path / "coast")
    cube = xr.open_zarr(tmp_path / "coast" / "mosaic.zarr" / "utm30", consolidated=False)
    assert cube.rio.crs.to_epsg() == 32630
    seen = cube.observations > 0
    assert bool(seen.any())
    assert float(cube.frequency.where(seen).max()) == pytest.approx(1)
    with rasterio.open(tmp_path / "coast" / "30UYA" / "probability.tif") as src:
        left, top = src.transform @ (0.5, 0.5)
        value = src.read(1)[0, 0] * src.scales[0] + src.offsets[0]
    assert float(cube["median"].sel(x=left, y=top)) == pytest.approx(value)


def test_the_items_are_stac_and_name_the_scenes(tmp_path: Path) -> None:
    write_four(tmp_path / "maps", make_discs(MEETING, (37, -13, 1200)))
    build_mosaic(tmp_path / "maps", tmp_path / "coast")
    for folder in (tmp_path / "coast", tmp_path / "coast" / "31UAB"):
        item = pystac.Item.from_file(str(folder / "item.json"))
        assert item.assets
        assert all((folder / asset.href).exists() for asset in item.assets.values())
        assert name_scene("31UAB") in item.properties["strandline:scenes"]
    assert (tmp_path / "coast" / "31UAB" / item.assets["preview"].href).read_bytes()[:4] == b"\x89PNG"
    catalogue = pystac.Catalog.from_file(str(tmp_path / "coast" / "catalog.json"))
    assert catalogue.id == "coast"
    assert {item.id for item in catalogue.get_items()} == {"30UYA", "30UYB", "31UAA", "31UAB"}
    assert len(require_all_valid(tmp_path / "coast")) == 6


def test_a_second_run_does_nothing_and_other_choices_need_overwrite(tmp_path: Path) -> None:
    write_four(tmp_path / "maps", make_discs(MEETING, (37, -13, 1200)))
    assert not build_mosaic(tmp_path / "maps", tmp_path / "coast").already_made
    assert build_mosaic(tmp_path / "maps", tmp_path / "coast").already_made
    latest = MosaicOptions(statistic="latest")
    with pytest.raises(StaleResultError, match="--overwrite"):
        build_mosaic(tmp_path / "maps", tmp_path / "coast", options=latest)
    again = build_mosaic(tmp_path / "maps", tmp_path / "coast", options=latest.model_copy(update={"overwrite": True}))
    assert not again.already_made
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


class _PlugPulledError(BaseException):
    """Ends a run at a chosen moment, and nothing in it catches this."""


@pytest.mark.parametrize("stage", ["statistics", "tracing", "rasters"])
def test_a_run_that_was_cut_off_goes_on_and_ends_the_same(tmp_path: Path, stage: str) -> None:
    write_four(tmp_path / "maps", make_discs(MEETING, (37, -13, 1200)))
    build_mosaic(tmp_path / "maps", tmp_path / "whole")

    def pull_plug(reached: str, share: float) -> None:
        if reached == stage and share > 0.05:
            raise _PlugPulledError

    with pytest.raises(_PlugPulledError):
        build_mosaic(tmp_path / "maps", tmp_path / "coast", progress=pull_plug)
    assert not (tmp_path / "coast").exists()
    begun = next(tmp_path.glob(".coast.begun-*"))
    kept = {path: path.stat().st_mtime_ns for path in begun.rglob("cell_*.json")}
    assert kept
    seen: list[dict[Path, int]] = []

    def look(_stage: str, _share: float) -> None:
        if not seen:
            seen.append({path: path.stat().st_mtime_ns for path in kept})

    build_mosaic(tmp_path / "maps", tmp_path / "coast", progress=look)
    assert seen[0] == kept  # what was computed is not computed again
    for path in (tmp_path / "whole").rglob("*"):
        if path.suffix in {".tif", ".gpkg", ".parquet"}:
            assert path.read_bytes() == (tmp_path / "coast" / path.relative_to(tmp_path / "whole")).read_bytes()


def test_small_islands_are_left_out_on_demand(tmp_path: Path) -> None:
    two = make_discs(MEETING, (0, 0, 600), (1200, 900, 60))
    write_four(tmp_path / "maps", two)
    build_mosaic(tmp_path / "maps", tmp_path / "coast", options=MosaicOptions(min_area_m2=50_000))
    assert len(read_lines(tmp_path / "coast")) == 1
    assert read_lines(tmp_path / "coast", "sources").line.nunique() == 1


@pytest.mark.parametrize("grid", ["EPSG:3035", "nonsense", "EPSG:3035:ten", "EPSG:3035:-1"])
def test_a_grid_that_is_none_is_refused(tmp_path: Path, grid: str) -> None:
    write_four(tmp_path / "maps", make_discs(MEETING, (37, -13, 1200)))
    with pytest.raises(MosaicError):
        build_mosaic(tmp_path / "maps", tmp_path / "coast", options=MosaicOptions(grid=grid))
    assert not (tmp_path / "coast").exists()


def test_scenes_of_two_models_do_not_mix(tmp_path: Path) -> None:
    write_four(tmp_path / "maps", make_discs(MEETING, (37, -13, 1200)))
    grid = place_grid(32630, MEETING, -1500, 300, (64, 64))
    write_mapped(
        tmp_path / "maps",
        name_scene("30UYC"),
        grid,
        Ground(distance_m=make_discs(MEETING, (0, 0, 9))),
        properties={"strandline:model_sha256": "1" * 64},
    )
    with pytest.raises(MosaicError, match="one model and threshold"):
        build_mosaic(tmp_path / "maps", tmp_path / "coast")


def test_an_empty_folder_and_a_broken_result_are_told(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    with pytest.raises(MosaicError, match="found none"):
        build_mosaic(tmp_path / "maps", tmp_path / "coast")
    write_four(tmp_path / "maps", make_discs(MEETING, (37, -13, 1200)))
    (tmp_path / "maps" / name_scene("31UAB") / "water.tif").unlink()
    result = build_mosaic(tmp_path / "maps", tmp_path / "coast")
    assert result.scenes == 3
    assert name_scene("31UAB") in result.notes[0]
