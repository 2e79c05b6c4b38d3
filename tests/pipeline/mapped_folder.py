"""Mapped scenes for tests, made of a known field instead of pixels: what ``map_scene`` would leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.crs import CRS

from pipeline.output.rasters import MapWriter
from tiles import masks
from tiles.grid import Grid

__all__ = ["Ground", "make_grid", "write_mapped"]

LonLat = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The ground as scenes see it, by longitude and latitude.

    Attributes:
        distance_m: Signed distance to the shore in metres, positive in water.
        cloudy: True under cloud on a date, by its number.
        width_m: Half width of the belt in which the probability rises from 0 to 1.
    """

    distance_m: LonLat
    cloudy: Callable[[int, NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]] = field(
        default=lambda _date, lon, _lat: np.zeros(lon.shape, dtype=bool)
    )
    width_m: float = 20.0


def make_grid(*, epsg: int, left: float, top: float, width: int, height: int, size: float = 10.0) -> Grid:
    """A grid whose upper left corner is given."""
    crs, transform = CRS.from_epsg(epsg), Affine(size, 0, left, 0, -size, top)
    return Grid(crs=crs, transform=transform, width=width, height=height)


def compute_lonlat(grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of all pixel centres."""
    rows, cols = np.mgrid[: grid.height, : grid.width] + 0.5
    x, y = grid.transform @ (cols, rows)
    to_degrees = Transformer.from_crs(grid.crs.to_wkt(), "OGC:CRS84", always_xy=True)
    lon, lat = to_degrees.transform(x.ravel(), y.ravel())
    return lon.reshape(grid.shape), lat.reshape(grid.shape)


def write_mapped(
    out: Path, name: str, grid: Grid, ground: Ground, *, date: int = 0, properties: dict[str, Any] | None = None
) -> Path:
    """Write the result folder of one scene.

    Args:
        out: Where results lie.
        name: Id of the scene.
        grid: Its grid.
        ground: What it sees.
        date: Number of the day, from 0.
        properties: Of the item, beyond the usual.
    """
    folder = out / name
    folder.mkdir(parents=True)
    lon, lat = compute_lonlat(grid)
    probability = (0.5 + ground.distance_m(lon, lat) / (2 * ground.width_m)).clip(0, 1).astype(np.float32)
    state = np.where(ground.cloudy(date, lon, lat), masks.OBSCURED, masks.VALID).astype(np.uint8)
    with MapWriter(folder, grid=grid) as maps:
        maps.write_rows(0, np.where(state == masks.VALID, probability, np.nan).astype(np.float32), state)
        maps.finish()
    paths = (folder / "water.tif", folder / "probability.tif")
    item = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": name,
        "properties": {
            "datetime": (datetime(2024, 7, 1, 11, 20, tzinfo=UTC) + timedelta(days=date)).isoformat(),
            "platform": "sentinel-2a",
            "proj:code": f"EPSG:{grid.crs.to_epsg()}",
            "proj:shape": list(grid.shape),
            "proj:transform": list(grid.transform)[:6],
            "mlm:name": "a-model",
            "strandline:fingerprint": f"fingerprint of {name}",
            "strandline:radiometry": {},
            "strandline:model_sha256": "0" * 64,
            "strandline:parameters": {"threshold": 0.5},
            "strandline:probability_rmse": 0.1,
            **(properties or {}),
        },
        "assets": {
            path.name.replace(".", "_"): {"href": f"./{path.name}", "file:size": path.stat().st_size} for path in paths
        },
    }
    (folder / "item.json").write_text(json.dumps(item))
    return folder
