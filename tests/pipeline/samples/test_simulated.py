"""Simulated samples depend on the generator alone, whether their chip was kept or is made now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from models.errors import TrainingError
from pipeline.samples.chips import Chip
from pipeline.samples.simulate_chip import CHIP_PX, simulate
from pipeline.samples.simulated import SimulatedSource
from tiles.bands import L2A_STACK
from tiles.errors import SampleError
from tiles.samples.sample import SampleSource
from tiles.simulate.world.relief import Kind

FIRST = 31


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chips")


def test_it_is_a_source(cache: Path) -> None:
    source = SimulatedSource(first_seed=FIRST, chips=3, cache=cache)
    assert isinstance(source, SampleSource)
    assert source.places == ("31", "32", "33")
    assert source.restrict(frozenset({"32", "99"})).places == ("32",)
    with pytest.raises(SampleError, match="one simulated chip or more"):
        source.restrict(frozenset({"99"}))


def test_a_draw_is_the_same_from_a_full_an_empty_and_no_cache(cache: Path, tmp_path: Path) -> None:
    kept = SimulatedSource(first_seed=FIRST, chips=2, cache=cache)
    empty, none = replace(kept, cache=tmp_path), replace(kept, cache=None)
    for seed in range(4):
        samples = [s.draw(np.random.default_rng(seed), size=64) for s in (kept, kept, empty, none)]
        for other in samples[1:]:
            assert other.place == samples[0].place
            assert other.resolution_m == samples[0].resolution_m
            np.testing.assert_array_equal(other.valid, samples[0].valid)
            np.testing.assert_allclose(other.fraction, samples[0].fraction, atol=0.51 / 255)
            np.testing.assert_allclose(other.reflectance, samples[0].reflectance, atol=1e-4)


def test_tiles_cover_a_chip_once(cache: Path) -> None:
    source = SimulatedSource(first_seed=FIRST, chips=1, cache=cache)
    tiles = list(source.tiles(size=100))
    assert {tile.fraction.shape for tile in tiles} == {(100, 100)}
    assert sum(int(tile.valid.sum()) for tile in tiles) == int(source.read_chip(FIRST).valid.sum())
    assert not any(np.isfinite(tile.reflectance).any() for tile in tiles if not tile.valid.any())


def test_a_beach_is_an_open_shore_whose_sand_is_often_dark() -> None:
    chips = [simulate(seed, kind="beach") for seed in range(FIRST, FIRST + 3)]
    assert all(0.02 < chip.fraction.mean() < 0.98 for chip in chips)
    sand = []
    for chip in chips:
        inland = distance_transform_edt(chip.fraction == 0)
        near = (inland > 2) & (inland < 9)
        sand.append(np.nanmedian(chip.reflectance[L2A_STACK.index("B08")][near]))
    assert np.median(sand) < 0.2  # that of common sand is 0.4


def test_harbours_are_kept_beside_worlds_of_any_kind(cache: Path) -> None:
    world, harbour = (
        SimulatedSource(first_seed=FIRST, chips=1, cache=cache, kind=kind) for kind in ("random", "harbour")
    )
    one, other = (source.read_chip(FIRST) for source in (world, harbour))
    assert (one.fraction != other.fraction).any()
    np.testing.assert_allclose(other.fraction, simulate(FIRST, kind="harbour").fraction, atol=0.51 / 255)


def test_coarse_draws_are_padded_with_nothing(cache: Path) -> None:
    coarse = SimulatedSource(first_seed=FIRST, chips=1, cache=cache, factors=(6,))
    sample = coarse.draw(np.random.default_rng(1), size=128)
    assert sample.resolution_m == 60
    assert np.isnan(sample.reflectance[:, CHIP_PX // 6 :]).all()
    assert not sample.valid[CHIP_PX // 6 :].any()
    assert sample.valid.any()


def test_chips_of_another_simulator_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SimulatedSource(first_seed=FIRST, chips=2, cache=tmp_path).read_chip(FIRST)

    def simulate_otherwise(seed: int, *, kind: Kind) -> Chip:
        chip = simulate(seed, kind=kind)
        return replace(chip, reflectance=chip.reflectance + np.float32(0.01))

    from pipeline.samples import simulated as simulated_source

    simulated_source._open_store.cache_clear()
    monkeypatch.setattr(simulated_source, "simulate", simulate_otherwise)
    with pytest.raises(TrainingError, match="another version of the simulator"):
        SimulatedSource(first_seed=FIRST, chips=2, cache=tmp_path).read_chip(FIRST)
