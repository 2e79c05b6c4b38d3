"""How QGIS draws the three vector layers: style documents (QML), stored in the GeoPackage.

Water is blue and land buff, the colours of ``water.tif``. The coastline is coloured by kind over a pale casing that
keeps it legible on imagery, and dashed where its position is uncertain by more than one 10 m pixel.

Source: QGIS 3 style format as QGIS 3.22 writes and reads it (``QgsFeatureRenderer``, ``QgsSymbolLayer``).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from xml.etree import ElementTree as ET  # written, never parsed

from pipeline.rasters import CLASS_COLOURS, LAND, WATER

__all__ = ["KIND_COLOURS", "UNCERTAIN_M", "build_style"]

Rgb = tuple[int, int, int]

KIND_COLOURS: Mapping[str, Rgb] = MappingProxyType(
    {"sea": (8, 48, 107), "inland": (0, 121, 107), "open": (173, 20, 87)}
)
"""Colour of a coastline by its kind."""

UNCERTAIN_M: Final = 10.0
"""A line whose mean uncertainty is larger, in metres, is dashed."""

_LABELS = {"sea": "sea", "inland": "inland water", "open": "water at the scene's edge"}
_FILLS = {"water": CLASS_COLOURS[WATER], "land": CLASS_COLOURS[LAND]}
_CASING: Rgb = (255, 255, 255)


def build_style(layer: str) -> str:
    """Write the QGIS style of a layer.

    Args:
        layer: ``coastline``, ``water`` or ``land``.

    Returns:
        The QML document.
    """
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology")
    if layer == "coastline":
        _add_lines_by_kind(root)
    else:
        _add_fill(root, _FILLS[layer])
    ET.indent(root)
    body: str = ET.tostring(root, encoding="unicode")
    return f"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n{body}\n"


def _add_lines_by_kind(root: ET.Element) -> None:
    renderer = ET.SubElement(
        root, "renderer-v2", type="categorizedSymbol", attr="kind", symbollevels="1", forceraster="0"
    )
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    for number, (kind, colour) in enumerate(KIND_COLOURS.items()):
        label, symbol = _LABELS[kind], str(number)
        ET.SubElement(categories, "category", value=kind, label=label, symbol=symbol, render="true", type="string")
        element = ET.SubElement(symbols, "symbol", type="line", name=symbol, alpha="1", clip_to_extent="1")
        _add_symbol_layer(element, "SimpleLine", level=0, line_color=_rgba(_CASING, 170), line_width="0.8", **_ROUND)
        line = _add_symbol_layer(
            element, "SimpleLine", level=1, line_color=_rgba(colour), line_width="0.4", line_style="solid", **_ROUND
        )
        _dash_where_uncertain(line)


def _add_fill(root: ET.Element, colour: Rgb) -> None:
    renderer = ET.SubElement(root, "renderer-v2", type="singleSymbol", symbollevels="0", forceraster="0")
    symbols = ET.SubElement(renderer, "symbols")
    element = ET.SubElement(symbols, "symbol", type="fill", name="0", alpha="1", clip_to_extent="1")
    # No outline: at the scene's edge and under cloud it would draw a shore that is none.
    _add_symbol_layer(element, "SimpleFill", level=0, color=_rgba(colour), style="solid", outline_style="no")


_ROUND: Mapping[str, str] = {"line_width_unit": "MM", "joinstyle": "round", "capstyle": "round"}


def _add_symbol_layer(symbol: ET.Element, kind: str, *, level: int, **properties: str) -> ET.Element:
    element = ET.SubElement(symbol, "layer", attrib={"class": kind}, enabled="1", locked="0", **{"pass": str(level)})
    options = ET.SubElement(element, "Option", type="Map")
    for name, value in properties.items():
        ET.SubElement(options, "Option", type="QString", name=name, value=value)
    return element


def _dash_where_uncertain(line: ET.Element) -> None:
    outer = ET.SubElement(ET.SubElement(line, "data_defined_properties"), "Option", type="Map")
    ET.SubElement(outer, "Option", type="QString", name="name", value="")
    properties = ET.SubElement(outer, "Option", type="Map", name="properties")
    style = ET.SubElement(properties, "Option", type="Map", name="outlineStyle")
    expression = f"if(\"uncertainty_mean_m\" > {UNCERTAIN_M:g}, 'dash', 'solid')"
    ET.SubElement(style, "Option", type="bool", name="active", value="true")
    ET.SubElement(style, "Option", type="QString", name="expression", value=expression)
    ET.SubElement(style, "Option", type="int", name="type", value="3")
    ET.SubElement(outer, "Option", type="QString", name="type", value="collection")


def _rgba(colour: Rgb, alpha: int = 255) -> str:
    return ",".join(str(part) for part in (*colour, alpha))
