"""Styles ask for fields that every format has under the same name, and say what a rule is for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from defusedxml import ElementTree

from pipeline.mosaic.fields import MOSAIC_LAYERS
from pipeline.output import styles
from pipeline.output.fields import LAYERS, Layer
from pipeline.output.styles import read_style

NAMES = sorted(path.stem for path in (Path(styles.__file__).parents[1] / "data" / "styles").glob("*.qml"))


@pytest.mark.parametrize("layer", [*LAYERS.values(), *MOSAIC_LAYERS], ids=lambda layer: layer.style)
def test_the_style_of_a_shapefile_is_that_of_the_geopackage(layer: Layer) -> None:
    style = read_style(layer.style)
    asked = set(re.findall(r"&quot;(\w+)&quot;", style)) | set(re.findall(r'(?:start|end)Field="(\w+)"', style))
    assert asked <= {field.name for field in layer.fields}
    assert asked <= {name for field in layer.fields for name in field.short_names}


@pytest.mark.parametrize("name", NAMES)
def test_every_symbol_of_a_style_is_there_and_drawn(name: str) -> None:
    document = ElementTree.fromstring(read_style(name))
    drawn = {rule.get("symbol") for rule in document.iter("rule")} | {
        category.get("symbol") for category in document.iter("category")
    }
    there = {symbol.get("name") for symbol in document.iter("symbol")}
    assert drawn in (there, set())
    assert all(rule.get("label") for rule in document.iter("rule"))
