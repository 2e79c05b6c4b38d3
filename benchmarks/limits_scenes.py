"""The same pixels in other files, for ``benchmarks/limits.py``: COGs with a STAC item, and bands laid out 2 x 2."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.warp import transform, transform_bounds

from pipeline.predict.area import resolve_area
from tiles.bands import BANDS
from tiles.products.open import open_scene
from tiles.scene import BandSource, Scene

BLOCK_PX = 1024
"""Side of the blocks of the Sentinel-2 COGs of earth-search."""

VRT = """<VRTDataset rasterXSize="{width}" rasterYSize="{height}">
  <SRS>{wkt}</SRS>
  <GeoTransform>{transform}</GeoTransform>
  <VRTRasterBand dataType="{dtype}" band="1" blockXSize="{block_width}" blockYSize="{block_height}">
{sources}
  </VRTRasterBand>
</VRTDataset>
"""
SOURCE = """    <SimpleSource>
      <SourceFilename relativeToVRT="0">{path}</SourceFilename>
      <SourceBand>1</SourceBand>
      <SrcRect xOff="0" yOff="0" xSize="{width}" ySize="{height}"/>
      <DstRect xOff="{col_off}" yOff="{row_off}" xSize="{width}" ySize="{height}"/>
    </SimpleSource>"""


def list_sources(scene: Scene) -> tuple[BandSource, ...]:
    """All files of a scene that mapping reads."""
    if scene.classification is None:
        raise SystemExit(f"{scene.source} has no scene classification: give a .SAFE product")
    return (*scene.bands, scene.classification)


def write_cogs(source: Path, folder: Path) -> Path:
    """Write a product as COGs with a STAC item, each band at its own resolution, as earth-search has them."""
    item = folder / f"{source.stem}_cog.json"
    if item.exists():
        return item
    scene = open_scene(source)
    folder.mkdir(parents=True, exist_ok=True)
    assets: dict[str, Any] = {}
    for band in list_sources(scene):
        write_cog(band.path, folder / f"{band.name}.tif")
        key = "scl" if band.name == "SCL" else BANDS[band.name].common_name
        assets[key] = {"href": f"./{band.name}.tif", "eo:bands": [{"name": band.name}]}
        if band.name != "SCL":
            offset = scene.radiometry.offsets.get(band.name, 0.0) / scene.radiometry.quantification
            assets[key]["raster:bands"] = [
                {"scale": 1 / scene.radiometry.quantification, "offset": offset, "nodata": 0}
            ]
    properties = {
        "datetime": scene.acquired.isoformat() if scene.acquired else None,
        "platform": scene.platform,
        "s2:processing_baseline": scene.baseline,
        "earthsearch:boa_offset_applied": False,
    }
    west, south, east, north = transform_bounds(scene.grid.crs, "EPSG:4326", *scene.grid.bounds)
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    document = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": item.stem,
        "geometry": {"type": "Polygon", "coordinates": [corners]},
        "bbox": [west, south, east, north],
        "properties": properties,
        "assets": assets,
        "links": [],
    }
    begun = item.with_suffix(".begun")
    begun.write_text(json.dumps(document, indent=1))
    begun.replace(item)  # last: where it stands, the files are whole
    return item


def write_cog(source: str, path: Path) -> None:
    """Write a band file as a COG of the blocks and the compression that the catalogue has."""
    with rasterio.open(source) as dataset:
        bits = 8 * np.dtype(dataset.dtypes[0]).itemsize  # JPEG 2000 keeps 15 of 16, for which there is no predictor
    options = {"blocksize": BLOCK_PX, "compress": "DEFLATE", "predictor": "STANDARD", "overviews": "NONE"}
    rasterio.shutil.copy(source, path, driver="COG", nbits=bits, num_threads="ALL_CPUS", **options)


def write_stack(source: Path, folder: Path) -> Path:
    """Write a product as one GeoTIFF of its bands at 10 m, in digital numbers; coarser ones by nearest neighbours."""
    path = folder / f"{source.stem}.tif"
    if path.exists():
        return path
    scene = open_scene(source)
    folder.mkdir(parents=True, exist_ok=True)
    height, width = scene.grid.shape
    profile = {"driver": "GTiff", "dtype": "uint16", "count": len(scene.bands), "height": height, "width": width}
    tiled = {"tiled": True, "blockxsize": BLOCK_PX, "blockysize": BLOCK_PX, "compress": "DEFLATE", "predictor": 2}
    begun = path.with_suffix(".begun.tif")
    grid = {"crs": scene.grid.crs, "transform": scene.grid.transform, "num_threads": "ALL_CPUS", "interleave": "band"}
    with rasterio.open(begun, "w", **profile, **tiled, **grid) as stack:
        stack.descriptions = tuple(band.name for band in scene.bands)
        for number, band in enumerate(scene.bands, start=1):
            with rasterio.open(band.path) as dataset:
                stack.write(dataset.read(1, out_shape=(height, width)), number)
    begun.replace(path)
    return path


def write_repeated(source: Path, folder: Path, *, times: int) -> Path:
    """Lay each band file of a product out ``times`` x ``times`` in a VRT; returns the folder, which is a scene.

    The blocks are as high as those of the file, so that mapping decodes whole rows of them.
    """
    scene = open_scene(source)
    target = folder / f"{source.stem}" / f"repeated-{times}" / source.stem
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for band in list_sources(scene):
        (target / f"{band.name}.vrt").write_text(describe_repeated(band, times=times))
    return target


def describe_repeated(band: BandSource, *, times: int) -> str:
    """The VRT of one band file."""
    with rasterio.open(band.path) as dataset:
        width, height = dataset.width, dataset.height
        block_height, block_width = dataset.block_shapes[0]
        places = [(row * height, col * width) for row in range(times) for col in range(times)]
        sources = [
            SOURCE.format(path=Path(band.path).resolve(), width=width, height=height, row_off=row, col_off=col)
            for row, col in places
        ]
        return VRT.format(
            width=times * width,
            height=times * height,
            wkt=dataset.crs.to_wkt().replace("&", "&amp;").replace("<", "&lt;"),
            transform=", ".join(map(repr, map(float, dataset.transform.to_gdal()))),
            dtype={"uint8": "Byte", "uint16": "UInt16"}[dataset.dtypes[0]],
            block_width=block_width,
            block_height=block_height,
            sources="\n".join(sources),
        )


def find_middle(source: Path | str, *, share: float) -> str:
    """A box of degrees in the middle, whose pixels are a share of a scene's, as ``W,S,E,N``."""
    grid = open_scene(source).grid
    left, bottom, right, top = grid.bounds
    side = (share * (right - left) * (top - bottom)) ** 0.5
    text = ""
    for _ in range(3):  # in the scene's CRS the box lies aslant, and the pixels that hold it are more
        xs = np.array([0.0, 0.0, -side / 2, side / 2]) + (left + right) / 2
        ys = np.array([-side / 2, side / 2, 0.0, 0.0]) + (bottom + top) / 2
        (_, _, west, east), (south, north, _, _) = transform(grid.crs, "EPSG:4326", xs, ys)
        text = ",".join(f"{value:.7f}" for value in (west, south, east, north))
        window = resolve_area(text, grid).window
        side *= (share * grid.width * grid.height / (window.width * window.height)) ** 0.5
    return text
