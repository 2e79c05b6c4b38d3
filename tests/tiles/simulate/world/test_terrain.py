from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.grid import Window
from tiles.simulate.world.noise import Fractal
from tiles.simulate.world.relief import KINDS, Channels, Kind, Relief
from tiles.simulate.world.relief_draws import draw_relief
from tiles.simulate.world.terrain import CELL_PX, SUBNODES, Terrain

FLAT = Fractal(seed=1, spacings_px=(64,), amplitudes=(0.0,))
DRY = Relief(kind="land", water_share=0.0, coarse=FLAT, fine=FLAT, ruggedness=FLAT)


def build(kind: Kind, seed: int, extent_px: int = 480) -> Terrain:
    return Terrain(draw_relief(kind, np.random.default_rng(seed), extent_px=extent_px), extent_px=extent_px)


def river(width_m: float, heading: tuple[float, float] = (1.0, 0.0)) -> Terrain:
    channels = Channels(heading=heading, period_px=1000.0, meander=FLAT, half_width_m=width_m / 2)
    return Terrain(replace(DRY, channels=(channels,)), extent_px=240)


@settings(max_examples=12, deadline=None)
@given(
    kind=st.sampled_from(KINDS[:8]),
    seed=st.integers(0, 10_000),
    row=st.integers(-500, 500),
    col=st.integers(-500, 500),
    cells=st.tuples(st.integers(1, 5), st.integers(1, 5)),
)
def test_any_window_is_a_crop_of_a_larger_one_to_the_last_bit(
    kind: Kind, seed: int, row: int, col: int, cells: tuple[int, int]
) -> None:
    terrain = build(kind, seed)
    outer = Window(col * CELL_PX, row * CELL_PX, 8 * CELL_PX, 8 * CELL_PX)
    inner = Window((col + 2) * CELL_PX, (row + 1) * CELL_PX, cells[0] * CELL_PX, cells[1] * CELL_PX)
    whole, part = terrain.compute_block(outer), terrain.compute_block(inner)
    rows, cols = inner.slices(within=outer)
    np.testing.assert_array_equal(part.water_fraction, whole.water_fraction[rows, cols])
    fine = whole.compute_fine_nodes()[
        rows.start * SUBNODES : rows.stop * SUBNODES + 1, cols.start * SUBNODES : cols.stop * SUBNODES + 1
    ]
    np.testing.assert_array_equal(part.compute_fine_nodes() > 0, fine > 0)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_the_water_that_its_name_promises(kind: Kind) -> None:
    shares = [build(kind, seed).compute_block(Window(0, 0, 480, 480)).water_fraction.mean() for seed in range(4)]
    if kind == "land":
        assert max(shares) < 0.1
    elif kind == "sea":
        assert min(shares) > 0.85
    else:
        assert max(shares) > 0.02
        assert min(shares) < 0.98
        assert 0.02 < float(np.median(shares)) < 0.97


@settings(max_examples=15, deadline=None)
@given(width_m=st.floats(8.0, 14.0), angle=st.floats(0.0, np.pi))
def test_a_river_of_one_pixel_is_a_river(width_m: float, angle: float) -> None:
    # Multiples of 1/4096, as relief_draws makes them.
    heading = (round(np.cos(angle) * 4096) / 4096, round(np.sin(angle) * 4096) / 4096)
    fraction = river(width_m, heading).compute_block(Window(-120, -120, 240, 240)).water_fraction
    near = fraction[100:140, 100:140]
    rows, cols = np.mgrid[100:140, 100:140] - 119.5
    along = -rows * heading[0] + cols * heading[1]
    # Within 15 pixels of the centre along its course the river covers 30 times its width.
    area = near[np.abs(along) < 15].sum() * 100
    assert area == pytest.approx(300 * width_m, rel=0.12)
    # It is never interrupted.
    _, parts = scipy.ndimage.label(fraction > 0, structure=np.ones((3, 3)))
    assert parts == 1


def test_a_straight_river_has_its_exact_width_in_every_row() -> None:
    fraction = river(10.0).compute_block(Window(-24, 0, 48, 48)).water_fraction
    np.testing.assert_allclose(fraction.sum(axis=1), 1.0, atol=1e-3)


def test_brooks_narrower_than_the_nodes_are_left_out() -> None:
    fraction = river(2.0).compute_block(Window(-24, 0, 48, 48)).water_fraction
    assert fraction.max() == 0


@pytest.mark.parametrize("kind", ["open_coast", "archipelago", "delta", "lakes", "river"])
def test_no_shore_is_missed_between_the_refined_cells(kind: Kind) -> None:
    """Wherever the field at pixel corners changes sign, the cell was refined, and neighbours agree on shared nodes."""
    for seed in range(3):
        block = build(kind, seed).compute_block(Window(0, 0, 240, 240))
        wet = block.nodes > 0
        mixed = (wet[:-1, :-1] != wet[1:, 1:]) | (wet[1:, :-1] != wet[:-1, 1:])
        refined = np.zeros((20, 20), dtype=bool)
        refined[tuple(block.cells.T)] = True
        assert not (mixed & ~refined.repeat(12, axis=0).repeat(12, axis=1)).any()
        fine = block.compute_fine_nodes()
        np.testing.assert_array_equal(fine[::SUBNODES, ::SUBNODES] > 0, wet)


def test_fractions_are_shares() -> None:
    fraction = build("delta", 5).compute_block(Window(0, 0, 240, 240)).water_fraction
    assert fraction.dtype == np.float32
    assert 0 <= fraction.min() <= fraction.max() <= 1 + 1e-6
    assert ((fraction > 0.01) & (fraction < 0.99)).mean() > 0.01
