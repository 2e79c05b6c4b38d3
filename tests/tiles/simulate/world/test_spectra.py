"""The simulator's spectra: their order, their range, and that they look like the surfaces they name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.windows import Window
from scipy.spatial import cKDTree

from tiles.bands import L2A_STACK
from tiles.errors import SceneError
from tiles.simulate.world.spectra import (
    SPECTRA,
    SPECTRA_VERSION,
    DrawnSpectrum,
    Spectrum,
    compute_slope,
    draw_spectrum,
    from_soft_log,
    to_soft_log,
)

BAND = {name: index for index, name in enumerate(L2A_STACK)}
ADDED_LIGHT = {"cirrus"}
NAMES = st.sampled_from(sorted(SPECTRA))
SEEDS = st.integers(0, 2**32 - 1)


def draw(name: str, seed: int) -> DrawnSpectrum:
    return draw_spectrum(name, np.random.default_rng(seed))


def test_classes_of_the_world_are_there() -> None:
    wanted = (
        "clear coastal turbid river_mud shallow algae humic rough_sea foam lake_ice beach wet_flat sand_desert "
        "desert_dark rock salt_flat forest conifer mangrove crops grass scrub soil_bright soil_dark burnt shadow "
        "town roof_bright asphalt snow cloud cirrus"
    )
    assert set(wanted.split()) <= set(SPECTRA)
    assert SPECTRA_VERSION


@pytest.mark.parametrize("name", sorted(SPECTRA))
def test_every_variant_says_where_it_comes_from(name: str) -> None:
    for variant in SPECTRA[name]:
        measured = variant.pixels > 0
        assert variant.source.startswith("measured" if measured else "table")
        assert measured == (variant.crops > 0)
        assert variant.is_water == SPECTRA[name][0].is_water
        assert np.array(variant.within).shape == (12, 3)


@given(name=NAMES, seed=SEEDS)
def test_the_same_seed_draws_the_same(name: str, seed: int) -> None:
    one, two = draw(name, seed), draw(name, seed)
    np.testing.assert_array_equal(one.mean, two.mean)
    np.testing.assert_array_equal(one.factor, two.factor)


@given(name=NAMES, seed=SEEDS)
def test_draws_stay_plausible(name: str, seed: int) -> None:
    drawn = draw(name, seed)
    assert drawn.mean.shape == (12,)
    assert drawn.mean.min() >= -0.02
    assert drawn.mean.max() <= 1.3
    assert (drawn.residual >= 0).all()
    textures = np.random.default_rng(seed).standard_normal((3, 16, 16)).astype(np.float32)
    pixels = drawn.compute_reflectance(textures)
    assert pixels.shape == (12, 16, 16)
    assert pixels.min() > -0.05
    assert pixels.max() < 3


@given(name=NAMES, seed=SEEDS)
def test_seeds_differ(name: str, seed: int) -> None:
    assert not np.array_equal(draw(name, seed).mean, draw(name, seed + 1).mean)


def test_texture_has_the_covariance_that_the_factor_states() -> None:
    drawn = draw("grass", 3)
    textures = np.random.default_rng(0).standard_normal((3, 40_000)).astype(np.float32)
    found = np.cov(drawn.compute_reflectance(textures))
    stated = drawn.factor @ drawn.factor.T
    np.testing.assert_allclose(found, stated, atol=0.06 * stated.max())


@pytest.mark.parametrize("name", [name for name in SPECTRA if SPECTRA[name][0].is_water and name != "lake_ice"])
def test_water_is_darker_in_the_short_wave_infrared_than_land(name: str) -> None:
    water = np.median([draw(name, seed).mean for seed in range(60)], axis=0)
    for land in ("beach", "sand_desert", "forest", "crops", "grass", "soil_bright", "town", "mangrove"):
        dry = np.median([draw(land, seed).mean for seed in range(60)], axis=0)
        assert water[BAND["B11"]] < dry[BAND["B11"]]


@pytest.mark.parametrize(
    ("name", "sign"), [("clear", 1), ("turbid", 1), ("coastal", 1), ("forest", -1), ("crops", -1), ("beach", -1)]
)
def test_ndwi_has_the_sign_that_the_surface_has(name: str, sign: int) -> None:
    means = np.array([draw(name, seed).mean for seed in range(100)])
    difference = means[:, BAND["B03"]] - means[:, BAND["B08"]]
    assert (np.sign(difference) == sign).mean() > 0.95


@given(st.lists(st.floats(-0.02, 1.5), min_size=1, max_size=12))
def test_soft_logarithm_comes_back(values: list[float]) -> None:
    np.testing.assert_allclose(from_soft_log(to_soft_log(values)), values, atol=1e-12)


@given(st.floats(-0.02, 1.5))
def test_slope_is_the_derivative(value: float) -> None:
    y = to_soft_log(value)
    numeric = (from_soft_log(y + 1e-5) - from_soft_log(y - 1e-5)) / 2e-5
    assert numeric == pytest.approx(compute_slope(value), rel=1e-6)


def test_unknown_class_names_the_known() -> None:
    with pytest.raises(SceneError, match=r"no surface class 'lava'.*turbid"):
        draw("lava", 0)


@settings(max_examples=20)
@given(bands=st.integers(0, 30).filter(lambda n: n != 12))
def test_a_spectrum_needs_twelve_bands(bands: int) -> None:
    rows = ((0.0,) * 3,) * bands
    with pytest.raises(SceneError, match="12 bands"):
        Spectrum(
            name="x",
            mean=(0.1,) * bands,
            components=rows,
            within=rows,
            residual=(0.0,) * bands,
            is_water=False,
            pixels=0,
            crops=0,
            source="table",
        )


@pytest.fixture(scope="module")
def drawn() -> tuple[cKDTree, np.ndarray]:
    """Pixels of many draws of every class, in soft logarithm, and whether each is water."""
    rng = np.random.default_rng(7)
    pixels, wet = [], []
    for name in set(SPECTRA) - ADDED_LIGHT:
        for _ in range(80):
            spectrum = draw_spectrum(name, rng)
            textures = rng.standard_normal((3, 10)).astype(np.float32)
            pixels.append(spectrum.compute_reflectance(textures).T)
            wet += [spectrum.is_water] * 10
    return cKDTree(to_soft_log(np.concatenate(pixels))), np.array(wet)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("file", "rows", "cols", "water"),
    [
        ("sundarbans_20200127_L2A_12band.tif", (560, 605), (127, 171), False),  # mangrove
        ("sundarbans_20200127_L2A_12band.tif", (810, 836), (17, 43), True),  # tidal channel
        ("chiemsee_20230207_L2A_12band_60m.tif", (320, 380), (225, 285), True),
        ("ammersee_starnberg_20230322_L2A_12band_60m.tif", (300, 700), (30, 200), False),
        ("coast_crops/bigearthnet_coast_0.tif", (0, 120), (0, 120), True),  # glint: NDWI is useless here
        ("terramesh/38D_378R_2_3.tif", (0, 224), (0, 224), False),  # savanna
        ("terramesh/637U_59R_1_3.tif", (0, 224), (0, 224), False),  # fields
    ],
)
def test_draws_reach_real_pixels_and_tell_land_from_water(
    shared: Path,
    drawn: tuple[cKDTree, np.ndarray],
    file: str,
    rows: tuple[int, int],
    cols: tuple[int, int],
    water: bool,
) -> None:
    with rasterio.open(shared / "scenes" / file) as dataset:
        pixels = dataset.read(window=Window.from_slices(rows, cols)).reshape(12, -1)[:, ::3]
    tree, wet = drawn
    distance, nearest = tree.query(to_soft_log(pixels.T / 10_000), k=3)
    near = distance[:, 0] / np.sqrt(12) < 0.3
    assert near.mean() > 0.9
    assert ((wet[nearest].mean(axis=1) > 0.5) == water).mean() > 0.98


def test_desert_draws_have_the_median_of_the_real_desert(shared: Path) -> None:
    draws = to_soft_log([draw("sand_desert", seed).mean for seed in range(200)])
    for name in ("B02", "B04", "B08", "B11"):
        with rasterio.open(shared / "stac" / "29RKH" / f"{name}.tif") as dataset:
            real = to_soft_log(np.median(dataset.read(1, out_shape=(200, 200))) / 10_000)
        assert np.median(draws[:, BAND[name]]) == pytest.approx(float(real), abs=0.15)
