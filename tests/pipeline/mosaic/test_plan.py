"""Which lattices, cells and rasters a mosaic is made of, decided from the scenes' grids alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from affine import Affine
from rasterio.crs import CRS

from pipeline.errors import MosaicError
from pipeline.mosaic.lattice import CELL_PX, Cell
from pipeline.mosaic.plan import LatticePlan, plan_lattices
from pipeline.record.mapped_scene import MappedScene
from tests.pipeline.mapped_folder import make_grid
from tiles.grid import Grid, Window

CELL_M = 10 * CELL_PX


def make_scene(
    name: str, *, epsg: int = 32631, left: float = 500_000, top: float = 5_500_000, tile: str | None = None, **grid: int
) -> MappedScene:
    sides = {"width": 100, "height": 100, "size": 10.0} | grid
    return MappedScene(id=name, folder=Path(name), grid=make_grid(epsg=epsg, left=left, top=top, **sides), tile=tile)


def make_degree_scene(name: str, lon: float, lat: float) -> MappedScene:
    transform = Affine(1e-4, 0, lon, 0, -1e-4, lat)
    grid = Grid(crs=CRS.from_epsg(4326), transform=transform, width=20, height=20)
    return MappedScene(id=name, folder=Path(name), grid=grid)


def test_a_zone_has_the_cells_that_its_scenes_touch() -> None:
    scenes = [
        make_scene("corner", left=50 * CELL_M - 10, top=500 * CELL_M + 10, width=2, height=2),
        make_scene("inside", left=50 * CELL_M, top=500 * CELL_M, width=CELL_PX, height=CELL_PX),
    ]
    (plan,) = plan_lattices(scenes, grid="MGRS")
    assert plan.lattice.name == "utm31"
    assert (plan.lattice.crs.to_epsg(), plan.lattice.resolution) == (32631, 10)
    assert (plan.lattice.west, plan.lattice.east) == (None, None)
    assert dict(plan.cells) == {
        Cell(row=-501, col=49): (0,),
        Cell(row=-501, col=50): (0,),
        Cell(row=-500, col=49): (0,),
        Cell(row=-500, col=50): (0, 1),
    }
    assert list(plan.cells) == sorted(plan.cells)
    assert plan.domain == Window(49 * CELL_PX, -501 * CELL_PX, 2 * CELL_PX, 2 * CELL_PX)


def test_rasters_are_one_a_tile_and_hold_all_of_its_scenes() -> None:
    scenes = [
        make_scene("a", tile="31UFU"),
        make_scene("b", tile="31UFU", left=500_500, top=5_500_300),
        make_scene("c", left=502_004),
    ]
    (plan,) = plan_lattices(scenes, grid="mgrs")
    assert dict(plan.tiles) == {
        "31UFU": Window(50_000, -550_030, 150, 130),
        "c": Window(50_200, -550_000, 101, 100),  # not on the lattice: one column more
    }
    assert list(plan.tiles) == ["31UFU", "c"]


def test_many_scenes_of_one_place_go_by_where_it_lies_and_not_by_one_of_them() -> None:
    scenes = [
        make_scene("bay_20240101"),
        make_scene("bay_20240601", left=500_500),
        make_scene("tile", tile="31UFU"),
        make_scene("bay", left=500_700, top=5_500_500),
        make_scene("alone_20240601", left=520_000),
    ]
    (plan,) = plan_lattices(scenes, grid="mgrs")
    assert plan.members == {"31UEQ0099": (0, 1, 3), "31UFU": (2,), "alone_20240601": (4,)}
    assert plan.tiles.keys() == plan.members.keys()
    assert plan.tiles["31UEQ0099"] == Window(50_000, -550_050, 170, 150)
    (whole,) = plan_lattices(scenes, grid="EPSG:3035:10")
    assert whole.members == {"mosaic": (0, 1, 2, 3, 4)}


def test_the_finest_scene_says_the_size_of_pixels_and_one_in_degrees_counts_as_10_m() -> None:
    coarse = make_scene("coarse", size=20.0, width=50, height=50)
    assert plan_lattices([coarse], grid="mgrs")[0].lattice.resolution == 20
    for other in (make_scene("fine"), make_degree_scene("degrees", 3.0, 49.6)):
        (plan,) = plan_lattices([coarse, other], grid="mgrs")
        assert plan.lattice.resolution == 10


def test_zones_that_meet_end_at_their_meridian_and_need_their_neighbours_scenes() -> None:
    scenes = [
        make_scene("west", epsg=32630, left=714_000, top=5_543_000),
        make_scene("east", epsg=32631, left=285_000, top=5_543_000),
    ]
    west, east = plan_lattices(scenes, grid="mgrs")
    assert (west.lattice.name, west.lattice.west, west.lattice.east) == ("utm30", None, 0.0)
    assert (east.lattice.name, east.lattice.west, east.lattice.east) == ("utm31", 0.0, None)
    for plan in (west, east):
        assert {number for numbers in plan.cells.values() for number in numbers} == {0, 1}
    assert list(west.tiles) == ["west"]
    assert list(east.tiles) == ["east"]


def test_zones_that_do_not_meet_have_no_limit_and_leave_each_others_scenes_out() -> None:
    plans = plan_lattices([make_scene("b", epsg=32633), make_scene("a", epsg=32631)], grid="mgrs")
    assert [plan.lattice.name for plan in plans] == ["utm31", "utm33"]
    assert all(plan.lattice.west is None and plan.lattice.east is None for plan in plans)
    assert [set(plan.cells.values()) for plan in plans] == [{(1,)}, {(0,)}]


@pytest.mark.parametrize(
    ("zones", "order"),
    [
        ((1, 60), ["utm60", "utm01"]),
        ((60, 1, 2, 59), ["utm59", "utm60", "utm01", "utm02"]),
        ((10, 39), ["utm10", "utm39"]),
        ((10, 41), ["utm41", "utm10"]),
        ((7,), ["utm07"]),
    ],
)
def test_zones_go_from_west_to_east_from_the_widest_gap_on(zones: tuple[int, ...], order: list[str]) -> None:
    plans = plan_lattices([make_scene(str(zone), epsg=32600 + zone) for zone in zones], grid="mgrs")
    assert [plan.lattice.name for plan in plans] == order


def test_across_the_antimeridian_zones_meet_at_180_degrees() -> None:
    scenes = [make_scene("west", epsg=32660, left=714_000), make_scene("east", epsg=32601, left=285_000)]
    west, east = plan_lattices(scenes, grid="mgrs")
    assert (west.lattice.name, west.lattice.east) == ("utm60", 180.0)
    assert (east.lattice.name, east.lattice.west) == ("utm01", -180.0)


@pytest.mark.parametrize(("north", "south", "epsg"), [(1, 2, 32731), (1, 1, 32631), (2, 1, 32631)])
def test_most_scenes_say_the_hemisphere(north: int, south: int, epsg: int) -> None:
    scenes = [make_scene(f"n{number}", top=10_000) for number in range(north)]
    scenes += [make_scene(f"s{number}", epsg=32731, top=9_990_000) for number in range(south)]
    (plan,) = plan_lattices(scenes, grid="mgrs")
    assert plan.lattice.crs.to_epsg() == epsg


@pytest.mark.parametrize(
    ("lon", "lat", "name", "epsg"),
    [
        (3.0, 50.0, "utm31", 32631),
        (-0.003, 50.0, "utm30", 32630),
        (0.001, 50.0, "utm31", 32631),
        (179.99, -10.0, "utm60", 32760),
        (-179.99, 10.0, "utm01", 32601),
    ],
)
def test_a_scene_in_degrees_goes_to_the_zone_of_its_centre(lon: float, lat: float, name: str, epsg: int) -> None:
    (plan,) = plan_lattices([make_degree_scene("one", lon, lat)], grid="mgrs")
    assert (plan.lattice.name, plan.lattice.crs.to_epsg()) == (name, epsg)


def test_one_grid_for_all_is_one_lattice_and_one_raster() -> None:
    scenes = [make_scene("a"), make_scene("b", epsg=32633)]
    (plan,) = plan_lattices(scenes, grid="EPSG:3035:20")
    assert plan.lattice.name == "EPSG_3035"
    assert (plan.lattice.crs.to_epsg(), plan.lattice.resolution) == (3035, 20)
    assert plan.tiles == {"mosaic": plan.domain}
    assert {number for numbers in plan.cells.values() for number in numbers} == {0, 1}


@pytest.mark.parametrize("grid", ["", "EPSG:3035", "EPSG:3035:x", "EPSG:99999:10", "EPSG:3035:0", "EPSG:3035:-1"])
def test_a_grid_that_is_none_is_refused(grid: str) -> None:
    with pytest.raises(MosaicError, match=r"Expected (--grid mgrs|a pixel size above 0)"):
        plan_lattices([make_scene("a")], grid=grid)


def test_a_scene_that_the_grid_does_not_reach_is_named() -> None:
    far = make_degree_scene("far", 0.0, -60.0)
    with pytest.raises(MosaicError, match=r"far (lies where .* is not defined|cannot be brought to)"):
        plan_lattices([far], grid="+proj=ortho +lat_0=90:10")


def test_the_domain_is_the_window_around_all_cells() -> None:
    (plan,) = plan_lattices([make_scene("a")], grid="mgrs")
    cells = {Cell(row=2, col=-1): (0,), Cell(row=-3, col=4): (0,)}
    around = LatticePlan(lattice=plan.lattice, cells=cells, tiles={}).domain
    assert around == Window(-CELL_PX, -3 * CELL_PX, 6 * CELL_PX, 6 * CELL_PX)
