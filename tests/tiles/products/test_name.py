"""What names of products and items say."""

from __future__ import annotations

import pytest

from tiles.products.name import find_tile


@pytest.mark.parametrize(
    ("name", "tile"),
    [
        ("S2A_MSIL2A_20190809T220921_N0213_R129_T01KCV_20190809T235948", "01KCV"),
        ("S2A_29RKH_20200219_0_L2A", "29RKH"),
        ("S2A_T19RGK_20250330T145954_L2A", "19RGK"),
        ("S2_T33TVM_20241014_N0511_flattened", "33TVM"),
        ("accra", None),
        ("S2A_20250330T145954_L2A", None),
        ("ship_210167000_2022-08-12", None),
        ("S2A_T19RIK_20250330", None),  # there is no square I
    ],
)
def test_the_tile_of_a_name(name: str, tile: str | None) -> None:
    assert find_tile(name) == tile
