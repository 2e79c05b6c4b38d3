"""The three vector layers of a comparison, and the meaning of each of their fields."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from pipeline.errors import output_errors
from pipeline.output.fields import Field, Layer

__all__ = ["CHANGE_LAYERS", "GAINED", "LOST", "SHIFT", "apply_change_styles", "build_change_style"]

_ID = Field(name="id", short="id", type="int", meaning="Number of the feature within its layer.")
_SIGMA_OLD = Field(
    name="uncertainty_old_m",
    short="unc_old_m",
    type="real",
    unit="m",
    meaning="Stated positional uncertainty of the old line (one standard deviation).",
)
_SIGMA_NEW = Field(
    name="uncertainty_new_m",
    short="unc_new_m",
    type="real",
    unit="m",
    meaning="Stated positional uncertainty of the new line (one standard deviation).",
)
_SIGMA = Field(
    name="uncertainty_m",
    short="unc_m",
    type="real",
    unit="m",
    meaning="Of the shift: both lines and the registration of the images, in quadrature (one standard deviation).",
)
_DATES = (
    Field(name="old", short="old", type="text", meaning="What the old line was mapped from."),
    Field(name="old_time", short="old_time", type="time", unit="UTC", meaning="Its time of sensing."),
    Field(name="new", short="new", type="text", meaning="What the new line was mapped from."),
    Field(name="new_time", short="new_time", type="time", unit="UTC", meaning="Its time of sensing."),
)
_WATERS = Field(
    name="waters",
    short="waters",
    type="text",
    meaning="inland: the shore is of water that land enclosed on the old date; coast: of any other.",
)
_POLYGON_FIELDS = (
    _ID,
    Field(
        name="kind",
        short="kind",
        type="text",
        meaning=(
            "shore: a shore moved over it; appeared: a body that only the new date shows; vanished: one that only the "
            "old date shows."
        ),
    ),
    _WATERS,
    Field(name="area_m2", short="area_m2", type="real", unit="m2", meaning="Area on the ellipsoid, holes taken out."),
    Field(
        name="mean_shift_m",
        short="mean_m",
        type="real",
        unit="m",
        meaning="Mean shift of the old shore here, land gained positive; empty where no shore moved.",
    ),
    Field(
        name="max_shift_m",
        short="max_m",
        type="real",
        unit="m",
        meaning="Greatest shift here, as the mean of a stretch; land gained positive.",
    ),
    Field(name="shore_m", short="shore_m", type="real", unit="m", meaning="Length of old shore that moved over it."),
    _SIGMA_OLD,
    _SIGMA_NEW,
    _SIGMA,
    *_DATES,
)

GAINED: Final = Layer(
    name="gained",
    title="Land gained",
    geometry="Polygon",
    meaning="Water on the old date, land on the new one: clear on both, and shifted beyond the uncertainty.",
    fields=_POLYGON_FIELDS,
    style="land",
)
LOST: Final = Layer(
    name="lost",
    title="Land lost",
    geometry="Polygon",
    meaning="Land on the old date, water on the new one: clear on both, and shifted beyond the uncertainty.",
    fields=_POLYGON_FIELDS,
    style="water",
)
SHIFT: Final = Layer(
    name="shift",
    title="Shift of the shore",
    geometry="LineString",
    meaning="The old shore in short pieces, each with the signed distance to the new shore along its normal.",
    fields=(
        _ID,
        Field(
            name="state",
            short="state",
            type="text",
            meaning=(
                "moved: beyond the uncertainty; steady: within it; no shore: clear on both dates, and no new shore "
                "within reach; body: the far side of a body that joined or left the shore at once."
            ),
        ),
        _WATERS,
        Field(
            name="shift_m",
            short="shift_m",
            type="real",
            unit="m",
            meaning="Signed distance from the old line to the new one: positive is land gained, negative is retreat.",
        ),
        Field(
            name="local_shift_m",
            short="local_m",
            type="real",
            unit="m",
            meaning="Mean shift of the stretch around it, by which it is judged.",
        ),
        _SIGMA_OLD,
        _SIGMA_NEW,
        _SIGMA,
        Field(name="lon", short="lon", type="real", unit="degrees", meaning="Longitude of its middle, WGS 84."),
        Field(name="lat", short="lat", type="real", unit="degrees", meaning="Latitude of its middle, WGS 84."),
        *_DATES,
    ),
    style="sources",
)

CHANGE_LAYERS: Final = (GAINED, LOST, SHIFT)
"""The layers in the order in which they are written."""


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
