"""The real crops that spectra are measured from, as reflectance, each source with its own quirks put right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Resampling

from tiles.bands import BANDS, L2A_STACK

__all__ = ["B09", "Crop", "read_crops"]

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

B09 = L2A_STACK.index("B09")
_WAVELENGTHS_NM = np.array([BANDS[name].wavelength_nm for name in L2A_STACK])
_PATCH, _PATCHES, _PATCH_COLUMNS = 64, 513, 23


@dataclass(frozen=True, slots=True)
class Crop:
    """One piece of a real scene.

    Attributes:
        name: Folder and file, e.g. ``eurosat/193``.
        reflectance: ``(12, row, col)`` in the order of ``L2A_STACK``; B09 is NaN where the source has none.
        valid: ``(row, col)``, true where there is data.
        hand_labels: ``(row, col)`` classes of MARIDA, or ``None``.
    """

    name: str
    reflectance: Array
    valid: Mask
    hand_labels: npt.NDArray[np.uint8] | None = None


def read_crops(scenes: Path) -> Iterator[Crop]:
    """Every crop under ``scenes`` (``../shared/data/scenes``), one by one."""
    yield from _read_harbours(scenes)
    yield from _read_large(scenes)
    yield from _read_coast_crops(scenes)
    yield from _read_bigearthnet(scenes)
    yield from _read_marida(scenes)
    yield from _read_parana(scenes)
    yield _read_desert(scenes.parent / "stac" / "29RKH")


def _read(path: Path) -> Array:
    with rasterio.open(path) as dataset:
        return np.asarray(dataset.read(), dtype=np.float32)


def _have_data(bands: Mask) -> Mask:
    return np.asarray(bands.all(axis=0))


def _without_b09(pixels: Array) -> Array:
    return np.insert(pixels, B09, np.nan, axis=0)


def _read_harbours(scenes: Path) -> Iterator[Crop]:
    for path in sorted((scenes / "harbours").glob("*.tif")):
        pixels = _read(path)
        # Zero is clipped dark water in single bands, and nodata only where all visible bands have it.
        yield Crop(f"harbours/{path.stem[5:14]}", pixels / 1e4, _have_data(pixels[:4] > 0))


def _read_large(scenes: Path) -> Iterator[Crop]:
    for path in sorted([*scenes.glob("*12band*.tif"), *(scenes / "terramesh").glob("*.tif")]):
        pixels = _read(path)
        offset = 1000 if path.stem.startswith("433D") else 0
        # The Bavarian scenes were clipped at 1 DN: dark water keeps its place, below what could be measured.
        yield Crop(path.stem.split("_2")[0], (pixels - offset) / 1e4, _have_data(pixels != 0))


def _read_coast_crops(scenes: Path) -> Iterator[Crop]:
    for path in sorted((scenes / "coast_crops").glob("bigearthnet_coast_*.tif")):
        pixels = _read(path)
        yield Crop(path.stem, pixels / 1e4, _have_data(pixels != 0))
    mosaic = _read(scenes / "coast_crops" / "eurosat_l2a_513x64.tif")
    for index in range(_PATCHES):
        row, col = (_PATCH * part for part in divmod(index, _PATCH_COLUMNS))
        pixels = mosaic[:, row : row + _PATCH, col : col + _PATCH]
        yield Crop(f"eurosat/{index:03d}", pixels / 1e4, _have_data(pixels != 0))


def _read_bigearthnet(scenes: Path) -> Iterator[Crop]:
    for folder in sorted((scenes / "bigearthnet").iterdir()):
        bands = [_read_resampled(next(folder.glob(f"*_{name}.tif")), (120, 120)) for name in L2A_STACK]
        pixels = np.stack(bands)
        yield Crop(f"bigearthnet/{folder.name}", pixels / 1e4, _have_data(pixels != 0))


def _read_resampled(path: Path, shape: tuple[int, int], how: Resampling = Resampling.bilinear) -> Array:
    with rasterio.open(path) as dataset:
        return np.asarray(dataset.read(1, out_shape=shape, resampling=how), dtype=np.float32)


def _read_marida(scenes: Path) -> Iterator[Crop]:
    for path in sorted((scenes / "marida").glob("*.tif")):
        if path.stem.endswith("_cl"):
            continue
        reflectance = (_read(path) - 1000) / 1e4
        labels = _read(path.with_name(f"{path.stem}_cl.tif"))[0].astype(np.uint8)
        clean = reflectance - _fit_aerosol(reflectance)
        yield Crop(f"marida/{path.stem}", _without_b09(clean), np.ones(labels.shape, dtype=bool), labels)


def _fit_aerosol(reflectance: Array) -> Array:
    """The aerosol that Rayleigh correction left, as a power law of wavelength under the crop's darkest pixels.

    Source: the idea of dark spectrum fitting, Vanhellemont 2019, doi:10.1016/j.rse.2019.03.010.
    """
    wavelengths = np.delete(_WAVELENGTHS_NM, B09)
    dark = np.percentile(reflectance.reshape(11, -1), 1, axis=1)
    exponents = np.log(np.maximum(dark[:-1], 1e-3) / max(dark[-1], 5e-4)) / np.log(wavelengths[-1] / wavelengths[:-1])
    exponent = float(np.clip(exponents.min(), 0, 1.5))
    aerosol = 0.85 * max(float(dark[-1]), 0.0) * (wavelengths[-1] / wavelengths) ** exponent
    return np.asarray(aerosol, dtype=np.float32)[:, None, None]


def _read_parana(scenes: Path) -> Iterator[Crop]:
    for path in sorted((scenes / "parana").glob("*.tif")):
        pixels = _read(path)
        valid = _have_data(np.isfinite(pixels) & (pixels > 0) & (pixels < 65535))
        pixels = np.where(valid, pixels, np.float32(np.nan))
        yield Crop(f"parana/{path.stem}", _without_b09((pixels - 1000) / 1e4), valid)


def _read_desert(folder: Path) -> Crop:
    bands = [_read_resampled(folder / f"{name}.tif", (549, 549), Resampling.average) for name in L2A_STACK]
    pixels = np.stack(bands)
    return Crop("stac/29RKH", pixels / 1e4, _have_data(pixels != 0))
