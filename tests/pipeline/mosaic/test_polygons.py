"""Pieces of bodies in the CRS of the output."""

from __future__ import annotations

import geopandas as gpd
import pyproj
import pytest
import shapely

from pipeline.mosaic.polygons import place_polygons


def test_what_is_cut_at_180_degrees_has_the_area_of_each_part() -> None:
    crs = pyproj.CRS.from_epsg(32760)
    x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(180, -17)
    pieces = [shapely.box(x - 5000, y - 5000, x + 5000, y + 5000), shapely.box(x - 9000, y, x - 8000, y + 1000)]
    areas = [1e8, 1e6]  # nearly: UTM is 0.1% off there
    frame = gpd.GeoDataFrame({"kind": ["sea", "lake"], "area_m2": areas}, geometry=pieces, crs=crs)
    placed = place_polygons(frame, pyproj.CRS.from_epsg(4326), "small 1")
    assert placed["kind"].tolist() == ["sea", "sea", "lake"]
    assert placed["area_m2"][:2].sum() == pytest.approx(areas[0], rel=5e-3)
    assert placed["area_m2"][:2].to_numpy() == pytest.approx(areas[0] / 2, rel=0.02)
    assert placed["area_m2"][2] == areas[1]
    assert set(placed.columns) == {"kind", "area_m2", "model", "geometry"}
