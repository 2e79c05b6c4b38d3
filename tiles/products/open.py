"""The one door: open whatever the user has as a scene."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tiles.errors import RasterReadError, SceneError
from tiles.products.eopf import is_eopf, open_eopf
from tiles.products.files import find_band_files, list_product_files
from tiles.products.safe import find_product_xml, open_safe
from tiles.products.stac import open_stac
from tiles.products.stac_item import is_stac_item
from tiles.products.stack import StackOptions, open_band_folder, open_stack
from tiles.scene import Scene

__all__ = ["StackOptions", "open_scene"]

_REMOTE = ("http://", "https://", "s3://", "/vsi")
_INSIDE_PRODUCT = {"manifest.safe": 0, "mtd_tl.xml": 2}
"""Files that people pick instead of the product, and how many folders above them the product is."""
_RASTERS = (".tif", ".tiff", ".jp2", ".vrt", ".img", ".nc")


def open_scene(
    source: str | Path, *, options: StackOptions | None = None, avoid: Mapping[str, str] | None = None
) -> Scene:
    """Open a scene: its metadata is understood, a few pixels are looked at, no band is read.

    Args:
        source: Any of: an L2A (or L1C) ``.SAFE`` folder, its zip, its ``MTD_MSIL2A.xml``, a re-arranged copy of it; a
            product in EOPF's Zarr layout (its folder); a
            STAC item (file or URL); a raster with a band a channel (GeoTIFF, COG, VRT, JPEG 2000); a folder with a
            file a band (``B01.tif`` …).
        options: What metadata does not say, for stacks and STAC items; a product says all itself.
        avoid: Hosts that are not to be asked for a product that several have, and why.

    Returns:
        The scene. An ``L1C`` scene opens too: whether that will do is for the model to say.

    Raises:
        SceneError: ``source`` is none of these, or incomplete, or more than one.
        UnsafeArchiveError: A zip or an XML asks for something that only an attacker needs.
        RasterReadError: A raster is truncated or unreadable.
        GridError: A raster has no usable CRS, or is rotated.
    """
    options = options or StackOptions()
    text = str(source)
    if text.startswith(_REMOTE):
        remote_raster = text.split("?", maxsplit=1)[0].lower().endswith(_RASTERS)
        return open_stack(text, options=options) if remote_raster else open_stac(text, options=options, avoid=avoid)
    path = Path(source)
    if not path.exists():
        raise SceneError(f"Expected a scene, found nothing at {path}. Check the path.")
    if path.is_dir():
        return _open_folder(path, options, avoid)
    if path.name.lower() in _INSIDE_PRODUCT:
        return _open_folder(path.parents[_INSIDE_PRODUCT[path.name.lower()]], options, avoid)
    suffix = path.suffix.lower()
    if suffix in {".zip", ".xml"}:
        return _open_product(path, options)
    if suffix in {".json", ".geojson"}:
        return open_stac(text, options=options, avoid=avoid)
    return _open_raster(text, options)


def _open_raster(path: str, options: StackOptions) -> Scene:
    try:
        return open_stack(path, options=options)
    except RasterReadError as error:
        if Path(path).suffix.lower() in _RASTERS:  # it says that it is a raster, so it is a broken one
            raise
        raise SceneError(
            f"Expected a Sentinel-2 product, a STAC item or a raster, found none of these in {path}. "
            "Give the .SAFE folder or its zip, the item's JSON, or a GeoTIFF."
        ) from error


def _open_product(path: Path, options: StackOptions) -> Scene:
    _refuse_words(path, options)
    return open_safe(path)


def _refuse_words(path: Path, options: StackOptions) -> None:
    if options.model_copy(update={"any_platform": False}) != StackOptions():
        raise SceneError(
            f"--bands, --scale, --offset, --nodata and --date are for stacks without metadata, and {path} is a product "
            "that says all this itself. Leave them out."
        )


def _open_folder(folder: Path, options: StackOptions, avoid: Mapping[str, str] | None) -> Scene:
    if is_eopf(folder):
        _refuse_words(folder, options)
        return open_eopf(folder)
    names = list_product_files(folder).names
    if find_product_xml(names) is not None:
        return _open_product(folder, options)
    items = [folder / name for name in names if name.lower().endswith("json") and _is_item_file(folder / name)]
    if len(items) == 1:
        return open_stac(str(items[0]), options=options, avoid=avoid)
    if find_band_files(names):
        return open_band_folder(folder, names=names, options=options)
    raise SceneError(
        f"Expected a Sentinel-2 product, a STAC item or band files (B01.tif …), found none of these in {folder}. "
        "Give the folder that holds MTD_MSIL2A.xml, or a file."
    )


def _is_item_file(path: Path) -> bool:
    try:
        return is_stac_item(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return False
