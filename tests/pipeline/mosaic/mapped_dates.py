"""Maps of a moving shore on many dates, for tests: rasters of a known field, and the coastline traced from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer

from pipeline.output.vectors import write_vectors
from pipeline.trace.coastline import SceneContext, build_coastline
from pipeline.trace.contour import ContourTracer
from tests.pipeline.mapped_folder import Ground, make_grid, write_mapped
from tiles import masks

__all__ = ["LEFT", "TOP", "write_dates"]

LEFT, TOP = 500_000.0, 4_700_000.0

Floats = NDArray[np.float64]
Field = Callable[[Floats, Floats], Floats]
"""From x and y, in metres from the upper left corner, y southward."""


def write_dates(
    out: Path,
    fields: Sequence[Field],
    *,
    every_days: float = 60.0,
    cloudy: Callable[[int, Floats, Floats], NDArray[np.bool_]] | None = None,
    size: int = 120,
) -> Path:
    """Write a mapped scene a date.

    Args:
        out: Where results lie.
        fields: Signed distance to the shore on each date, positive in water.
        every_days: From date to date, the first on 1 January 2020.
        cloudy: Where it is cloudy on a date.
        size: Columns and rows, 10 m each.
    """
    grid = make_grid(epsg=32630, left=LEFT, top=TOP, width=size, height=size)
    to_metres = Transformer.from_crs("OGC:CRS84", "EPSG:32630", always_xy=True)
    for date, field in enumerate(fields):
        name = f"scene{date:02d}"
        moment = datetime(2020, 1, 1, 11, tzinfo=UTC) + timedelta(days=every_days * date)

        def place(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
            x, y = to_metres.transform(lon, lat)
            return np.asarray(x) - LEFT, TOP - np.asarray(y)

        def measure(lon: Floats, lat: Floats, field: Field = field) -> Floats:
            return field(*place(lon, lat))

        def hide(number: int, lon: Floats, lat: Floats) -> NDArray[np.bool_]:
            return np.zeros(lon.shape, bool) if cloudy is None else cloudy(number, *place(lon, lat))

        ground = Ground(distance_m=measure, cloudy=hide)
        folder = write_mapped(out, name, grid, ground, date=date, properties={"datetime": moment.isoformat()})
        with rasterio.open(folder / "probability.tif") as file:
            dn = file.read(1)
            probability = (dn * file.scales[0] + file.offsets[0]).astype(np.float32)
        with rasterio.open(folder / "water.tif") as file:
            classes = file.read(1)
        state = np.where(classes == 2, masks.OBSCURED, masks.VALID).astype(np.uint8)
        tracer = ContourTracer(width=size, height=size, threshold=0.5)
        tracer.add_strip(np.where(state == masks.VALID, probability, np.float32(np.nan)), state)
        context = SceneContext(scene=name, acquired=moment, model="a-model", probability_rmse=0.1)
        layers = build_coastline(tracer.finish(), grid=grid, context=context)
        write_vectors({"coastline": layers.coastline, "water": layers.water, "land": layers.land}, folder)
    return out
