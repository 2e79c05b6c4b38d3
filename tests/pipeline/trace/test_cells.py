"""What marching squares makes of a few nodes, number by number."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.trace.cells import (
    OUTSIDE,
    Block,
    compute_boundary,
    compute_crossings,
    compute_fraction,
    compute_pieces,
    compute_runs,
    compute_segments,
    find_true,
)


def make_block(probability: object, cells: object = 0, *, row: int = 0, threshold: float = 0.5) -> Block:
    """A block of nodes; ``cells`` are the states of the cells between them, outside on all sides."""
    values = np.array(probability, np.float32)
    states = np.full((len(values) + 1, values.shape[1] + 1), OUTSIDE, np.uint8)
    states[1:-1, 1:-1] = cells
    return Block(row=row, threshold=threshold, probability=values, wet=values >= threshold, cells=states[:-1])


def pairs(edges: NDArray[np.integer]) -> set[tuple[int, int]]:
    return set(zip(*edges.tolist(), strict=True))


def test_places_that_are_true_are_listed_row_by_row() -> None:
    row, col = find_true(np.array([[False, True, False], [True, False, True]]))
    np.testing.assert_array_equal(row, [0, 1, 1])
    np.testing.assert_array_equal(col, [1, 0, 2])


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        (0.0, 1.0, 0.5),
        (0.25, 0.75, 0.5),
        (0.0, 2.0, 0.25),
        (1.0, 0.25, 2 / 3),
        (0.0, 0.5, 1 - 2**-10),
        (0.5, 0, 2**-10),
    ],
)
def test_a_crossing_lies_where_the_line_between_two_nodes_meets_the_threshold(
    first: float, second: float, share: float
) -> None:
    ends = np.array([first], np.float32), np.array([second], np.float32)
    assert compute_fraction(*ends, 0.5)[0] == pytest.approx(share, abs=1e-12)


def test_crossings_are_numbered_by_their_node_and_the_way_they_lie_from_it() -> None:
    # Nodes 0 1 / 2 3 of two columns, the first row being number 3: so nodes 6 7 / 8 9.
    vertex, fraction = compute_crossings(make_block([[0.0, 1.0], [1.0, 1.0]], row=3))
    np.testing.assert_array_equal(vertex, [4 * 6 + 1, 4 * 6 + 2])
    np.testing.assert_array_equal(fraction, np.float32([0.5, 0.5]))


def test_nothing_crosses_where_no_cell_is_valid() -> None:
    block = make_block([[0.0, 1.0], [1.0, 1.0]], cells=2)
    assert len(compute_crossings(block)[0]) == 0
    assert compute_segments(block)[0].shape == (2, 0)
    assert compute_boundary(block).of_class(wet=True).shape == (2, 0)
    assert [runs.shape for runs in compute_runs(block)] == [(2, 0), (2, 0)]


TOP, RIGHT, BOTTOM, LEFT = 1, 4 + 2, 8 + 1, 2
"""Crossings of the one cell between nodes 0 1 / 2 3."""


@pytest.mark.parametrize(
    ("corners", "edges"),
    [
        ([[0, 0], [0, 0]], set()),
        ([[1, 1], [1, 1]], set()),
        ([[1, 0], [0, 0]], {(LEFT, TOP)}),
        ([[0, 1], [0, 0]], {(TOP, RIGHT)}),
        ([[0, 0], [0, 1]], {(RIGHT, BOTTOM)}),
        ([[0, 0], [1, 0]], {(BOTTOM, LEFT)}),
        ([[1, 1], [0, 0]], {(LEFT, RIGHT)}),
        ([[0, 0], [1, 1]], {(RIGHT, LEFT)}),
        ([[1, 0], [1, 0]], {(BOTTOM, TOP)}),
        ([[0, 1], [0, 1]], {(TOP, BOTTOM)}),
        ([[0, 1], [1, 1]], {(TOP, LEFT)}),
        ([[1, 1], [1, 0]], {(BOTTOM, RIGHT)}),
    ],
)
def test_edges_of_a_cell_have_the_water_on_their_left(corners: object, edges: set[tuple[int, int]]) -> None:
    assert pairs(compute_segments(make_block(corners))[0]) == edges


@pytest.mark.parametrize(
    ("wet", "edges"),
    [
        (1.0, {(LEFT, BOTTOM), (RIGHT, TOP)}),  # a mean of one half is water: the two corners are joined
        (0.9, {(LEFT, TOP), (RIGHT, BOTTOM)}),
    ],
)
def test_a_cell_with_water_at_opposite_corners_goes_by_the_mean(wet: float, edges: set[tuple[int, int]]) -> None:
    assert pairs(compute_segments(make_block([[wet, 0], [0, wet]]))[0]) == edges


def test_the_slope_is_that_of_the_surface_half_way_along_the_edge() -> None:
    _, slope = compute_segments(make_block([[0.0, 1.0], [0.0, 1.0]]))
    np.testing.assert_array_equal(slope, np.complex64([1 + 0j]))
    _, slope = compute_segments(make_block([[0.0, 0.0], [1.0, 1.0]]))
    np.testing.assert_array_equal(slope, np.complex64([1j]))
    # From (0.5, 0) to (0, 0.5), so at (0.25, 0.25): dx = -1 * 0.75, and dy the same.
    _, slope = compute_segments(make_block([[1.0, 0.0], [0.0, 0.0]]))
    np.testing.assert_array_equal(slope, np.complex64([-0.75 - 0.75j]))


def test_data_end_around_a_cell_with_the_data_on_the_left() -> None:
    boundary = compute_boundary(make_block(np.ones((3, 2)), cells=[[0], [2]]))
    # Nodes 0 1 / 2 3: along the top to the left, down the left side, along the bottom to the right, up the right side.
    assert pairs(boundary.of_class(wet=True)) == {(4, 0), (0, 8), (8, 12), (12, 4)}
    assert boundary.of_class(wet=False).shape == (2, 0)
    beyond = dict(zip(map(tuple, boundary.nodes.T.tolist()), boundary.beyond.tolist(), strict=True))
    assert beyond == {(4, 0): OUTSIDE, (0, 8): OUTSIDE, (8, 12): 2, (12, 4): OUTSIDE}
    assert len(boundary.endings()[0]) == 0


def test_where_the_edge_of_the_data_meets_the_shore_each_class_has_its_part() -> None:
    boundary = compute_boundary(make_block([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], cells=[[0], [1]]))
    assert pairs(boundary.of_class(wet=True)) == {(1, 0), (0, 8), (8, 8 + 1)}
    assert pairs(boundary.of_class(wet=False)) == {(4, 1), (8 + 1, 12), (12, 4)}
    ending, reason = boundary.endings()
    assert dict(zip(ending.tolist(), reason.tolist(), strict=True)) == {1: OUTSIDE, 8 + 1: 1}


def test_a_node_where_two_cells_touch_alone_is_two_vertices() -> None:
    block = make_block(np.ones((4, 3)), cells=[[0, 2], [2, 0], [2, 2]])
    np.testing.assert_array_equal(np.argwhere(block.pinch), [[1, 1]])
    middle = 4 * 4
    edges = pairs(compute_boundary(block).of_class(wet=True))
    # The upper left cell passes through the node, the lower right one through its second sight.
    assert {(12, middle), (middle, 4), (middle + 3, middle + 12), (20, middle + 3)} <= edges
    water, _ = compute_runs(block)
    assert pairs(water) == {(0, 4), (12, middle), (middle + 3, 20), (middle + 12, 32)}


def test_runs_go_from_shore_to_shore_and_end_with_the_data() -> None:
    block = make_block([[1, 1, 0, 0, 1], [1, 1, 0, 0, 1]], cells=[[0, 0, 0, 2]])
    water, land = compute_runs(block)
    assert pairs(water) == {(0, 4 + 1)}
    assert pairs(land) == {(4 + 1, 12)}


def test_a_block_says_which_grid_edges_touch_a_valid_cell() -> None:
    block = make_block(np.ones((3, 3)), cells=[[0, 2], [2, 2]], row=5)
    np.testing.assert_array_equal(block.across, [[True, False], [True, False]])
    assert (block.rows, block.stride, block.node(1, 2)) == (2, 3, 20)
    assert not block.pinch.any()


def test_pieces_are_what_its_parts_say() -> None:
    block = make_block([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], cells=[[0], [1]])
    pieces = compute_pieces(block)
    assert pairs(pieces["edges"]) == {(8 + 1, 1)}
    assert pairs(pieces["water_edges"]) == {(1, 0), (0, 8), (8, 8 + 1)}
    assert pairs(pieces["land_edges"]) == {(4, 1), (8 + 1, 12), (12, 4)}
    assert pairs(pieces["water_runs"]) == {(0, 1), (8, 8 + 1)}
    assert pairs(pieces["land_runs"]) == {(1, 4), (8 + 1, 12)}
    np.testing.assert_array_equal(np.sort(pieces["ending"]), [1, 8 + 1])
