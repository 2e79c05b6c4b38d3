"""A small SWED in the layout in which it is published, made up for the tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

TRAIN = (
    "S2A_MSIL2A_20181104T112301_N0209_R037_T30UXC_20181104T135612",
    "S2B_MSIL2A_20190709T112119_N0212_R037_T30UYC_20190709T134651",  # the tile to its right: they overlap
    "S2A_MSIL2A_20200215T082011_N0214_R121_T36SXA_20200215T104120",
    "S2A_MSIL2A_20200301T013651_N0214_R117_T53KQB_20200301T034212",
)
TEST = "S2B_MSIL2A_20210130T101229_N0214_R022_T33VWL_20210130T121527"
WATER_DN, LAND_DN = 300, 2500


def make_chip(seed: int, *, size: int = 256) -> tuple[NDArray[np.uint16], NDArray[np.int16]]:
    """(band, row, col) and (row, col): land to the left, water to the right of an oblique shore."""
    rng = np.random.default_rng(seed)
    row, col = np.mgrid[:size, :size]
    label = (col > size / 2 + (row - size / 2) * rng.uniform(-0.5, 0.5)).astype(np.int16)
    image = np.where(label, WATER_DN, LAND_DN) + rng.integers(-50, 50, (12, size, size))
    image[10:] = np.where(label, 60, 2200) + rng.integers(0, 40, (2, size, size))
    return image.astype(np.uint16), label


def write_npy(root: Path, product: str, row: int, col: int, chip: tuple[NDArray[np.uint16], NDArray[np.int16]]) -> None:
    image, label = chip
    for part in ("images", "labels"):
        (root / "train" / part).mkdir(parents=True, exist_ok=True)
    np.save(root / "train" / "images" / f"{product}_image_{row}_{col}.npy", image.transpose(1, 2, 0))
    np.save(root / "train" / "labels" / f"{product}_chip_{row}_{col}.npy", label[None])


def write_tif(root: Path, product: str, row: int, col: int, chip: tuple[NDArray[np.uint16], NDArray[np.int16]]) -> None:
    image, label = chip
    for part, name, values in (("images", "image", image), ("labels", "label", label[None].astype(np.uint16))):
        folder = root / "test" / part
        folder.mkdir(parents=True, exist_ok=True)
        profile = {"count": len(values), "height": 256, "width": 256, "dtype": "uint16", "crs": "EPSG:4326"}
        where = from_origin(15 + 0.03 * col, 59 - 0.03 * row, 9e-5, 9e-5)
        with rasterio.open(
            folder / f"{product}_{name}_{row}_{col}.tif", "w", driver="GTiff", transform=where, **profile
        ) as dataset:
            dataset.write(values)


def write_swed(root: Path, *, products: Sequence[str] = TRAIN) -> Path:
    """Two chips a train scene, and two of a test scene."""
    for number, product in enumerate(products):
        for row, col in ((0, 3), (17, 41)):
            write_npy(root, product, row, col, make_chip(10 * number + row))
    for col in (0, 1):
        write_tif(root, TEST, 0, col, make_chip(99 + col))
    return root
