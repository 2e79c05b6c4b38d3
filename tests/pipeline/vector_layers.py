"""Layers as the coastline stage hands them over: round islands in the sea, each with a lake."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import shapely

SCENE = "S2A_MSIL2A_20240506T110621_N0511_R137_T30UXB_20240506T170000"
TIME = "2024-05-06T11:06:21Z"


def build_layers(
    *,
    crs: int | str = 32630,
    origin: tuple[float, float] = (600000, 5600000),
    unit: float = 1.0,
    time: str | None = TIME,
) -> dict[str, gpd.GeoDataFrame]:
    """Three islands 2 km apart eastwards from ``origin``; ``unit`` is the length of a metre in the CRS."""
    x, y = origin
    islands = [shapely.Point(x + 2000 * unit * n, y).buffer(800 * unit, quad_segs=40) for n in range(3)]
    lakes = [shapely.Point(x + (2000 * n + 100) * unit, y).buffer(200 * unit, quad_segs=20) for n in range(3)]
    sea = shapely.box(x - 3000 * unit, y - 3000 * unit, x + 7000 * unit, y + 3000 * unit)
    # An exterior ring of ``buffer`` runs clockwise, with the island on its right: land belongs on the left.
    shores = [island.exterior.reverse() for island in islands] + [lake.exterior for lake in lakes]
    kinds = ["sea"] * 3 + ["lake"] * 3
    origin_fields = {"scene": SCENE, "time": time, "model": "coast-16 1.0"}
    lines = {
        "id": range(1, 7),
        "kind": kinds,
        "closed": True,
        "length_m": [shore.length / unit for shore in shores],
        "start_reason": None,
        "end_reason": None,
        "uncertainty_mean_m": [2.0, 3.0, 4.0, 8.0, 16.0, 32.0],
        "uncertainty_max_m": [5.0, 6.0, 7.0, 20.0, 40.0, 80.0],
        "certainty": ["good", "good", "good", "fair", "poor", "poor"],
        "datum": "instantaneous",
        "tide_m": 0.5,
        **origin_fields,
    }

    def polygons(parts: list[Any], kinds: list[str]) -> gpd.GeoDataFrame:
        fields = {"id": range(1, len(parts) + 1), "kind": kinds, "area_m2": [p.area / unit**2 for p in parts]}
        return gpd.GeoDataFrame({**fields, **origin_fields}, geometry=parts, crs=crs)

    return {
        "coastline": gpd.GeoDataFrame(lines, geometry=[shapely.LineString(shore) for shore in shores], crs=crs),
        "water": polygons([sea.difference(shapely.union_all(islands)), *lakes], ["sea", *["lake"] * 3]),
        "land": polygons([i.difference(k) for i, k in zip(islands, lakes, strict=True)], ["sea"] * 3),
    }
