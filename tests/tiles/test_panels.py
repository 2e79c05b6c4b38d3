"""Panels cover what is mapped once, see what they need beside it, and meet where few blocks are read twice."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiles.errors import GridError
from tiles.grid import Window
from tiles.panels import PanelRule
from tiles.tiling import Tiling

FULL = PanelRule(widest=11264, width=8192, margin=386, halo=107, stride=16, multiple=19)


@given(st.integers(0, 300), st.integers(1, 900), st.integers(20, 200), st.integers(0, 60), st.integers(1, 30))
def test_each_column_is_one_panels_own(left: int, width: int, panel: int, margin: int, multiple: int) -> None:
    domain = Window(left, 7, width, 5)
    rule = PanelRule(widest=panel, width=panel, margin=margin, halo=3, multiple=multiple, block=64)
    panels = rule.cut(domain)
    assert [col for each in panels for col in each.own] == list(range(left, left + width))
    assert [each.number for each in panels] == list(range(len(panels)))
    for each in panels:
        assert each.seen.start == max(left, each.own.start - margin)
        assert each.seen.stop == min(left + width, each.own.stop + margin)
    assert len(panels) == 1 or all((each.own.start - left) % multiple == 0 for each in panels)


@given(st.integers(0, 100), st.integers(60, 400), st.integers(5, 90), st.booleans())
def test_tiles_are_cut_where_they_are_without_panels(left: int, width: int, tile_size: int, is_even: bool) -> None:
    domain = Window(left, 0, width, 1)
    panels = PanelRule(widest=50, width=50, margin=20, halo=9, multiple=7, block=32).cut(domain)
    whole = {
        tile.interior.col_off
        for row in Tiling(domain=domain, tile_size=tile_size, halo=9, stride=4, is_even=is_even).rows()
        for tile in row.tiles
    }
    seen = np.zeros(left + width, int)
    for panel in panels:
        tiling = Tiling(domain=domain, tile_size=tile_size, halo=9, stride=4, is_even=is_even, panel=panel)
        (row,) = tiling.rows()
        assert (row.interior.col_off, row.interior.col_stop) == (panel.seen.start, panel.seen.stop)
        assert sum(tile.interior.width for tile in row.tiles) == row.interior.width
        assert len({tile.read.shape for tile in row.tiles}) == 1 or not is_even
        for tile in row.tiles:
            if tile.own is not None:
                seen[tile.own.col_off : tile.own.col_stop] += 1
                assert tile.own.intersection(tile.interior) == tile.own
        assert {tile.interior.col_off for tile in row.tiles} == {col for col in whole if col in panel.seen} | {
            panel.seen.start
        }
    assert (seen[left:] == 1).all()


def test_a_full_tile_is_not_cut() -> None:
    assert len(FULL.cut(Window(0, 0, 10980, 10980))) == 1


def test_a_wide_scene_is_cut_where_one_column_of_blocks_is_read_twice() -> None:
    domain = Window(0, 0, 21960, 1024)
    panels = FULL.cut(domain)
    rows = [next(Tiling(domain=domain, tile_size=1024, halo=107, stride=16, panel=panel).rows()) for panel in panels]
    blocks = [range(row.read.col_off // 1024, -(-row.read.col_stop // 1024)) for row in rows]
    assert [len({*left} & {*right}) for left, right in pairwise(blocks)] == [1, 1]
    assert [panel.own.start for panel in panels] == [0, 7676, 14839]


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(GridError, match="at least one column"):
        PanelRule(widest=1, width=0, margin=0, halo=0)
