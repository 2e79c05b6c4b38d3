"""Windows cover each pixel once, with enough around them, in phase with the stride."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiles.errors import GridError
from tiles.grid import Window
from tiles.tiling import Tiling

sizes = st.integers(1, 70)


@st.composite
def tilings(draw: st.DrawFn) -> Tiling:
    domain = Window(draw(st.integers(0, 30)), draw(st.integers(0, 30)), draw(sizes), draw(sizes))
    return Tiling(
        domain=domain,
        tile_size=draw(sizes),
        halo=draw(st.integers(0, 20)),
        stride=draw(st.sampled_from([1, 2, 4, 8])),
        block_rows=draw(st.sampled_from([0, 8, 16, 24, 64])),
        most_rows=draw(st.sampled_from([0, 5, 16, 64])),
        is_even=draw(st.booleans()),
    )


@given(tilings())
def test_tiles_are_no_higher_than_they_may_be(tiling: Tiling) -> None:
    most = min(tiling.tile_size, tiling.most_rows or tiling.tile_size)
    rows = list(tiling.rows())
    assert all(row.interior.height <= most for row in rows)
    assert all(row.interior.height == tiling.tile_rows for row in rows[1:-1])
    assert tiling.tile_rows == most or (tiling.is_even and most - tiling.tile_rows < tiling.stride)
    widest = max(tile.interior.width for row in rows for tile in row.tiles)
    assert widest == min(tiling.tile_size, tiling.domain.width) or (tiling.is_even and widest < tiling.tile_size)


@given(tilings().map(lambda tiling: replace(tiling, is_even=True)))
def test_even_tiles_are_one_shape_for_the_network_and_no_more_of_them(tiling: Tiling) -> None:
    rows = list(tiling.rows())
    if tiling.tile_rows >= tiling.stride:
        assert len({tile.read.shape for row in rows[1:-1] for tile in row.tiles}) <= 1
    for row in rows:
        assert len({tile.read.shape for tile in row.tiles}) == 1
        assert len(row.tiles) <= -(-tiling.domain.width // tiling.tile_size)
        widths = [tile.interior.width for tile in row.tiles]
        assert len({*widths[:-1]}) <= 1
        assert widths[0] < tiling.domain.width / len(widths) + tiling.stride
        assert row.read.width < tiling.domain.width + 2 * tiling.halo + 2 * tiling.stride  # no more is decoded


def test_a_full_tile_in_even_tiles_by_hand() -> None:
    """10,980 columns in tiles of 1024 at the most: ten of 1008, for 1008 = 63 * 16 is next above 10980 / 11."""
    tiling = Tiling(domain=Window(0, 0, 10980, 512), tile_size=1024, halo=107, stride=16, is_even=True)
    (row,) = tiling.rows()
    assert [tile.interior.width for tile in row.tiles] == [1008] * 10 + [900]
    assert {tile.read.width for tile in row.tiles} == {1008 + 2 * 112}
    assert row.tiles[-1].read.col_stop == row.read.col_stop == 11088


@given(st.integers(0, 200), st.integers(1, 300), st.sampled_from([16, 32, 64, 128]), st.integers(0, 40))
def test_rows_of_tiles_read_to_the_end_of_a_row_of_blocks(row_off: int, height: int, size: int, halo: int) -> None:
    domain = Window(0, row_off, 10, height)
    rows = list(Tiling(domain=domain, tile_size=size, halo=halo, stride=4, block_rows=64).rows())
    for row in rows[:-1]:
        assert row.read.row_stop % min(size, 64) == 0
    assert all(row.interior.height == size for row in rows[1:-1])
    assert len(rows) <= height // size + 2


@given(tilings())
def test_interiors_cover_the_domain_once(tiling: Tiling) -> None:
    count = np.zeros(tiling.domain.shape, dtype=int)
    for row in tiling.rows():
        for tile in row.tiles:
            count[tile.interior.slices(within=tiling.domain)] += 1
    assert (count == 1).all()


@given(tilings())
def test_each_tile_is_read_with_its_halo_and_in_phase(tiling: Tiling) -> None:
    for row in tiling.rows():
        for tile in row.tiles:
            assert tile.interior.row_off - tile.read.row_off >= tiling.halo
            assert tile.read.row_stop - tile.interior.row_stop >= tiling.halo
            assert tile.interior.col_off - tile.read.col_off >= tiling.halo
            assert tile.read.col_stop - tile.interior.col_stop >= tiling.halo
            for edge in (tile.read.row_off, tile.read.col_off, *tile.read.shape):
                assert edge % tiling.stride == 0
            assert tile.read.intersection(row.read) == tile.read


@given(tilings())
def test_no_more_is_read_than_halo_and_phase_need(tiling: Tiling) -> None:
    for row in tiling.rows():
        for tile in row.tiles:
            for read, kept in list(zip(tile.read.shape, tile.interior.shape, strict=True))[
                : 1 if tiling.is_even else 2
            ]:
                assert read < kept + 2 * tiling.halo + 2 * tiling.stride


@pytest.mark.parametrize("wrong", [{"tile_size": 0}, {"halo": -1}, {"stride": 0}, {"most_rows": -1}])
def test_an_impossible_tiling_is_refused_with_its_values(wrong: dict[str, int]) -> None:
    arguments = {"tile_size": 8, "halo": 2, "stride": 2} | wrong
    with pytest.raises(GridError, match=f"{next(iter(wrong))} {next(iter(wrong.values()))}"):
        Tiling(domain=Window(0, 0, 10, 10), **arguments)
