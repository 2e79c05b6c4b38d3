from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tiles.bands import L2A_STACK
from tiles.grid import Window
from tiles.simulate.product.swath import draw_swath

seeds = st.integers(0, 10_000)
_SIZE = 120
_WHOLE = Window(0, 0, _SIZE, _SIZE)


@given(seeds)
def test_the_edge_leaves_a_good_part_of_the_tile(seed: int) -> None:
    valid = draw_swath(seed=seed, size_m=_SIZE * 10).compute_valid(_WHOLE, band=None, resolution_m=10)
    assert 0.25 < valid.mean() < 0.9


@given(seeds, st.integers(0, 19), st.integers(1, 20))
def test_strips_agree_with_the_whole(seed: int, first: int, rows: int) -> None:
    swath = draw_swath(seed=seed, size_m=_SIZE * 10)
    strip = Window(0, first, _SIZE, rows)
    whole = swath.compute_valid(_WHOLE, band="B05", resolution_m=10)
    assert (swath.compute_valid(strip, band="B05", resolution_m=10) == whole[strip.slices()]).all()


@given(seeds)
def test_the_common_ground_is_what_every_band_sees(seed: int) -> None:
    swath = draw_swath(seed=seed, size_m=_SIZE * 10)
    common = swath.compute_valid(_WHOLE, band=None, resolution_m=10)
    bands = [swath.compute_valid(_WHOLE, band=band, resolution_m=10) for band in L2A_STACK]
    assert (common == np.all(bands, axis=0)).all()
    assert any((band != common).any() for band in bands)  # footprints differ a little, as in real products


@given(seeds)
def test_the_footprint_has_the_area_of_the_common_ground(seed: int) -> None:
    swath = draw_swath(seed=seed, size_m=1200)
    corners = swath.clip_polygon([(0.0, 0.0), (1200.0, 0.0), (1200.0, 1200.0), (0.0, 1200.0)])
    valid = swath.compute_valid(Window(0, 0, 600, 600), band=None, resolution_m=2)
    assert abs(shapely.Polygon(corners).area - valid.sum() * 4) < 1200 * 2


def test_a_polygon_outside_vanishes() -> None:
    swath = draw_swath(seed=1, size_m=1200)
    x = -1e6 * swath.side
    assert swath.clip_polygon([(x, 0.0), (x + 10, 0.0), (x + 10, 10.0), (x, 10.0)]) == []
