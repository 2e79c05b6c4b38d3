"""What the coast benchmark measures, on made-up lines whose answers are known."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.coast import (
    Truth,
    join_lines,
    measure_continuity,
    measure_distances,
    measure_duplicates,
    measure_ends,
    read_mapped,
)

_SIDE = 200  # places of 20 m: the area is 4 km wide, its upper left corner at (0, 4000)
_PLANE = "+proj=tmerc +lat_0=27 +lon_0=6 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m"


def _make_truth(*lines: object, hidden: tuple[slice, slice] | None = None) -> Truth:
    clear = np.full((_SIDE, _SIDE), 2, np.uint8)
    if hidden is not None:
        clear[hidden] = 0
    tiles = np.ones_like(clear)
    tiles[:, 80:120] = 2  # 1600 to 2400 m across
    transform = Affine(20, 0, 0, 0, -20, 4000)
    return Truth(lines=np.array(lines, dtype=object), crs=_PLANE, clear_dates=clear, tiles=tiles, transform=transform)


def _line(*points: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString(points)


_SHORE = _line((0, 2000), (4000, 2000))


def _measure_all(truth: Truth, *mapped: shapely.LineString) -> dict[str, object]:
    lines = join_lines(np.array(mapped, dtype=object))
    parts = (measure_distances, measure_continuity, measure_duplicates, measure_ends)
    return {name: value for part in parts for name, value in part(lines, truth).items()}


@settings(max_examples=15)
@given(shift=st.floats(0.5, 12))
def test_a_shifted_line_is_as_far_off_as_it_was_shifted_and_one(shift: float) -> None:
    found = _measure_all(_make_truth(_SHORE), _line((0, 2000 + shift), (4000, 2000 + shift)))
    assert found["mapped_to_true_median_m"] == pytest.approx(shift, abs=1e-3)
    assert found["true_to_mapped_p95_m"] == pytest.approx(shift, abs=1e-3)
    assert found["lines"] == 1
    assert found["breaks"] == found["ends_without_reason"] == 0
    assert found["duplicate_km"] == 0
    assert found["matched_share"] == 1
    assert found["ends"] == 2


def test_a_line_cut_to_name_its_sources_is_still_one() -> None:
    found = _measure_all(_make_truth(_SHORE), _line((0, 2000), (1500, 2003)), _line((1500, 2003), (4000, 2000)))
    assert found["lines"] == 1
    assert found["breaks"] == 0


def test_a_line_that_runs_on_twice_in_an_overlap_is_found() -> None:
    mapped = (_line((0, 2003), (2200, 2003)), _line((1800, 1995), (4000, 1995)))
    found = _measure_all(_make_truth(_SHORE), *mapped)
    # Both lines are told for the 400 m of the overlap, and for as far beyond as the other's end is within 20 m.
    assert found["duplicate_km"] == pytest.approx(0.8, abs=0.08)
    assert found["duplicate_shore_km"] == found["duplicate_km"]
    assert found["duplicate_overlap_share"] == pytest.approx(0.8 / 1.2, abs=0.08)
    assert found["duplicate_single_share"] == 0
    assert found["lines"] == 2
    assert found["breaks"] == found["breaks_without_reason"] == 1
    assert found["ends_without_reason"] == 2


def test_a_line_that_turns_back_along_itself_is_found() -> None:
    mapped = _line((0, 2000), (2500, 2000), (2500, 2012), (1500, 2012))
    found = _measure_all(_make_truth(_SHORE), mapped)
    assert found["duplicate_km"] == pytest.approx(2.0, abs=0.15)
    assert found["ends_without_reason"] == 1  # the other end is at the area's edge


def test_two_shores_of_a_creek_are_no_duplicate() -> None:
    shores = (_SHORE, _line((1000, 2018), (3000, 2018)))
    found = _measure_all(_make_truth(*shores), *shores)
    assert found["duplicate_km"] == 0
    assert found["checked_km"] == pytest.approx(1.8, abs=0.3)


def test_a_narrow_mole_is_no_duplicate() -> None:
    mole = _line((0, 2000), (1990, 2000), (1990, 2050), (2005, 2050), (2005, 2000), (4000, 2000))
    assert _measure_all(_make_truth(mole), mole)["duplicate_km"] == 0


def test_two_false_shores_side_by_side_are_twice_but_not_the_shore() -> None:
    mapped = (_SHORE, _line((1000, 3000), (1500, 3000)), _line((1000, 3010), (1500, 3010)))
    found = _measure_all(_make_truth(_SHORE), *mapped)
    assert found["duplicate_km"] == pytest.approx(1.0, abs=0.02)
    assert found["duplicate_shore_km"] == 0


def test_a_gap_under_cloud_has_a_reason_and_any_other_has_none() -> None:
    mapped = (_line((0, 2000), (1500, 2000)), _line((2500, 2000), (4000, 2000)))
    hidden = (slice(80, 120), slice(72, 128))  # 1440 to 2560 m across
    found = _measure_all(_make_truth(_SHORE, hidden=hidden), *mapped)
    assert found["lines"] == 2
    assert found["breaks"] == 1
    assert found["breaks_without_reason"] == found["ends_without_reason"] == 0
    assert found["true_to_mapped_p95_m"] == 0
    assert found["seen_share"] < 0.75
    found = _measure_all(_make_truth(_SHORE), *mapped)
    assert found["breaks_without_reason"] == 1
    assert found["ends_without_reason"] == 2
    assert found["true_to_mapped_p95_m"] > 200
    assert found["matched_share"] == pytest.approx(1 - 940 / 3880, abs=0.01)


def test_a_closed_line_has_no_ends_and_is_no_duplicate_of_its_own_seam() -> None:
    turn = np.linspace(0, 2 * np.pi, 400)
    island = shapely.LinearRing(np.column_stack([2000 + 500 * np.cos(turn), 2000 + 500 * np.sin(turn)]))
    found = _measure_all(_make_truth(shapely.LineString(island.coords)), shapely.LineString(island.coords))
    assert found["duplicate_km"] == found["ends"] == 0
    assert found["lines"] == 1


def test_no_line_at_all_is_measured_too() -> None:
    found = _measure_all(_make_truth(_SHORE))
    assert found["lines"] == found["ends"] == 0
    assert found["matched_share"] == found["duplicate_km"] == 0
    assert found["true_to_mapped_median_m"] is None
    json.dumps(found, allow_nan=False)


def test_mapped_lines_are_read_in_any_crs(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(geometry=[_line((0, 2000), (1500, 2003)), _line((1500, 2003), (4000, 2000))], crs=_PLANE)
    frame.to_crs("EPSG:32631").to_file(tmp_path / "coastline.gpkg", layer="coastline")
    (line,) = read_mapped(tmp_path / "coastline.gpkg", _PLANE)
    np.testing.assert_allclose(np.asarray(line.coords)[[0, -1]], [(0, 2000), (4000, 2000)], atol=1e-3)
