"""The share of water near a shore: right on mixtures of two, and the same however a scene is cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from pipeline.evaluation.shoreline_error import compute_contour
from pipeline.shore.locate_shore import LocatedRows, ShoreLocator, ShoreMargin
from tiles.errors import GridError
from tiles.masks import NODATA, OBSCURED, VALID

SIZE = 200
WATER, LAND = 200, 2600
Rows = tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.int16]]


def draw_disc(*, radius: float = 60.3, size: int = SIZE, shift: float = 0.0) -> NDArray[np.float64]:
    """Share of water in each pixel of a round lake, from 16 x 16 points a pixel."""
    at = (np.arange(size * 16) + 0.5) / 16 - size / 2 - shift
    inside = np.hypot(at[:, None], at) < radius
    return np.asarray(inside.reshape(size, 16, size, 16).mean(axis=(1, 3)))


def make_rows(share: NDArray[np.float64], *, off_px: float = 0.0, water: int = WATER, land: int = LAND) -> Rows:
    """What the network says, its line off by some pixels, and what the pixels say."""
    inside = gaussian_filter(share, 1.0)
    size = len(share)
    radius = np.hypot(*(np.mgrid[:size, :size] + 0.5 - size / 2))
    edge = np.sqrt((share > 0.5).sum() / np.pi) + off_px
    probability = (1 / (1 + np.exp((radius - edge) * 3))).astype(np.float32) if off_px else inside.astype(np.float32)
    infrared = np.rint(water * share + land * (1 - share)).astype(np.int16)
    return probability, np.full(share.shape, VALID, np.uint8), infrared


def locate(
    rows: Rows, *, cuts: tuple[int, ...] = (), pixel_m: float = 10.0, col_off: int = 0, **options: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Share and error of a whole scene, handed over in pieces."""
    height, width = rows[0].shape
    locator = ShoreLocator(width=width, height=height, pixel_m=pixel_m, col_off=col_off, **options)
    edges = sorted({0, height, *(cut % height for cut in cuts)})
    located = [
        part
        for first, last in pairwise(edges)
        for part in locator.add_rows(rows[0][first:last], rows[1][first:last], rows[2][first:last])
    ]
    assert [part.row_off for part in located] == list(np.cumsum([0, *(len(part.share) for part in located)])[:-1])
    return np.concatenate([part.share for part in located]), np.concatenate([part.error for part in located])


def measure_radius(share: NDArray[np.float32]) -> NDArray[np.float64]:
    x, y = compute_contour(share, np.isfinite(share)).T
    return np.asarray(np.hypot(x - share.shape[1] / 2, y - share.shape[0] / 2))


@pytest.mark.parametrize("off_px", [-0.5, 0.1])
def test_the_line_lies_where_the_pixels_say(off_px: float) -> None:
    rows = make_rows(draw_disc(), off_px=off_px)
    assert np.median(measure_radius(rows[0])) == pytest.approx(60.3 + off_px, abs=0.1)
    share, _ = locate(rows)
    radius = measure_radius(share)
    assert np.median(radius) == pytest.approx(60.3, abs=0.05)
    assert np.abs(radius - 60.3).max() < 0.15


@pytest.mark.parametrize("off_px", [-1.5, -1.0])
def test_dark_pixels_beyond_a_line_that_lies_too_far_out_are_met_part_of_the_way(off_px: float) -> None:
    """By them alone, water that it misses and mud that it knows are one."""
    radius = measure_radius(locate(make_rows(draw_disc(), off_px=off_px))[0])
    assert 60.3 + off_px + 0.25 < np.median(radius) < 60.3


def test_dark_pixels_that_the_network_is_sure_are_land_stay_land() -> None:
    """They are wet mud as well as water, and the network has seen more than one pixel."""
    share = draw_disc()
    probability, state, infrared = make_rows(share, off_px=1e-6)
    radius = np.hypot(*(np.mgrid[:SIZE, :SIZE] + 0.5 - SIZE / 2))
    infrared[(radius > 60.3) & (radius < 62.1)] = WATER  # two pixels of it, too few to be told by what lies beside
    located = measure_radius(locate((probability, state, infrared))[0])
    assert np.median(located) == pytest.approx(60.3, abs=0.5)
    assert located.max() < 61.8


