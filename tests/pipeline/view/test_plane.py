"""The plane of a page: metres that are metres, and degrees that a page computes as the projection does."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.view.plane import Box, resolve_plane


@pytest.mark.parametrize(
    ("crs", "bounds"),
    [
        ("EPSG:32630", (600_000, 5_500_000, 709_800, 5_609_800)),
        ("EPSG:32701", (200_000, 7_890_000, 309_800, 7_999_800)),  # across 180 degrees
        ("EPSG:4326", (9.9, 54.3, 10.3, 54.5)),
        ("EPSG:3857", (974_916, 5_525_515, 996_930, 5_531_716)),
        ("OGC:CRS84", (178.5, -18.5, 181.5, -16.0)),
        ("EPSG:3413", (-300_000, -2_400_000, -100_000, -2_200_000)),
    ],
)
def test_a_page_tells_degrees_as_the_projection_does(crs: str, bounds: tuple[float, float, float, float]) -> None:
    plane = resolve_plane(crs, bounds)
    fit = plane.fit_degrees()
    rng = np.random.default_rng(3)
    low, high = np.array(plane.box[:2]), np.array(plane.box[2:])
    xy = low + rng.random((400, 2)) * (high - low)
    u, v = ((xy - fit["middle"]) / fit["scale"]).T
    lon, lat = (
        sum(f * u**i * v**j for f, (i, j) in zip(fit[name], fit["powers"], strict=True)) for name in ("lon", "lat")
    )
    exact = pyproj.Transformer.from_crs(plane.crs, "OGC:CRS84", always_xy=True).transform(*(xy + plane.origin).T)
    assert np.abs((lon - exact[0] + 180) % 360 - 180).max() < 2e-6
    assert np.abs(lat - exact[1]).max() < 2e-6
    assert fit["error"] < 2e-6


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:32632"])
def test_a_metre_of_the_page_is_a_metre_on_the_ground(crs: str) -> None:
    to_crs = pyproj.Transformer.from_crs("OGC:CRS84", crs, always_xy=True)
    left, bottom = to_crs.transform(8.7, 44.3)
    right, top = to_crs.transform(8.9, 44.5)
    plane = resolve_plane(crs, (left, bottom, right, top))
    places = plane.project(np.column_stack(to_crs.transform([8.75, 8.85], [44.4, 44.4])), crs)
    true = pyproj.Geod(ellps="WGS84").inv(8.75, 44.4, 8.85, 44.4)[2]
    assert np.hypot(*(places[1] - places[0])) == pytest.approx(true, rel=0.002)


@settings(max_examples=20)
@given(st.floats(-300, 300), st.floats(-300, 300), st.floats(10, 500), st.floats(10, 500))
def test_a_plane_that_is_kept_moves_its_origin_alone(x: float, y: float, width: float, height: float) -> None:
    left, bottom = 600_000 + x, 5_500_000 + y
    plane = resolve_plane("EPSG:32630", (left, bottom, left + width, bottom + height))
    assert plane.bound((left, bottom, left + width, bottom + height), "EPSG:32630") == plane.box
    assert plane.box.left + plane.origin[0] == pytest.approx(left)
    assert plane.box.longest == pytest.approx(max(width, height))
    assert Box(0, 0, 2, 3).longest == 3
