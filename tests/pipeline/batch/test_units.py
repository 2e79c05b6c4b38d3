"""What the error of a scene means: a failure, nothing in the area, or no scene at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.batch.sources import SceneSource
from pipeline.batch.units import describe_failure
from strandline import StrandlineError
from tests.tiles.products.small_products import dark_water, write_raster
from tiles.errors import NoValidPixelsError, RasterReadError
from tiles.products.open import open_scene


def explain(path: Path, *, is_product: bool = False) -> str:
    with pytest.raises(StrandlineError) as caught:
        open_scene(path)
    source = SceneSource(id=path.stem, source=str(path), is_product=is_product)
    return describe_failure(caught.value, source, tries=1)[0]


def test_only_what_cannot_be_a_scene_is_none(tmp_path: Path) -> None:
    write_raster(tmp_path / "dem.tif", np.ones((1, 20, 20), dtype=np.int16))
    write_raster(tmp_path / "picture.tif", np.ones((4, 20, 20), dtype=np.uint8))
    write_raster(tmp_path / "stack.tif", dark_water((5, 20, 20)))
    (tmp_path / "cut.tif").write_text("no raster")
    (tmp_path / "cut.json").write_text("{")
    kinds = {path.name: explain(path) for path in tmp_path.iterdir() if path.suffix == ".tif"}
    assert kinds == {"dem.tif": "no scene", "picture.tif": "no scene", "stack.tif": "failed", "cut.tif": "failed"}
    assert explain(tmp_path / "dem.tif", is_product=True) == "failed"
    assert explain(tmp_path / "cut.json", is_product=True) == "failed"


def test_a_scene_beside_the_area_is_empty_and_a_crash_is_named_by_its_kind() -> None:
    source = SceneSource(id="a", source="a.tif")
    assert describe_failure(NoValidPixelsError("none  of\nthem"), source, tries=1) == ("empty", "none of them")
    assert describe_failure(RasterReadError(""), source, tries=1) == ("failed", "no reason given")
    assert describe_failure(ZeroDivisionError("by 0"), source, tries=1) == ("failed", "ZeroDivisionError: by 0")
