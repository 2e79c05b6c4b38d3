"""The same land on other days."""

from __future__ import annotations

import numpy as np
import pytest

from tiles.grid import Window
from tiles.simulate.world.landscape import compute_shoreline
from tiles.simulate.world.world import World, WorldOptions

_WINDOW = Window(0, 0, 240, 240)


@pytest.fixture(scope="module")
def world() -> World:
    return World(WorldOptions(seed=11, kind="open_coast", extent_px=240))


def test_a_day_changes_the_light_and_leaves_the_land(world: World) -> None:
    days = [world.with_day(number, cloud_cover=0.3) for number in (1, 2)]
    plain, one, two = (some.render(_WINDOW) for some in (world, *days))
    for other in (one, two):
        np.testing.assert_array_equal(plain.water_fraction, other.water_fraction)
        assert other.cloud.max() > 0.3
        assert plain.cloud.max() == 0
    assert not np.array_equal(one.cloud, two.cloud)
    assert not np.array_equal(one.reflectance["B08"], two.reflectance["B08"])
    assert days[0].sun != days[1].sun
    lines = [compute_shoreline(some, _WINDOW) for some in (world, *days)]
    for other in lines[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(lines[0], other, strict=True))


def test_a_day_is_decided_by_its_seed_and_its_world(world: World) -> None:
    before = world.render(_WINDOW).reflectance["B03"]
    one, again = (world.with_day(7, cloud_cover=0.2).render(_WINDOW).reflectance["B03"] for _ in range(2))
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(before, world.render(_WINDOW).reflectance["B03"])
    fresh = World(WorldOptions(seed=11, kind="open_coast", extent_px=240)).render(_WINDOW).reflectance["B03"]
    np.testing.assert_array_equal(before, fresh)


def test_without_noise_the_land_is_the_same_but_for_the_noise(world: World) -> None:
    day = world.with_day(3)
    noisy, quiet = (some.render(_WINDOW).reflectance["B08"] for some in (day, day.without_noise()))
    again = day.without_noise().render(_WINDOW).reflectance["B08"]
    np.testing.assert_array_equal(quiet, again)
    floor, slope = day.sky.noise_floor[7], day.sky.noise_slope[7]
    expected = np.sqrt(floor**2 + slope * np.maximum(quiet, 0))
    kept = noisy > day.sky.lowest
    ratio = (noisy - quiet)[kept] / expected[kept]
    assert abs(ratio.std() - 1) < 0.1
    assert abs(ratio.mean()) < 0.1


def test_the_outline_agrees_with_the_terrain_where_nothing_else_is(world: World) -> None:
    ticks = np.arange(0, 241, 8, dtype=np.float64)
    outline = world.terrain.compute_outline(ticks, ticks)
    nodes = world.terrain.compute_block(_WINDOW).nodes[::8, ::8]
    assert outline.shape == nodes.shape
    assert ((outline > 0) == (nodes > 0)).mean() > 0.8
    assert (outline != 0).all()
