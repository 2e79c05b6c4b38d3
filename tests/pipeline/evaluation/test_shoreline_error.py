from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.evaluation.shoreline_error import compute_contour, compute_distances, compute_shoreline_distances

SIZE = 60


def draw_disc(radius: float, x: float = 30.0, y: float = 30.0) -> NDArray[np.float64]:
    """Share of each pixel inside a disc, nearly: linear across the edge."""
    centres = np.arange(SIZE) + 0.5
    distance = np.hypot(centres[None, :] - x, centres[:, None] - y)
    return np.asarray(np.clip(radius - distance + 0.5, 0, 1))


ALL = np.ones((SIZE, SIZE), np.bool_)


@settings(max_examples=25, deadline=None)
@given(st.floats(6, 20), st.floats(28, 32), st.floats(28, 32))
def test_the_contour_of_a_disc_is_a_circle(radius: float, x: float, y: float) -> None:
    points = compute_contour(draw_disc(radius, x, y), ALL)
    away = np.hypot(points[:, 0] - x, points[:, 1] - y)
    assert np.abs(away - radius).max() < 0.15
    assert len(points) >= 2 * np.pi * radius / 0.25


@settings(max_examples=25, deadline=None)
@given(st.floats(8, 18), st.floats(-2, 2), st.sampled_from([10.0, 60.0]))
def test_a_larger_disc_is_as_far_off_as_it_is_larger(radius: float, extra: float, resolution_m: float) -> None:
    distances = compute_shoreline_distances(
        draw_disc(radius + extra), draw_disc(radius), ALL, resolution_m=resolution_m
    )
    assert np.median(distances) == pytest.approx(abs(extra) * resolution_m, abs=0.08 * resolution_m)


def test_what_is_not_valid_is_not_measured() -> None:
    valid = ALL.copy()
    valid[:, 30:] = False
    points = compute_contour(draw_disc(12), valid)
    assert len(points)
    assert points[:, 0].max() <= 30
    # A false lake under the cloud does no harm.
    false = np.maximum(draw_disc(12, x=12), draw_disc(4, x=50))
    assert compute_shoreline_distances(false, draw_disc(12, x=12), valid).max() < 1.0


def test_a_shoreline_where_there_is_none_is_infinitely_wrong() -> None:
    assert np.isinf(compute_shoreline_distances(draw_disc(5), np.zeros((SIZE, SIZE)), ALL)).all()


def test_no_shoreline_has_no_error() -> None:
    assert compute_shoreline_distances(np.zeros((SIZE, SIZE)), draw_disc(5), ALL).size == 0


def test_distances_by_hand() -> None:
    points, reference = np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 1.0]])
    np.testing.assert_allclose(compute_distances(points, reference), [1.0, np.hypot(3, 3)])
