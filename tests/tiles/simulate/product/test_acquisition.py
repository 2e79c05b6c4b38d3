from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.errors import GridError, SceneError
from tiles.simulate.product.acquisition import KNOWN_ORBITS, Satellite, resolve_acquisition

_PRODUCT = re.compile(r"S2[A-D]_MSIL2A_\d{8}T\d{6}_N0\d{3}_R\d{3}_T\d\d[A-Z]{3}_\d{8}T\d{6}\.SAFE")

zones = st.builds("EPSG:32{}{:02d}".format, st.sampled_from((6, 7)), st.integers(1, 60))


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    crs=zones,
    baseline=st.sampled_from(("02.07", "02.14", "04.00", "05.00", "05.11", "05.12")),
)
def test_names_follow_the_convention_and_the_seed(seed: int, crs: str, baseline: str) -> None:
    first = resolve_acquisition(seed=seed, size=120, baseline=baseline, crs=crs)
    assert first == resolve_acquisition(seed=seed, size=120, baseline=baseline, crs=crs)
    assert _PRODUCT.fullmatch(first.product)
    assert f"N{baseline.replace('.', '')}" in first.product
    assert first.square.tile_id in first.granule
    assert first.square.crs == crs
    assert first.generation > first.sensing
    assert first.has_offset == (baseline >= "04.00")
    assert 0 < first.sun_zenith < 75


def test_offset_follows_the_baseline_not_the_date() -> None:
    again = resolve_acquisition(seed=0, size=120, baseline="05.00", crs="EPSG:32630")
    assert again.sensing < datetime(2022, 1, 25, tzinfo=UTC)
    assert again.has_offset


@pytest.mark.parametrize(
    ("satellite", "baseline", "first"),
    [
        ("S2A", "02.14", 2020),
        ("S2B", "05.12", 2026),
        ("S2C", "05.11", 2025),
        ("S2C", "05.12", 2026),
        ("S2D", "05.12", 2026),
    ],
)
def test_a_satellite_that_is_asked_for_flies_by_then(satellite: Satellite, baseline: str, first: int) -> None:
    for seed in range(20):
        one = resolve_acquisition(seed=seed, size=120, baseline=baseline, crs="EPSG:32630", satellite=satellite)
        assert one.product.startswith(f"{satellite}_MSIL2A_20")
        assert one.sensing.year >= first
        assert (f"_2{satellite[-1]}PS_" in one.granule_id) == (baseline >= "04.00")


def test_each_baseline_draws_from_what_flies() -> None:
    def draw(baseline: str) -> set[str]:
        drawn = (resolve_acquisition(seed=n, size=120, baseline=baseline, crs="EPSG:32630") for n in range(40))
        return {one.spacecraft for one in drawn}

    assert draw("05.09") == {"S2A", "S2B"}
    assert draw("05.12") == {"S2A", "S2B", "S2C"}


def test_a_satellite_is_refused_before_it_flew() -> None:
    with pytest.raises(SceneError, match=r"from 05\.11 on for S2C.*found 05\.10"):
        resolve_acquisition(seed=0, size=120, baseline="05.10", crs="EPSG:32630", satellite="S2C")


@pytest.mark.parametrize(
    ("spacecraft", "sensing", "orbit", "relative_orbit"),
    [
        ("S2C", "20250612T112131", 4_011, 37),
        ("S2C", "20251010T162221", 5_730, 40),
        ("S2C", "20260430T084601", 8_614, 64),
    ],
)
def test_orbits_are_those_of_real_products(spacecraft: str, sensing: str, orbit: int, relative_orbit: int) -> None:
    known = next(known for known in KNOWN_ORBITS if known.spacecraft == spacecraft)
    assert known.compute_orbit(datetime.strptime(f"{sensing}+0000", "%Y%m%dT%H%M%S%z")) == orbit
    assert known.compute_relative_orbit(orbit) == relative_orbit


@pytest.mark.parametrize("size", [-6, 0, 59, 10_981, 11_000])
def test_an_impossible_size_is_refused_with_advice(size: int) -> None:
    with pytest.raises(GridError, match="from 60 to 10980") as caught:
        resolve_acquisition(seed=0, size=size, baseline="05.11", crs="EPSG:32630")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("baseline", ["5.11", "0511", "06.00", "01.00", "05.1", ""])
def test_an_impossible_baseline_is_refused(baseline: str) -> None:
    with pytest.raises(SceneError, match="processing baseline"):
        resolve_acquisition(seed=0, size=120, baseline=baseline, crs="EPSG:32630")


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(SceneError, match="seed of 0 or more"):
        resolve_acquisition(seed=-1, size=120, baseline="05.11", crs="EPSG:32630")


def test_a_size_is_rounded_up_to_whole_60_m_pixels() -> None:
    sizes = [resolve_acquisition(seed=0, size=size, baseline="05.11", crs="EPSG:32630").size for size in (60, 61, 2048)]
    assert sizes == [60, 66, 2052]
