"""JPEG 2000 files in the manner of the Sentinel-2 products: lossless, tiled, georeferenced by GML alone."""

from __future__ import annotations

from pathlib import Path

import rasterio.shutil

__all__ = ["encode_jp2"]

_LEVELS = 5


def encode_jp2(raster: Path, path: Path, *, block_size: int, bits: int) -> None:
    """Encode a raster as one of the product's image files.

    OpenJPEG uses all cores for one file and holds a row of blocks at a time.

    Args:
        raster: What GDAL opens, uint8 or uint16, with CRS and transform.
        path: The ``.jp2`` file; its folder is made.
        block_size: Edge of the JPEG 2000 tiles; cut to the raster where that is smaller.
        bits: Significant bits of a pixel: 15 for bands, 8 for classes and colours, 1 for flags.
    """
    with rasterio.open(raster) as src:
        width, height = src.width, src.height
    # As many levels of half the size as the smallest tile bears.
    levels = min(_LEVELS, min(block_size, width, height).bit_length())
    path.parent.mkdir(parents=True, exist_ok=True)
    rasterio.shutil.copy(
        raster,
        path,
        driver="JP2OpenJPEG",
        QUALITY=100,
        REVERSIBLE="YES",
        YCBCR420="NO",
        YCC="NO",
        BLOCKXSIZE=block_size,
        BLOCKYSIZE=block_size,
        RESOLUTIONS=levels,
        PROGRESSION="LRCP",
        PRECINCTS=",".join(["{64,64}"] * levels),
        PLT="YES",
        GMLJP2="YES",
        GeoJP2="NO",
        NBITS=bits,
    )
    path.with_name(f"{path.name}.aux.xml").unlink(missing_ok=True)
