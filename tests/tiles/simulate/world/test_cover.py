from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.bands import L2A_STACK
from tiles.simulate.world.cover import Cover, Site, compute_ground, draw_cover
from tiles.simulate.world.palette import Ground, build_palette, compute_band
from tiles.simulate.world.parcels import Fields, lay_fields
from tiles.simulate.world.roads import Roads, compute_roads, draw_roads

SEEDS = st.integers(0, 10_000)


def lay(cover: Cover, first: int, size: int) -> Ground:
    rows = np.arange(first, first + size, dtype=np.float64) + 0.5
    inland = np.broadcast_to(((rows - 20) * 10).astype(np.float32), (size, size))
    site = Site(rows=rows, cols=rows, inland_m=inland, height_m=np.zeros_like(inland), sea_m=-inland)
    return compute_ground(cover, site)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_the_cover_of_a_window_is_a_crop_of_a_larger_one(seed: int) -> None:
    cover = draw_cover(np.random.default_rng(seed), extent_px=400)
    whole, part = lay(cover, 0, 60), lay(cover, 12, 36)
    inner = (slice(12, 48),) * 2
    assert (part.surfaces == whole.surfaces[inner]).mean() > 0.999
    assert part.surfaces.max() < len(cover.palette.names)
    np.testing.assert_allclose(part.wet, whole.wet[inner], atol=2e-2)
    if part.line is not None and whole.line is not None:
        np.testing.assert_allclose(part.line[1:-1, 1:-1], whole.line[13:47, 13:47], atol=1e-3)


def test_worlds_differ_in_how_wet_and_dark_they_are() -> None:
    covers = [draw_cover(np.random.default_rng(seed), extent_px=400) for seed in range(60)]
    wet = np.array([lay(cover, 0, 60).wet.mean() for cover in covers])
    assert (wet < 0.01).mean() > 0.1
    assert (wet > 0.15).mean() > 0.1
    infrared = L2A_STACK.index("B08")
    darkest = np.array(
        [cover.palette.mean[list({z for z in cover.zones if z >= 0} or {0}), infrared].min() for cover in covers]
    )
    assert (darkest < 0.06).mean() > 0.05
    assert (darkest > 0.12).mean() > 0.3


@given(seed=SEEDS)
def test_wet_ground_is_darker_most_so_in_the_short_wave_infrared(seed: int) -> None:
    palette = build_palette(["soil_bright"], np.random.default_rng(seed))
    one = np.ones((4, 4), dtype=np.float32)
    zero, none = np.zeros_like(one), np.zeros((3, 4, 4), dtype=np.float32)
    dry = Ground(surfaces=np.zeros((4, 4), np.uint8), gain=one, wet=zero, line=None, line_surface=0)
    ratio = [
        (
            compute_band(palette, band, replace(dry, wet=one), none, zero)
            / compute_band(palette, band, dry, none, zero)
        ).mean()
        for band in range(12)
    ]
    assert max(ratio) < 0.65
    assert ratio[L2A_STACK.index("B12")] == min(ratio) < 0.35


@pytest.mark.parametrize("width_px", [0.5, 1.0, 3.0])
def test_a_road_covers_its_width(width_px: float) -> None:
    roads = draw_roads(np.random.default_rng(0), 1)
    straight = replace(roads.bends, amplitudes=(0.0,) * len(roads.bends.amplitudes))
    road = Roads(headings=((0.6, 0.8),), periods_px=(50.0,), half_widths_px=(width_px / 2,), bends=straight)
    share = compute_roads(road, np.arange(0.5, 400, dtype=np.float64), np.arange(0.5, 400, dtype=np.float64))
    assert share is not None
    assert share.max() <= 1
    assert float(share.mean()) == pytest.approx(width_px / 50, rel=0.15)


def test_land_without_roads_has_none() -> None:
    roads = Roads(headings=(), periods_px=(), half_widths_px=(), bends=draw_roads(np.random.default_rng(0), 1).bends)
    assert compute_roads(roads, np.arange(4.0), np.arange(4.0)) is None


def test_a_hedge_stands_between_fields_and_its_width_is_what_was_asked() -> None:
    fields = Fields(seed=3, surfaces=(1, 2), edge=5, edge_px=2.0, size_px=(20.0, 1e9), contrast=0.3, irrigated=0.5)
    along, across = np.meshgrid(np.arange(400, dtype=np.float32) + 0.5, np.arange(40, dtype=np.float32), indexing="ij")
    surfaces, gain, wet = lay_fields(fields, along, across + 5)
    assert (surfaces == 5).mean() == pytest.approx(0.1, abs=0.01)
    assert set(np.unique(surfaces)) == {1, 2, 5}
    assert len(np.unique(gain)) > 5
    assert 0.05 < (wet > 0).mean() < 0.9
