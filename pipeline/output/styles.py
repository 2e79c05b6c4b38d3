"""How QGIS draws our layers: style documents (QML), stored in the GeoPackage and beside the other files.

Water is blue and land buff, the colours of ``water.tif``. The coastline is coloured by kind over a pale casing that
keeps it legible on imagery, and dashed where its position is uncertain by more than one 10 m pixel.

Source: QGIS 3 style format as QGIS 3.22 writes and reads it (``QgsFeatureRenderer``, ``QgsSymbolLayer``).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from xml.etree import ElementTree as ET  # written, never parsed

from pipeline.output.classes import CLASS_COLOURS, CLASS_NAMES, LAND, MIDDLE_COLOUR, WATER

__all__ = ["KIND_COLOURS", "SHAPE_COLOURS", "UNCERTAIN_M", "build_sidecar_style", "build_style"]

Rgb = tuple[int, int, int]

KIND_COLOURS: Mapping[str, Rgb] = MappingProxyType(
    {"sea": (8, 48, 107), "inland": (0, 121, 107), "open": (173, 20, 87)}
)
"""Colour of a coastline by its kind."""

UNCERTAIN_M: Final = 10.0
"""A line whose mean uncertainty is larger, in metres, is dashed."""

SHAPE_COLOURS: Mapping[str, Rgb] = MappingProxyType(
    {"open": (8, 48, 107), "island": (173, 20, 87), "water body": (0, 121, 107)}
)
"""Colour of a mosaic's coastline by its shape."""

_LABELS = {
    "kind": {"sea": "sea", "inland": "inland water", "open": "water at the scene's edge"},
    "shape": {"open": "coastline", "island": "island", "water body": "lake, lagoon or pond"},
}
_FILLS = {"water": CLASS_COLOURS[WATER], "land": CLASS_COLOURS[LAND]}
_CASING: Rgb = (255, 255, 255)


def build_style(layer: str) -> str:
    """Write the QGIS style of a layer.

    Args:
        layer: ``coastline``, ``water`` or ``land``; ``mosaic`` or ``sources`` for lines of a mosaic.

    Returns:
        The QML document.
    """
    root = _start_document()
    _add_vector_renderer(root, layer)
    return _finish_document(root)


def build_sidecar_style(name: str) -> str:
    """Write the style that QGIS finds beside a file of this name, whatever the file's ending.

    ``water.qml`` is read for ``water.tif`` and for ``water.shp``, so it holds both: a raster layer takes the one part
    of it and a vector layer the other.

    Args:
        name: File name without ending: ``coastline``, ``water``, ``land`` or ``probability``.

    Returns:
        The QML document.
    """
    root = _start_document()
    if name == "water":
        _add_classes(root)
    if name == "probability":
        _add_ramp(root)
    else:
        _add_vector_renderer(root, name)
    return _finish_document(root)


def _start_document() -> ET.Element:
    return ET.Element("qgis", version="3.22.0", styleCategories="Symbology")


def _finish_document(root: ET.Element) -> str:
    ET.indent(root)
    body: str = ET.tostring(root, encoding="unicode")
    return f"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n{body}\n"


def _add_vector_renderer(root: ET.Element, layer: str) -> None:
    if layer == "coastline":
        _add_lines(root, "kind", KIND_COLOURS)
    elif layer == "mosaic":
        _add_lines(root, "shape", SHAPE_COLOURS)
    elif layer == "sources":
        _add_plain_line(root)
    else:
        _add_fill(root, _FILLS[layer])


def _add_classes(root: ET.Element) -> None:
    """The classes alone: without this QGIS lists all 256 entries of the file's colour table."""
    renderer = ET.SubElement(ET.SubElement(root, "pipe"), "rasterrenderer", {**_RASTER, "type": "paletted"})
    palette = ET.SubElement(renderer, "colorPalette")
    for value, name in CLASS_NAMES.items():
        ET.SubElement(
            palette, "paletteEntry", value=str(value), label=name, color=_hex(CLASS_COLOURS[value]), alpha="255"
        )


def _add_ramp(root: ET.Element) -> None:
    renderer = ET.SubElement(
        ET.SubElement(root, "pipe"),
        "rasterrenderer",
        {**_RASTER, "type": "singlebandpseudocolor", "classificationMin": "0", "classificationMax": "1"},
    )
    shader = ET.SubElement(
        ET.SubElement(renderer, "rastershader"),
        "colorrampshader",
        colorRampType="INTERPOLATED",
        classificationMode="1",
        minimumValue="0",
        maximumValue="1",
        clip="0",
    )
    stops = {"0": CLASS_COLOURS[LAND], "0.5": MIDDLE_COLOUR, "1": CLASS_COLOURS[WATER]}
    for value, colour in stops.items():
        ET.SubElement(shader, "item", value=value, label=value, color=_hex(colour), alpha="255")


def _add_plain_line(root: ET.Element) -> None:
    """Thin and grey: pieces by source are looked up, while the coastline above them is looked at."""
    renderer = ET.SubElement(root, "renderer-v2", type="singleSymbol", symbollevels="0", forceraster="0")
    symbols = ET.SubElement(renderer, "symbols")
    element = ET.SubElement(symbols, "symbol", type="line", name="0", alpha="1", clip_to_extent="1")
    _add_symbol_layer(element, "SimpleLine", level=0, line_color=_rgba((120, 120, 120)), line_width="0.2", **_ROUND)


def _add_lines(root: ET.Element, field: str, colours: Mapping[str, Rgb]) -> None:
    """A colour for each value of a text field."""
    renderer = ET.SubElement(
        root, "renderer-v2", type="categorizedSymbol", attr=field, symbollevels="1", forceraster="0"
    )
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    for number, (kind, colour) in enumerate(colours.items()):
        label, symbol = _LABELS[field][kind], str(number)
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


_ROUND: dict[str, str] = {"line_width_unit": "MM", "joinstyle": "round", "capstyle": "round"}


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


_RASTER: dict[str, str] = {"band": "1", "opacity": "1", "alphaBand": "-1", "nodataColor": ""}


def _hex(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _rgba(colour: Rgb, alpha: int = 255) -> str:
    return ",".join(str(part) for part in (*colour, alpha))
