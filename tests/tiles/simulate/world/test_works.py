from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.grid import Window
from tiles.simulate.world.noise import Fractal
from tiles.simulate.world.relief import Causeway, Channels, Lattice, Relief
from tiles.simulate.world.relief_draws import draw_relief
from tiles.simulate.world.roads import compute_deck
from tiles.simulate.world.terrain import Terrain
from tiles.simulate.world.work_draws import Dice, draw_pools

FLAT = Fractal(seed=1, spacings_px=(64,), amplitudes=(0.0,))
DRY = Relief(kind="land", water_share=0.0, coarse=FLAT, fine=FLAT, ruggedness=FLAT)
WINDOW = Window(-120, -120, 240, 240)


def flow(width_m: float, **works: object) -> np.ndarray:
    """Water fraction of a straight river down the middle, with works."""
    channels = Channels(heading=(1.0, 0.0), period_px=1000.0, meander=FLAT, half_width_m=width_m / 2)
    relief = replace(DRY, channels=(channels,), **works)  # type: ignore[arg-type]
    return Terrain(relief, extent_px=240).compute_block(WINDOW).water_fraction


@settings(max_examples=12, deadline=None)
@given(width_m=st.floats(6.0, 40.0), angle=st.floats(-0.7, 0.7))
def test_a_bridge_parts_the_river_by_its_width(width_m: float, angle: float) -> None:
    heading = (round(np.sin(angle) * 4096) / 4096, round(np.cos(angle) * 4096) / 4096)
    bridge = Causeway(heading=heading, period_px=500.0, half_width_m=width_m / 2, reach_m=300.0, height_m=8.0)
    without, crossed = flow(400.0), flow(400.0, causeways=(bridge,))
    lost = float((without - crossed).sum()) * 100
    assert lost == pytest.approx(400 * width_m / np.cos(angle), rel=0.12)
    assert scipy.ndimage.label(crossed[90:150, 100:140] > 0.9)[1] == 2


def test_a_mole_ends_where_its_reach_does() -> None:
    mole = Causeway(heading=(0.0, 1.0), period_px=500.0, half_width_m=10.0, reach_m=100.0, height_m=2.0)
    crossed = flow(400.0, causeways=(mole,))
    land = crossed[119] < 0.5
    # Twenty pixels of river on either side of the middle: ten of mole from each bank, open water between.
    assert not land[112:128].any()
    assert land[101:109].all()
    assert land[131:139].all()


@settings(max_examples=15, deadline=None)
@given(width_m=st.floats(5.6, 8.0), angle=st.floats(0.0, np.pi))
def test_a_brook_of_half_a_pixel_is_never_interrupted(width_m: float, angle: float) -> None:
    heading = (round(np.cos(angle) * 4096) / 4096, round(np.sin(angle) * 4096) / 4096)
    channels = Channels(heading=heading, period_px=1000.0, meander=FLAT, half_width_m=width_m / 2)
    fraction = Terrain(replace(DRY, channels=(channels,)), extent_px=240).compute_block(WINDOW).water_fraction
    assert scipy.ndimage.label(fraction > 0, structure=np.ones((3, 3)))[1] == 1
    assert 0.2 < fraction.max() <= 1


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_pools_are_small_and_of_all_sizes(seed: int) -> None:
    pools = next(
        relief.pools
        for number in range(100)
        if (relief := draw_pools(Dice(np.random.default_rng([seed, number]), 240), DRY)).pools is not None
    )
    crowded = replace(pools, share=1.0)
    fraction = Terrain(replace(DRY, pools=crowded), extent_px=240).compute_block(WINDOW).water_fraction
    labels, count = scipy.ndimage.label(fraction > 0.02)
    areas = np.asarray(scipy.ndimage.sum_labels(fraction, labels, np.arange(1, count + 1)))
    assert count >= 3
    assert areas.max() < 45
    assert np.median(areas) < 25


def test_harbours_hold_landing_stages_side_by_side() -> None:
    stages = Lattice(seed=1, heading=(1.0, 0.0), size_px=(6.0, 4.0), share=1.0, margin_m=(5.0, 15.0), reach_m=250.0)
    fraction = flow(300.0, marinas=stages)
    bank = fraction[60:180, 123]
    assert 0.05 < (bank < 0.9).mean() < 0.95
    assert len(np.flatnonzero(np.diff((bank > 0.9).astype(int)) == 1)) > 10
    empty = flow(300.0, marinas=replace(stages, district_share=1e-9))
    np.testing.assert_array_equal(empty, flow(300.0))


def test_a_bridge_looks_like_the_road_that_it_carries() -> None:
    bridge = Causeway(heading=(0.0, 1.0), period_px=500.0, half_width_m=4.0, reach_m=300.0, height_m=8.0)
    rows, cols = np.arange(-20, 20) + 0.5, np.arange(-30, 30) + 0.5
    open_m = np.broadcast_to((150 - np.abs(cols) * 10).astype(np.float32), (40, 60))
    deck = compute_deck(bridge, rows.astype(np.float64), cols.astype(np.float64), open_m)
    assert (deck[19:21, 16:44] == 1).all()
    assert (deck[19:21, :10] > 0.3).all()
    assert deck[:17].max() == 0


def test_worlds_hold_bridges_marinas_and_pools_now_and_then() -> None:
    reliefs = [draw_relief("random", np.random.default_rng(seed), extent_px=400) for seed in range(300)]
    for name in ("causeways", "marinas", "pools", "piers"):
        assert 0.03 < np.mean([bool(getattr(relief, name)) for relief in reliefs]) < 0.5
