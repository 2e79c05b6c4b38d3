"""Cubes for tests: small arrays with their coordinates, and simulated products turned into STAC items."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import rasterio
import xarray as xr
from numpy.typing import NDArray
from rasterio.warp import transform_bounds
from shapely.geometry import box, mapping

from tiles.bands import BANDS
from tiles.products.open import open_scene
from tiles.scene import Scene
from tiles.simulate.product.simulate import ProductOptions, simulate_scene

NAMES = ("B02", "B03", "B04", "B08")
CRS = "EPSG:32630"


def make_pixels(
    shape: tuple[int, int], *, steps: int = 1, names: Sequence[str] = NAMES, seed: int = 7
) -> NDArray[np.uint16]:
    """DN (date, band, row, col) with an offset of 1000: dark water, bright land, and missing pixels (0 in all)."""
    rng = np.random.default_rng(seed)
    land = rng.uniform(size=(steps, 1, *shape)) < 0.3
    dn = 1000 + rng.normal(150, 20, (steps, len(names), *shape)) + 2000 * land
    dn[rng.uniform(size=(*dn.shape[:1], 1, *shape)).repeat(len(names), axis=1) < 0.05] = 0
    return dn.astype(np.uint16)


def make_cube(
    dn: NDArray[Any], *, names: Sequence[str] = NAMES, scl: NDArray[np.uint8] | None = None, **attrs: object
) -> xr.Dataset:
    """A cube as odc-stac has it, of ``dn`` (date, band, row, col)."""
    steps, _, height, width = dn.shape
    coords = {
        "time": np.datetime64("2024-06-01T10:30", "us") + np.arange(steps) * np.timedelta64(5, "D"),
        "y": 5_000_000 - 10 * np.arange(height) - 5.0,
        "x": 600_000 + 10 * np.arange(width) + 5.0,
    }
    reference = {"spatial_ref": rasterio.crs.CRS.from_user_input(CRS).to_wkt()}
    bands = {name: (("time", "y", "x"), dn[:, index], attrs) for index, name in enumerate(names)}
    if scl is not None:
        bands["SCL"] = (("time", "y", "x"), scl, {})
    return xr.Dataset(bands, coords=coords).assign_coords(spatial_ref=((), 32630, reference))


def make_items(cube: xr.Dataset, *, baselines: Sequence[str], **properties: object) -> list[pystac.Item]:
    """An item a date of a cube, with no files."""
    items = []
    for index, (time, baseline) in enumerate(zip(cube.time.values, baselines, strict=True)):
        date = time.astype("datetime64[s]").item()
        item = pystac.Item(f"date_{index}", None, None, date, {"s2:processing_baseline": baseline, **properties})
        for name in NAMES:
            item.add_asset(name, pystac.Asset(f"{name}.tif"))
        items.append(item)
    return items


def simulate_item(folder: Path, *, seed: int, size: int = 240) -> pystac.Item:
    """A simulated product as a STAC item, as Planetary Computer has them, with all bands at 10 m: pixels repeated.

    The item lies as ``item.json`` beside its files, and beside ``stack.tif``, which holds the same bands.
    """
    options = ProductOptions(complete=False, swath="full", cloud_cover=0.1)
    scene = open_scene(simulate_scene(folder, seed=seed, size=size, options=options).path)
    bounds = transform_bounds(scene.grid.crs, "EPSG:4326", *scene.grid.bounds)
    item = pystac.Item(
        scene.id,
        mapping(box(*bounds)),
        list(bounds),
        scene.acquired,
        {"s2:processing_baseline": scene.baseline, "platform": "Sentinel-2A"},
    )
    item.properties |= {"proj:code": scene.grid.crs.to_string(), "proj:epsg": scene.grid.crs.to_epsg()}
    layers = []
    assert scene.classification is not None
    for source in (*scene.bands, scene.classification):
        with rasterio.open(source.path) as dataset:
            dn = dataset.read(source.index)
        factor = size // dn.shape[0]
        layers.append(dn.repeat(factor, axis=0).repeat(factor, axis=1))
        path = folder / f"{source.name}.tif"
        _write(path, layers[-1][None], scene)
        extra = {
            "raster:bands": [{"nodata": 0, "data_type": str(dn.dtype)}],
            "proj:shape": [size, size],
            "proj:transform": list(scene.grid.transform)[:6],
        }
        item.add_asset(source.name, pystac.Asset(str(path), media_type=pystac.MediaType.GEOTIFF, extra_fields=extra))
    _write(folder / "stack.tif", np.stack(layers[:-1]), scene, names=[band.name for band in scene.bands])
    item.set_self_href(str(folder / "item.json"))
    item.save_object(include_self_link=False)
    return item


def _write(path: Path, dn: NDArray[Any], scene: Scene, names: Sequence[str] = ()) -> None:
    profile = {"driver": "GTiff", "count": len(dn), "dtype": dn.dtype, "nodata": 0, "tiled": True}
    profile |= {"height": dn.shape[1], "width": dn.shape[2], "crs": scene.grid.crs, "transform": scene.grid.transform}
    with rasterio.open(path, "w", blockxsize=128, blockysize=128, **profile) as dataset:
        dataset.write(dn)
        for index, name in enumerate(names, start=1):
            dataset.set_band_description(index, name)


assert {*NAMES} <= {*BANDS}
