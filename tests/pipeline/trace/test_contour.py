"""The coastline is a contour between pixel centres, the same however the scene was cut into strips."""

from __future__ import annotations

import itertools
from typing import Any

import contourpy
import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from pipeline.trace.contour import ContourTracer
from pipeline.trace.rings import find_bodies, find_cycles, split_pinched
from pipeline.trace.simplify import build_polygons
from pipeline.trace.traced import REASONS, Rings, Traced
from tiles.errors import GridError
from tiles.masks import NODATA, OBSCURED, VALID

Field = NDArray[np.float32]
State = NDArray[np.uint8]

# Steps of 1/64: exact in float32, so that 1 - p is exact too; 32/64 is the threshold itself.
LEVELS = st.integers(0, 64).map(lambda step: step / 64)
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))


def fields(shape: tuple[int, int]) -> st.SearchStrategy[Field]:
    return hnp.arrays(np.float32, shape, elements=LEVELS, fill=st.nothing())


@st.composite
def scenes(draw: st.DrawFn, *, ties: bool = True, masks: bool = True) -> tuple[Field, State]:
    probability = draw(fields(draw(SHAPES)))
    if not ties:
        probability = np.where(probability == 0.5, np.float32(33 / 64), probability)
    states = st.sampled_from([VALID, VALID, VALID, NODATA, OBSCURED] if masks else [VALID])
    return probability, draw(hnp.arrays(np.uint8, probability.shape, elements=states, fill=st.nothing()))


def trace(probability: Field, state: State | None = None, *, cuts: tuple[int, ...] = ()) -> Traced:
    height, width = probability.shape
    state = np.zeros((height, width), np.uint8) if state is None else state
    tracer = ContourTracer(width=width, height=height)
    for top, bottom in itertools.pairwise((0, *cuts, height)):
        tracer.add_strip(probability[top:bottom], state[top:bottom])
    return tracer.finish()


def polygons_of(traced: Traced, rings: Rings) -> NDArray[Any]:
    return build_polygons(rings, traced.xy * (1, -1))  # y up, as on a map


def lines_of(traced: Traced) -> list[NDArray[np.float64]]:
    lines = traced.lines
    return [traced.xy[lines.vertex[a:b]] for a, b in itertools.pairwise(lines.start)]


def domain_of(state: State) -> tuple[NDArray[np.bool_], NDArray[Any]]:
    """Which cells between nodes are valid, and all cells as boxes, made the slow and obvious way."""
    nodes = np.pad(state, 1, mode="edge") == VALID
    valid = nodes[:-1, :-1] & nodes[1:, :-1] & nodes[:-1, 1:] & nodes[1:, 1:]
    height, width = state.shape
    x, y = (np.clip(np.arange(size + 2) - 0.5, 0, size) for size in (width, height))
    return valid, shapely.box(x[None, :-1], -y[1:, None], x[None, 1:], -y[:-1, None])


def has_undecided_cell(probability: Field) -> bool:
    """An ambiguous cell whose mean is the threshold is water by decree: no mirror, no other library need agree."""
    nodes = np.pad(probability, 1, mode="edge")
    return bool((nodes[:-1, :-1] + nodes[1:, :-1] + nodes[:-1, 1:] + nodes[1:, 1:] == 2).any())


def same_arrays(first: Traced, second: Traced) -> bool:
    pairs: list[tuple[Any, Any]] = [(first.xy, second.xy), (first.gradient, second.gradient)]
    for a, b in ((first.lines, second.lines), (first.water, second.water), (first.land, second.land)):
        pairs += [(getattr(a, name), getattr(b, name)) for name in a.__slots__]
    return all(np.array_equal(a, b) for a, b in pairs)


@given(scenes(), st.data())
@settings(deadline=None, max_examples=150)
def test_strips_do_not_matter(scene: tuple[Field, State], data: st.DataObject) -> None:
    height = len(scene[0])
    cuts = data.draw(st.sets(st.integers(1, height - 1)) if height > 1 else st.just(set()))
    whole = trace(*scene)
    assert same_arrays(whole, trace(*scene, cuts=tuple(sorted(cuts))))
    assert same_arrays(whole, trace(*scene, cuts=tuple(range(1, height))))


def test_strips_do_not_matter_beyond_one_internal_block() -> None:
    rng = np.random.default_rng(3)
    probability = rng.random((200, 31)).astype(np.float32)
    state = rng.choice([VALID, VALID, VALID, VALID, NODATA, OBSCURED], (200, 31)).astype(np.uint8)
    assert same_arrays(trace(probability, state), trace(probability, state, cuts=(7, 70, 134, 199)))


