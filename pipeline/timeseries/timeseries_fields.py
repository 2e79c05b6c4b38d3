"""The layers and tables of a time series, and the meaning of each of their fields."""

from __future__ import annotations

from typing import Any, Final, cast

from pipeline.output.fields import Field, Layer

__all__ = ["CROSSINGS", "SERIES_LAYERS", "TRANSECTS"]


def _real(name: str, short: str, meaning: str, unit: str = "m") -> Field:
    return Field(name=name, short=short, type="real", unit=unit, meaning=meaning)


def _count(name: str, short: str, meaning: str) -> Field:
    return Field(name=name, short=short, type="int", meaning=meaning)


_TRANSECT = Field(name="transect", short="transect", type="text", meaning="Name of the transect.")
_TIDE_WORDS = "after correction for the tide; empty without tides and a slope"

_RATES = (
    _real("rate_m", "rate", "Rate by least squares, positive seaward (advance).", "m/year"),
    _real("low_m", "rate_lo", "Lower end of its interval (Student's t).", "m/year"),
    _real("high_m", "rate_hi", "Upper end of its interval.", "m/year"),
    _real("error_m", "rate_se", "Standard error of the rate.", "m/year"),
    _real("p", "rate_p", "Probability of so steep a line if the shore stood still.", ""),
    _real("scatter_m", "scatter", "Standard deviation of positions about the line."),
    _real("robust_m", "sen", "Rate by Theil and Sen.", "m/year"),
    _real("robust_low_m", "sen_lo", "Lower end of its interval.", "m/year"),
    _real("robust_high_m", "sen_hi", "Upper end of its interval.", "m/year"),
)
_CORRECTED = tuple(
    _real(f"tide_{field.name}", f"t_{field.short}", f"{field.meaning.rstrip('.')}, {_TIDE_WORDS}.", field.unit)
    for field in _RATES
)

TRANSECTS: Final = Layer(
    name="transects",
    title="Transects and their rates",
    geometry="LineString",
    meaning="Lines across the shore, from land to sea, with the rate at which the shore moves along each.",
    fields=(
        _TRANSECT,
        _real("lon", "lon", "Longitude of its origin, where the position is 0.", "degrees"),
        _real("lat", "lat", "Latitude of its origin.", "degrees"),
        _count("dates", "dates", "Dates with a position."),
        _count("outliers", "outliers", "Positions flagged as outliers."),
        _real("span_years", "span_years", "Time from the first to the last position of the fit.", "years"),
        *_RATES,
        *_CORRECTED,
    ),
    style="sources",
)
"""One feature a transect; ``rates.csv`` and ``rates.parquet`` have the same columns."""

CROSSINGS: Final = Layer(
    name="crossings",
    title="Positions of the shore",
    # The formats that only know lines and polygons are not written for this layer.
    geometry=cast("Any", "Point"),
    meaning="Where the shore crossed each transect on each date.",
    fields=(
        _TRANSECT,
        Field(name="time", short="time", type="time", unit="UTC", meaning="Time of sensing."),
        _real("position_m", "position", "Distance from the transect's origin, positive seaward."),
        _real("uncertainty_m", "unc_m", "Uncertainty of the position (one standard deviation) that the map states."),
        _count("crossings", "crossings", "Shores that the transect crossed on that date; one of them was chosen."),
        Field(name="outlier", short="outlier", type="flag", meaning="Far from a robust line through all dates."),
        _real("tide_m", "tide_m", "Height of the tide at that moment; empty where not known."),
        _real("corrected_m", "corrected", f"Position {_TIDE_WORDS}."),
        Field(name="scenes", short="scenes", type="text", meaning="Ids of the scenes of that date."),
        Field(name="reason", short="reason", type="text", meaning="Why there is no position; empty where there is."),
    ),
    style="sources",
)
"""One feature a position; ``positions.csv`` and ``positions.parquet`` also have the dates without one."""

SERIES_LAYERS: Final = (TRANSECTS, CROSSINGS)
"""The layers of ``transects.gpkg``."""
