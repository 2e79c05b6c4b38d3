"""Which pixels of a real crop are surely which surface: conservative rules, doubtful pixels left out.

The rules were tuned by eye, crop by crop, on enlarged pictures. They look for pure pixels, so they are no classifier:
many pixels get no label.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from benchmarks.spectra_crop_bands import CropBands, Mask
from benchmarks.spectra_crops import Crop
from benchmarks.spectra_land_labels import label_alpine, label_land
from benchmarks.spectra_water_labels import find_wet_flat, label_water

__all__ = ["label_pixels"]

_MARIDA_WATER = (7, 8, 10, 11, 15)
_NOT_WATER = ("stac/29RKH", "38D_378R", "637U_59R", "609U_541L", "bigearthnet/")
_LAND_ONLY = (*(f"eurosat/{i:03d}" for i in range(253, 513)), *_NOT_WATER)
_ROUGH_SEAS = (*(f"eurosat/{i:03d}" for i in range(193, 253)), "bigearthnet_coast_0")
_RIVERS = tuple(f"eurosat/{i:03d}" for i in range(193))
_CLOUDY = ("marida/", "parana/20241216", "stac/29RKH")
_TIDAL = (*_RIVERS, "sundarbans", "marida/S2_19-9-18", "parana/202405")
_ALPINE = ("chiemsee", "609U_541L", "bigearthnet/S2A_MSIL2A_20180510", "bigearthnet/S2A_MSIL2A_20171221")


def label_pixels(crop: Crop) -> dict[str, Mask]:
    """The pure pixels of each surface class that the crop holds.

    Args:
        crop: A crop of reflectance.

    Returns:
        Class name to mask ``(row, col)``; masks do not overlap.
    """
    b = CropBands(crop.reflectance)
    if crop.name.startswith(_ROUGH_SEAS):
        return {"rough_sea": crop.valid & (b["B02"] < 0.16)}
    cloud, alpine = _find_cloud(crop, b), _find_alpine(crop)
    clear = crop.valid & ~(ndimage.binary_dilation(cloud, iterations=8) if cloud.any() else cloud)
    water, land = _find_water(crop, b) & ~alpine, _find_land(crop, b) & ~alpine
    labels = {"cloud": ndimage.binary_erosion(cloud, iterations=1) & crop.valid}
    labels |= label_water(crop, b, water & clear)
    if crop.name.startswith(_TIDAL):
        labels["wet_flat"] = find_wet_flat(b) & clear
    labels |= label_alpine(b, alpine & clear)
    labels |= label_land(crop, b, land & clear, water)
    return _make_disjoint(labels)


def _make_disjoint(labels: dict[str, Mask]) -> dict[str, Mask]:
    """A pixel keeps the first label that it got."""
    taken: Mask = np.zeros_like(next(iter(labels.values())))
    disjoint = {}
    for name, mask in labels.items():
        disjoint[name] = mask & ~taken
        taken |= mask
    return {name: mask for name, mask in disjoint.items() if mask.any()}


def _find_cloud(crop: Crop, b: CropBands) -> Mask:
    if not crop.name.startswith(_CLOUDY):
        return np.zeros(crop.valid.shape, dtype=bool)
    bright = (b["B01"] > 0.2) & (b["B02"] > 0.2) & (b["B11"] > 0.15) & (np.abs(b.index("B02", "B04")) < 0.12)
    cloud: Mask = ndimage.binary_opening(bright, iterations=4)
    if crop.hand_labels is not None:
        cloud |= ndimage.binary_opening((crop.hand_labels == 6) & (b["B02"] > 0.15), iterations=1)
    return cloud


def _find_alpine(crop: Crop) -> Mask:
    """The parts with snow, where no water was seen: snow, its shadow and the woods between are told apart there."""
    if not crop.name.startswith(_ALPINE):
        return np.zeros(crop.valid.shape, dtype=bool)
    rows, cols = np.indices(crop.valid.shape)
    return np.asarray((rows > 500) | ((cols > 480) & (rows > 400)) | (crop.name != "chiemsee"))


def _find_water(crop: Crop, b: CropBands) -> Mask:
    """Surely water, two pixels from anything else (one where it is nearly black, as narrow rivers are)."""
    if crop.name.startswith(_LAND_ONLY):
        return np.zeros(crop.valid.shape, dtype=bool)
    wet = (b.index("B03", "B11") > 0.05) & (b.index("B03", "B08") > -0.05) & (b["B11"] < 0.12) & (b["B02"] < 0.3)
    # The thickest mud is brighter in the near infrared than in green, and still black beyond it.
    wet |= (b.index("B03", "B11") > 0.6) & (b["B04"] > 0.08) & (b["B02"] < 0.08)
    if crop.name.startswith("parana"):
        wet = (b.index("B04", "B11") > 0.15) & (b["B11"] < 0.12) & (b["B02"] < 0.2)
    wet = ndimage.binary_opening(wet, iterations=2)
    if crop.hand_labels is not None:
        wet |= np.isin(crop.hand_labels, _MARIDA_WATER)
    black = wet & (np.maximum(b["B02"], b["B03"]) < 0.02) & (b["B08"] < 0.03)
    if crop.name.startswith(_RIVERS):
        # Peat rivers under an over-corrected haze: darker in green than at 1.6 um, no index tells them.
        visible = np.maximum(np.maximum(b["B02"], b["B03"]), b["B04"])
        black |= ndimage.binary_opening((visible < 0.015) & (b["B08"] < 0.02) & (b["B11"] < 0.022), iterations=2)
    core: Mask = ndimage.binary_erosion(wet, iterations=2) | ndimage.binary_erosion(black, iterations=1)
    return core


def _find_land(crop: Crop, b: CropBands) -> Mask:
    """Surely land, a pixel from anything else."""
    if crop.name.startswith(_LAND_ONLY):
        return np.ones(crop.valid.shape, dtype=bool)
    dry = (b.index("B03", "B11") < -0.15) & (b["B11"] > 0.06)
    return np.asarray(ndimage.binary_erosion(dry, iterations=1))