@given(scenes())
@settings(deadline=None, max_examples=150)
def test_land_and_water_tile_the_valid_domain(scene: tuple[Field, State]) -> None:
    traced = trace(*scene)
    water, land = polygons_of(traced, traced.water), polygons_of(traced, traced.land)
    both = np.concatenate((water, land))
    valid, cells = domain_of(scene[1])
    assert shapely.is_valid(both).all()
    assert shapely.is_ccw(shapely.get_exterior_ring(both)).all()
    assert shapely.coverage_is_valid(both)
    assert shapely.area(both).sum() == pytest.approx(shapely.area(cells[valid]).sum(), abs=1e-9)
    assert shapely.area(shapely.symmetric_difference(shapely.union_all(both), shapely.union_all(cells[valid]))) < 1e-9
    # A pixel centre within the domain lies in the body that its probability says.
    for polygons, member in ((water, scene[0] >= 0.5), (land, scene[0] < 0.5)):
        row, col = np.nonzero(member & (scene[1] == VALID))
        points = shapely.points(col + 0.5, -(row + 0.5))
        inside = shapely.covers(shapely.union_all(polygons), points)
        assert np.array_equal(inside, shapely.covers(shapely.union_all(cells[valid]), points))


@given(scenes())
@settings(deadline=None, max_examples=150)
def test_lines_are_the_border_of_land_and_water(scene: tuple[Field, State]) -> None:
    traced = trace(*scene)
    water, land = (shapely.boundary(polygons_of(traced, rings)) for rings in (traced.water, traced.land))
    lines = [shapely.LineString(line * (1, -1)) for line in lines_of(traced)]
    border = shapely.length(shapely.intersection(shapely.union_all(water), shapely.union_all(land)))
    assert sum(line.length for line in lines) == pytest.approx(border, abs=1e-9)
    assert all(line.is_simple for line in lines)
    for vertices in (traced.water.vertex, traced.land.vertex):
        assert np.isin(traced.lines.vertex, vertices).all()


@given(scenes())
@settings(deadline=None, max_examples=150)
def test_land_lies_on_the_left(scene: tuple[Field, State]) -> None:
    traced = trace(*scene)
    land = shapely.union_all(polygons_of(traced, traced.land))
    for line in lines_of(traced):
        start, end = line[:-1] * (1, -1), line[1:] * (1, -1)
        step = end - start
        left = np.stack((-step[:, 1], step[:, 0]), axis=1)
        probe = (start + end) / 2 + 1e-5 * left / np.hypot(*left.T)[:, None]
        assert shapely.covers(land, shapely.points(probe)).all()


@given(scenes())
@settings(deadline=None, max_examples=150)
def test_lines_end_only_where_data_end_and_say_why(scene: tuple[Field, State]) -> None:
    traced = trace(*scene)
    height, width = scene[0].shape
    code = {VALID: "valid", NODATA: "nodata", OBSCURED: "cloud"}
    for line, closed, reasons in zip(lines_of(traced), traced.lines.closed, traced.lines.reasons, strict=True):
        if closed:
            assert np.array_equal(line[0], line[-1])
            assert not reasons.any()
            continue
        for (x, y), reason in zip((line[0], line[-1]), (REASONS[k] for k in reasons), strict=True):
            near = scene[1][max(0, int(y - 1)) : int(y + 2), max(0, int(x - 1)) : int(x + 2)]
            around = {code[value] for value in near.ravel().tolist()}
            on_edge = x in (0, width) or y in (0, height)
            assert (reason == "scene edge" and on_edge) or reason in around - {"valid"}


@given(scenes(ties=False))
@settings(deadline=None, max_examples=100)
def test_swapping_land_and_water_swaps_the_polygons(scene: tuple[Field, State]) -> None:
    assume(not has_undecided_cell(scene[0]))
    there, back = trace(*scene), trace(1 - scene[0], scene[1])
    assert np.allclose(there.xy, back.xy, atol=1e-12)
    for mine, yours in ((there.water, back.land), (there.land, back.water)):
        first, second = polygons_of(there, mine), polygons_of(back, yours)
        assert len(first) == len(second)
        assert shapely.equals_exact(first, second, 1e-9).all()


@given(scenes(), st.integers(1, 3), st.integers(1, 3))
@settings(deadline=None, max_examples=60)
def test_moving_the_scene_moves_the_coastline(scene: tuple[Field, State], down: int, right: int) -> None:
    def within(shift: tuple[int, int]) -> NDArray[Any]:
        probability, state = np.zeros((14, 14), np.float32), np.full((14, 14), NODATA, np.uint8)
        rows, cols = (slice(at, at + size) for at, size in zip(shift, scene[0].shape, strict=True))
        probability[rows, cols], state[rows, cols] = scene
        traced = trace(probability, state)
        return np.array([shapely.LineString(line - (shift[1], shift[0])) for line in lines_of(traced)], dtype=object)

    here, there = within((1, 1)), within((1 + down, 1 + right))
    assert len(here) == len(there)
    assert shapely.equals_exact(here, there, 1e-9).all()


