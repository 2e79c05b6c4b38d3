"""Which water is sea, on coasts drawn by hand: beaches, harbours, canals, lagoons, estuaries, rivers, lakes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.trace.waters import LAKE, OPEN, RIVER, SEA, OceanCells, WaterCells, Waters, _find_broad, _spread

CELL_M = 50.0
Bools = NDArray[np.bool_]


def km(value: float) -> int:
    return round(value * 1000 / CELL_M)


def paint(size_km: float, *boxes: tuple[float, float, float, float]) -> Bools:
    """Water in boxes (top, bottom, left, right) in kilometres."""
    wet = np.zeros((km(size_km), km(size_km)), dtype=bool)
    for top, bottom, left, right in boxes:
        wet[km(top) : km(bottom), km(left) : km(right)] = True
    return wet


def tell(
    wet: Bools,
    ocean: Bools | None = None,
    *,
    own: bool = False,
    off_km: float | None = None,
    known: Bools | None = None,
    closed: Bools | None = None,
) -> tuple[NDArray[np.uint8], Waters]:
    """Kinds of the cells of water; an ocean that is not the user's own is certain 2 km off its edge.

    ``off_km`` is how far west of the cells an ocean begins of which none lies in them.
    """
    whole = np.zeros(wet.shape, dtype=bool) if ocean is None else ocean
    reach = km(2)
    apart = ndimage.distance_transform_edt(np.pad(whole, 1, mode="edge"))[1:-1, 1:-1] > reach
    off = ndimage.distance_transform_edt(~whole) if whole.any() else np.full(wet.shape, 1e9)
    off = off if off_km is None else km(off_km) + np.indices(wet.shape)[1]
    body, count = ndimage.label(wet)
    water = WaterCells(
        body=body.astype(np.int32),
        known=np.ones(wet.shape, dtype=bool) if known is None else known,
        closed=np.zeros(count, dtype=bool) if closed is None else closed,
        cell_m=CELL_M,
    )
    cells = OceanCells(
        whole=whole,
        certain=whole if own else whole & apart,
        near=whole if own else off <= reach,
        least_area_m2=1e4 if own else 1e6,
        measure=lambda row, col: off[row, col] * CELL_M,
    )
    waters = Waters.tell(water, cells)
    return waters.cell, waters


SEA_BOX = (0, 20, 0, 8)
OCEAN = paint(20, SEA_BOX)


def test_a_straight_coast_is_sea_whatever_the_ocean_errs() -> None:
    wet = paint(20, SEA_BOX)
    for error in (-1.8, 0.0, 1.8):
        cell, waters = tell(wet, paint(20, (0, 20, 0, 8 + error)))
        assert (cell[wet] == SEA).all()
        assert not waters.guessed


def test_a_harbour_is_the_seas_own_and_a_canal_is_not() -> None:
    harbour, canal = (5, 5.3, 8, 10.5), (12, 12.2, 8, 16)
    wet = paint(20, SEA_BOX, harbour, canal)
    cell, _ = tell(wet, OCEAN)
    inland = np.indices(wet.shape)[1] >= km(8)
    assert (cell[wet & ~inland] == SEA).mean() > 0.999
    assert (cell[: km(10)][wet[: km(10)]] == SEA).all()
    assert (cell[km(10) :][(wet & inland)[km(10) :]] == RIVER).mean() > 0.98  # the mouth lies within a cell or two


@pytest.mark.parametrize(("width_m", "kind"), [(200, RIVER), (400, RIVER), (700, SEA)])
def test_an_inlet_is_judged_by_its_width(width_m: float, kind: int) -> None:
    inlet = (10, 10 + width_m / 1000, 8, 15)
    cell, _ = tell(paint(20, SEA_BOX, inlet), OCEAN)
    assert (cell[paint(20, (10, 10 + width_m / 1000, 9, 15))] == kind).all()


def test_a_lagoon_behind_an_inlet_is_no_sea() -> None:
    lagoon, inlet = (2, 18, 8.5, 10.5), (9.9, 10.1, 8, 8.5)
    wet = paint(20, SEA_BOX, lagoon, inlet)
    cell, _ = tell(wet, OCEAN)
    assert (cell[paint(20, lagoon)] == RIVER).all()
    assert (cell[paint(20, SEA_BOX)] == SEA).mean() > 0.999
    # The known ocean may reach over the lagoon by its own error, and must not make it sea.
    for error in (0.9, 1.8):
        cell, _ = tell(wet, paint(20, (0, 20, 0, 8 + error)))
        assert (cell[paint(20, lagoon)] == RIVER).all()


def test_a_wide_estuary_is_sea_for_ten_kilometres() -> None:
    wet = paint(40, (0, 40, 0, 8), (19, 21, 8, 38))
    cell, _ = tell(wet, paint(40, (0, 40, 0, 8)))
    axis = cell[km(20)]
    assert (axis[: km(17.8)] == SEA).all()
    assert (axis[km(18.3) : km(38)] == RIVER).all()


def test_the_far_end_of_a_bay_of_eleven_kilometres_is_still_sea() -> None:
    wet = paint(40, (0, 40, 0, 8), (19, 21, 8, 19))
    cell, _ = tell(wet, paint(40, (0, 40, 0, 8)))
    assert (cell[wet] == SEA).all()


def test_a_beach_in_a_small_crop_is_sea_where_the_ocean_begins_beyond_it() -> None:
    wet = paint(2, (0, 2, 0, 0.9))
    for off_km, kind in ((1.5, SEA), (3.0, OPEN)):
        cell, waters = tell(wet, off_km=off_km)
        assert (cell[wet] == kind).all()
        assert waters.guessed == (kind == SEA)


def test_of_two_waters_in_a_small_crop_the_one_nearest_to_the_ocean_is_the_sea() -> None:
    sea, lagoon = (0, 2, 0, 0.6), (0, 2, 0.8, 1.6)
    cell, waters = tell(paint(2, sea, lagoon), off_km=0.1)
    assert waters.guessed
    assert (cell[paint(2, sea)] == SEA).all()
    assert not (cell[paint(2, lagoon)] == SEA).any()


def test_nothing_is_guessed_where_the_sea_is_known() -> None:
    wet = paint(20, SEA_BOX, (15, 20, 8.5, 12))  # a lake that the edge cuts off, half a kilometre from the sea
    cell, waters = tell(wet, OCEAN)
    assert not waters.guessed
    assert (cell[paint(20, (15, 20, 8.5, 12))] == OPEN).all()


def test_inland_a_long_narrow_water_is_a_river_and_a_broad_one_cannot_be_told() -> None:
    river, lake, stub = (0, 20, 3, 3.3), (14, 20, 10, 16), (0, 0.4, 8, 8.3)
    cell, _ = tell(paint(20, river, lake, stub))
    assert [set(cell[paint(20, box)]) for box in (river, lake, stub)] == [{RIVER}, {OPEN}, {OPEN}]


def test_a_narrow_water_near_the_ocean_must_be_longer_to_be_a_river() -> None:
    for length_km, kind in ((2.0, OPEN), (3.5, RIVER)):
        wet = paint(4, (0, length_km, 1, 1.3))
        cell, _ = tell(wet, off_km=0.5)
        assert (cell[wet] == kind).all()


def test_enclosed_waters_are_lakes_unless_an_ocean_of_ones_own_holds_them() -> None:
    dock = (5, 5.2, 10, 10.6)
    wet = paint(20, SEA_BOX, dock)
    closed = np.array([False, True])
    for own, kind in ((False, LAKE), (True, SEA)):
        cell, waters = tell(wet, paint(20, SEA_BOX, dock), own=own, closed=closed)
        assert (cell[paint(20, dock)] == kind).all()
        assert waters.body.tolist() == [SEA, kind]


def test_clouds_do_not_make_the_sea_narrow() -> None:
    wet, known = paint(20, SEA_BOX), np.ones((km(20), km(20)), dtype=bool)
    known[:, km(0.2) : km(7.8)] = False
    wet[:, km(0.2) : km(7.8)] = False
    cell, _ = tell(wet, OCEAN, known=known)
    assert (cell[wet] == SEA).all()


def test_a_broad_cell_is_one_that_a_disc_covers() -> None:
    wet = paint(4, (1, 3, 1, 3))
    water = WaterCells(
        body=wet.astype(np.int32), known=np.ones(wet.shape, bool), closed=np.zeros(1, bool), cell_m=CELL_M
    )
    broad = _find_broad(water)
    assert broad[wet].mean() > 0.98  # the corners alone are not
    row, col = np.indices(wet.shape)
    assert not broad[(row == km(1)) & (col == km(1))].any()
    assert (broad <= wet).all()


def test_ways_go_around_corners_and_are_nearly_round() -> None:
    body = np.ones((61, 61), dtype=np.int32)
    seeds = np.zeros(body.shape, dtype=bool)
    seeds[30, 30] = True
    row, col = np.indices(body.shape) - 30
    reached = _spread(seeds, body, 20)
    distance = np.hypot(row, col)
    assert distance[reached].max() < 22.5
    assert distance[~reached].min() > 18.5
    body[:, 33] = 0
    body[60, 33] = 1
    around = _spread(seeds, body, 20)
    assert not around[30, 34:].any()
    assert _spread(seeds, body, 70)[30, 34]


def test_a_way_does_not_lead_from_one_body_into_another() -> None:
    body = np.ones((5, 9), dtype=np.int32)
    body[:, 4:] = 2
    seeds = body == 1
    assert (_spread(seeds, body, 9) == seeds).all()
