"""Light and shadow on a simulated land: slopes that face the sun or turn away, and what trees, houses and hills hide.

Source: what reaches the ground in shadow is the diffuse light alone, Richter and Schläpfer, ATCOR-4 User Guide,
chapter on de-shadowing; its share is drawn at random here, since products correct for it more or less.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["compute_cast_light", "compute_slope_light"]

Field = NDArray[np.float32]

_PX_M = 10.0
_STEPS = (1, 2, 3, 4, 6, 8, 11)
_PENUMBRA_PX = 1.0


def compute_slope_light(height_m: Field, sun: tuple[float, float, float]) -> Field:
    """Direct light on slopes relative to the flat.

    Args:
        height_m: Ground (R, C) in metres, on 10 m pixels.
        sun: Unit vector to the sun: right, up the map, towards the zenith.

    Returns:
        Factor (R, C): 1 on the flat, 0 on a slope that turns its back to the sun, at most 1.8.
    """
    down, across = np.gradient(height_m, _PX_M)
    facing = sun[2] - across * sun[0] + down * sun[1]
    lit = facing / np.sqrt(1 + down**2 + across**2) / max(sun[2], 0.2)
    return np.asarray(np.clip(lit, 0.0, 1.8), dtype=np.float32)


def compute_cast_light(height_m: Field, sun: tuple[float, float, float]) -> Field:
    """Share of the direct light that nothing stands in the way of, within the next 110 m towards the sun.

    A shadow that is shorter than a pixel darkens its part of the pixel.

    Args:
        height_m: Tops (R, C) of ground, trees and houses in metres, on 10 m pixels. The eleven pixels at the edge have
            no neighbours to be shaded by and are not to be used.
        sun: Unit vector to the sun: right, up the map, towards the zenith.

    Returns:
        Share (R, C), 0 to 1.
    """
    flat = float(np.hypot(sun[0], sun[1]))
    dark = np.zeros_like(height_m)
    span = float(height_m.max() - height_m.min())
    if flat < 1e-3:
        return 1 - dark
    reach = np.float32(flat / max(sun[2], 0.05) / _PX_M)  # pixels of shadow a metre of height
    for step in _STEPS:
        if span * reach < step - _PENUMBRA_PX:
            break
        shift = (round(step * sun[1] / flat), round(-step * sun[0] / flat))
        above = np.roll(height_m, shift, axis=(0, 1)) - height_m
        np.maximum(dark, above * reach - np.float32(step - _PENUMBRA_PX), out=dark)
    return 1 - np.minimum(dark, 1)
