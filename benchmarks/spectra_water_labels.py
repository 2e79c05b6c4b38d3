"""Rules that tell pure pixels of one kind of water from another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmarks.spectra_crop_bands import CropBands, Mask
from benchmarks.spectra_crops import Crop

__all__ = ["find_wet_flat", "label_water"]

_MARIDA_FOAM, _MARIDA_SHALLOW, _MARIDA_WAVES = 9, 11, 12
_GLINT_SWIR = 0.022


def label_water(crop: Crop, b: CropBands, water: Mask) -> dict[str, Mask]:
    """Kinds of water, in order of precedence.

    Args:
        crop: The crop; hand-made labels come first where it has them.
        b: Its bands.
        water: Where there surely is water and no cloud.

    Returns:
        Class name to mask; an earlier one takes a pixel from a later one.
    """
    red, green, blue, nir = b["B04"], b["B03"], b["B02"], b["B08"]
    glint = np.minimum(b["B11"], b["B12"]) > _GLINT_SWIR
    reef = (green > 0.06) & (nir < 0.35 * green) & (blue > 0.9 * green)
    dark = (np.maximum(green, blue) < 0.03) & ((green > 1.02 * blue) | (green < 0.012))
    labels = _get_hand_labels(crop)
    waves = (labels == _MARIDA_WAVES) & (blue < 0.16)
    surf = (labels == _MARIDA_FOAM) | _find_surf(b, water)
    return {
        "foam": surf if crop.hand_labels is not None else np.zeros_like(water),
        "rough_sea": waves | (water & glint & (red < 0.16)),
        "river_mud": water & (red > 0.085),
        "algae": water & (b["B05"] > 1.12 * red) & (green > 1.25 * blue) & (red < 0.06) & (b["B05"] > 0.012),
        "turbid": water & (red > 0.035),
        "shallow": (water & reef) | ((labels == _MARIDA_SHALLOW) & (green > 0.03)),
        "humic": water & dark,
        "clear": water & (red < 0.025) & (blue >= 0.9 * green),
        "coastal": water & (red <= 0.04),
    }


def find_wet_flat(b: CropBands) -> Mask:
    """Bare mud and wet sand beside water: green and short-wave infrared alike, no plants."""
    wetness = b.index("B03", "B11")
    water = ndimage.binary_opening(wetness > 0.2, iterations=2)
    bare = (np.abs(wetness) < 0.2) & (b.index("B08", "B04") < 0.2) & (b["B04"] > 0.05) & (b["B04"] < 0.16)
    damp = bare & (b["B11"] > 0.04) & (b["B11"] < b["B08"]) & ndimage.binary_dilation(water, iterations=15)
    return np.asarray(ndimage.binary_opening(damp, np.ones((3, 3), dtype=bool)))


def _get_hand_labels(crop: Crop) -> npt.NDArray[np.uint8]:
    return crop.hand_labels if crop.hand_labels is not None else np.zeros(crop.valid.shape, dtype=np.uint8)


def _find_surf(b: CropBands, water: Mask) -> Mask:
    """White water: bright and flat in the visible, falling to the short-wave infrared, beside water."""
    white = (b["B02"] > 0.09) & (np.abs(b.index("B02", "B04")) < 0.1) & (b["B08"] > 0.06)
    falling = (b["B11"] < 0.55 * b["B04"]) & (b["B08"] < 1.05 * b["B04"])
    return np.asarray(white & falling & ndimage.binary_dilation(water, iterations=6))
