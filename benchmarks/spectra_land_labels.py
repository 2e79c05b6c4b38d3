"""Rules that tell pure pixels of one kind of land from another."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from benchmarks.spectra_crop_bands import CropBands, Mask, compute_texture
from benchmarks.spectra_crops import Crop

__all__ = ["label_alpine", "label_land"]


def label_alpine(b: CropBands, alpine: Mask) -> dict[str, Mask]:
    """Snow, the shadow on it, shadow on rock and wood, and woods with snow in them.

    Args:
        b: Bands of the crop.
        alpine: Where snow lies about and no water.

    Returns:
        Class name to mask.
    """
    icy, red = b.index("B03", "B11"), b["B04"]
    snow = icy > 0.4
    return {
        "snow": alpine & snow & (red > 0.25),
        "snow_shadow": alpine & snow & (red < 0.14) & (b["B08"] < 0.16),
        "shadow": alpine & ~snow & (b["B08"] < 0.11) & (b["B11"] < 0.06),
        "snow_patchy": alpine & (icy > 0) & (b["B08"] > 0.11),
    }


def label_land(crop: Crop, b: CropBands, land: Mask, water: Mask) -> dict[str, Mask]:
    """Kinds of land.

    Args:
        crop: The crop.
        b: Its bands.
        land: Where there surely is land and no cloud.
        water: Where there surely is water.

    Returns:
        Class name to mask; an earlier one takes a pixel from a later one.
    """
    if crop.name == "stac/29RKH":
        return _label_desert(b, land)
    if crop.name.startswith("38D_378R"):
        return {"savanna": land}
    labels: dict[str, Mask] = {}
    if crop.name == "sundarbans":
        # The forest reserve fills the south of the scene, fields the north.
        south = np.arange(land.shape[0])[:, None] > 0.55 * land.shape[0]
        labels["mangrove"] = land & south & (b.index("B08", "B04") > 0.55)
        land = land & ~south
    shore = land & ndimage.binary_dilation(water, iterations=9)
    return labels | {"beach": shore & _find_sand(b)} | _label_vegetation(b, land) | _label_bare(b, land)


def _label_desert(b: CropBands, land: Mask) -> dict[str, Mask]:
    dark = land & (b["B04"] < 0.27)
    return {"desert_dark": dark, "sand_desert": land & ~dark & (b["B02"] < 0.25)}


def _find_sand(b: CropBands) -> Mask:
    bright = (b["B04"] > 0.18) & (b["B02"] > 0.09)
    sandy = (b["B11"] > 0.8 * b["B08"]) & (b["B04"] > 1.1 * b["B02"])
    return np.asarray((b.index("B08", "B04") < 0.18) & bright & sandy)


def _label_vegetation(b: CropBands, land: Mask) -> dict[str, Mask]:
    ndvi, smooth = b.index("B08", "B04"), compute_texture(b["B08"]) < 0.2
    lush = land & (ndvi > 0.72)
    wooded = lush & (b["B03"] < 0.05) & (b["B11"] < 0.2)
    winter = land & (ndvi > 0.5) & (b["B03"] < 0.05) & (b["B11"] < 0.11) & (b["B08"] < 0.22)
    return {
        "conifer": (wooded & (b["B08"] < 0.23) & (b["B11"] < 0.12)) | winter,
        "forest": wooded & (b["B08"] >= 0.23),
        "crops": lush & ~wooded & smooth,
        "grass": land & (ndvi > 0.42) & (ndvi <= 0.72) & smooth,
        "scrub": land & (ndvi > 0.25) & (ndvi <= 0.42) & smooth,
    }


def _label_bare(b: CropBands, land: Mask) -> dict[str, Mask]:
    ndvi, texture = b.index("B08", "B04"), compute_texture(b["B04"])
    soil = land & (ndvi < 0.25) & (texture < 0.06) & (b["B11"] > 1.05 * b["B08"]) & (b["B04"] > 1.2 * b["B02"])
    town = land & (ndvi < 0.4) & (texture > 0.14)
    return {
        "soil_bright": soil & (b["B04"] > 0.14),
        "soil_dark": soil & (b["B04"] <= 0.14),
        "roof_bright": town & (b["B04"] > 0.22),
        "asphalt": town & _find_grey(b) & (ndvi < 0.25),
        "town": town,
    }


def _find_grey(b: CropBands) -> Mask:
    return np.asarray((b["B04"] > 0.035) & (b["B04"] < 0.12) & (b["B11"] > 0.06) & (b["B11"] < 0.2))
