"""Pixels and mask of a crop that was labelled by hand, as one patch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from strandline import StrandlineError
from tiles.bands import L2A_STACK
from tiles.errors import SampleError
from tiles.grid import Window
from tiles.masks import VALID, read_declared_validity
from tiles.pixels.reader import ReadPlan, read_strips
from tiles.products.files import find_band_files, list_product_files
from tiles.products.headers import find_masks, open_quietly
from tiles.products.open import StackOptions, open_scene
from tiles.products.radiometry import resolve_nodata_rule
from tiles.products.safe import find_product_xml
from tiles.products.stack import open_band_folder
from tiles.samples.crop_list import LabelledCrop
from tiles.samples.patch import UNLABELLED, Patch
from tiles.scene import Scene

__all__ = ["read_crop", "read_mask", "take_labels"]


def read_crop(crop: LabelledCrop, *, root: Path, mask: NDArray[np.uint8]) -> Patch:
    """Read a crop: reflectance in the order of ``L2A_STACK``, NaN where a band or a pixel is missing.

    Args:
        crop: What the list says of it.
        root: The folder that the list's files are relative to.
        mask: uint8 (row, col) of the whole raster, 0, 1 or 255.

    Raises:
        SampleError: The raster is missing, or its size is not the mask's.
    """
    path = root / crop.file
    try:
        reflectance = _read_raster(crop, path, mask.shape) if crop.bands else _read_scene(crop, path, mask.shape)
    except StrandlineError as error:
        raise SampleError(f"A crop of the list {crop.listed_in} cannot be read. {error}") from error
    return Patch.pack(
        reflectance,
        mask[crop.window.slices()],
        place=crop.place,
        source=f"labelled crops/{crop.listed_in}",
        resolution_m=crop.resolution_m,
    )


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Read a mask: uint8 (row, col), 0 land, 1 water, 255 left out.

    Raises:
        SampleError: It is missing, or no greyscale picture of 8 bits.
    """
    try:
        with Image.open(path) as picture:
            if picture.mode != "L":
                raise SampleError(f"Expected a greyscale mask of 8 bits, found the mode {picture.mode} in {path}.")
            return np.array(picture, dtype=np.uint8)
    except OSError as error:
        raise SampleError(
            f"Expected a mask (0 land, 1 water, 255 left out) at {path}, found none ({error.strerror or error})."
        ) from error


def _read_raster(crop: LabelledCrop, path: Path, shape: tuple[int, ...]) -> NDArray[np.float32]:
    used = [(index, name) for index, name in enumerate(crop.bands, start=1) if name != "-"]
    with open_quietly(str(path)) as dataset:
        _require_fit(crop, path, (dataset.height, dataset.width), shape)
        if dataset.count != len(crop.bands):
            raise SampleError(
                f"Expected {dataset.count} bands in the list for {path}, found {len(crop.bands)}: use - for others."
            )
        window, indexes = crop.window.to_rasterio(), [index for index, _ in used]
        dn = dataset.read(indexes, window=window)
        masks = find_masks(dataset, indexes)
        declared = read_declared_validity(dataset, indexes[0], masks, window=window) if masks else np.True_
    missing = ~np.isfinite(dn) if dn.dtype.kind == "f" else np.zeros(dn.shape, dtype=bool)
    missing |= ~declared
    if crop.nodata is not None:
        missing |= dn == crop.nodata
    rule = resolve_nodata_rule(nodata=crop.nodata, offset=crop.offset, clipped=True)
    lost = missing.any(axis=0) if rule == "any" else missing.all(axis=0)
    values = np.where(lost, np.nan, dn.astype(np.float32) * np.float32(crop.scale) + np.float32(crop.offset))
    return _place_bands(values, [name for _, name in used])


def _read_scene(crop: LabelledCrop, path: Path, shape: tuple[int, ...]) -> NDArray[np.float32]:
    scene = _open_scene(crop, path)
    _require_fit(crop, path, scene.grid.shape, shape)
    bands = tuple(band for band in scene.bands if band.name in L2A_STACK)
    plan = ReadPlan(scene=scene, bands=bands, threads=1)
    pixels = next(iter(read_strips(plan, [crop.window]))).read(crop.window)
    values = np.where(pixels.state == VALID, pixels.reflectance, np.float32(np.nan))
    return _place_bands(values, [band.name for band in bands])


def _open_scene(crop: LabelledCrop, path: Path) -> Scene:
    """A product says all itself; for a folder of band files the list does, even beside an item with remote links."""
    names = list_product_files(path).names
    if find_product_xml(names) is not None or not find_band_files(names):
        return open_scene(path)
    options = StackOptions(scale=crop.scale, offset=crop.offset / crop.scale, nodata=crop.nodata)
    return open_band_folder(path, names=names, options=options)


def _place_bands(values: NDArray[np.floating], names: list[str]) -> NDArray[np.float32]:
    """(bands found, row, col) to (12, row, col), NaN in the others."""
    placed = np.full((len(L2A_STACK), *values.shape[1:]), np.nan, dtype=np.float32)
    placed[[L2A_STACK.index(name) for name in names]] = values
    return placed


def _require_fit(crop: LabelledCrop, path: Path, shape: tuple[int, int], mask: tuple[int, ...]) -> None:
    window = Window(0, 0, shape[1], shape[0])
    if shape != mask:
        raise SampleError(f"Expected a mask of {shape} rows and columns for {path}, found {mask} in {crop.mask_name}.")
    if crop.window.intersection(window) != crop.window:
        raise SampleError(f"Expected a part of {path} ({shape[0]} x {shape[1]}), found {crop.window} in its list.")


def take_labels(label: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
    """Take the labels of a window out of a mask, so that crops that overlap count no pixel twice.

    Args:
        label: uint8 (row, col) of the whole raster; the window is left out of it afterwards.
        window: Which part.

    Returns:
        A mask of the whole raster in which the window alone is labelled.
    """
    alone = np.full_like(label, UNLABELLED)
    alone[window.slices()] = label[window.slices()]
    label[window.slices()] = UNLABELLED
    return alone
