"""Rates: exact on lines, honest under noise, steady beside outliers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.timeseries.rates import TOO_SLOW, compute_area_rate, compute_rate, find_outliers

rates = st.floats(-50, 50)


@settings(max_examples=40)
@given(rates, st.floats(-1e3, 1e3), st.integers(3, 40), st.integers(0, 2**32 - 1))
def test_a_steady_shore_has_its_rate(rate: float, start: float, count: int, seed: int) -> None:
    years = np.sort(np.random.default_rng(seed).uniform(0, 6, count)) + np.arange(count) / 100
    found = compute_rate(years, start + rate * years)
    assert found.dates == count
    assert found.rate_m == pytest.approx(rate, abs=1e-6)
    assert found.robust_m == pytest.approx(rate, abs=1e-6)
    assert found.low_m <= found.rate_m <= found.high_m
    assert found.high_m - found.low_m < 1e-3
    assert found.outliers == 0


@settings(max_examples=40)
@given(rates, st.floats(-1e3, 1e3), st.floats(-5, 5), st.integers(0, 2**32 - 1))
def test_moving_origin_and_clock_changes_nothing_and_turning_round_turns_the_sign(
    trend: float, offset: float, later: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    years, position = np.sort(rng.uniform(0, 5, 12)), rng.normal(0, 5, 12)
    position = position + trend * years
    here, there = compute_rate(years, position), compute_rate(years + later, offset - position)
    assert there.rate_m == pytest.approx(-here.rate_m, abs=1e-6)
    assert there.low_m == pytest.approx(-here.high_m, abs=1e-6)
    assert there.robust_m == pytest.approx(-here.robust_m, abs=1e-6)


@pytest.mark.parametrize("worse", [1.0, 6.0])
def test_the_interval_holds_the_true_rate_as_often_as_it_says(worse: float) -> None:
    rng = np.random.default_rng(7)
    years = np.linspace(0, 4, 24)
    spread = 3.0 * np.where(np.abs(years - 2) > 1.6, worse, 1.0)  # bad dates at both ends
    drawn = [compute_rate(years, -3 * years + rng.normal(0, spread)) for _ in range(250)]
    held = np.mean([one.low_m <= -3 <= one.high_m for one in drawn])
    assert 0.92 <= held <= 0.999
    if worse == 1.0:
        robust = np.mean([one.robust_low_m <= -3 <= one.robust_high_m for one in drawn])
        assert 0.91 <= robust <= 0.99


def test_errors_that_a_date_shares_are_in_the_areas_interval() -> None:
    rng = np.random.default_rng(3)
    years, held, naive = np.linspace(0, 4, 20), [], []
    for _ in range(120):
        position = -3 * years + rng.normal(0, 2, (15, 20)) + rng.normal(0, 4, 20)
        position[rng.random(position.shape) < 0.3] = np.nan
        found = compute_area_rate(years, position)
        assert found is not None
        held.append(found.low_m <= -3 <= found.high_m)
        own = np.nanstd(position + 3 * years) / np.sqrt(np.isfinite(position).sum()) / years.std()
        naive.append(abs(found.rate_m + 3) < 1.96 * own)
    assert 0.90 <= np.mean(held) <= 0.99
    assert np.mean(naive) < 0.8  # what one would promise who took all positions as independent


def test_one_wild_date_is_flagged_kept_and_hardly_moves_the_robust_rate() -> None:
    rng = np.random.default_rng(1)
    years = np.linspace(0, 5, 20)
    position = -2 * years + rng.normal(0, 1, 20)
    position[18] += 80
    assert np.flatnonzero(find_outliers(years, position)).tolist() == [18]
    kept, dropped = compute_rate(years, position), compute_rate(years, position, drop_outliers=True)
    assert kept.outliers == dropped.outliers == 1
    assert kept.dates == dropped.dates == 20
    assert abs(kept.rate_m + 2) > 1 > abs(kept.robust_m + 2)
    assert kept.low_m < -2 < kept.high_m
    assert abs(dropped.rate_m + 2) < 0.3


@pytest.mark.parametrize(
    ("rate", "sigma", "verdict"), [(-1.0, 0.5, "retreat"), (1.0, 0.5, "advance"), (1.0, 5.0, TOO_SLOW)]
)
def test_a_rate_below_what_the_positions_can_tell_is_marked(rate: float, sigma: float, verdict: str) -> None:
    years = np.arange(5.0)
    position = rate * years + 0.01 * np.array([1, -1, 0, -1, 1])  # hardly any scatter: the interval leaves 0 out
    found = compute_rate(years, position, sigma_m=np.full(5, sigma))
    assert found.low_m * found.high_m > 0
    assert found.detectable_m == pytest.approx(1.959964 * sigma / math.sqrt(10))
    assert found.verdict == verdict


def test_a_rate_whose_interval_holds_0_is_too_slow_whatever_is_stated() -> None:
    rng = np.random.default_rng(5)
    found = compute_rate(np.arange(8.0), rng.normal(0, 5, 8), sigma_m=np.full(8, 0.01))
    assert abs(found.rate_m) > found.detectable_m
    assert (found.low_m < 0 < found.high_m, found.verdict) == (True, TOO_SLOW)
    assert compute_rate(np.arange(2.0), np.zeros(2)).verdict is None


def test_the_least_rate_is_what_errors_of_that_size_pass_once_in_twenty() -> None:
    rng = np.random.default_rng(7)
    years, sigma = np.sort(rng.uniform(0, 5, 9)), rng.uniform(1, 9, 9)
    rates = [compute_rate(years, rng.normal(0, sigma), sigma_m=sigma) for _ in range(400)]
    passed = np.mean([abs(rate.rate_m) > rate.detectable_m for rate in rates])
    assert passed == pytest.approx(0.05, abs=0.033)  # three standard deviations of 400 draws


@pytest.mark.parametrize(
    ("years", "position"), [([], []), ([0, 1], [0, 1]), ([0, 1, 2], [0, np.nan, 1]), ([1, 1, 1], [0, 1, 2])]
)
def test_too_little_gives_no_rate(years: list[float], position: list[float]) -> None:
    found = compute_rate(np.array(years, float), np.array(position, float))
    assert np.isnan([found.rate_m, found.low_m, found.robust_m, found.p]).all()


def test_the_least_number_of_dates_is_the_users() -> None:
    years = np.arange(6.0)
    assert np.isfinite(compute_rate(years, years, least_dates=6).rate_m)
    assert np.isnan(compute_rate(years, years, least_dates=7).rate_m)


def test_one_rate_is_found_about_each_transects_own_mean_whatever_dates_it_lacks() -> None:
    years = np.array([0.0, 1.0, 2.5, 4.0, 7.0])
    position = np.array([[10.0], [-300.0], [55.0]]) + 2.0 * years
    position[0, :2] = position[1, 3:] = np.nan
    position[2] = np.nan
    rate = compute_area_rate(years, position)
    assert rate is not None
    assert (rate.rate_m, rate.low_m, rate.high_m) == pytest.approx((2, 2, 2))
    assert rate.error_m == pytest.approx(0, abs=1e-9)
    assert rate.dates == 5


def test_the_error_of_one_rate_comes_from_leaving_dates_out() -> None:
    years, position = np.array([0.0, 1.0, 2.0]), np.array([[0.0, 1.0, 5.0]])
    rate = compute_area_rate(years, position, confidence=0.9)
    assert rate is not None
    assert rate.rate_m == pytest.approx(2.5)  # without one date: 4, 2.5, 1
    error = (2 / 3 * (1.5**2 + 0 + 1.5**2)) ** 0.5
    assert rate.error_m == pytest.approx(error)
    assert (rate.low_m, rate.high_m) == pytest.approx((2.5 - 6.313752 * error, 2.5 + 6.313752 * error))


@pytest.mark.parametrize("dates", [0, 1, 2])
def test_two_dates_give_no_rate_of_an_area(dates: int) -> None:
    position = np.full((2, 4), np.nan)
    position[:, :dates] = np.arange(dates)
    assert compute_area_rate(np.arange(4.0), position) is None


def test_dates_that_no_transect_shares_give_no_rate_of_an_area() -> None:
    assert compute_area_rate(np.arange(3.0), np.where(np.eye(3, dtype=bool), 1.0, np.nan)) is None
