from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from defusedxml.ElementTree import parse
from hypothesis import given
from hypothesis import strategies as st

from tiles.mgrs import MgrsSquare
from tiles.simulate.product.sun import compute_sun_angles, compute_sun_distance_factor


def test_the_sun_stands_where_real_granules_say(shared: Path) -> None:
    checked = 0
    for file in shared.rglob("MTD_TL.xml"):
        root = parse(file).getroot()
        assert root is not None
        values = {tag: root.findtext(f".//{tag}") or "" for tag in ("SENSING_TIME", "ULX", "ULY", "HORIZONTAL_CS_CODE")}
        mean = [float(root.findtext(f".//Mean_Sun_Angle/{name}_ANGLE") or "nan") for name in ("ZENITH", "AZIMUTH")]
        if math.isnan(mean[0]):
            continue  # one of the granules with missing pieces
        square = MgrsSquare.from_corner(
            crs=values["HORIZONTAL_CS_CODE"], left=float(values["ULX"]), top=float(values["ULY"])
        )
        lon, lat = square.centre
        when = datetime.fromisoformat(values["SENSING_TIME"]).replace(tzinfo=UTC)
        zenith, azimuth = compute_sun_angles(lon=lon, lat=lat, when=when)
        assert zenith == pytest.approx(mean[0], abs=0.7), file
        turn = (azimuth - mean[1] + 180) % 360 - 180
        assert abs(turn) < 2, file
        checked += 1
    assert checked >= 8


def test_the_distance_factor_agrees_with_real_products(shared: Path) -> None:
    checked = 0
    for file in shared.rglob("MTD_MSIL2A.xml"):
        root = parse(file).getroot()
        assert root is not None
        when = datetime.fromisoformat(root.findtext(".//PRODUCT_START_TIME") or "")
        assert compute_sun_distance_factor(when) == pytest.approx(float(root.findtext(".//U") or 0), rel=1e-3), file
        checked += 1
    assert checked >= 8


@given(st.floats(-180, 180), st.floats(-66, 66), st.datetimes(timezones=st.just(UTC)))
def test_a_day_later_the_sun_is_nearly_where_it_was(lon: float, lat: float, when: datetime) -> None:
    when = when.replace(year=2024)
    zenith, azimuth = compute_sun_angles(lon=lon, lat=lat, when=when)
    assert 0 <= zenith <= 180
    assert 0 <= azimuth <= 360
    opposite, _ = compute_sun_angles(lon=lon + 360, lat=lat, when=when)
    assert opposite == pytest.approx(zenith, abs=1e-6)