@pytest.mark.parametrize("off_px", [0.5, 1.5])
def test_bright_pixels_that_the_network_is_sure_are_water_stay_water(off_px: float) -> None:
    """They are surf as well as land, and the network has seen more than one pixel."""
    rows = make_rows(draw_disc(), off_px=off_px)
    radius = measure_radius(locate(rows)[0])
    assert 60.25 < np.median(radius) < 60.35 + off_px


@pytest.mark.parametrize("off_px", [2.2, 3.0, 5.0, -3.0])
def test_the_line_moves_two_pixels_at_most(off_px: float) -> None:
    rows = make_rows(draw_disc(), off_px=off_px)
    moved = measure_radius(locate(rows)[0]) - np.median(measure_radius(rows[0]))
    assert np.abs(moved).max() < 2.3


def test_the_line_of_averaged_pixels_is_the_same() -> None:
    fine = draw_disc(radius=50.2, size=240)
    coarse = fine.reshape(120, 2, 120, 2).mean(axis=(1, 3))
    radius = measure_radius(locate(make_rows(fine))[0])
    averaged = measure_radius(locate(make_rows(coarse), pixel_m=20)[0]) * 2
    assert np.median(averaged) == pytest.approx(np.median(radius), abs=0.1)  # pixels of 10 m


def test_the_line_follows_half_a_pixel() -> None:
    before, after = (locate(make_rows(draw_disc(shift=shift)))[0] for shift in (0.0, 0.5))
    centres = [compute_contour(share, np.ones_like(share, bool)).mean(axis=0) for share in (before, after)]
    np.testing.assert_allclose(centres[1] - centres[0], 0.5, atol=0.02)


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(1, SIZE - 1), max_size=12), pixel_m=st.sampled_from([10.0, 20.0, 60.0]))
def test_cuts_change_no_bit(cuts: list[int], pixel_m: float) -> None:
    rng = np.random.default_rng(7)
    probability, state, infrared = make_rows(draw_disc())
    infrared = (infrared + rng.normal(0, 120, infrared.shape)).astype(np.int16)
    state[40:60, 90:120], state[:9, :9] = OBSCURED, NODATA
    rows = (probability, state, infrared)
    whole, parts = locate(rows, pixel_m=pixel_m), locate(rows, cuts=tuple(cuts), pixel_m=pixel_m)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_where_water_and_land_look_alike_the_network_stays() -> None:
    rows = make_rows(draw_disc(), off_px=1.0, water=2400)
    share, error = locate(rows, probability_rmse=0.2)
    assert np.median(measure_radius(share)) == pytest.approx(61.3, abs=0.1)
    assert error[100, 161] == pytest.approx(0.6, abs=0.02)  # three times the probability's own


def test_mud_as_dark_as_water_is_not_taken_for_water() -> None:
    share = draw_disc()
    probability, state, infrared = make_rows(share)
    radius = np.hypot(*(np.mgrid[:SIZE, :SIZE] + 0.5 - SIZE / 2))
    infrared[(radius > 61) & (radius < 66)] = WATER
    located = measure_radius(locate((probability, state, infrared))[0])
    assert np.median(located) == pytest.approx(60.3, abs=0.3)


@pytest.mark.parametrize("is_creek", [True, False])
@pytest.mark.parametrize("width", [1, 2])
def test_a_narrow_creek_or_spit_is_not_wiped_out(width: int, is_creek: bool) -> None:
    share = np.zeros((SIZE, SIZE))
    share[:, :90] = 1
    share[98 : 98 + width, 40:140] = float(is_creek)  # from the water inland, and from the land out to sea
    _, state, infrared = make_rows(share)
    narrow = (slice(98, 98 + width), slice(97, 140) if is_creek else slice(40, 83))
    infrared[narrow] = LAND if is_creek else WATER  # overgrown, or as dark as water: it does not look so
    probability = np.where(share > 0.5, np.float32(0.99), np.float32(0.01))
    located, _ = locate((probability, state, infrared))
    assert ((located[narrow] >= 0.5) == is_creek).all()


