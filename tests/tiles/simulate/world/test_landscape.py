from __future__ import annotations

import tracemalloc
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import shapely
import shapely.ops
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from tiles.bands import BANDS, L2A_STACK
from tiles.errors import GridError
from tiles.grid import Grid, Window
from tiles.pixels.resample import compute_sampling, interpolate
from tiles.simulate.world.landscape import (
    Rendered,
    World,
    WorldOptions,
    compute_shoreline,
    compute_stack,
    simulate_chip,
)
from tiles.simulate.world.relief import KINDS, Kind
from tiles.simulate.world.terrain import SUBNODES

WHOLE = Window(-60, 120, 300, 240)


@cache
def build(seed: int, kind: Kind = "random", *, cloud_cover: float = 0.2, faults: bool = True) -> World:
    return World(WorldOptions(
        seed=seed, kind=kind, cloud_cover=cloud_cover, extent_px=360, block_px=120, scene_class_faults=faults
    ))  # fmt: skip


@cache
def render(seed: int) -> Rendered:
    return build(seed).render(WHOLE)


def crop(pixels: np.ndarray, part: Window, resolution_m: int) -> np.ndarray:
    step = resolution_m // 10
    rows, cols = part.slices(within=WHOLE)
    return pixels[rows.start // step : rows.stop // step, cols.start // step : cols.stop // step]


def test_the_shoreline_that_rendering_keeps_is_the_one_that_is_computed() -> None:
    window = Window(-240, 240, 480, 300)  # whole blocks, and parts of others
    options = WorldOptions(seed=3, kind="delta", extent_px=1024)
    keeping = World(replace(options, keep_shoreline=True))
    keeping.render(Window(-240, 240, 480, 240))
    computed = compute_shoreline(World(options), window)
    moved = keeping.with_ground(World(replace(options, seed=4)).terrain)
    kept = compute_shoreline(keeping, window)
    assert len(computed) > 0
    assert [line.tolist() for line in kept] == [line.tolist() for line in computed]
    assert keeping.take_shoreline(Window(-240, 240, 240, 240)) is None, "it is kept until it is asked for"
    assert moved.take_shoreline(Window(0, 240, 240, 240)) is None, "of another ground nothing is known"


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 3),
    corner=st.tuples(st.integers(0, 39), st.integers(0, 29)),
    size=st.tuples(st.integers(1, 50), st.integers(1, 40)),
)
def test_a_window_is_a_crop_of_the_whole_whoever_renders_it(
    seed: int, corner: tuple[int, int], size: tuple[int, int]
) -> None:
    col, row = corner[0] * 6, corner[1] * 6
    part = Window(WHOLE.col_off + col, WHOLE.row_off + row, min(size[0] * 6, 300 - col), min(size[1] * 6, 240 - row))
    whole, alone = render(seed), World(build(seed).options).render(part)
    for name in L2A_STACK:
        np.testing.assert_array_equal(
            alone.reflectance[name], crop(whole.reflectance[name], part, BANDS[name].resolution_m)
        )
    np.testing.assert_array_equal(alone.classification, crop(whole.classification, part, 20))
    for field in ("water_fraction", "cloud", "shadow"):
        np.testing.assert_array_equal(getattr(alone, field), crop(getattr(whole, field), part, 10))


