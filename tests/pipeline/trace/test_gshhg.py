"""GSHHG as GMT keeps it: a file of a few bins that is written here, and the real one where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from pipeline.mapping.options import MapOptions
from pipeline.trace import gshhg
from pipeline.trace.gshhg import GSHHG_FILE, read_gshhg_land
from pipeline.trace.ocean import read_ocean
from tests.conftest import skip_without
from tests.pipeline.trace.test_ocean import ground_at, is_ocean
from tiles.errors import GridError, OptionError

Line = list[tuple[float, float]]
LAND = {"all": 0b001001001001, "none": 0, "south": 0b001001000000}


def write_gshhg(path: Path, bins: dict[tuple[int, int], tuple[int, list[tuple[Line, int]]]]) -> Path:
    """Bins of a degree by the row from the north and the column from Greenwich: corners, and lines with their level."""
    netcdf = pytest.importorskip("netCDF4")
    corners, first, count = (np.zeros(360 * 180, np.int32) for _ in range(3))
    info: list[int] = []
    begin: list[int] = []
    points: list[tuple[float, float]] = []
    for (row, col), (levels, lines) in bins.items():
        number = row * 360 + col
        corners[number], first[number], count[number] = levels, len(info), len(lines)
        for line, level in lines:
            info.append(len(line) << 9 | level << 6 | 4 << 3 | 4)
            begin.append(len(points))
            points += line
    stored = np.rint(np.array(points).reshape(-1, 2) * 65535).astype(np.uint16).view(np.int16)
    columns: dict[str, Any] = {
        "Bin_size_in_minutes": np.array([60], np.int32),
        "N_bins_in_360_longitude_range": np.array([360], np.int32),
        "Embedded_node_levels_in_a_bin": corners.astype(np.int16),
        "Id_of_first_segment_in_a_bin": first,
        "N_segments_in_a_bin": count.astype(np.int16),
        "Embedded_npts_levels_exit_entry_for_a_segment": np.array(info, np.int32),
        "Id_of_first_point_in_a_segment": np.array(begin, np.int32),
        "Relative_longitude_from_SW_corner_of_bin": stored[:, 0],
        "Relative_latitude_from_SW_corner_of_bin": stored[:, 1],
    }
    with netcdf.Dataset(path, "w") as file:
        for name, values in columns.items():
            file.createDimension(f"of_{name}", len(values))
            file.createVariable(name, values.dtype, (f"of_{name}",))[:] = values
    return path


ISLAND: Line = [(0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6), (0.4, 0.4)]
SHORE: Line = [(0.0, 0.3), (0.5, 0.2), (1.0, 0.3)]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Around 10° N: land in the south of the bin at 20° E, an island in it; land at 21° E, with a lake; 359° E."""
    bins = {
        (79, 20): (LAND["south"], [(SHORE, 1), (ISLAND, 1)]),
        (79, 21): (LAND["all"], [(ISLAND, 2)]),
        (79, 359): (LAND["none"], [(ISLAND, 1)]),
    }
    return write_gshhg(tmp_path / "binned_GSHHS_f.nc", bins)


def test_land_is_what_the_corners_and_the_shores_say(world: Path) -> None:
    land = shapely.union_all(read_gshhg_land(world, (20.1, 10.1, 21.9, 10.9)))
    shore = shapely.Polygon([(20, 10), (21, 10), (21, 10.3), (20.5, 10.2), (20, 10.3)])
    expected = shapely.union_all([shore, shapely.box(20.4, 10.4, 20.6, 10.6), shapely.box(21, 10, 22, 11)])
    assert shapely.symmetric_difference(land, expected).area < 1e-4


def test_longitudes_go_on_across_greenwich_and_the_antimeridian(world: Path) -> None:
    for left in (-1.0, 359.0, -361.0):
        (island,) = read_gshhg_land(world, (left + 0.1, 10.1, left + 0.9, 10.9))
        assert shapely.bounds(island).tolist() == pytest.approx([left + 0.4, 10.4, left + 0.6, 10.6], abs=1e-4)
    assert len(read_gshhg_land(world, (5.1, 10.1, 5.9, 10.9))) == 0


def test_it_serves_as_ocean(world: Path) -> None:
    ground = ground_at(20.5, 10.5)
    ocean = read_ocean(ground, path=world)
    assert [is_ocean(ocean, ground, lon, 10.5) for lon in (20.5, 20.62)] == [False, True]
    assert ocean.tolerance_m == 500
    land = shapely.difference(shapely.envelope(ocean.whole), ocean.whole)
    assert shapely.distance(ocean.certain, land) == pytest.approx(500, rel=0.02)


def test_what_is_no_gshhg_or_lies_too_far_south_is_refused(world: Path, tmp_path: Path) -> None:
    (tmp_path / "other.nc").write_text("no netCDF")
    with pytest.raises(GridError, match="is not GSHHG as GMT keeps it"):
        read_gshhg_land(tmp_path / "other.nc", (0, 0, 1, 1))
    with pytest.raises(GridError, match="north of 60° S"):
        read_gshhg_land(world, (0, -65, 1, -64))


def test_it_is_asked_for_by_name(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gshhg, "GSHHG_FILE", world)
    options = MapOptions(ocean=Path("gshhg"))
    assert options.ocean == world
    assert options.result_parameters()["ocean"] == MapOptions(ocean=world).result_parameters()["ocean"]
    monkeypatch.setattr(gshhg, "GSHHG_FILE", world.with_name("nothing.nc"))
    with pytest.raises(OptionError, match="apt install gmt-gshhg-full"):
        MapOptions(ocean=Path("gshhg"))


@pytest.mark.parametrize(
    ("lon", "lat", "expected"),
    [(-30.0, 30.0, True), (11.2, 48.0, False), (-0.31, 39.44, True), (-0.40, 39.47, False), (178.0, -17.8, False)],
)
def test_known_places(lon: float, lat: float, *, expected: bool) -> None:
    if not GSHHG_FILE.is_file():
        skip_without("gmt-gshhg-full")
    ground = ground_at(lon, lat)
    assert is_ocean(read_ocean(ground, path=GSHHG_FILE), ground, lon, lat) == expected
