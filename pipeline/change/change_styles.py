"""How QGIS draws a comparison: land gained green, land lost red, the shore coloured by its shift.

Source: QGIS 3 style format, as ``styles`` has it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET  # written, never parsed

from pipeline.errors import output_errors

__all__ = ["apply_change_styles", "build_change_style"]

_GAIN, _LOSS, _PALE, _GREY = "27,120,55", "178,24,43", "123,50,148", "85,85,85"
_CLASSES: Final = (
    ("shore moved, advance", '"state" = \'moved\' AND "local_shift_m" > 0', _GAIN, "0.9"),
    ("shore moved, retreat", '"state" = \'moved\' AND "local_shift_m" < 0', _LOSS, "0.9"),
    ("no new shore within reach, or a body", "\"state\" IN ('no shore', 'body')", _PALE, "0.4"),
    ("within its uncertainty", "ELSE", _GREY, "0.3"),
)
_KINDS: Final = (("shore", "no"), ("appeared", "dash"), ("vanished", "dot"))


def build_change_style(layer: str) -> str:
    """Write the QGIS style of a layer.

    Args:
        layer: ``gained``, ``lost`` or ``shift``.

    Returns:
        The QML document.
    """
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology")
    if layer == "shift":
        _add_rules(root)
    else:
        _add_kinds(root, _GAIN if layer == "gained" else _LOSS)
    ET.indent(root)
    body: str = ET.tostring(root, encoding="unicode")
    return f"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n{body}\n"


def apply_change_styles(path: Path) -> None:
    """Put the styles into a GeoPackage that ``write_geopackage`` has made.

    Args:
        path: The GeoPackage.

    Raises:
        OutputError: It cannot be written.
    """
    with output_errors(path, sqlite3.Error), closing(sqlite3.connect(path)) as database, database:
        database.executemany(
            "UPDATE layer_styles SET styleQML = ? WHERE f_table_name = ?",
            [(build_change_style(layer), layer) for layer in ("gained", "lost", "shift")],
        )


def _add_rules(root: ET.Element) -> None:
    renderer = ET.SubElement(root, "renderer-v2", type="RuleRenderer", symbollevels="0", forceraster="0")
    rules = ET.SubElement(renderer, "rules", key="rules")
    symbols = ET.SubElement(renderer, "symbols")
    for number, (label, wanted, colour, width) in enumerate(_CLASSES):
        ET.SubElement(rules, "rule", key=f"rule{number}", label=label, filter=wanted, symbol=str(number))
        symbol = ET.SubElement(symbols, "symbol", type="line", name=str(number), alpha="1", clip_to_extent="1")
        _add_layer(symbol, "SimpleLine", line_color=f"{colour},255", line_width=width, line_width_unit="MM")


def _add_kinds(root: ET.Element, colour: str) -> None:
    renderer = ET.SubElement(
        root, "renderer-v2", type="categorizedSymbol", attr="kind", symbollevels="0", forceraster="0"
    )
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    for number, (kind, outline) in enumerate(_KINDS):
        name = str(number)
        ET.SubElement(categories, "category", value=kind, label=kind, symbol=name, render="true", type="string")
        symbol = ET.SubElement(symbols, "symbol", type="fill", name=name, alpha="1", clip_to_extent="1")
        fill = f"{colour},{170 if kind == 'shore' else 70}"
        _add_layer(symbol, "SimpleFill", color=fill, style="solid", outline_style=outline, outline_color=f"{_PALE},255")


def _add_layer(symbol: ET.Element, kind: str, **properties: str) -> None:
    element = ET.SubElement(symbol, "layer", attrib={"class": kind}, enabled="1", locked="0", **{"pass": "0"})
    options = ET.SubElement(element, "Option", type="Map")
    for name, value in properties.items():
        ET.SubElement(options, "Option", type="QString", name=name, value=value)
