"""Harbours: docks along the shore, ships at quays, halls and yards as dark as water; other worlds stay as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.grid import Window
from tiles.simulate.world.cover import draw_cover
from tiles.simulate.world.landscape import World, WorldOptions
from tiles.simulate.world.relief_draws import draw_relief
from tiles.simulate.world.terrain import Terrain
from tiles.simulate.world.vessels import moor_vessels

WINDOW = Window(0, 0, 360, 360)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_docks_and_quays_lie_near_the_shore_and_make_it_longer(seed: int) -> None:
    relief = draw_relief("harbour", np.random.default_rng(seed), extent_px=360)
    assert relief.kind == "harbour"
    assert relief.basins is not None
    bare = replace(relief, basins=None, piers=None, marinas=None, causeways=(), pools=None)
    built = replace(bare, basins=relief.basins, piers=relief.piers)
    before, after = (Terrain(one, extent_px=360).compute_block(WINDOW) for one in (bare, built))
    assert len(after.cells) > 1.05 * len(before.cells)
    reach_m = max(works.reach_m for works in (relief.basins, relief.piers) if works is not None)
    changed = before.water_fraction != after.water_fraction
    assert changed.any()
    assert np.abs(before.nodes[:-1, :-1])[changed].max() < 1.5 * reach_m + 30


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 1.0))
def test_ships_at_a_quay_reach_out_as_far_as_their_beam_and_cover_no_land(seed: int, share: float) -> None:
    rows = cols = np.arange(0.5, 120, dtype=np.float64)
    shore_m = np.broadcast_to((cols - 60) * 10, (120, 120)).astype(np.float32)  # a straight quay, water on the right
    ships = moor_vessels(seed, share, rows, cols, shore_m)
    if ships is None:
        return
    assert ships.hull.min() >= 0
    assert ships.hull.max() <= 1
    assert not ships.hull[shore_m <= 0].any()
    assert not ships.hull[shore_m > 50].any()  # the widest beam is 40 m
    assert not ships.wake.any()
    along_quay = ships.hull[:, 60]  # the first column of water
    assert along_quay.any() or ships.hull[:, 61:65].any()


def test_moored_ships_are_where_they_are_whatever_the_window() -> None:
    rows = cols = np.arange(0.5, 200, dtype=np.float64)
    shore_m = (np.abs(rows[:, None] - 90) * 10 - 200 + 0 * cols).astype(np.float32)
    whole = moor_vessels(5, 0.5, rows, cols, shore_m)
    part = moor_vessels(5, 0.5, rows[40:150], cols[70:130], shore_m[40:150, 70:130])
    assert whole is not None
    assert part is not None
    np.testing.assert_array_equal(part.hull, whole.hull[40:150, 70:130])
    np.testing.assert_array_equal(part.dark, whole.dark[40:150, 70:130])
    assert moor_vessels(5, 0.0, rows, cols, shore_m) is None


def test_ships_at_a_quay_change_the_light_over_water_and_not_the_truth() -> None:
    world = World(WorldOptions(seed=4000002, kind="harbour", extent_px=360, block_px=120))
    crowded, empty = world.with_ground(world.terrain), world.with_ground(world.terrain)
    crowded._waters = replace(world._waters, moored=0.5, ships=0.0)
    empty._waters = replace(world._waters, moored=0.0, ships=0.0)
    with_ships, without = crowded.render(WINDOW), empty.render(WINDOW)
    np.testing.assert_array_equal(with_ships.water_fraction, without.water_fraction)
    brighter = np.abs(with_ships.reflectance["B08"] - without.reflectance["B08"]) > 0.05
    assert brighter.any()
    near = scipy.ndimage.distance_transform_edt(without.water_fraction > 0.5)
    assert np.median(near[brighter & (without.water_fraction > 0.5)]) < 6


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_halls_of_a_port_may_be_as_dark_as_water(seed: int) -> None:
    town = draw_cover(np.random.default_rng(seed), extent_px=360).town
    port = draw_cover(np.random.default_rng(seed), extent_px=360, harbour=True).town
    assert town.darkest == 0.7
    assert 0.25 <= port.darkest <= 0.7
    assert port.industry >= 0.3


def test_chance_never_draws_a_harbour_so_that_seeds_keep_their_worlds() -> None:
    kinds = [draw_relief("random", np.random.default_rng(seed), extent_px=400).kind for seed in range(200)]
    assert "harbour" not in kinds
    assert len(set(kinds)) == 10
