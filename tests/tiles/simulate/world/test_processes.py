"""Blocks that are rendered in other processes."""

from __future__ import annotations

import numpy as np
import pytest

from tiles.grid import Window
from tiles.simulate.world.landscape import compute_shoreline
from tiles.simulate.world.processes import count_processes, open_processes
from tiles.simulate.world.world import World, WorldOptions


@pytest.fixture
def options() -> WorldOptions:
    return WorldOptions(seed=7, extent_px=240, block_px=120, cloud_cover=0.2, keep_shoreline=True)


def test_processes_give_what_threads_give(options: WorldOptions) -> None:
    one, other = World(options), World(options)
    # Three rows of blocks, then a window that shares blocks with the first: some come from memory.
    windows = [Window(-6, 12, 246, 240), Window(120, 120, 240, 120)]
    with open_processes(other, 2) as submit:
        for window in windows:
            threads, processes = one.render(window), other.render(window, submit=submit)
            for name, pixels in threads.reflectance.items():
                np.testing.assert_array_equal(pixels, processes.reflectance[name], err_msg=name)
            for name in ("water_fraction", "classification", "cloud", "shadow"):
                np.testing.assert_array_equal(getattr(threads, name), getattr(processes, name), err_msg=name)
    blocks = Window(0, 0, 240, 240)
    lines = [compute_shoreline(world, blocks) for world in (one, other)]
    assert len(lines[0]) == len(lines[1]) > 0
    for a, b in zip(*lines, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_shoreline_comes_from_the_processes(options: WorldOptions) -> None:
    world = World(options)
    with open_processes(world, 1) as submit:
        world.render(Window(0, 0, 240, 120), submit=submit)
    assert world.take_shoreline(Window(0, 0, 120, 120)) is not None
    assert world.take_shoreline(Window(0, 0, 120, 120)) is None


def test_an_error_in_a_process_is_told(options: WorldOptions) -> None:
    world = World(options)
    vars(world)["_spreads"] = []
    with pytest.raises(IndexError), open_processes(world, 1) as submit:
        world.render(Window(0, 0, 240, 120), submit=submit)


@pytest.mark.parametrize(("size", "cores", "count"), [(1499, 4, 0), (1500, 4, 4), (10_980, 64, 8)])
def test_small_scenes_start_none_and_many_cores_not_too_many(
    monkeypatch: pytest.MonkeyPatch, size: int, cores: int, count: int
) -> None:
    monkeypatch.setattr("tiles.simulate.world.processes.count_cores", lambda: cores)
    assert count_processes(size) == count
