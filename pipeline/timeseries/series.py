"""A time series as values: transects, dates, positions, tides, rates; computed, not yet written."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.register.registration import Registration
from pipeline.tides import correct_for_tide
from pipeline.timeseries.crossings import Positions
from pipeline.timeseries.options import TimeseriesOptions
from pipeline.timeseries.rates import (
    DAYS_A_YEAR,
    TOO_SLOW,
    AreaRate,
    Rate,
    compute_area_rate,
    compute_rate,
    find_outliers,
)
from pipeline.timeseries.transects import Transects

__all__ = ["Acquisition", "Fits", "Series", "build_series", "compute_years", "summarise_rates"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """One date: an overpass with all its scenes.

    Attributes:
        acquired: First sensing, UTC.
        scenes: Ids of its scenes.
        registrations: How far each of them lies beside the reference; empty where nobody looked.
        tide_m: Height of the tide that its maps record, the mean of several; NaN where one does not.
    """

    acquired: datetime
    scenes: tuple[str, ...]
    registrations: tuple[Registration, ...] = ()
    tide_m: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fits:
    """Rates by transect and of the area.

    Attributes:
        rates: One a transect.
        area: Of all transects together; ``None`` where too few dates say anything.
    """

    rates: tuple[Rate, ...]
    area: AreaRate | None

    def get_column(self, name: str) -> NDArray[Any]:
        """(transects,) one number of each rate."""
        return np.array([getattr(rate, name) for rate in self.rates])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """Positions of the shore on all transects and dates, and what follows from them.

    Attributes:
        transects: Where it was measured.
        dates: When, by time.
        positions: What was found, (transects, dates).
        outlier: (transects, dates) flagged positions.
        tide_m: (dates,) height of the tide; NaN where not known.
        corrected_m: (transects, dates) positions at height 0 of the tide; ``None`` without tides and slope.
        fits: Rates of the positions as seen.
        corrected_fits: Rates of the corrected ones; ``None`` without.
    """

    transects: Transects
    dates: tuple[Acquisition, ...]
    positions: Positions
    outlier: NDArray[np.bool_]
    tide_m: Floats
    corrected_m: Floats | None
    fits: Fits
    corrected_fits: Fits | None

    @property
    def years(self) -> Floats:
        """(dates,) years since the first date."""
        return compute_years(self.dates)


def compute_years(dates: Sequence[Acquisition]) -> Floats:
    """Years of 365.25 days from the first date to each."""
    seconds = [(date.acquired - dates[0].acquired).total_seconds() for date in dates]
    return np.array(seconds, dtype=np.float64) / (86_400 * DAYS_A_YEAR)


def build_series(
    transects: Transects,
    dates: Sequence[Acquisition],
    positions: Positions,
    *,
    tide_m: Floats | None,
    options: TimeseriesOptions,
) -> Series:
    """Compute outliers, tide-corrected positions and rates.

    Args:
        transects: Where.
        dates: When.
        positions: (transects, dates).
        tide_m: (dates,) heights, where tides are known.
        options: Of the fits and the slope.
    """
    years = compute_years(dates)
    corrected = None
    if tide_m is not None and options.beach_slope is not None:
        corrected = correct_for_tide(positions.position_m, tide_m, slope=options.beach_slope)
    judged = positions.position_m if corrected is None else corrected
    return Series(
        transects=transects,
        dates=tuple(dates),
        positions=positions,
        outlier=np.array([find_outliers(years, row) for row in judged]).reshape(judged.shape),
        tide_m=np.full(len(dates), np.nan) if tide_m is None else tide_m,
        corrected_m=corrected,
        fits=_fit(years, positions.position_m, positions.sigma_m, options),
        corrected_fits=None if corrected is None else _fit(years, corrected, positions.sigma_m, options),
    )


def _fit(years: Floats, position_m: Floats, sigma_m: Floats, options: TimeseriesOptions) -> Fits:
    dropped = options.outliers == "drop"
    rates = tuple(
        compute_rate(
            years,
            row,
            sigma_m=sigma,
            least_dates=options.least_dates,
            confidence=options.confidence,
            drop_outliers=dropped,
        )
        for row, sigma in zip(position_m, sigma_m, strict=True)
    )
    used = position_m
    if dropped:
        flagged = np.array([find_outliers(years, row) for row in position_m]).reshape(position_m.shape)
        used = np.where(flagged, np.nan, position_m)
    return Fits(rates=rates, area=compute_area_rate(years, used, confidence=options.confidence))


def summarise_rates(fits: Fits, *, confidence: float) -> dict[str, Any]:
    """What all transects together say, as JSON can hold it.

    Args:
        fits: Their rates.
        confidence: Of the intervals and of the least rates that can be told, which decide what counts as motion.
    """
    rate, detectable = fits.get_column("rate_m"), fits.get_column("detectable_m")
    verdicts = Counter(rate.verdict for rate in fits.rates)
    known = np.isfinite(rate)
    summary: dict[str, Any] = {
        "transects": len(rate),
        "transects_with_rate": int(known.sum()),
        "confidence": confidence,
        "retreating": verdicts["retreat"],
        "advancing": verdicts["advance"],
        "too_slow_to_tell": verdicts[TOO_SLOW],
    }
    if known.any():
        spread = np.percentile(rate[known], [0, 25, 50, 75, 100])
        names = ("least", "quarter", "median", "three_quarters", "greatest")
        summary["rate_m_per_year"] = {name: round(float(v), 4) for name, v in zip(names, spread, strict=True)} | {
            "mean": round(float(rate[known].mean()), 4),
            "robust_median": round(float(np.median(fits.get_column("robust_m")[known])), 4),
        }
    if np.isfinite(detectable).any():
        summary["detectable_m_per_year"] = round(float(np.nanmedian(detectable)), 4)
    if fits.area is not None:
        area = fits.area
        summary["area_rate_m_per_year"] = {
            "rate": round(area.rate_m, 4),
            "low": round(area.low_m, 4),
            "high": round(area.high_m, 4),
            "standard_error": round(area.error_m, 4),
            "dates": area.dates,
        }
    return summary