def test_surf_that_is_as_bright_as_land_does_not_move_the_line_out_to_sea() -> None:
    share = draw_disc()
    probability, state, infrared = make_rows(share, off_px=1e-6)
    radius = np.hypot(*(np.mgrid[:SIZE, :SIZE] + 0.5 - SIZE / 2))
    infrared[(radius > 58.5) & (radius < 60.3)] = LAND  # two pixels of foam, which the network knows for water
    located = measure_radius(locate((probability, state, infrared))[0])
    assert np.median(located) == pytest.approx(60.3, abs=0.35)


def test_away_from_the_shore_it_is_land_or_water_and_nothing_is_made_up() -> None:
    probability, state, infrared = make_rows(draw_disc())
    state[:, :30] = OBSCURED
    share, error = locate((probability, state, infrared))
    assert np.isnan(share[:, :30]).all()
    assert not np.isnan(share[:, 30:]).any()
    assert (share[100, 100], share[5, 150]) == (1, 0)
    assert (error[100, 100], error[5, 150]) == (0, 0)
    assert 0.01 < error[100, 160] < 0.1


def test_errors_are_summed_where_both_are_in_a_pixel() -> None:
    share = np.array([[0.0, 0.02, 0.3, 0.94, 0.98, np.nan]], np.float32)
    error = np.array([[0.0, 0.5, 0.1, 0.2, 0.5, 0.5]], np.float32)
    rows = LocatedRows(row_off=0, share=share, error=error, state=np.zeros((1, 6), np.uint8))
    np.testing.assert_allclose(rows.sum_errors(), [2, 0.3], rtol=1e-6)


@pytest.mark.parametrize("threshold", [0.3, 0.8])
def test_a_threshold_comes_to_lie_at_one_half(threshold: float) -> None:
    probability, state, infrared = make_rows(draw_disc(), water=2500)  # too little contrast: the network's line
    share, _ = locate((probability, state, infrared), threshold=threshold)
    np.testing.assert_array_equal(share >= 0.5, probability >= np.float32(threshold))


def test_without_infrared_the_network_stays() -> None:
    probability, state, _ = make_rows(draw_disc())
    locator = ShoreLocator(width=SIZE, height=SIZE, pixel_m=10, probability_rmse=0.2)
    parts = list(locator.add_rows(probability[:50], state[:50], None)) + list(
        locator.add_rows(probability[50:], state[50:], None)
    )
    np.testing.assert_array_equal(np.concatenate([part.share for part in parts]), probability)
    assert {float(value) for part in parts for value in np.unique(part.error)} == {np.float32(0.2)}


@pytest.mark.parametrize("shape", [(10, SIZE + 1), (SIZE + 1, SIZE)])
def test_rows_that_do_not_fit_are_refused(shape: tuple[int, int]) -> None:
    locator = ShoreLocator(width=SIZE, height=SIZE, pixel_m=10)
    arrays = np.zeros(shape, np.float32), np.zeros(shape, np.uint8), np.zeros(shape, np.int16)
    with pytest.raises(GridError, match=rf"at most {SIZE} rows of {SIZE} pixels"):
        list(locator.add_rows(*arrays))


@pytest.mark.parametrize(("pixel_m", "own"), [(10.0, range(91, 113)), (30.0, range(100)), (45.0, range(50, SIZE))])
def test_a_part_that_sees_its_margin_answers_like_the_whole(pixel_m: float, own: range) -> None:
    """To the bit, also where the sides of cells are no power of two."""
    probability, state, infrared = make_rows(draw_disc(radius=40.3, shift=5.0), off_px=0.4)
    infrared += np.random.default_rng(2).integers(-90, 90, infrared.shape, dtype=np.int16)
    seen = ShoreMargin.resolve(pixel_m).widen(own, SIZE)
    part = slice(seen.start, seen.stop)
    whole = locate((probability, state, infrared), pixel_m=pixel_m)
    found = locate((probability[:, part], state[:, part], infrared[:, part]), pixel_m=pixel_m, col_off=seen.start)
    for values, expected in zip(found, whole, strict=True):
        kept = values[:, own.start - seen.start : own.stop - seen.start]
        np.testing.assert_array_equal(kept, expected[:, own.start : own.stop])
