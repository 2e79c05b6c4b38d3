"""How QGIS draws a time series: transects coloured by their rate, red where the shore retreats; positions as dots.

Source: QGIS 3 style format, as ``styles`` has it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final, cast
from xml.etree import ElementTree as ET  # written, never parsed

from pipeline.output.fields import Field, Layer

__all__ = ["CROSSINGS", "RATE_COLOURS", "RATE_STEPS", "SERIES_LAYERS", "TRANSECTS", "build_series_style"]


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


RATE_STEPS: Final = (-1000.0, -3.0, -1.0, -0.3, 0.3, 1.0, 3.0, 1000.0)
"""Ends of the classes of rates, metres a year."""

RATE_COLOURS: Final = (
    (178, 24, 43),
    (239, 138, 98),
    (253, 219, 199),
    (200, 200, 200),
    (209, 229, 240),
    (103, 169, 207),
    (33, 102, 172),
)
"""One a class: retreat red, advance blue."""

_GREY = (120, 120, 120)


def build_series_style(layer: str) -> str:
    """Write the QGIS style of a layer.

    Args:
        layer: ``transects`` or ``crossings``.

    Returns:
        The QML document.
    """
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology")
    if layer == "transects":
        _add_rates(root)
    else:
        _add_dots(root)
    ET.indent(root)
    body: str = ET.tostring(root, encoding="unicode")
    return f"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n{body}\n"


def _add_rates(root: ET.Element) -> None:
    """Rules, not a graduated renderer: that would leave out transects without a rate."""
    renderer = ET.SubElement(root, "renderer-v2", type="RuleRenderer", symbollevels="0", forceraster="0")
    rules = ET.SubElement(renderer, "rules", key="rules")
    symbols = ET.SubElement(renderer, "symbols")
    for number, ((low, high), colour) in enumerate(zip(pairwise(RATE_STEPS), RATE_COLOURS, strict=True)):
        _add_rule(rules, number, f"{_name_class(low, high)} m/year", f'"rate_m" >= {low:g} AND "rate_m" < {high:g}')
        _add_symbol(symbols, number, "line", "SimpleLine", line_color=_rgba(colour), line_width="0.8")
    last = len(RATE_COLOURS)
    _add_rule(rules, last, "no rate", "ELSE")
    _add_symbol(symbols, last, "line", "SimpleLine", line_color=_rgba(_GREY), line_width="0.2")


def _name_class(low: float, high: float) -> str:
    if low == RATE_STEPS[0]:
        return f"below {high:g}"
    return f"{low:g} and above" if high == RATE_STEPS[-1] else f"{low:g} to {high:g}"


def _add_dots(root: ET.Element) -> None:
    renderer = ET.SubElement(root, "renderer-v2", type="RuleRenderer", symbollevels="0", forceraster="0")
    rules = ET.SubElement(renderer, "rules", key="rules")
    symbols = ET.SubElement(renderer, "symbols")
    for number, (label, wanted, colour) in enumerate(
        (("outlier", '"outlier"', (178, 24, 43)), ("position of the shore", "ELSE", (60, 60, 60)))
    ):
        _add_rule(rules, number, label, wanted)
        _add_symbol(symbols, number, "marker", "SimpleMarker", name="circle", color=_rgba(colour), size="1.2")


def _add_rule(rules: ET.Element, number: int, label: str, wanted: str) -> None:
    ET.SubElement(rules, "rule", key=f"rule{number}", label=label, filter=wanted, symbol=str(number))


def _add_symbol(symbols: ET.Element, number: int, kind: str, drawn: str, **properties: str) -> None:
    symbol = ET.SubElement(symbols, "symbol", type=kind, name=str(number), alpha="1", clip_to_extent="1")
    layer = ET.SubElement(symbol, "layer", attrib={"class": drawn}, enabled="1", locked="0", **{"pass": "0"})
    options = ET.SubElement(layer, "Option", type="Map")
    for name, value in properties.items():
        ET.SubElement(options, "Option", type="QString", name=name, value=value)


def _rgba(colour: tuple[int, int, int]) -> str:
    return ",".join(str(part) for part in (*colour, 255))
