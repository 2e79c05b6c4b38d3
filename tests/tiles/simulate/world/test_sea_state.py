from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tiles.bands import L2A_STACK
from tiles.simulate.world.sea_state import (
    Drift,
    Surf,
    compute_drift,
    compute_glint,
    compute_surf,
    draw_drift,
    draw_glint,
    draw_surf,
)
from tiles.simulate.world.vessels import compute_vessels
from tiles.simulate.world.waters import compute_water_band, compute_water_view, draw_waters

POSITIONS = np.arange(0.5, 300, dtype=np.float64)
SEEDS = st.integers(0, 10_000)
Field = NDArray[np.float32]
T = TypeVar("T")


def first(draw: Callable[[np.random.Generator, int], T | None]) -> T:
    return next(thing for seed in range(200) if (thing := draw(np.random.default_rng(seed), seed)) is not None)


def straight_shore() -> Field:
    """Land in the 50 rows at the top, then sea: metres from the shore."""
    return np.broadcast_to(((POSITIONS - 50) * 10)[:, None], (300, 300)).astype(np.float32)


def see_surf(surf: Surf) -> Field:
    shore = straight_shore()
    return compute_surf(surf, POSITIONS, POSITIONS, shore_m=shore, sea_m=shore, patches=np.ones_like(shore))


@pytest.mark.parametrize("reach_m", [60.0, 250.0])
def test_waves_break_near_the_shore_in_rows(reach_m: float) -> None:
    surf = replace(first(draw_surf), reach_m=reach_m, lines=3, crest_m=15.0, wash=0.0, level=-1.0, exposure=-9.0)
    foam = see_surf(surf)
    assert foam.min() >= 0
    assert foam.max() <= 1
    assert foam[50 + int(1.6 * reach_m / 10) :].max() == 0  # none on the open sea
    assert foam[50 : 50 + int(reach_m / 10)].mean() > 0.1
    broken = foam[52:56].std(axis=1)
    assert broken.min() > 0.02


def test_a_calm_shore_and_a_river_have_no_surf() -> None:
    assert not see_surf(replace(first(draw_surf), exposure=9.0)).any()
    shore = straight_shore()
    patches = np.ones_like(shore)
    assert not compute_surf(
        first(draw_surf), POSITIONS, POSITIONS, shore_m=shore, sea_m=-abs(shore) - 1, patches=patches
    ).any()


@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_glint_adds_light_and_slicks_take_it_away(seed: int) -> None:
    glint = replace(draw_glint(np.random.default_rng(seed), seed), strength=0.05)
    waves = np.random.default_rng(seed).standard_normal((300, 300)).astype(np.float32)
    flat = np.zeros_like(waves)
    smooth = compute_glint(replace(glint, slick=0.0), POSITIONS, POSITIONS, waves=waves, patches=flat)
    slick = compute_glint(replace(glint, slick=0.9), POSITIONS, POSITIONS, waves=waves, patches=flat)
    assert smooth.min() >= 0
    assert float(smooth.mean()) == pytest.approx(0.05, rel=0.3)
    assert (slick <= smooth).all()
    assert (slick < 0.3 * smooth + 1e-9).any()


def test_detectors_see_the_same_glint_in_different_strength() -> None:
    glint = replace(draw_glint(np.random.default_rng(1), 1), strength=0.05, slick=0.0, detector=(100.0, 1.0, 0.0, 0.4))
    flat = np.zeros((300, 300), dtype=np.float32)
    light = compute_glint(glint, POSITIONS, POSITIONS, waves=flat, patches=flat)
    np.testing.assert_allclose(np.unique(light), [0.04, 0.06], rtol=1e-5)
    assert light[0, 50] != light[0, 150]


@pytest.mark.parametrize("width_px", [0.0, 1.0])
def test_plants_drift_in_rows_or_mats_over_part_of_the_water(width_px: float) -> None:
    drift: Drift = replace(first(draw_drift), width_px=width_px, density=0.7, level=-0.2)
    share = compute_drift(drift, POSITIONS, POSITIONS)
    assert 0 <= share.min() < 0.6 < share.max() <= 0.7 + 1e-6
    assert 0.001 < (share > 0.1).mean() < 0.5


def test_ships_keep_away_from_the_shore_and_agree_between_windows() -> None:
    shore = straight_shore()
    ships = compute_vessels(5, 0.9, POSITIONS, POSITIONS, shore)
    assert ships is not None
    assert 0.0005 < ships.hull.mean() < 0.1
    assert ships.wake.mean() > 0.0005
    assert ships.hull.max() <= 1 + 1e-6 >= ships.wake.max()
    assert not ships.hull[:53].any()
    part = compute_vessels(5, 0.9, POSITIONS[120:240], POSITIONS[90:260], shore[120:240, 90:260])
    assert part is not None
    np.testing.assert_array_equal(part.hull, ships.hull[120:240, 90:260])
    np.testing.assert_allclose(part.wake, ships.wake[120:240, 90:260], atol=1e-6)
    assert compute_vessels(5, 0.0, POSITIONS, POSITIONS, shore) is None


def test_waters_are_dark_and_bright_clear_and_brown() -> None:
    shore = straight_shore()[150:, :150]
    at = POSITIONS[150:], POSITIONS[:150]
    red: list[float] = []
    infrared: list[float] = []
    for seed in range(80):
        waters = draw_waters(np.random.default_rng(seed), cold=False)
        view = compute_water_view(waters, *at, shore, shore)
        for name, found in (("B04", red), ("B08", infrared)):
            found.append(
                float(np.median(compute_water_band(waters, view, L2A_STACK.index(name), np.zeros_like(shore))))
            )
    assert np.percentile(red, 10) < 0.02
    assert np.percentile(red, 95) > 0.1
    assert np.percentile(infrared, 25) < 0.025
    assert np.percentile(infrared, 97) > 0.06
