"""A comparison in numbers: of the coast alone or of all shores."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pytest

from pipeline.change.bodies import APPEARED, SHORE
from pipeline.change.compare import Comparison
from pipeline.change.options import ChangeOptions
from pipeline.change.shift import BODY, MOVED, NO_SHORE, STEADY, Shifts
from pipeline.change.summary import compute_summary
from tests.pipeline.change.change_values import PLANE, STRIP, make_shifts

NAN = float("nan")


def make_frame(*rows: tuple[str, str | None, float, float]) -> gpd.GeoDataFrame:
    """Features by kind, waters, area and greatest shift."""
    kind, waters, area, largest = zip(*rows, strict=True) if rows else ((), (), (), ())
    columns: dict[str, Any] = {
        "id": np.arange(1, len(rows) + 1),
        "kind": np.array(kind, dtype=object),
        "waters": np.array(waters, dtype=object),
        "area_m2": np.array(area, float),
        "max_shift_m": np.array(largest, float),
        "least_shift_m": np.array(largest, float),
        "uncertainty_m": np.zeros(len(rows)),
        "shore_m": np.full(len(rows), 200.0),
    }
    return gpd.GeoDataFrame(columns, geometry=[STRIP] * len(rows), crs=PLANE.crs)


def make_known() -> Shifts:
    """Ten samples: steady, moved out and in, gone, of a body; the last two of inland waters."""
    return replace(
        make_shifts(count=10),
        shift_m=np.array([1, 1, 10, 30, -20, -8, NAN, 50, 2, 9], float),
        local_m=np.array([1, 1, 12, 26, -18, -9, NAN, 50, 2, 9], float),
        sigma_m=np.array([1, 2, 3, 4, 5, 6, NAN, 99, 1, 1], float),
        state=np.array([STEADY, STEADY, MOVED, MOVED, MOVED, MOVED, NO_SHORE, BODY, STEADY, MOVED], np.uint8),
        inland=np.arange(10) >= 8,
    )


def make_comparison(*, counts_inland: bool = False, shifts: Shifts | None = None) -> Comparison:
    return Comparison(
        plane=PLANE,
        extents=(),
        gained=make_frame((SHORE, "coast", 1000.04, 26.0), (SHORE, "inland", 300.0, 9.0), (APPEARED, None, 500.0, NAN)),
        lost=make_frame((SHORE, "coast", 700.0, -18.0)),
        shift=make_frame(),
        shifts=shifts or make_known(),
        samples=40,
        counts_inland=counts_inland,
    )


def test_the_numbers_are_those_of_the_coast() -> None:
    summary = compute_summary(make_comparison(), options=ChangeOptions())
    assert summary.to_dict() == {
        "shore_km": 0.4,
        "clear_km": 0.08,
        "moved_km": 0.04,
        "no_shore_km": 0.01,
        "body_km": 0.01,
        "mean_shift_m": round(14 / 6, 3),
        "median_shift_m": 1.0,
        "median_low_m": round(1 - 1.96 * 3.5, 3),
        "median_high_m": round(1 + 1.96 * 3.5, 3),
        "mean_moved_m": 3.0,
        "max_advance_m": 26.0,
        "max_retreat_m": -18.0,
        "uncertainty_m": 3.5,
        "gained_m2": 1000.0,
        "lost_m2": 700.0,
        "bodies": 1,
        "bodies_m2": 500.0,
        "inland_km": 0.02,
        "inland_moved_km": 0.01,
        "counts_inland": False,
        "sure": True,
    }


def test_inland_shores_count_where_they_are_asked_for() -> None:
    summary = compute_summary(make_comparison(counts_inland=True), options=ChangeOptions())
    assert (summary.clear_km, summary.moved_km, summary.gained_m2) == (0.1, 0.05, 1300.0)


@pytest.mark.parametrize(("limit", "sure"), [(3.5, True), (3.49, False)])
def test_maps_are_sure_up_to_a_limit(limit: float, sure: bool) -> None:
    assert compute_summary(make_comparison(), options=ChangeOptions(unsure_m=limit)).sure is sure


def test_without_a_clear_shore_there_are_no_means() -> None:
    inland = make_known().take(np.array([8, 9]))
    summary = compute_summary(make_comparison(shifts=inland), options=ChangeOptions())
    assert (summary.median_low_m, summary.median_high_m) == (None, None)
    assert (summary.mean_shift_m, summary.max_advance_m, summary.max_retreat_m, summary.uncertainty_m) == (None,) * 4
    assert not summary.sure
    steady = make_known().take(np.arange(2))
    assert compute_summary(make_comparison(shifts=steady), options=ChangeOptions()).mean_moved_m is None
