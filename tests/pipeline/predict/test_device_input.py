"""What the device makes of DN is what the host makes of them. Here the device is the processor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.predict.device_buffers import Departure, Return
from pipeline.predict.device_input import NativeTile, ReflectanceTile, TileInput, find_marker, prepare_tile
from tests.pipeline.predict.device_scenes import MARKER, SIZE_M, make_scene
from tiles.grid import Window
from tiles.masks import CLOUD_CLASSES, NODATA, OBSCURED, VALID
from tiles.pixels.reader import ReadPlan, Strip, read_strips
from tiles.scene import NodataRule, Scene

CPU = torch.device("cpu")
FILL = np.array([0.1, 0.2, 0.3, 0.4, 0.5], dtype=np.float32)
EDGE = SIZE_M // 10
MARGIN = 70
AROUND = Window(-MARGIN, -MARGIN, EDGE + 2 * MARGIN, EDGE + 2 * MARGIN)


def open_strip(scene: Scene, *, clouds: bool = True) -> Strip:
    classes = CLOUD_CLASSES if clouds else frozenset[int]()
    plan = ReadPlan(scene=scene, bands=scene.bands, obscured_classes=classes, threads=1)
    (strip,) = read_strips(plan, [AROUND])
    return strip


@pytest.fixture(scope="module")
def strips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Strip]:
    folder = tmp_path_factory.mktemp
    return {
        "any": open_strip(make_scene(folder("any"))),
        "all": open_strip(make_scene(folder("all"), rule="all", holes=0.2)),
        "whole": open_strip(make_scene(folder("whole"), holes=0.0, nodata=None), clouds=False),
    }


def compute_on_host(strip: Strip, window: Window) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    pixels = strip.read(window)
    return np.where(pixels.state == VALID, pixels.reflectance, FILL[:, None, None])[None], pixels.state


def compute_on_device(
    tile: TileInput, departure: Departure | None = None
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    departure = departure or Departure(CPU)
    departure.gather(tile.arrays)
    image, state = tile.compute(departure.send(), torch.from_numpy(FILL))
    return image.numpy(), state.numpy()


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(["any", "all", "whole"]),
    row=st.integers(-MARGIN, EDGE + MARGIN - 1),
    col=st.integers(-MARGIN, EDGE + MARGIN - 1),
    height=st.integers(1, 120),
    width=st.integers(1, 120),
)
def test_dn_become_what_the_host_makes_of_them(
    strips: dict[str, Strip], name: str, row: int, col: int, height: int, width: int
) -> None:
    window = Window(col, row, min(width, EDGE + MARGIN - col), min(height, EDGE + MARGIN - row))
    tile = prepare_tile(strips[name], window)
    assert isinstance(tile, NativeTile)
    expected, expected_state = compute_on_host(strips[name], window)
    image, state = compute_on_device(tile)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(state, expected_state)
    assert np.abs(image - expected).max() <= 1e-6


def test_the_scenes_have_all_that_may_go_wrong(strips: dict[str, Strip]) -> None:
    states = {name: set(np.unique(strip.read(AROUND).state).tolist()) for name, strip in strips.items()}
    assert states == {"any": {VALID, NODATA, OBSCURED}, "all": {VALID, NODATA, OBSCURED}, "whole": {VALID}}
    dn = np.concatenate([piece.ravel() for piece in strips["any"].bands[0].pieces])
    assert (dn > 40000).any()  # what a signed number of 16 bits does not hold


def test_buffers_are_used_again_and_leave_nothing_behind(strips: dict[str, Strip]) -> None:
    departure = Departure(CPU)
    for window in (AROUND, Window(10, 20, 33, 21), Window(-60, -60, 100, 100)):
        image, state = compute_on_device(prepare_tile(strips["any"], window), departure)
        expected, expected_state = compute_on_host(strips["any"], window)
        np.testing.assert_array_equal(state, expected_state)
        np.testing.assert_allclose(image, expected, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_other_numbers_go_by_way_of_the_host(tmp_path: Path, dtype: str) -> None:
    strip = open_strip(make_scene(tmp_path, dtype=dtype))
    window = Window(-20, -20, 90, 80)
    tile = prepare_tile(strip, window)
    assert isinstance(tile, ReflectanceTile)
    expected, expected_state = compute_on_host(strip, window)
    image, state = compute_on_device(tile)
    np.testing.assert_array_equal(state, expected_state)
    np.testing.assert_array_equal(image, expected)


def test_a_corner_without_data_is_known_before_it_is_sent(strips: dict[str, Strip]) -> None:
    corner = Window(0, EDGE - 12, 6, 6)
    assert prepare_tile(strips["any"], corner).is_empty
    assert prepare_tile(strips["all"], corner).is_empty
    assert not prepare_tile(strips["whole"], corner).is_empty
    assert not prepare_tile(strips["all"], Window(60, 0, 12, 12)).is_empty


def test_a_band_without_data_takes_the_pixel_away_only_where_the_rule_says_so(strips: dict[str, Strip]) -> None:
    tile = prepare_tile(strips["all"], Window(60, 0, 12, 12))
    assert isinstance(tile, NativeTile)
    (dn, rows, cols), *others = tile.cuts
    part = replace(tile, cuts=((np.full_like(dn, MARKER), rows, cols), *others))
    assert not part.is_empty
    assert replace(part, radiometry=replace(part.radiometry, nodata_rule="any")).is_empty


@pytest.mark.parametrize(
    ("nodata", "marker"),
    [(None, None), (float("nan"), None), (-9999, None), (0.5, None), (0, 0), (65535.0, 65535), (65536, None)],
)
def test_a_marker_that_no_dn_can_be_is_none(nodata: float | None, marker: int | None) -> None:
    assert find_marker(nodata) == marker


def test_an_answer_comes_back_as_it_was() -> None:
    back = Return(CPU)
    for shape in ((5, 9), (3, 4)):
        probability = torch.rand(shape)
        state = torch.randint(0, 3, shape, dtype=torch.uint8)
        here, state_here = back.fetch(probability, state)
        np.testing.assert_array_equal(here, probability.numpy())
        np.testing.assert_array_equal(state_here, state.numpy())


@pytest.mark.parametrize("rule", ["any", "all"])
@pytest.mark.parametrize("other", [1234.0, 0.0, None])
def test_bands_with_a_scale_and_a_marker_of_their_own(tmp_path: Path, rule: NodataRule, other: float | None) -> None:
    scene = make_scene(tmp_path, rule=rule, holes=0.2)
    first, second = scene.band_names[:2]
    own = replace(scene.radiometry, quantifications={first: 5000.0}, markers={second: other})
    strip = open_strip(replace(scene, radiometry=own))
    window = Window(-5, 3, 60, 50)
    tile = prepare_tile(strip, window)
    assert isinstance(tile, NativeTile)
    expected, expected_state = compute_on_host(strip, window)
    image, state = compute_on_device(tile)
    np.testing.assert_array_equal(state, expected_state)
    assert np.abs(image - expected).max() <= 1e-6
    plain, _ = compute_on_host(open_strip(scene), window)
    assert np.abs(expected - plain).max() > 0.01
