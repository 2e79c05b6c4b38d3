"""What a processing baseline says of the offset: nothing, where a user made the product (99.xx)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tiles.products.small_products import dark_water, product_xml, write_item, write_product, write_raster
from tiles.bands import L2A_STACK
from tiles.products.name import has_offset
from tiles.products.open import open_scene
from tiles.products.safe_xml import parse_product_metadata

NAME = "S2A_MSIL2A_20180607T104406_{}_R137_T30VWL_20230607T140235.tif"


@pytest.mark.parametrize(
    ("baseline", "carries"),
    [
        ("02.14", False), ("03.01", False), ("04.00", True), ("05.11", True), ("10.00", True), ("99.99", None),
        ("99.33", None), ("9999", None), ("", None), ("unknown", None), (None, None),
    ],
)  # fmt: skip
def test_which_baselines_carry_an_offset(baseline: str | None, carries: bool | None) -> None:
    assert has_offset(baseline) is carries


def make_bright(offset: int) -> np.ndarray:
    """Nothing dark: the pixels cannot tell."""
    return (dark_water((12, 40, 40), offset=offset) + 2500).astype(np.uint16)


@pytest.mark.parametrize("baseline", ["N9999", "N9933"])
@pytest.mark.parametrize(("offset", "decided"), [(1000, -1000), (0, 0)])
def test_the_pixels_decide_where_a_name_says_made_by_a_user(
    tmp_path: Path, baseline: str, offset: int, decided: int
) -> None:
    path = write_raster(tmp_path / NAME.format(baseline), dark_water((12, 40, 40), offset=offset))
    radiometry = open_scene(path).radiometry
    assert set(radiometry.offsets.values()) == {decided}
    assert radiometry.source.startswith("pixels")


def test_nothing_is_taken_off_without_a_doubt_where_nobody_can_tell(tmp_path: Path) -> None:
    radiometry = open_scene(write_raster(tmp_path / NAME.format("N9999"), make_bright(0))).radiometry
    assert radiometry.doubts


@pytest.mark.parametrize(("offset", "decided"), [(1000, -1000), (0, 0)])
@pytest.mark.parametrize("flag", [{}, {"earthsearch:boa_offset_applied": False}])
def test_the_pixels_decide_where_an_item_says_so(
    tmp_path: Path, offset: int, decided: int, flag: dict[str, bool]
) -> None:
    for name in L2A_STACK:
        write_raster(tmp_path / f"{name}.tif", dark_water((1, 40, 40), offset=offset))
    assets = {name: {"href": f"./{name}.tif"} for name in L2A_STACK}
    item = write_item(tmp_path / "item.json", assets=assets, **{"s2:processing_baseline": "99.99"}, **flag)
    assert set(open_scene(item).radiometry.offsets.values()) == {decided}


def test_xml_of_a_user_without_the_element_lets_clear_pixels_speak(tmp_path: Path) -> None:
    xml = product_xml(baseline="99.99")
    assert parse_product_metadata(xml.encode(), where="x").doubts == ()
    radiometry = open_scene(write_product(tmp_path, xml=xml)).radiometry
    assert set(radiometry.offsets.values()) == {-1000}
    assert any("the pixels are believed" in doubt for doubt in radiometry.doubts)


def test_xml_of_a_user_with_the_element_is_believed(tmp_path: Path) -> None:
    xml = product_xml(baseline="99.99", offsets=dict.fromkeys(L2A_STACK, -1000.0))
    radiometry = open_scene(write_product(tmp_path, xml=xml)).radiometry
    assert (set(radiometry.offsets.values()), radiometry.doubts) == ({-1000}, ())
