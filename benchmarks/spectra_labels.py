"""Which pixels of a real crop are surely which surface: conservative rules, doubtful pixels left out.

The rules were tuned by eye, crop by crop, on enlarged pictures (``measure_spectra.py --pictures``). They look for pure
pixels, so they are no classifier: most pixels get no label.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmarks.spectra_crops import Crop
from tiles.bands import L2A_STACK

__all__ = ["label_pixels"]

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_MARIDA_CLASSES = {6: "cloud", 9: "foam", 12: "rough_sea"}
_MARIDA_WATER = (7, 8, 10, 11, 15)
_ROUGH_SEAS = (*(f"eurosat/{i:03d}" for i in range(193, 253)), "bigearthnet_coast_0")
_NOT_WATER = ("stac/29RKH", "38D_378R", "637U_59R", "609U_541L", "bigearthnet/")
_CLOUDY = ("marida/", "parana/20241216", "stac/29RKH")
_LAND_ONLY = (*(f"eurosat/{i:03d}" for i in range(253, 513)), "bigearthnet/", *_NOT_WATER)


class _Bands:
    """Bands and indices of one crop by name."""

    def __init__(self, reflectance: Array) -> None:
        self.r = dict(zip(L2A_STACK, reflectance, strict=True))

    def __getitem__(self, name: str) -> Array:
        return self.r[name]

    def index(self, first: str, second: str) -> Array:
        a, b = np.maximum(self.r[first], 1e-4), np.maximum(self.r[second], 1e-4)
        return (a - b) / (a + b)


def label_pixels(crop: Crop) -> dict[str, Mask]:
    """The pure pixels of each surface class that the crop holds.

    Args:
        crop: A crop of reflectance.

    Returns:
        Class name to mask ``(row, col)``; masks do not overlap.
    """
    b = _Bands(np.nan_to_num(crop.reflectance))
    cloud = _find_cloud(crop, b)
    water, land = _split_water(crop, b)
    labels: dict[str, Mask] = {}
    near_cloud = ndimage.binary_dilation(cloud, iterations=8) if cloud.any() else cloud
    clear = crop.valid & ~near_cloud
    if cloud.any():
        labels["cloud"] = ndimage.binary_erosion(cloud, iterations=1) & crop.valid
    labels |= _label_water(crop, b, water & clear)
    labels |= _label_land(crop, b, land & clear, water)
    return _make_disjoint(labels)


def _make_disjoint(labels: dict[str, Mask]) -> dict[str, Mask]:
    taken: Mask | None = None
    for name, mask in labels.items():
        labels[name] = mask if taken is None else mask & ~taken
        taken = labels[name] if taken is None else taken | labels[name]
    return {name: mask for name, mask in labels.items() if mask.any()}


def _find_cloud(crop: Crop, b: _Bands) -> Mask:
    if not crop.name.startswith(_CLOUDY):
        return np.zeros(crop.valid.shape, dtype=bool)
    bright = (b["B01"] > 0.2) & (b["B02"] > 0.2) & (b["B11"] > 0.15) & (np.abs(b.index("B02", "B04")) < 0.12)
    cloud = ndimage.binary_opening(bright, iterations=4)
    if crop.hand_labels is not None:
        cloud |= ndimage.binary_opening(crop.hand_labels == 6, iterations=1)
    return cloud


def _split_water(crop: Crop, b: _Bands) -> tuple[Mask, Mask]:
    """Surely water and surely land, two pixels away from each other."""
    if crop.name.startswith(_ROUGH_SEAS):
        water = np.ones(crop.valid.shape, dtype=bool)
        return water, ~water
    if crop.name.startswith(_LAND_ONLY):
        land = np.ones(crop.valid.shape, dtype=bool)
        return ~land, land
    wet = (b.index("B03", "B11") > 0.05) & (b.index("B03", "B08") > -0.05) & (b["B11"] < 0.12) & (b["B02"] < 0.3)
    if crop.name.startswith("parana"):
        wet = (b.index("B04", "B11") > 0.15) & (b["B11"] < 0.12) & (b["B02"] < 0.16)
    wet = ndimage.binary_opening(wet, iterations=2)
    if crop.hand_labels is not None:
        wet |= np.isin(crop.hand_labels, _MARIDA_WATER)
    dry = (b.index("B03", "B11") < -0.15) & (b["B11"] > 0.06)
    snow = (b.index("B03", "B11") > 0.4) & (b["B04"] > 0.25)
    return ndimage.binary_erosion(wet & ~snow, iterations=2), ndimage.binary_erosion(dry | snow, iterations=1)


def _label_water(crop: Crop, b: _Bands, water: Mask) -> dict[str, Mask]:
    if crop.name.startswith(_ROUGH_SEAS):
        return {"rough_sea": water & (b["B02"] < 0.16)}
    labels: dict[str, Mask] = {}
    if crop.hand_labels is not None:
        labels["foam"] = crop.hand_labels == 9
        labels["rough_sea"] = crop.hand_labels == 12
        labels["shallow"] = (crop.hand_labels == 11) & (b["B03"] > 0.03)
        labels["foam"] |= _find_surf(b, water)
    swir = np.minimum(b["B11"], b["B12"])
    glint = swir > 0.022
    red, green, blue, nir = b["B04"], b["B03"], b["B02"], b["B08"]
    labels["rough_sea"] = labels.get("rough_sea", np.zeros_like(water)) | (water & glint)
    labels["river_mud"] = water & (red > 0.085)
    labels["algae"] = water & (b["B05"] > 1.12 * red) & (green > 1.25 * blue) & (red < 0.06) & (b["B05"] > 0.012)
    labels["turbid"] = water & (red > 0.035) & (red <= 0.085)
    labels["shallow"] = labels.get("shallow", np.zeros_like(water)) | (
        water & (green > 0.06) & (nir < 0.35 * green) & (blue > 0.9 * green)
    )
    labels["humic"] = water & (np.maximum(green, blue) < 0.028)
    labels["clear"] = water & (red < 0.02) & (np.maximum(green, blue) >= 0.012)
    labels["coastal"] = water & (red <= 0.04)
    return labels


def _find_surf(b: _Bands, water: Mask) -> Mask:
    """White water: bright and flat in the visible, falling to the short-wave infrared, beside water."""
    white = (b["B02"] > 0.09) & (np.abs(b.index("B02", "B04")) < 0.1) & (b["B08"] > 0.06)
    falling = (b["B11"] < 0.55 * b["B04"]) & (b["B08"] < 1.05 * b["B04"])
    return white & falling & ndimage.binary_dilation(water, iterations=6)


def _label_land(crop: Crop, b: _Bands, land: Mask, water: Mask) -> dict[str, Mask]:
    ndvi, texture = b.index("B08", "B04"), _compute_texture(b["B04"])
    smooth = _compute_texture(b["B08"]) < 0.12
    labels: dict[str, Mask] = {}
    snow = (b.index("B03", "B11") > 0.4) & (b["B04"] > 0.25)
    if snow.any() and not crop.name.startswith(("marida", "parana", "harbours", "eurosat")):
        labels["snow"] = land & snow
        labels["snow_patchy"] = land & (b.index("B03", "B11") > 0.1) & (b["B04"] > 0.1) & ~snow
    if crop.name == "stac/29RKH":
        return labels | _label_desert(b, land)
    if crop.name.startswith("38D_378R"):
        return labels | {"sand_desert": land & (ndvi < 0.2), "savanna": land & (ndvi > 0.3), "drylands": land}
    if crop.name == "sundarbans":
        rows = np.arange(land.shape[0])[:, None] > 0.55 * land.shape[0]
        labels["mangrove"] = land & rows & (ndvi > 0.55) & smooth
        land = land & ~rows
    near = ndimage.binary_dilation(water, iterations=9)
    return (
        labels
        | _label_shore(b, land & near, ndvi)
        | _label_vegetation(b, land, ndvi, smooth=smooth)
        | (_label_bare(b, land, ndvi, texture))
    )


def _label_desert(b: _Bands, land: Mask) -> dict[str, Mask]:
    dark = land & (b["B04"] < 0.27)
    return {"desert_dark": dark, "sand_desert": land & ~dark & (b["B02"] < 0.25)}


def _label_shore(b: _Bands, shore: Mask, ndvi: Array) -> dict[str, Mask]:
    bare = shore & (ndvi < 0.18)
    return {
        "beach": bare
        & (b["B04"] > 0.18)
        & (b["B02"] > 0.09)
        & (b["B11"] > 0.8 * b["B08"])
        & (b["B04"] > 1.1 * b["B02"]),
        "wet_flat": bare & (b["B04"] > 0.04) & (b["B04"] < 0.16) & (b["B11"] < 0.95 * b["B08"]),
    }


def _label_vegetation(b: _Bands, land: Mask, ndvi: Array, *, smooth: Mask) -> dict[str, Mask]:
    lush = land & (ndvi > 0.72)
    wooded = lush & (b["B03"] < 0.05) & (b["B11"] < 0.2)
    return {
        "conifer": wooded & (b["B08"] < 0.23) & (b["B11"] < 0.12),
        "forest": wooded & (b["B08"] >= 0.23),
        "crops": lush & ~wooded & smooth,
        "grass": land & (ndvi > 0.42) & (ndvi <= 0.72) & smooth,
        "scrub": land & (ndvi > 0.25) & (ndvi <= 0.42) & smooth,
    }


def _label_bare(b: _Bands, land: Mask, ndvi: Array, texture: Array) -> dict[str, Mask]:
    bare = land & (ndvi < 0.25)
    even, rough = texture < 0.06, texture > 0.14
    soil = bare & even & (b["B11"] > 1.05 * b["B08"]) & (b["B04"] > 1.2 * b["B02"])
    town = land & (ndvi < 0.4) & rough
    return {
        "soil_bright": soil & (b["B04"] > 0.14),
        "soil_dark": soil & (b["B04"] <= 0.14),
        "roof_bright": town & (b["B04"] > 0.22),
        "asphalt": town & (b["B04"] < 0.12) & (b["B11"] < 0.2) & (ndvi < 0.25),
        "town": town,
    }


def _compute_texture(band: Array) -> Array:
    """Local coefficient of variation over 5 x 5 pixels."""
    mean = ndimage.uniform_filter(band, 5)
    square = ndimage.uniform_filter(band * band, 5)
    return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0)) / np.maximum(mean, 1e-3))
