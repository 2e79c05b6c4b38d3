"""How QGIS draws a time series: transects coloured by their rate, red where the shore retreats; positions as dots.

Source: QGIS 3 style format, as ``styles`` has it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final
from xml.etree import ElementTree as ET  # written, never parsed

__all__ = ["RATE_COLOURS", "RATE_STEPS", "build_series_style"]

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
