"""A quick look at pixels: what counts as missing in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from tiles.products.dn_samples import read_dn_samples


def write_band(path: Path, size: int, wet: float, missing: float) -> None:
    """A band of ``size`` pixels a side over one extent: no data right of a slanted edge, else around ``wet``."""
    rows, cols = (np.mgrid[:size, :size] + 0.5) / size
    dn = np.where(cols + 0.3 * rows > 1 - missing, 0, wet + 40 * np.sin(rows * 9)).astype(np.uint16)
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 1, "width": size, "height": size, "tiled": True}
    transform = rasterio.transform.from_bounds(0, 0, 24_000, 24_000, size, size)
    with rasterio.open(path, "w", crs="EPSG:32630", transform=transform, **profile) as file:
        file.write(dn, 1)


@pytest.mark.parametrize("sizes", [(1920, 960), (960, 960), (1920, 600)])
def test_the_edge_of_the_swath_is_missing_at_every_resolution(tmp_path: Path, sizes: tuple[int, int]) -> None:
    # Samples of 10 m and 20 m bands are equally many, but not of the same ground.
    for name, size in zip(("B02", "B03", "B06"), (sizes[0], sizes[0], sizes[1]), strict=True):
        write_band(tmp_path / f"{name}.tif", size, wet=1040, missing=0.4)
    files = {name: (str(tmp_path / f"{name}.tif"), 1) for name in ("B02", "B03", "B06")}
    found = read_dn_samples(files, nodata=0)
    assert set(found) == {"B02", "B03", "B06"}
    for dn in found.values():
        assert len(dn) > 1000
        assert dn.min() >= 1000


def test_dark_water_clipped_to_nought_stays_where_another_band_saw_it(tmp_path: Path) -> None:
    write_band(tmp_path / "B02.tif", 400, wet=300, missing=0.0)
    write_band(tmp_path / "B03.tif", 400, wet=40, missing=0.3)
    found = read_dn_samples({name: (str(tmp_path / f"{name}.tif"), 1) for name in ("B02", "B03")}, nodata=0)
    assert (found["B03"] == 0).any()
    assert len(found["B02"]) == len(found["B03"])