@given(scenes(ties=False, masks=False))
@settings(deadline=None, max_examples=100)
def test_between_pixel_centres_contourpy_agrees(scene: tuple[Field, State]) -> None:
    height, width = scene[0].shape
    assume(height > 1 and width > 1 and not has_undecided_cell(scene[0]))
    theirs = contourpy.contour_generator(z=scene[0].astype(np.float64)).lines(0.5)
    expected = sum(shapely.LineString(np.asarray(line)).length for line in theirs)
    window = shapely.box(0.5, 0.5, width - 0.5, height - 0.5)
    ours = [shapely.LineString(line) for line in lines_of(trace(scene[0]))]
    assert sum(shapely.intersection(line, window).length for line in ours) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("radius", [2.5, 7.3, 20.0])
def test_a_disc_is_found_with_its_place_area_and_length(radius: float) -> None:
    size, centre = 64, (31.2, 32.9)
    y, x = np.mgrid[:size, :size] + 0.5
    distance = np.hypot(x - centre[0], y - centre[1])
    traced = trace((1 / (1 + np.exp(distance - radius))).astype(np.float32), cuts=(10, 11, 40))
    (line,) = lines_of(traced)
    error = np.hypot(line[:, 0] - centre[0], line[:, 1] - centre[1]) - radius
    assert np.sqrt((error**2).mean()) < 0.02  # pixels: the sub-pixel promise
    (disc,) = polygons_of(traced, traced.water)
    assert disc.area == pytest.approx(np.pi * radius**2, rel=0.25 / radius**2)  # chords of about a pixel
    assert shapely.LineString(line).length == pytest.approx(2 * np.pi * radius, rel=0.1 / radius**2)
    assert disc.centroid.x == pytest.approx(centre[0], abs=0.01)
    assert disc.centroid.y == pytest.approx(-centre[1], abs=0.01)
    slope = np.hypot(*traced.gradient[traced.lines.vertex].T)
    assert slope == pytest.approx(0.25, rel=0.1)  # the logistic curve's own, less over a cell


def test_a_slanted_edge_has_one_straight_line_and_its_slope() -> None:
    y, x = np.mgrid[:12, :12] + 0.5
    plane = (0.5 + 0.03 * (x - 6.1) + 0.04 * (y - 5.7)).astype(np.float32)
    traced = trace(plane)
    (line,) = lines_of(traced)
    inner = line[1:-1]  # the outermost half pixel is constant, not slanted
    assert 0.03 * (inner[:, 0] - 6.1) + 0.04 * (inner[:, 1] - 5.7) == pytest.approx(0, abs=1e-6)
    slope = traced.gradient[traced.lines.vertex[2:-2]]
    assert slope == pytest.approx(np.tile((0.03, 0.04), (len(slope), 1)), abs=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (3, 4)])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_scene_of_one_kind_has_no_line_and_one_polygon(shape: tuple[int, int], value: float) -> None:
    traced = trace(np.full(shape, value, np.float32))
    full, empty = (traced.water, traced.land) if value else (traced.land, traced.water)
    assert (len(traced.lines), len(full), len(empty)) == (0, 1, 0)
    (polygon,) = polygons_of(traced, full)
    assert polygon.bounds == (0, -shape[0], shape[1], 0)
    assert polygon.area == shape[0] * shape[1]


def test_a_scene_without_valid_pixels_has_nothing() -> None:
    traced = trace(np.full((4, 4), np.nan, np.float32), np.full((4, 4), NODATA, np.uint8))
    assert (len(traced.lines), len(traced.water), len(traced.land)) == (0, 0, 0)


def test_one_row_of_pixels_has_a_line_across_it() -> None:
    (line,) = lines_of(trace(np.array([[1, 0.75, 0.25, 0]], np.float32)))
    assert line.tolist() == [[2, 1], [2, 0.5], [2, 0]] or line.tolist() == [[2, 0], [2, 0.5], [2, 1]]


def test_corners_that_touch_are_joined_where_the_mean_is_water() -> None:
    corner = np.zeros((4, 4), np.float32)
    corner[1, 1] = corner[2, 2] = 1
    assert len(trace(corner).lines) == 1  # mean exactly at the threshold: joined
    corner[1, 1] = 0.9
    assert len(trace(corner).lines) == 2


