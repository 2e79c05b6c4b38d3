"""How fast the shore moves: a rate per year with its interval, by a linear and by a robust fit.

The linear fit is ordinary least squares: the positional uncertainty that lines state comes from one model's error of
probability, which is alike on all dates, so weights by it would promise more than it knows. Its standard error is the
larger of the usual one, which takes all dates as equally good, and HC3, which does not: light and haze make some dates
worse than others, and one bad date at the end of a series turns the line. Dates are taken as independent.

Source: least squares and Student's t as in Draper & Smith 1998, Applied Regression Analysis; HC3: MacKinnon & White
1985, doi:10.1016/0304-4076(85)90158-7, Long & Ervin 2000, doi:10.1080/00031305.2000.10474549; Theil 1950 and Sen 1968,
doi:10.1080/01621459.1968.10480934 (``scipy.stats.theilslopes``); a jackknife over dates, for errors
that a date's positions share: Cameron & Miller 2015, doi:10.3368/jhr.50.2.317.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

__all__ = ["DAYS_A_YEAR", "TOO_SLOW", "AreaRate", "Rate", "compute_area_rate", "compute_rate", "find_outliers"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

TOO_SLOW = "too slow to tell"
"""Verdict on a rate that the method does not tell from none."""

DAYS_A_YEAR = 365.25

_MAD_TO_SIGMA = 1.4826
_OUTLIER_SIGMAS = 3.5
_LEAST_SIGMA_M = 1.0
"""Below this spread no residual is an outlier for being a metre off: no map of 10 m pixels knows that much."""


_LEAST_ROBUST = 5
"""Of fewer positions no pair of slopes encloses 95%: no interval is given for Theil and Sen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What the dates of one transect say about its motion; NaN where they say nothing.

    Attributes:
        dates: How many positions there are.
        outliers: How many of them are flagged.
        span_years: From the first to the last.
        rate_m: Metres a year by least squares, positive seaward.
        low_m: Lower end of its interval.
        high_m: Upper end.
        error_m: Standard error of the rate.
        p: Probability of so steep a line if the shore stood still.
        scatter_m: Standard deviation of the positions about the line.
        detectable_m: The least rate that these dates could tell from none, if positions err by what is stated of them.
        start_m: The line's position at time 0 of the years given.
        robust_m: Metres a year by Theil and Sen.
        robust_low_m: Lower end of its interval; none below five positions.
        robust_high_m: Upper end.
    """

    dates: int
    outliers: int = 0
    span_years: float = math.nan
    rate_m: float = math.nan
    low_m: float = math.nan
    high_m: float = math.nan
    error_m: float = math.nan
    p: float = math.nan
    scatter_m: float = math.nan
    detectable_m: float = math.nan
    start_m: float = math.nan
    robust_m: float = math.nan
    robust_low_m: float = math.nan
    robust_high_m: float = math.nan

    @property
    def verdict(self) -> str | None:
        """``retreat``, ``advance``, or too slow to tell: by its interval, or by what is stated of the positions."""
        if math.isnan(self.rate_m):
            return None
        if self.low_m <= 0 <= self.high_m or abs(self.rate_m) < self.detectable_m:
            return TOO_SLOW
        return "retreat" if self.rate_m < 0 else "advance"


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaRate:
    """One rate for all transects together, each about its own mean position.

    Attributes:
        rate_m: Metres a year, positive seaward.
        low_m: Lower end of the interval.
        high_m: Upper end.
        error_m: Standard error, which allows for errors that all transects of a date share.
        dates: Dates that it rests on.
    """

    rate_m: float
    low_m: float
    high_m: float
    error_m: float
    dates: int


def compute_rate(
    years: Floats,
    position_m: Floats,
    *,
    sigma_m: Floats | None = None,
    least_dates: int = 3,
    confidence: float = 0.95,
    drop_outliers: bool = False,
) -> Rate:
    """Fit a line through the positions of one transect.

    Args:
        years: (n,) times in years.
        position_m: (n,) positions in metres; NaN where there is none.
        sigma_m: (n,) standard deviation that is stated of each; ``None``: nothing is.
        least_dates: Fewer positions give no rate; 3 or more.
        confidence: Of the intervals, 0 to 1.
        drop_outliers: Leave flagged positions out of both fits.

    Returns:
        The rate; NaN in it where there are too few positions, or all at one time.
    """
    known = np.isfinite(position_m) & np.isfinite(years)
    flagged = find_outliers(years, position_m)
    used = known & ~flagged if drop_outliers else known
    x, y = years[used], position_m[used]
    counts = {"dates": int(known.sum()), "outliers": int(flagged.sum())}
    if len(x) < max(3, least_dates) or np.ptp(x) == 0:
        return Rate(**counts)
    fit = stats.linregress(x, y)
    residual = y - (fit.intercept + fit.slope * x)
    freedom = len(x) - 2
    error = _compute_error(x, residual)
    reach = float(stats.t.ppf((1 + confidence) / 2, freedom)) * error
    robust = stats.theilslopes(y, x, alpha=confidence)
    return Rate(
        **counts,
        span_years=float(np.ptp(x)),
        rate_m=float(fit.slope),
        low_m=float(fit.slope) - reach,
        high_m=float(fit.slope) + reach,
        error_m=error,
        p=float(2 * stats.t.sf(abs(fit.slope) / error, freedom)) if error > 0 else float(fit.slope == 0),
        scatter_m=float(np.sqrt((residual**2).sum() / freedom)),
        detectable_m=math.nan if sigma_m is None else _compute_detectable(x, sigma_m[used], confidence),
        start_m=float(fit.intercept),
        robust_m=float(robust.slope),
        robust_low_m=float(robust.low_slope) if len(x) >= _LEAST_ROBUST else math.nan,
        robust_high_m=float(robust.high_slope) if len(x) >= _LEAST_ROBUST else math.nan,
    )


def _compute_detectable(x: Floats, sigma: Floats, confidence: float) -> float:
    """The rate that errors of known size would reach by chance, as often as the confidence leaves over."""
    apart = x - x.mean()
    error = math.sqrt(float((apart**2 * sigma**2).sum())) / float((apart**2).sum())
    return float(stats.norm.ppf((1 + confidence) / 2)) * error


def _compute_error(x: Floats, residual: Floats) -> float:
    """Standard error of a slope: the larger of the usual one and of HC3, by which each position errs by its own."""
    apart = x - x.mean()
    moment = float((apart**2).sum())
    usual = math.sqrt(float((residual**2).sum()) / (len(x) - 2) / moment)
    free = 1 - (1 / len(x) + apart**2 / moment)
    pull = np.where(free > 1e-9, apart * residual / np.maximum(free, 1e-9), 0.0)
    return max(usual, math.sqrt(float((pull**2).sum())) / moment)


def find_outliers(years: Floats, position_m: Floats) -> Mask:
    """Flag positions that lie far from a robust line through all.

    Args:
        years: (n,) times.
        position_m: (n,) positions; NaN where there is none.

    Returns:
        (n,) True where the residual about the line of Theil and Sen passes 3.5 robust standard deviations (from the
        median absolute deviation, taken as 1 m at least). Fewer than 5 positions have no outlier.
    """
    flagged = np.zeros(len(years), dtype=np.bool_)
    known = np.isfinite(position_m) & np.isfinite(years)
    x, y = years[known], position_m[known]
    if len(x) < 5 or np.ptp(x) == 0:
        return flagged
    residual = y - stats.theilslopes(y, x).slope * x
    residual -= np.median(residual)
    sigma = max(_MAD_TO_SIGMA * float(np.median(np.abs(residual))), _LEAST_SIGMA_M)
    flagged[known] = np.abs(residual) > _OUTLIER_SIGMAS * sigma
    return flagged


def compute_area_rate(years: Floats, position_m: Floats, *, confidence: float = 0.95) -> AreaRate | None:
    """Fit one rate to all transects; errors of one date may be as alike along the shore as they like.

    Args:
        years: (dates,) times.
        position_m: (transects, dates) positions; NaN where there is none.
        confidence: Of the interval, 0 to 1.

    Returns:
        The rate; ``None`` where fewer than 3 dates say anything.
    """
    rate = _fit_area(years, position_m)
    seen = np.flatnonzero(np.isfinite(position_m).any(axis=0))
    dates = len(seen)
    if dates < 3 or rate is None:
        return None
    without = np.array([_fit_area(np.delete(years, one), np.delete(position_m, one, axis=1)) for one in seen], float)
    if not np.isfinite(without).all():
        return None
    error = math.sqrt((dates - 1) / dates * float(((without - rate) ** 2).sum()))
    reach = float(stats.t.ppf((1 + confidence) / 2, dates - 2)) * error
    return AreaRate(rate_m=rate, low_m=rate - reach, high_m=rate + reach, error_m=error, dates=dates)


def _fit_area(years: Floats, position_m: Floats) -> float | None:
    """One slope for all transects, each about its own mean; ``None`` where nothing says it."""
    known = np.isfinite(position_m)
    weight = np.maximum(known.sum(axis=1, keepdims=True), 1)
    x, y = np.where(known, years[None, :], 0.0), np.where(known, position_m, 0.0)
    x = np.where(known, x - x.sum(axis=1, keepdims=True) / weight, 0.0)
    y = np.where(known, y - y.sum(axis=1, keepdims=True) / weight, 0.0)
    moment = float((x**2).sum())
    return float((x * y).sum()) / moment if moment > 1e-12 else None
