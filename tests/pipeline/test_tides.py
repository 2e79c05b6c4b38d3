"""Tides: read, interpolated where that is honest, computed through pyTMD, and corrected with the right sign."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.tides import TideError, compute_model_heights, correct_for_tide, read_tide_heights
from tests.conftest import skip_without

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)


def write_table(path: Path, rows: list[tuple[str, float]], header: str = "time,height_m") -> Path:
    path.write_text("\n".join([header, *(f"{time},{height}" for time, height in rows)]) + "\n")
    return path


@given(st.floats(-200, 200), st.floats(-5, 5), st.floats(0.01, 0.5))
def test_a_shore_seen_at_high_tide_lies_further_out_than_it_looks(position: float, height: float, slope: float) -> None:
    corrected = correct_for_tide(np.array([[position]]), np.array([height]), slope=slope)[0, 0]
    assert corrected == pytest.approx(position + height / slope)
    assert np.sign(corrected - position) in (np.sign(height), 0)


def test_heights_between_rows_are_interpolated_and_wide_gaps_are_not(tmp_path: Path) -> None:
    rows = [("2024-06-01T11:00Z", 1.0), ("2024-06-01 12:00", 2.0), ("2024-06-01T20:00+02:00", 5.0)]
    path = write_table(tmp_path / "tides.csv", rows)
    moments = [
        NOON - timedelta(minutes=30),
        NOON,
        NOON + timedelta(hours=2),
        NOON + timedelta(hours=6, minutes=8),
        None,
    ]
    heights = read_tide_heights(path, moments)
    np.testing.assert_allclose(heights, [1.5, 2.0, np.nan, 5.0, np.nan])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("when,height_m\n2024-06-01,1\n", "time"),
        ("time,height_m\n2024-06-01,high\n", "high"),
        ("time,height_m\n", "none below"),
        ("time,height_m\n2024-06-01T12:00Z,135\n", "metres"),
        ("time,height_m\n2019-06-01T12:00Z,1\n", "for any of the 1 dates"),
    ],
)
def test_a_table_that_says_nothing_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "tides.csv"
    path.write_text(text)
    with pytest.raises(TideError, match=words):
        read_tide_heights(path, [NOON])


def test_a_model_of_one_constituent_gives_its_wave(tmp_path: Path) -> None:
    got = pytest.importorskip("pyTMD.io.GOT") if _has_pytmd() else skip_without("pyTMD")
    lon, lat = np.arange(0.0, 360.0, 4.0), np.arange(-90.0, 91.0, 4.0)
    wave = np.ma.array(np.full((lat.size, lon.size), 100.0 + 0j), mask=np.zeros((lat.size, lon.size), bool))
    wave.mask[:5] = True  # land around a pole
    (tmp_path / "waves").mkdir()
    for name, size in (("m2", 1.0), ("s2", 0.0001)):
        got.output_netcdf_file(tmp_path / "waves" / f"{name}.nc", wave * size, lon, lat, name)
    definition = {"name": "waves", "format": "GOT-netcdf", "type": "z", "model_file": "waves/*.nc", "scale": 0.01}
    (tmp_path / "waves.json").write_text(json.dumps(definition | {"variable": "tide_ocean"}))
    moments = [NOON + timedelta(minutes=15 * step) for step in range(100)]
    heights = compute_model_heights("waves", tmp_path, [*moments, None], lon=357.0, lat=43.0)
    assert np.isnan(heights[-1])
    hours = np.arange(100) / 4
    speed = np.radians(28.9841042)  # of M2, radians an hour
    parts = np.stack((np.cos(speed * hours), np.sin(speed * hours)), axis=1)
    size, _, _, _ = np.linalg.lstsq(parts, heights[:-1], rcond=None)
    assert np.hypot(*size) == pytest.approx(1.0, abs=0.06)  # the moon's node changes M2 by 4%
    assert np.std(heights[:-1] - parts @ size) < 0.1  # minor constituents that pyTMD infers
    same = compute_model_heights("waves", tmp_path, moments, lon=-3.0, lat=43.0)
    np.testing.assert_allclose(same, heights[:-1])
    with pytest.raises(TideError, match="no sea within"):
        compute_model_heights("waves", tmp_path, moments, lon=0.0, lat=-88.0)


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TideError, match="--tide-folder"):
        compute_model_heights("FES2022", tmp_path / "none", [NOON], lon=0, lat=0)
    if not _has_pytmd():
        skip_without("pyTMD")
    for name in ("FES2022", "no such model"):
        with pytest.raises(TideError, match=name):
            compute_model_heights(name, tmp_path, [NOON], lon=0, lat=0)


def _has_pytmd() -> bool:
    try:
        import pyTMD  # noqa: F401
    except ImportError:
        return False
    return True