def test_noise_on_a_board_is_traced() -> None:
    board = (np.indices((40, 40)).sum(axis=0) % 2).astype(np.float32) * 0.98
    traced = trace(board, cuts=tuple(range(3, 40, 3)))
    assert shapely.is_valid(polygons_of(traced, traced.land)).all()
    assert len(traced.water.outer) - 1 == 800


def test_no_probability_under_cloud_is_cloud() -> None:
    probability = np.array([[1, 1, 0, 0]] * 4, np.float32)
    probability[3] = np.nan
    state = np.zeros((4, 4), np.uint8)
    state[3] = OBSCURED
    tracer = ContourTracer(width=4, height=4)
    tracer.add_strip(probability, state)
    reasons = tracer.finish().lines.reasons.ravel().tolist()
    assert {REASONS[code] for code in reasons} == {"scene edge", "cloud"}


def test_nan_without_a_state_counts_as_nodata() -> None:
    probability = np.array([[1, 1, 0, 0]] * 4, np.float32)
    probability[3] = np.nan
    traced = trace(probability)
    assert {REASONS[code] for code in traced.lines.reasons.ravel().tolist()} == {"scene edge", "nodata"}


def test_wrong_strips_are_refused() -> None:
    tracer = ContourTracer(width=4, height=3)
    with pytest.raises(GridError, match=r"strips of \(rows, 4\)"):
        tracer.add_strip(np.zeros((1, 5), np.float32), np.zeros((1, 5), np.uint8))
    tracer.add_strip(np.zeros((2, 4), np.float32), np.zeros((2, 4), np.uint8))
    with pytest.raises(GridError, match="Expected 3 rows, found 2"):
        tracer.finish()
    with pytest.raises(GridError, match="Expected 1 more rows, found 2"):
        tracer.add_strip(np.zeros((2, 4), np.float32), np.zeros((2, 4), np.uint8))
    with pytest.raises(GridError, match="at least one pixel"):
        ContourTracer(width=0, height=3)


def test_cycles_of_a_permutation_begin_with_their_lowest_node_or_crossing() -> None:
    after = np.array([3, 4, 2, 5, 1, 0, 7, 6], np.int32)  # 0 3 5, 1 4, 2, 6 7
    is_crossing = np.array([True, True, True, True, False, True, True, True])
    cycles = find_cycles(after, is_crossing)
    parts = [cycles.order[a:b].tolist() for a, b in itertools.pairwise(cycles.start)]
    assert parts == [[0, 3, 5], [2], [4, 1], [6, 7]]
    assert cycles.label.tolist() == [0, 2, 1, 0, 2, 0, 3, 3]


def test_of_no_vertices_there_is_no_cycle() -> None:
    none = np.zeros(0, np.int32)
    cycles = find_cycles(none, np.zeros(0, bool))
    assert (len(cycles.order), cycles.start.tolist()) == (0, [0])


def test_a_ring_that_touches_itself_becomes_two() -> None:
    after = np.array([1, 2, 3, 0, 5, 4, 6], np.int32)
    cycles = find_cycles(after, np.zeros(7, bool))
    first, second = split_pinched(after, (np.array([0, 1, 6]), np.array([2, 4, 6])), cycles)
    assert (first.tolist(), second.tolist()) == ([0], [2])  # 1 and 4 lie on two rings, 6 on none
    assert after.tolist() == [3, 2, 1, 0, 5, 4, 6]


def test_rings_that_are_joined_bound_one_body() -> None:
    joined = np.array([[2, 5, 7], [5, 5, 8]])
    assert find_bodies(joined, np.array([2, 3, 5, 7, 8]), 9).tolist() == [0, 1, 0, 2, 2]


def test_a_lake_with_an_island_is_traced_to_the_last_number() -> None:
    probability = np.zeros((7, 7), np.float32)
    probability[1:6, 1:6] = 1
    probability[3, 3] = 0.25
    traced = trace(probability)
    (lake, island) = sorted(lines_of(traced), key=len, reverse=True)
    sixth = 1 / 6
    corners = [(3 + sixth, 3.5), (3.5, 3 + sixth), (3.5, 4 - sixth), (4 - sixth, 3.5)]
    np.testing.assert_allclose(np.unique(island, axis=0), corners, atol=1e-6)
    assert len(lake) == 21
    assert traced.water.area.tolist() == pytest.approx([24.5, -2 / 9], rel=1e-6)
    assert traced.land.area.tolist() == pytest.approx([49, -24.5, 2 / 9], rel=1e-6)
    assert (traced.water.polygon.tolist(), traced.land.polygon.tolist()) == ([0, 0], [0, 0, 1])
    assert (traced.water.contour.tolist(), traced.land.contour.tolist()) == ([True, True], [False, True, True])
    assert traced.lines.closed.tolist() == [True, True]
