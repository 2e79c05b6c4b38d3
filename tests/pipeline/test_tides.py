"""Tides: read, interpolated where that is honest, computed through pyTMD, and corrected with the right sign."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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
    moments = [NOON + timedelta(minutes=15 * step, seconds=1) for step in range(100)]
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


def read_at(path: Path, seconds: float) -> float:
    """The height so many seconds after noon; NaN where there is none (the other moment has one)."""
    return float(read_tide_heights(path, [NOON + timedelta(seconds=seconds), NOON])[0])


@pytest.mark.parametrize(
    ("gap", "seconds", "height"),
    [
        (4200, 2100, 1.5),
        (4201, 2100, None),
        (4201, 600, 1.0),
        (4201, 601, None),
        (4201, 4201 - 600, 2.0),
        (4201, 4201 - 601, None),
        (3600, -600, 1.0),
        (3600, -601, None),
        (3600, 3600, 2.0),
        (3600, 4200, 2.0),
        (3600, 4201, None),
    ],
)
def test_seventy_minutes_are_bridged_and_ten_minutes_are_near(
    tmp_path: Path, gap: int, seconds: float, height: float | None
) -> None:
    rows = [((NOON + timedelta(seconds=place)).isoformat(), value) for place, value in ((gap, 2.0), (0, 1.0))]
    read = read_at(write_table(tmp_path / "tides.csv", rows), seconds)
    assert np.isnan(read) if height is None else read == pytest.approx(height)


@pytest.mark.parametrize(
    ("height", "taken"), [("20", True), ("-20", True), ("20.1", False), ("-20.1", False), ("nan", False)]
)
def test_heights_are_within_twenty_metres(tmp_path: Path, height: str, taken: bool) -> None:
    path = tmp_path / "tides.csv"
    path.write_text(f" Time ,Height\n2024-06-01T12:00Z,{height}\n")
    if taken:
        assert read_at(path, 0) == float(height)
    else:
        with pytest.raises(TideError, match=rf"Expected heights within 20 m in .* found {height}: metres\?"):
            read_at(path, 0)


@pytest.mark.parametrize("slope", [0, -0.1, float("inf"), float("nan")])
def test_a_slope_is_more_than_nothing(slope: float) -> None:
    with pytest.raises(TideError, match=f"found {slope}"):
        correct_for_tide(np.zeros((1, 1)), np.zeros(1), slope=slope)
    assert TideError.exit_code == 2


def test_without_dates_nothing_is_missed(tmp_path: Path) -> None:
    assert len(read_tide_heights(write_table(tmp_path / "t.csv", [("2024-06-01", 1.0)]), [])) == 0
    with pytest.raises(
        TideError, match=r"\(1 heights, 2024-06-01T00:00Z to 2024-06-01T00:00Z\) has none for any of the 1"
    ):
        read_tide_heights(tmp_path / "t.csv", [None])


def model_heights(
    monkeypatch: pytest.MonkeyPatch, folder: Path, answer: object, moments: list[datetime | None], *, lon: float = 8.0
) -> tuple[np.ndarray, dict[str, Any]]:
    asked: dict[str, Any] = {}

    def compute(x: object, y: object, when: object, **choices: object) -> object:
        asked.update(choices, x=x, y=y, when=when)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("pipeline.tides._import_pytmd", lambda: SimpleNamespace(tide_elevations=compute))
    return compute_model_heights("FES", folder, moments, lon=lon, lat=54.0), asked


@pytest.mark.parametrize(
    ("lon", "place"), [(8.0, 8.0), (188.0, -172.0), (-188.0, 172.0), (180.0, -180.0), (368.0, 8.0)]
)
@pytest.mark.parametrize("defined", [True, False])
def test_a_model_is_asked_at_a_place_for_the_moments_that_are_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lon: float, place: float, defined: bool
) -> None:
    if defined:
        (tmp_path / "FES.json").touch()
    answer = np.ma.masked_array([1.5, 9.0], mask=[False, True])
    heights, asked = model_heights(monkeypatch, tmp_path, answer, [None, NOON, NOON + timedelta(hours=1)], lon=lon)
    np.testing.assert_array_equal(heights, [np.nan, 1.5, np.nan])
    assert (asked["x"].tolist(), asked["y"].tolist()) == ([place] * 2, [54.0] * 2)
    assert asked["when"].tolist() == [datetime(2024, 6, 1, 12), datetime(2024, 6, 1, 13)]
    assert asked["when"].dtype == "datetime64[us]"
    named = {"DEFINITION_FILE": tmp_path / "FES.json"} if defined else {"MODEL": "FES"}
    fixed = {"EPSG": 4326, "TYPE": "drift", "TIME": "datetime", "METHOD": "linear", "EXTRAPOLATE": True, "CUTOFF": 50.0}
    assert {key: asked[key] for key in asked.keys() - {"x", "y", "when"}} == named | fixed | {"DIRECTORY": tmp_path}


def test_what_a_model_cannot_say_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert np.isnan(model_heights(monkeypatch, tmp_path, None, [None])[0]).all()
    with pytest.raises(TideError, match=r"has no sea within 50 km of 54\.000, 8\.000"):
        model_heights(monkeypatch, tmp_path, np.ma.masked_all(1), [NOON])
    with pytest.raises(TideError, match=r"cannot be read from .* \(a b\): expected .* or a definition FES\.json"):
        model_heights(monkeypatch, tmp_path, ValueError("a\n b"), [NOON])
    with pytest.raises(TideError, match=r"\(KeyError\)|\(''\)|AssertionError"):
        model_heights(monkeypatch, tmp_path, AssertionError(), [NOON])
    with pytest.raises(TideError, match="--tide-folder"):
        compute_model_heights("FES", tmp_path / "absent", [NOON], lon=0, lat=0)


def test_a_day_without_a_time_has_no_height(tmp_path: Path) -> None:
    midnight = NOON.replace(hour=0)
    path = tmp_path / "tides.csv"
    path.write_text("time,height_m\n2024-06-01T00:00Z,1\n2024-06-01T12:00Z,2\n")
    np.testing.assert_array_equal(read_tide_heights(path, [midnight, NOON]), [np.nan, 2])
