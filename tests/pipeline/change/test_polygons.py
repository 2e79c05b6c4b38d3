"""Ground between two contours: gained and lost, with the length of its edge that is shore, whole across blocks."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely

from pipeline.change.faces import Faces, Shore
from pipeline.change.plane import Box, Plane
from pipeline.change.polygons import Pieces, compute_pieces, join_pieces

PLANE = Plane(crs=pyproj.CRS.from_epsg(32630))
BOX = Box(left=0, bottom=0, right=100, top=100)


def make_shore(*points: tuple[float, float], sigma: tuple[float, ...] | float = 2.0) -> Shore:
    count = len(points)
    start = np.array([0, count]) if count else np.zeros(1, np.int64)
    return Shore(
        xy=np.array(points, dtype=float).reshape(-1, 2),
        sigma=np.broadcast_to(np.asarray(sigma, dtype=float), count),
        start=start,
    )


def split(x: float, *, sigma: tuple[float, ...] | float = 2.0, aside: float = 0.0) -> Faces:
    """Land in the west, water in the east of ``x``; the line may lie ``aside`` of that."""
    return Faces(
        water=shapely.box(x, -50, 200, 150),
        land=shapely.box(-50, -50, x, 150),
        shore=make_shore((x + aside, -50), (x + aside, 150), sigma=sigma),
    )


def piece(
    *bounds: tuple[float, float, float, float],
    at_frame: bool = True,
    old_m: tuple[float, ...] = (),
    new_m: tuple[float, ...] = (),
    variance: tuple[float, ...] = (),
) -> Pieces:
    count = len(bounds)
    return Pieces(
        polygon=np.array([shapely.box(*bound) for bound in bounds], dtype=object),
        at_frame=np.full(count, at_frame),
        old_m=np.array(old_m or [0.0] * count, dtype=float),
        new_m=np.array(new_m or [0.0] * count, dtype=float),
        variance=np.array(variance or [0.0] * count, dtype=float),
    )


def test_ground_between_the_contours_is_gained_or_lost_within_the_block() -> None:
    gained, lost = compute_pieces(split(40), split(60), BOX, PLANE)
    assert len(lost) == 0
    assert len(gained) == 1
    assert gained.polygon[0].bounds == (40, 0, 60, 100)
    gained, lost = compute_pieces(split(60), split(40), BOX, PLANE)
    assert len(gained) == 0
    assert lost.polygon[0].bounds == (40, 0, 60, 100)


def test_each_shore_counts_with_the_length_that_it_has_on_the_edge() -> None:
    gained, _ = compute_pieces(split(40, sigma=2), split(60, sigma=4), BOX, PLANE)
    assert gained.old_m == pytest.approx([100])
    assert gained.new_m == pytest.approx([100])
    assert gained.variance == pytest.approx([10])  # of 4 and of 16
    assert gained.at_frame.tolist() == [True]


def test_the_variance_of_a_segment_is_the_mean_of_its_ends() -> None:
    gained, _ = compute_pieces(split(40, sigma=(1, 3)), split(60, sigma=(3, 1)), BOX, PLANE)
    assert gained.variance == pytest.approx([5])


def test_an_edge_is_shore_up_to_five_centimetres_from_the_line() -> None:
    near, _ = compute_pieces(split(40, aside=0.049), split(60), BOX, PLANE)
    assert near.old_m == pytest.approx([100])
    far, _ = compute_pieces(split(40, aside=0.06), split(60, sigma=4), BOX, PLANE)
    assert far.old_m.tolist() == [0]
    assert far.new_m == pytest.approx([100])
    assert far.variance == pytest.approx([16])


def test_a_piece_without_any_shore_has_no_variance() -> None:
    bare = Faces(water=shapely.box(40, 20, 60, 50), land=shapely.Polygon(), shore=make_shore())
    new = Faces(water=shapely.Polygon(), land=shapely.box(0, 0, 100, 100), shore=make_shore())
    gained, lost = compute_pieces(bare, new, BOX, PLANE)
    assert (gained.old_m.tolist(), gained.new_m.tolist(), gained.variance.tolist()) == ([0], [0], [0])
    assert gained.at_frame.tolist() == [False]
    assert len(lost) == 0


def test_a_pond_that_is_new_has_a_shore_of_the_new_date_alone() -> None:
    pond = shapely.box(20, 20, 60, 60)
    ring = make_shore(*reversed(list(pond.exterior.coords)), sigma=3)
    old = Faces(water=shapely.Polygon(), land=shapely.box(0, 0, 100, 100), shore=make_shore())
    new = Faces(water=pond, land=shapely.difference(shapely.box(0, 0, 100, 100), pond), shore=ring)
    gained, lost = compute_pieces(old, new, BOX, PLANE)
    assert len(gained) == 0
    assert (lost.old_m.tolist(), lost.new_m.tolist()) == ([0], [160])
    assert lost.variance == pytest.approx([9])


def test_pieces_are_joined_where_they_meet_at_the_edge_of_a_block() -> None:
    west = piece((80, 0, 100, 20), old_m=(30,), new_m=(10,), variance=(1,))
    east = piece((100, 0, 130, 20), old_m=(5,), new_m=(15,), variance=(4,))
    joined = join_pieces([west, east], PLANE)
    assert len(joined) == 1
    assert joined.polygon[0].bounds == (80, 0, 130, 20)
    assert joined.old_m.tolist() == [35]
    assert joined.new_m.tolist() == [25]
    assert joined.variance == pytest.approx([(1 * 40 + 4 * 20) / 60])
    assert joined.at_frame.tolist() == [False]


def test_pieces_that_are_not_at_the_edge_stay_apart() -> None:
    both = [piece((80, 0, 100, 20), at_frame=False), piece((100, 0, 130, 20))]
    assert len(join_pieces(both, PLANE)) == 2
    apart = join_pieces([piece((0, 0, 10, 10), (50, 0, 60, 10), old_m=(3, 4), new_m=(1, 0), variance=(2, 6))], PLANE)
    assert [polygon.bounds for polygon in apart.polygon] == [(0, 0, 10, 10), (50, 0, 60, 10)]
    assert apart.old_m.tolist() == [3, 4]
    assert apart.new_m.tolist() == [1, 0]
    assert apart.variance.tolist() == [2, 6]


def test_pieces_that_meet_in_a_corner_share_their_shore_and_stay_two_polygons() -> None:
    corner = join_pieces([piece((0, 0, 10, 10), old_m=(20,)), piece((10, 10, 20, 20), new_m=(5,))], PLANE)
    assert len(corner) == 2
    assert (corner.old_m.tolist(), corner.new_m.tolist()) == ([20, 20], [5, 5])


def test_pieces_without_shore_are_joined_without_variance() -> None:
    joined = join_pieces([piece((0, 0, 10, 10)), piece((10, 0, 20, 10))], PLANE)
    assert joined.variance.tolist() == [0]