def test_a_window_is_rendered_in_native_resolutions() -> None:
    rendered = render(0)
    for name, pixels in rendered.reflectance.items():
        step = BANDS[name].resolution_m // 10
        assert pixels.shape == (240 // step, 300 // step)
        assert pixels.dtype == np.float32
        assert np.isfinite(pixels).all()
    assert rendered.water_fraction.shape == rendered.obscured.shape == (240, 300)
    assert rendered.classification.shape == (120, 150)


def test_another_seed_is_another_world() -> None:
    assert not np.array_equal(render(0).reflectance["B08"], render(1).reflectance["B08"])


@pytest.mark.parametrize("window", [Window(1, 0, 60, 60), Window(0, 0, 60, 62)])
def test_a_window_that_cuts_coarse_pixels_is_refused(window: Window) -> None:
    with pytest.raises(GridError, match="multiples of 6"):
        build(0).render(window)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "moon"}, "moon"),
        ({"cloud_cover": 40}, "percent"),
        ({"block_px": 100}, "12"),
        ({"extent_px": 0}, "extent"),
    ],
)
def test_impossible_options_are_refused_in_one_line(change: dict[str, object], words: str) -> None:
    with pytest.raises(GridError, match=words) as caught:
        WorldOptions(seed=1, **change)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["open_coast", "archipelago", "estuary", "lagoon", "lakes", "river", "fjord"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_polygons_of_the_shoreline_hold_the_water_of_the_fractions(kind: Kind, seed: int) -> None:
    world, window = build(seed, kind, cloud_cover=0.0), Window(12, 24, 228, 204)
    lines = compute_shoreline(world, window)
    edge = shapely.box(12, 24, 240, 228)
    faces = shapely.ops.polygonize(shapely.union_all([*map(shapely.LineString, lines), edge.boundary]))
    nodes = world.terrain.compute_block(window).compute_fine_nodes()
    area = 0.0
    for face in faces:
        # A face is water where most of the nodes well inside it are; a sliver without nodes weighs nothing.
        left, top, right, bottom = face.bounds
        cols, rows = np.meshgrid(
            np.arange(np.ceil(left * 4), right * 4) / 4, np.arange(np.ceil(top * 4), bottom * 4) / 4
        )
        inside = shapely.contains_xy(face, cols, rows)
        at = (((rows[inside] - 24) * SUBNODES).astype(int), ((cols[inside] - 12) * SUBNODES).astype(int))
        if inside.any():
            wet = nodes[at] > 0
            assert wet.all() or not wet.any(), "a face of the shoreline is all water or all land"
            area += face.area * bool(wet.all())
    fraction = world.render(Window(12, 24, 228, 204)).water_fraction
    assert area == pytest.approx(float(fraction.sum(dtype=np.float64)), abs=0.5 + 1e-4 * area)


@pytest.mark.parametrize("seed", range(4))
def test_lines_end_at_the_windows_edge_alone(seed: int) -> None:
    window = Window(-35, 17, 500, 301)  # any whole pixels, across several blocks
    for line in compute_shoreline(build(seed, "archipelago"), window):
        assert len(line) >= 2
        if not np.array_equal(line[0], line[-1]):
            for x, y in (line[0], line[-1]):
                assert x in (-35, 465) or y in (17, 318)
        steps = np.hypot(*np.diff(line, axis=0).T)
        assert steps.max() < 0.36  # never further than the diagonal of a square of nodes


def test_land_lies_on_the_left_of_the_shoreline() -> None:
    world, window = build(2, "archipelago", cloud_cover=0.0), Window(0, 0, 360, 360)
    nodes = world.terrain.compute_block(window).compute_fine_nodes()
    for line in compute_shoreline(world, window):
        step = np.diff(line, axis=0)
        long = np.hypot(*step.T) > 0.2
        # Left of travel on the map is (dy, -dx) in x right, y down.
        middle, left = (line[:-1] + step / 2)[long], np.stack([step[:, 1], -step[:, 0]], axis=1)[long]
        probe = np.clip(np.rint((middle + left * 1.2) * SUBNODES).astype(int), 0, 1440)
        assert (nodes[probe[:, 1], probe[:, 0]] < 0).mean() > 0.8 or len(line) < 20


def test_the_shoreline_is_where_fractions_cross_a_half() -> None:
    world, window = build(3, "open_coast", cloud_cover=0.0), Window(0, 0, 360, 360)
    fraction = world.render(window).water_fraction
    lines = compute_shoreline(world, window)
    points = np.concatenate([(line[:-1] + line[1:]) / 2 for line in lines])
    cells = np.clip(points.astype(int), 0, 359)
    touched = np.zeros_like(fraction, dtype=bool)
    touched[cells[:, 1], cells[:, 0]] = True
    mixed = (fraction > 1e-3) & (fraction < 1 - 1e-3)
    assert mixed.any()
    assert not (mixed & ~touched).any()


def test_memory_does_not_grow_with_the_window() -> None:
    world = build(4, "open_coast", cloud_cover=0.0)
    peaks = []
    for height in (240, 1200):
        tracemalloc.start()
        compute_shoreline(world, Window(0, 0, 480, height))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_a_faultless_classification_is_the_truth() -> None:
    world = build(5, "lakes", cloud_cover=0.0, faults=False)
    rendered = world.render(WHOLE)
    wet = rendered.water_fraction.reshape(120, 2, 150, 2).mean(axis=(1, 3))
    assert set(np.unique(rendered.classification)) <= {2, 4, 5, 6, 11}
    assert (rendered.classification[wet <= 0.5] != 6).all()
    assert np.isin(rendered.classification[wet > 0.5], (6, 11)).all()


def test_the_classification_errs_now_and_then_as_the_real_one_does() -> None:
    right = wrong = 0
    for seed in range(6):
        true, seen = (build(seed, cloud_cover=0.0, faults=f).render(WHOLE).classification for f in (False, True))
        right, wrong = right + int((true == seen).sum()), wrong + int((true != seen).sum())
    assert 0.0005 < wrong / (right + wrong) < 0.1


def test_clouds_are_seen_and_classified() -> None:
    world = World(WorldOptions(seed=8, kind="land", cloud_cover=0.5, extent_px=480))
    rendered = world.render(Window(0, 0, 480, 480))
    thick = rendered.cloud > 0.9
    assert 0.02 < thick.mean() < 0.9
    assert np.median(rendered.reflectance["B02"][thick]) > 0.25
    coarse = thick.reshape(240, 2, 240, 2).all(axis=(1, 3))
    assert np.isin(rendered.classification[coarse], (8, 9)).all()
    np.testing.assert_array_equal(rendered.obscured, rendered.cloud > 0.3)


@pytest.mark.parametrize("resolution_m", [10, 20, 60])
def test_bands_come_onto_one_grid_as_the_reader_brings_them(resolution_m: int) -> None:
    rendered = render(1)
    stack = compute_stack(rendered, resolution_m=resolution_m)
    step = resolution_m // 10
    assert stack.shape == (12, 240 // step, 300 // step)
    for index, name in enumerate(L2A_STACK):
        native = BANDS[name].resolution_m
        if native <= resolution_m:
            continue
        grids = [
            Grid(crs=CRS.from_epsg(32630), transform=Affine(r, 0, 0, 0, -r, 0), width=3000 // r, height=2400 // r)
            for r in (native, resolution_m)
        ]
        rows, cols = (
            compute_sampling(grids[0], grids[1], start=0, stop=grids[1].shape[axis], axis=axis) for axis in (0, 1)
        )
        expected = interpolate(rendered.reflectance[name], rows, cols)
        np.testing.assert_allclose(stack[index], expected, atol=2e-6)


@pytest.mark.parametrize(("size", "resolution_m"), [(64, 10), (50, 20), (33, 60)])
def test_a_chip_has_the_size_and_truth_that_training_needs(size: int, resolution_m: int) -> None:
    tile = simulate_chip(7, size=size, resolution_m=resolution_m)
    assert tile.reflectance.shape == (12, size, size)
    assert tile.reflectance.dtype == tile.water_fraction.dtype == np.float32
    assert tile.water_fraction.shape == tile.clear.shape == (size, size)
    assert np.isfinite(tile.reflectance).all()
    assert -0.1 < tile.reflectance.min() < tile.reflectance.max() < 2.0
    again = simulate_chip(7, size=size, resolution_m=resolution_m)
    np.testing.assert_array_equal(tile.reflectance, again.reflectance)


def test_chips_show_shores_often_and_all_kinds_of_world() -> None:
    tiles = [simulate_chip(seed, size=32) for seed in range(40)]
    shores = [0.02 < tile.water_fraction.mean() < 0.98 for tile in tiles]
    assert np.mean(shores) > 0.4
    assert len({tile.kind for tile in tiles}) >= len(KINDS) - 2
    assert 0.1 < np.mean([not tile.clear.all() for tile in tiles]) < 0.5


def test_water_is_told_from_land_neither_trivially_nor_hopelessly_by_an_index() -> None:
    right = []
    for seed in range(100, 124):
        chip = simulate_chip(seed, size=96)
        green, infrared = chip.reflectance[2], chip.reflectance[7]
        sure = chip.clear & ((chip.water_fraction < 0.05) | (chip.water_fraction > 0.95))
        if sure.any():
            right.append(((green > infrared) == (chip.water_fraction > 0.5))[sure].mean())
    assert 0.8 < np.mean(right) < 0.995
    assert min(right) < 0.9


def test_chips_take_the_kind_and_cloud_that_are_asked_for() -> None:
    chip = simulate_chip(3, size=48, options=WorldOptions(seed=0, kind="sea", cloud_cover=0.0))
    assert chip.kind == "sea"
    assert chip.clear.all()
    assert chip.water_fraction.mean() > 0.9


def test_a_resolution_that_no_product_has_is_refused() -> None:
    with pytest.raises(GridError, match="30 m"):
        simulate_chip(0, size=24, resolution_m=30)
