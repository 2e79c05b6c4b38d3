"""Layers of small maps, drawn by the tracer from random ground with cloud in it."""

from __future__ import annotations

from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
from affine import Affine
from rasterio.crs import CRS
from scipy.ndimage import gaussian_filter

from pipeline.trace.coastline import SceneContext, build_coastline
from pipeline.trace.contour import ContourTracer
from tiles import masks
from tiles.grid import Grid

__all__ = ["draw_map"]

UTM = ("EPSG:32630", (600000.0, 5600000.0), 10.0)


def draw_map(
    seed: int,
    *,
    size: int = 40,
    rough: float = 1.5,
    clouds: int = 2,
    place: tuple[str, tuple[float, float], float] = UTM,
) -> dict[str, gpd.GeoDataFrame]:
    """The three layers of a map.

    Args:
        seed: Of the ground.
        size: Pixels a side.
        rough: Pixels over which the ground is smooth.
        clouds: How many squares are hidden.
        place: CRS, upper left corner and size of a pixel.
    """
    rng = np.random.default_rng(seed)
    ground = gaussian_filter(rng.standard_normal((size, size)), rough)
    probability = 1 / (1 + np.exp(-4 * ground / ground.std()))
    state = np.full((size, size), masks.VALID, dtype=np.uint8)
    for row, col in rng.integers(0, size, (clouds, 2)):
        state[row : row + 5, col : col + 7] = masks.OBSCURED
    tracer = ContourTracer(width=size, height=size)
    tracer.add_strip(np.where(state == masks.VALID, probability, np.nan).astype(np.float32), state)
    crs, (left, top), pixel = place
    grid = Grid(crs=CRS.from_user_input(crs), transform=Affine(pixel, 0, left, 0, -pixel, top), width=size, height=size)
    context = SceneContext(
        scene="A", acquired=datetime(2024, 5, 6, 11, tzinfo=UTC), model="coast-16 1.0", probability_rmse=0.1
    )
    layers = build_coastline(tracer.finish(), grid=grid, context=context)
    return {"coastline": layers.coastline, "water": layers.water, "land": layers.land}
