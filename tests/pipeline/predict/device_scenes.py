"""Scenes with bands of several resolutions, for tests of what is computed on a device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from tiles.grid import Grid
from tiles.scene import BandSource, NodataRule, Radiometry, Scene

UTM = CRS.from_epsg(32630)
SIZE_M = 1200
RESOLUTIONS_M = {"B01": 60, "B02": 10, "B03": 10, "B05": 15, "B8A": 20, "SCL": 20}
"""Ratios 1, 2, 1.5 and 6 to the finest grid."""
MARKER = 7


def write_band(folder: Path, name: str, dn: NDArray[np.generic]) -> BandSource:
    """A band of ``SIZE_M`` a side, in a file of its own."""
    edge, path = len(dn), folder / f"{name}.tif"
    step = SIZE_M / edge
    grid = Grid(crs=UTM, transform=Affine(step, 0, 300000, 0, -step, 4500000), width=edge, height=edge)
    profile = {"driver": "GTiff", "dtype": dn.dtype, "count": 1, "crs": UTM, "transform": grid.transform}
    blocks = {"tiled": True, "blockxsize": 32, "blockysize": 32}
    with rasterio.open(path, "w", width=edge, height=edge, **profile, **blocks) as dataset:
        dataset.write(dn, 1)
    return BandSource(name=name, path=str(path), index=1, grid=grid)


def make_scene(
    folder: Path, *, rule: NodataRule = "any", dtype: str = "uint16", holes: float = 0.02, nodata: float | None = MARKER
) -> Scene:
    """Random DN, with missing pixels here and there, and a corner in which all is missing."""
    rng = np.random.default_rng(2)
    sources = {}
    for name, resolution in RESOLUTIONS_M.items():
        edge = SIZE_M // resolution
        dn = rng.integers(8, 60000, (edge, edge)).astype(np.uint16)
        dn[rng.random((edge, edge)) < holes] = MARKER
        dn[-edge // 5 :, : edge // 5] = MARKER if holes else 500
        if name == "SCL":
            dn = rng.integers(0, 12, (edge, edge)).astype(np.uint8)
        sources[name] = write_band(folder, name, dn if name == "SCL" else dn.astype(dtype))
    scl = sources.pop("SCL")
    offsets = {"B02": -1000.0, "B8A": -1000.0, "B05": 250.0}
    radiometry = Radiometry(quantification=10000, offsets=offsets, source="test", nodata=nodata, nodata_rule=rule)
    return Scene(
        id="s",
        source="s",
        kind="stack",
        level="L2A",
        bands=tuple(sources.values()),
        grid=sources["B02"].grid,
        radiometry=radiometry,
        classification=scl,
    )
