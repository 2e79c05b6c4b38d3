"""What two dates of a known coast say: properties first."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.change.compare import compare_dates
from pipeline.change.options import ChangeError, ChangeOptions
from pipeline.change.source import read_dated_coast
from tests.pipeline.change.change_scenes import LEFT, TOP, Distance, compare, make_ground, write_date
from tests.pipeline.mapped_folder import make_grid, write_mapped

FEW = settings(max_examples=5)
SHIFTS = st.floats(7, 60).map(lambda metres: round(metres, 2)) | st.sampled_from([10.0, 20.0, 40.0])


def half_plane(angle: float, shift: float = 0.0) -> Distance:
    """Water beyond a straight shore through the middle of 800 m; ``shift`` moves it seaward."""
    return lambda x, y: (x - 403.7) * np.cos(angle) + (y - 396.1) * np.sin(angle) - shift


def disc(radius: float, *, x0: float = 403.7, y0: float = 396.1) -> Distance:
    """A round island."""
    return lambda x, y: np.hypot(x - x0, y - y0) - radius


def test_nothing_changes_on_an_unchanged_coast(tmp_path: Path) -> None:
    old, new = (write_date(tmp_path, name, half_plane(0.4), date=date) for date, name in enumerate(("a", "b")))
    found = compare(old, new)
    assert len(found.gained) == len(found.lost) == 0
    assert len(found.shift) == found.samples > 50
    assert np.abs(found.shift["shift_m"]).max() < 1e-6
    assert set(found.shift["state"]) == {"steady"}


@FEW
@given(angle=st.floats(0, 6.28), shift=SHIFTS, advance=st.booleans())
def test_the_shift_of_a_straight_shore_is_recovered(angle: float, shift: float, advance: bool) -> None:
    shift = shift if advance else -shift
    with TemporaryDirectory() as folder:
        old = write_date(Path(folder), "old", half_plane(angle))
        new = write_date(Path(folder), "new", half_plane(angle, shift), date=1)
        found = compare(old, new)
    there, elsewhere = (found.gained, found.lost) if advance else (found.lost, found.gained)
    assert len(there) == 1
    assert len(elsewhere) == 0
    assert found.shift["shift_m"].mean() == pytest.approx(shift, abs=0.2)
    assert there["mean_shift_m"][0] == pytest.approx(shift, abs=0.2)
    assert there["max_shift_m"][0] == pytest.approx(shift, abs=0.4)
    # The polygon lies between the two lines, and its area is that of the strip.
    assert there["area_m2"][0] == pytest.approx(abs(shift) * there["shore_m"][0], rel=0.06)


@FEW
@given(radius=st.floats(120, 250), shift=st.floats(8, 60))
def test_the_ring_around_an_island_is_recovered_and_turns_with_time(radius: float, shift: float) -> None:
    with TemporaryDirectory() as folder:
        small = write_date(Path(folder), "small", disc(radius))
        large = write_date(Path(folder), "large", disc(radius + shift), date=1)
        grown, shrunk = compare(small, large), compare(large, small)
    assert grown.shift["shift_m"].mean() == pytest.approx(shift, abs=0.2)
    assert shrunk.shift["shift_m"].mean() == pytest.approx(-shift, abs=0.2)
    ring = np.pi * ((radius + shift) ** 2 - radius**2)
    for frame, other in ((grown.gained, grown.lost), (shrunk.lost, shrunk.gained)):
        assert frame["area_m2"].sum() == pytest.approx(ring, rel=0.01)
        assert set(frame["kind"]) == {"shore"}
        assert len(other) == 0
    difference = shapely.symmetric_difference(
        shapely.union_all(np.asarray(grown.gained.geometry)), shapely.union_all(np.asarray(shrunk.lost.geometry))
    )
    assert shapely.area(difference) < 0.01 * ring


@FEW
@given(where=st.floats(100, 700), width=st.floats(60, 200))
def test_nothing_is_said_under_cloud_or_beside_it(where: float, width: float) -> None:
    with TemporaryDirectory() as folder:
        old = write_date(Path(folder), "old", half_plane(0.0))
        new = write_date(
            Path(folder), "new", half_plane(0.0, 30.0), date=1, cloud=lambda _x, y: np.abs(y - where) < width / 2
        )
        found = compare(old, new)
    hidden = shapely.box(LEFT, TOP - where - width / 2 - 15, LEFT + 800, TOP - where + width / 2 + 15)
    assert not shapely.intersects(np.asarray(found.gained.geometry), hidden).any()
    assert not shapely.intersects(shapely.centroid(np.asarray(found.shift.geometry)), hidden).any()
    seen = found.shift["shift_m"].dropna()
    assert seen.to_numpy() == pytest.approx(30.0, abs=0.3)
    assert len(found.shift) < found.samples


def test_cloud_over_all_of_the_change_leaves_nothing_to_tell(tmp_path: Path) -> None:
    old = write_date(tmp_path, "old", half_plane(0.0))
    new = write_date(tmp_path, "new", half_plane(0.0, 30.0), date=1, cloud=lambda x, _y: np.abs(x - 418) < 60)
    found = compare(old, new)
    assert len(found.gained) == len(found.lost) == len(found.shift) == 0
    assert found.samples > 50


def test_no_clear_ground_in_common_is_said_in_a_line(tmp_path: Path) -> None:
    old = write_date(tmp_path, "old", half_plane(0.0))
    new = write_date(tmp_path, "new", half_plane(0.0), date=1, cloud=lambda x, _y: x > -1e9)
    with pytest.raises(ChangeError, match="no clear ground in common"):
        compare(old, new)


def test_a_shift_within_the_uncertainty_is_measured_but_is_no_change(tmp_path: Path) -> None:
    old, new = write_date(tmp_path, "old", half_plane(0.3)), write_date(tmp_path, "new", half_plane(0.3, 3.0), date=1)
    found = compare(old, new)  # 0.8 m each and 2 m of registration: 2.3 m together
    assert found.shift["uncertainty_m"].to_numpy() == pytest.approx(2.3, abs=0.1)
    assert len(found.gained) == 0
    assert found.shift["shift_m"].mean() == pytest.approx(3.0, abs=0.2)
    assert len(compare(old, new, ChangeOptions(factor=1.0)).gained) == 1


def test_a_pond_that_appears_and_one_that_vanishes_are_no_moved_shore(tmp_path: Path) -> None:
    def with_pond(y: float) -> Distance:
        return lambda x, z: np.maximum(half_plane(0.0)(x, z), 60 - np.hypot(x - 250, z - y))

    old, new = write_date(tmp_path, "old", with_pond(200)), write_date(tmp_path, "new", with_pond(600), date=1)
    found = compare(old, new)
    assert list(found.gained["kind"]) == ["vanished"]
    assert list(found.lost["kind"]) == ["appeared"]
    assert found.lost["area_m2"][0] == pytest.approx(np.pi * 60**2, rel=0.02)
    known = found.shift["shift_m"].dropna()
    assert np.abs(known).max() < 1e-6
    assert (found.shift["state"] == "no shore").sum() == pytest.approx(2 * np.pi * 60 / 10, abs=2)


def test_a_new_island_and_one_washed_away_are_bodies_too(tmp_path: Path) -> None:
    def with_island(y: float) -> Distance:
        return lambda x, z: np.minimum(half_plane(0.0)(x, z), np.hypot(x - 650, z - y) - 60)

    old, new = write_date(tmp_path, "old", with_island(200)), write_date(tmp_path, "new", with_island(600), date=1)
    found = compare(old, new)
    assert list(found.gained["kind"]) == ["appeared"]
    assert list(found.lost["kind"]) == ["vanished"]


def test_only_the_stretch_that_moved_is_given(tmp_path: Path) -> None:
    def with_bulge(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray(x - 403.7 - 40 * np.exp(-(((y - 400) / 80) ** 2)))

    old, new = write_date(tmp_path, "old", half_plane(0.0)), write_date(tmp_path, "new", with_bulge, date=1)
    found = compare(old, new)
    assert len(found.gained) == 1
    _, south, _, north = found.gained.total_bounds
    assert 200 < north - south < 330
    assert 30 < found.gained["max_shift_m"][0] <= 40.5
    assert found.gained["area_m2"][0] == pytest.approx(40 * 80 * np.sqrt(np.pi), rel=0.1)


def test_a_shore_across_many_blocks_gives_one_polygon(tmp_path: Path) -> None:
    def wavy(shift: float) -> Distance:
        return lambda x, y: x - 5200 - 150 * np.sin(y / 300) - shift

    grid = make_grid(epsg=32630, left=LEFT, top=TOP + 3000, width=1040, height=900)
    properties = {"strandline:probability_rmse": 0.02}
    old = write_mapped(tmp_path, "old", grid, make_ground(wavy(0)), properties=properties)
    new = write_mapped(tmp_path, "new", grid, make_ground(wavy(25)), date=1, properties=properties)
    found = compare(old, new)
    assert len(found.gained) == 1
    assert found.gained["area_m2"][0] == pytest.approx(25 * (9000 - 2 * 20), rel=0.01)
    assert shapely.is_valid(np.asarray(found.gained.geometry)).all()
    assert shapely.get_num_interior_rings(np.asarray(found.gained.geometry)).sum() == 0


def test_dates_of_two_utm_zones_compare(tmp_path: Path) -> None:
    def parallel(shift: float) -> Distance:
        return lambda lon, lat: (50.0 - lat) * 111_230 - shift

    from tests.pipeline.mapped_folder import Ground

    properties = {"strandline:probability_rmse": 0.02}
    west = make_grid(epsg=32630, left=714_000, top=5_544_000, width=100, height=160)
    east = make_grid(epsg=32631, left=284_200, top=5_544_000, width=140, height=160)
    old = write_mapped(tmp_path, "old", west, Ground(distance_m=parallel(0)), properties=properties)
    new = write_mapped(tmp_path, "new", east, Ground(distance_m=parallel(20)), date=1, properties=properties)
    found = compare(old, new)
    assert found.shift["shift_m"].mean() == pytest.approx(20, abs=0.2)
    assert len(found.shift) > 50
    assert len(found.gained) == 1
    back = compare(new, old)
    assert back.shift["shift_m"].mean() == pytest.approx(-20, abs=0.2)


def test_geographic_pixels_are_measured_in_metres(tmp_path: Path) -> None:
    from tests.pipeline.mapped_folder import Ground

    grid = make_grid(epsg=4326, left=-3.0, top=50.0, width=100, height=100, size=0.0001)
    properties = {"strandline:probability_rmse": 0.02}
    metres = 111_320 * np.cos(np.deg2rad(49.995))

    def meridian(shift: float) -> Ground:
        return Ground(distance_m=lambda lon, _lat: (lon + 2.995) * metres - shift)

    old = write_mapped(tmp_path, "old", grid, meridian(0), properties=properties)
    new = write_mapped(tmp_path, "new", grid, meridian(25), date=1, properties=properties)
    found = compare(old, new)
    assert found.shift["shift_m"].mean() == pytest.approx(25, rel=0.01)


def test_places_far_apart_are_refused_in_a_line(tmp_path: Path) -> None:
    old = write_date(tmp_path, "old", half_plane(0.0))
    far = make_grid(epsg=32630, left=LEFT + 50_000, top=TOP, width=40, height=40)
    new = write_mapped(tmp_path, "new", far, make_ground(half_plane(0.0)))
    with pytest.raises(ChangeError, match="do not overlap") as told:
        compare_dates(read_dated_coast(old), read_dated_coast(new), options=ChangeOptions())
    assert "\n" not in str(told.value)


def test_a_raster_of_classes_alone_does_to_half_a_pixel(tmp_path: Path) -> None:
    old, new = write_date(tmp_path, "old", half_plane(0.3)), write_date(tmp_path, "new", half_plane(0.3, 40), date=1)
    for folder in (old, new):
        (folder / "probability.tif").unlink()
    found = compare(old / "water.tif", new / "water.tif")
    assert found.shift["shift_m"].mean() == pytest.approx(40, abs=1.5)
    assert found.shift["uncertainty_old_m"].min() >= 3  # a class says less than a probability
    assert len(found.gained) >= 1
