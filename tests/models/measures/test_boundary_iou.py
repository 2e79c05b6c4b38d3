"""The strip along an outline, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from models.measures.boundary_iou import compute_boundary, compute_boundary_overlap


def half(rows: int = 6, cols: int = 12, *, from_col: int = 6) -> np.ndarray:
    return np.broadcast_to(np.arange(cols) >= from_col, (rows, cols))


@pytest.mark.parametrize(("width_px", "kept"), [(None, [6, 7, 8]), (1, [6]), (2, [6, 7])])
def test_a_strip_is_as_wide_as_asked_for_and_three_pixels_if_not(width_px: int | None, kept: list[int]) -> None:
    mask, valid = half(), np.ones((6, 12), bool)
    strip = compute_boundary(mask, valid, **({} if width_px is None else {"width_px": width_px}))
    assert [col for col in range(12) if strip[:, col].all()] == kept
    assert strip.sum() == 6 * len(kept)


def test_neither_an_edge_nor_what_does_not_count_is_an_outline() -> None:
    valid = np.ones((6, 12), bool)
    assert not compute_boundary(valid, valid).any()
    valid[:, :6] = False
    assert not compute_boundary(half(), valid).any()


def test_strips_one_pixel_apart_share_two_of_four() -> None:
    valid = np.ones((6, 12), bool)
    assert compute_boundary_overlap(half(), half(from_col=7), valid).tolist() == [12, 24]
    assert compute_boundary_overlap(half(), half(from_col=7), valid, width_px=1).tolist() == [0, 12]
