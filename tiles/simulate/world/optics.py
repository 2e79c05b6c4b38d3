"""What the air and the instrument make of a surface: haze, light from neighbouring land, point spread, noise.

Source: Gascon et al., Copernicus Sentinel-2A calibration and products validation status, 2017,
doi:10.3390/rs9060584 (signal-to-noise and modulation transfer as measured in orbit); the modulation at Nyquist lies
within 0.15 and 0.30 at 10 and 20 m.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from tiles.bands import BANDS, L2A_STACK

__all__ = ["Sky", "apply_noise", "compute_spread", "draw_sky", "without_noise"]

Field = NDArray[np.float32]

_REFERENCE_SNR = (222, 214, 249, 230, 253, 220, 227, 221, 162, 173, 159, 167)
_REFERENCE_REFLECTANCE = (0.26, 0.21, 0.21, 0.22, 0.17, 0.17, 0.19, 0.21, 0.16, 0.09, 0.05, 0.05)
_MODULATION = (0.32, 0.27, 0.28, 0.25, 0.33, 0.31, 0.30, 0.26, 0.30, 0.30, 0.22, 0.20)
_WAVELENGTHS = np.array([BANDS[name].wavelength_nm for name in L2A_STACK])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sky:
    """Air and instrument on one day.

    Attributes:
        haze: Path reflectance (12,) that the correction left in, or took too much of.
        haze_unevenness: Deviation of the haze's strength from place to place.
        gain: Calibration factor (12,).
        adjacency: Share of the neighbouring land's light (12,) over water at the shore.
        adjacency_m: Distance over which it fades.
        shift_px: Misregistration (12, 2) in rows and columns, in 10 m pixels.
        noise_floor: Deviation (12,) at zero reflectance.
        noise_slope: Variance (12,) per unit of reflectance.
        lowest: Reflectance below which the product is clipped; some processors keep no negative values.
    """

    haze: Field
    haze_unevenness: float
    gain: Field
    adjacency: Field
    adjacency_m: float
    shift_px: Field
    noise_floor: Field
    noise_slope: Field
    lowest: float


def draw_sky(rng: np.random.Generator) -> Sky:
    """Draw the air and the instrument's state of one day."""
    exponent = rng.uniform(0.8, 2.5)
    strength = rng.normal(0.0, 0.006) + (rng.exponential(0.02) if rng.random() < 0.25 else 0.0)
    haze = strength * (490.0 / _WAVELENGTHS) ** exponent + rng.normal(0, 0.0012, 12)
    gain = np.exp(rng.normal(0, 0.03) + rng.normal(0, 0.012, 12))
    gain[9] *= np.exp(rng.normal(0, 0.08))  # B09 sits in the water vapour's absorption
    native = np.array([BANDS[name].resolution_m for name in L2A_STACK]) / 10
    deviation = np.array(_REFERENCE_REFLECTANCE) / np.array(_REFERENCE_SNR)
    worse = np.exp(rng.normal(0.3, 0.3))
    return Sky(
        haze=haze.astype(np.float32),
        haze_unevenness=float(rng.uniform(0, 0.35) if rng.random() < 0.8 else rng.uniform(0.4, 1.2)),
        gain=gain.astype(np.float32),
        adjacency=(rng.uniform(0, 0.09) * (_WAVELENGTHS / 850) ** -0.7).astype(np.float32),
        adjacency_m=float(rng.uniform(150, 1200)),
        shift_px=(rng.normal(0, 0.08, (12, 2)) * np.minimum(native, 2.0)[:, None]).astype(np.float32),
        noise_floor=(0.5 * worse * deviation).astype(np.float32),
        noise_slope=(0.75 * (worse * deviation) ** 2 / np.array(_REFERENCE_REFLECTANCE)).astype(np.float32),
        lowest=float(rng.choice([-1.0, 0.0, 1e-4], p=[0.75, 0.1, 0.15])),
    )


def without_noise(sky: Sky) -> Sky:
    """The same air before an instrument without noise, which keeps negative values."""
    zero = np.zeros_like(sky.noise_floor)
    return replace(sky, noise_floor=zero, noise_slope=zero, lowest=-1.0)


@cache
def _compute_spread_variance(native: int, modulation: float) -> float:
    """Variance in 10 m pixels of the Gaussian that, sampled at them, gives the modulation at the native Nyquist rate.

    The 10 m pixels are means already: the Gaussian supplies what their own box leaves over.
    """
    wanted = modulation / np.sinc(0.5 / native)
    offsets = np.arange(-8 * native, 8 * native + 1) + (0.5 if native % 2 == 0 else 0.0)

    def compute_excess(variance: float) -> float:
        weights = np.exp(-(offsets**2) / (2 * variance))
        return float((weights * np.cos(np.pi * offsets / native)).sum() / weights.sum() - wanted)

    return float(brentq(compute_excess, 0.05 * native**2, 2.0 * native**2))


def compute_spread(band: int, *, size: int, margin: int, shift_px: float) -> Field:
    """Weights that carry 10 m pixels into native pixels along one axis: point spread and sampling in one matrix.

    Args:
        band: Index of the band, 0 to 11.
        size: Length of the axis in 10 m pixels, a multiple of 6.
        margin: Pixels of the input on either side of it.
        shift_px: Misregistration in 10 m pixels.

    Returns:
        Matrix (size / native, size + 2 * margin); every row sums to 1.
    """
    native = BANDS[L2A_STACK[band]].resolution_m // 10
    variance = _compute_spread_variance(native, _MODULATION[band])
    centres = (np.arange(size // native) + 0.5) * native + margin + shift_px
    pixels = np.arange(size + 2 * margin) + 0.5
    distance = pixels[None, :] - centres[:, None]
    weights = np.exp(-(distance**2) / (2 * variance)) * (np.abs(distance) < 4 * np.sqrt(variance) + 0.5)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def apply_noise(sky: Sky, band: int, pixels: Field, rng: np.random.Generator) -> Field:
    """Add the detector's noise, which grows with the light; clip and round as the product's digital numbers are."""
    deviation = np.sqrt(sky.noise_floor[band] ** 2 + sky.noise_slope[band] * np.maximum(pixels, 0))
    pixels = pixels + deviation * rng.standard_normal(pixels.shape, dtype=np.float32)
    pixels = np.maximum(pixels, np.float32(sky.lowest))
    return np.asarray(np.round(pixels * np.float32(1e4)) * np.float32(1e-4), dtype=np.float32)
