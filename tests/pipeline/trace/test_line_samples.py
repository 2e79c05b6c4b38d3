"""Points along lines are an even step apart, the first half a step in, and distances go to the nearest line."""

from __future__ import annotations

import numpy as np
import shapely

from pipeline.trace.line_samples import compute_distances, compute_samples


def test_points_lie_half_a_step_in_and_a_step_apart() -> None:
    samples = compute_samples(np.array([shapely.LineString([(0, 0), (4, 0), (4, 6)])]), step=4)
    np.testing.assert_array_equal(samples.xy, [[2, 0], [4, 2], [4, 6]])  # half a step is left: it counts
    np.testing.assert_array_equal(samples.line, [0, 0, 0])
    shorter = compute_samples(np.array([shapely.LineString([(0, 0), (4, 0), (4, 5.5)])]), step=4)
    np.testing.assert_array_equal(shorter.xy, [[2, 0], [4, 2]])


def test_each_line_begins_anew_and_a_short_one_has_no_point() -> None:
    lines = np.array(
        [
            shapely.LineString([(0, 0), (0.9, 0)]),
            shapely.LineString([(10, 0), (11, 0)]),
            shapely.LineString([(20, 0), (20, 1), (20, 1), (20, 5)]),
        ]
    )
    samples = compute_samples(lines, step=2)
    np.testing.assert_allclose(samples.xy, [[11, 0], [20, 1], [20, 3], [20, 5]], rtol=1e-14)
    np.testing.assert_array_equal(samples.line, [1, 2, 2, 2])


def test_without_lines_there_are_no_points() -> None:
    samples = compute_samples(np.array([], dtype=object), step=2)
    assert (samples.xy.shape, samples.line.shape) == ((0, 2), (0,))


def test_distances_go_to_the_nearest_segment_of_one_line_and_not_from_line_to_line() -> None:
    lines = np.array([shapely.LineString([(0, 0), (0, 10)]), shapely.LineString([(100, 0), (100, 10)])])
    points = np.array([[3.0, 5.0], [50.0, 5.0], [96.0, 5.0], [0.0, 14.0]])
    np.testing.assert_array_equal(compute_distances(points, lines), [3, 50, 4, 4])


def test_without_lines_all_is_infinitely_far() -> None:
    assert compute_distances(np.array([[1.0, 2.0]]), np.array([], dtype=object)).tolist() == [np.inf]
    assert compute_distances(np.zeros((0, 2)), np.array([shapely.LineString([(0, 0), (1, 1)])])).shape == (0,)
