"""What the command line says of stacks reaches the readers."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.mapping.map_scene import MapOptions
from pipeline.mapping.plan_scene import plan_scene
from tests.tiles.products.small_products import dark_water, write_raster
from tiles.bands import L2A_STACK
from tiles.products.open import StackOptions
from workflows.commands.batch import batch
from workflows.commands.map import map_
from workflows.runs.map import read_stack

SILENT: dict[str, Any] = {
    "bands": None,
    "scale": None,
    "offset": None,
    "nodata": None,
    "date": None,
    "any_platform": False,
}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("bands", "B02, B03"),
        ("scale", 0.001),
        ("offset", -1.0),
        ("offset", 0.0),
        ("nodata", -9999.0),
        ("nodata", 0.0),
        ("date", "2024-06-01T11:20:33Z"),
        ("any_platform", True),
    ],
)
def test_every_word_on_stacks_is_an_option_of_map_and_batch(name: str, said: Any) -> None:  # noqa: ANN401
    expected = ("B02", "B03") if name == "bands" else said
    assert read_stack(SILENT) is None
    assert read_stack(SILENT | {name: said}) == StackOptions(**{name: expected})
    for command in (map_, batch):
        assert name in inspect.signature(command).parameters


def test_nodata_that_is_said_is_that_of_the_scene(tmp_path: Path) -> None:
    dn = dark_water((12, 40, 40), offset=0).astype(np.int16)
    path = write_raster(tmp_path / "s.tif", dn, descriptions=L2A_STACK)
    stack = read_stack(SILENT | {"nodata": 42.0})
    assert plan_scene(path, tmp_path, options=MapOptions(), stack=stack).scene.radiometry.nodata == 42
