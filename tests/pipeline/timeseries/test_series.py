"""Outliers, tide and rates of a series, and what they come to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pyproj import CRS

from pipeline.timeseries.crossings import Positions
from pipeline.timeseries.options import TimeseriesOptions
from pipeline.timeseries.rates import DAYS_A_YEAR
from pipeline.timeseries.series import Acquisition, Fits, build_series, compute_years, summarise_rates
from pipeline.timeseries.transects import Transects

START = datetime(2020, 1, 1, tzinfo=UTC)
DATES = tuple(Acquisition(acquired=START + timedelta(days=100 * n), scenes=(f"S{n}",)) for n in range(8))
YEARS = np.arange(8) * 100 / DAYS_A_YEAR
OPTIONS = TimeseriesOptions()


def make_transects(count: int) -> Transects:
    return Transects(
        ids=np.array([f"t{n}" for n in range(count)], dtype=object),
        origin=np.zeros((count, 2)),
        direction=np.tile([0.0, 1.0], (count, 1)),
        landward_m=np.full(count, 100.0),
        seaward_m=np.full(count, 100.0),
        crs=CRS.from_epsg(32630),
    )


def make_positions(position_m: np.ndarray) -> Positions:
    return Positions(
        position_m=position_m,
        sigma_m=np.ones_like(position_m),
        reason=np.full(position_m.shape, "", dtype=object),
        crossings=np.ones(position_m.shape, dtype=int),
    )


def moving(*rates_m: float) -> np.ndarray:
    wiggle = np.array([0.1, -0.1, 0.05, -0.05, 0.1, -0.1, 0.0, 0.0])
    return np.array([rate * YEARS + wiggle for rate in rates_m])


def test_years_are_counted_from_the_first_date() -> None:
    dates = [Acquisition(acquired=START + timedelta(days=days), scenes=()) for days in (0, 365.25, 36525)]
    np.testing.assert_allclose(compute_years(dates), [0, 1, 100])


def test_rates_are_of_the_positions_as_seen_where_no_tide_is_taken_out() -> None:
    series = build_series(make_transects(2), DATES, make_positions(moving(-3, 2)), tide_m=None, options=OPTIONS)
    np.testing.assert_allclose(series.fits.get_column("rate_m"), [-3, 2], atol=0.1)
    np.testing.assert_allclose(series.years, YEARS)
    assert np.isnan(series.tide_m).all()
    assert series.corrected_m is None
    assert series.corrected_fits is None
    assert not series.outlier.any()


@pytest.mark.parametrize("slope", [None, 0.1])
def test_the_tide_is_taken_out_with_a_slope_alone(slope: float | None) -> None:
    tide_m = np.array([0.5, -0.5] * 4)
    seen = moving(-3) - tide_m / 0.1  # a higher sea lies further inland
    options = TimeseriesOptions(beach_slope=slope, tides="heights.csv")
    series = build_series(make_transects(1), DATES, make_positions(seen), tide_m=tide_m, options=options)
    np.testing.assert_array_equal(series.tide_m, tide_m)
    if slope is None:
        assert series.corrected_m is None
        return
    assert series.corrected_m is not None
    assert series.corrected_fits is not None
    np.testing.assert_allclose(series.corrected_m, moving(-3), atol=1e-9)
    assert series.corrected_fits.rates[0].rate_m == pytest.approx(-3, abs=0.1)


@pytest.mark.parametrize(("outliers", "rate"), [("drop", -3), ("keep", None)])
def test_outliers_are_flagged_and_dropped_only_if_asked(outliers: str, rate: float | None) -> None:
    seen = moving(-3)
    seen[0, 7] += 80
    options = TimeseriesOptions(outliers=outliers)
    series = build_series(make_transects(1), DATES, make_positions(seen), tide_m=None, options=options)
    np.testing.assert_array_equal(np.flatnonzero(series.outlier[0]), [7])
    found = series.fits.rates[0].rate_m
    assert found == pytest.approx(-3, abs=0.2) if rate is not None else found > 5
    assert series.fits.area is not None
    assert series.fits.area.dates == (7 if outliers == "drop" else 8)


def test_a_summary_counts_what_is_sure_and_leaves_out_what_has_no_rate() -> None:
    seen = moving(-3, -1, 2, 0)
    seen = np.vstack([seen, np.full(8, np.nan)])
    series = build_series(make_transects(5), DATES, make_positions(seen), tide_m=None, options=OPTIONS)
    summary = summarise_rates(series.fits, confidence=0.95)
    assert (summary["transects"], summary["transects_with_rate"]) == (5, 4)
    # Positions that err by a metre tell 1.1 m a year in these two years, and no less.
    assert summary["detectable_m_per_year"] == pytest.approx(1.105, abs=0.001)
    assert (summary["retreating"], summary["advancing"], summary["too_slow_to_tell"]) == (1, 1, 2)
    rates = series.fits.get_column("rate_m")[:4]
    stated = summary["rate_m_per_year"]
    assert stated["least"] == round(float(rates.min()), 4)
    assert stated["greatest"] == round(float(rates.max()), 4)
    assert stated["median"] == round(float(np.median(rates)), 4)
    assert stated["quarter"] <= stated["median"] <= stated["three_quarters"]
    assert stated["mean"] == round(float(rates.mean()), 4)
    assert summary["area_rate_m_per_year"]["dates"] == 8


def test_an_interval_that_touches_0_is_neither_retreat_nor_advance() -> None:
    series = build_series(make_transects(1), DATES, make_positions(moving(1)), tide_m=None, options=OPTIONS)
    rate = series.fits.rates[0]
    for low, high, counted in ((0.0, 1.0, (0, 0)), (1e-9, 1.0, (0, 1)), (-1.0, 0.0, (0, 0)), (-1.0, -1e-9, (1, 0))):
        middle = replace(rate, rate_m=(low + high) / 2, low_m=low, high_m=high, detectable_m=0.0)
        fits = Fits(rates=(middle,), area=None)
        summary = summarise_rates(fits, confidence=0.95)
        assert (summary["retreating"], summary["advancing"]) == counted
        assert "area_rate_m_per_year" not in summary


def test_without_any_rate_there_is_no_spread() -> None:
    seen = np.full((1, 8), np.nan)
    series = build_series(make_transects(1), DATES, make_positions(seen), tide_m=None, options=OPTIONS)
    summary = summarise_rates(series.fits, confidence=0.9)
    assert (summary["transects_with_rate"], summary["confidence"]) == (0, 0.9)
    assert "rate_m_per_year" not in summary
