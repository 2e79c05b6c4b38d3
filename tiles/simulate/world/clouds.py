"""Clouds over a simulated world, thick and thin, and the shadows that they throw away from the sun."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from tiles.simulate.world.noise import Fractal, compute_noise
from tiles.simulate.world.spectra import draw_spectrum

__all__ = ["DIRECT_SHARE", "CloudView", "Clouds", "compute_cloud_view", "draw_clouds"]

Field = NDArray[np.float32]

DIRECT_SHARE = np.array([0.55, 0.6, 0.66, 0.72, 0.74, 0.76, 0.78, 0.8, 0.8, 0.82, 0.88, 0.92])
"""Share of the light that comes straight from the sun under a clear sky, by band."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clouds:
    """The clouds of one day.

    Attributes:
        noise: Shape of the clouds.
        level: Noise above which there is cloud.
        hardness: Opacity a unit of noise above the level.
        shift_px: From a shadow to its cloud (rows, cols).
        colour: Reflectance (12,) of thick cloud.
        veil: Reflectance (12,) that thin cirrus adds at full strength.
        veil_noise: Shape of the cirrus; ``None`` for a day without.
        direct: Share of the light (12,) that comes straight from the sun.
    """

    noise: Fractal
    level: float
    hardness: float
    shift_px: tuple[float, float]
    colour: Field
    veil: Field
    veil_noise: Fractal | None
    direct: Field


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CloudView:
    """The clouds of one window.

    Attributes:
        opacity: Share of the ground's light (R, C) that cloud replaces.
        shadow: Share of the direct light (R, C) that is missing.
        veil: Strength of cirrus (R, C), 0 to 1, or ``None``.
    """

    opacity: Field
    shadow: Field
    veil: Field | None

    def crop(self, inner: tuple[slice, slice]) -> CloudView:
        """The part of it in some rows and columns."""
        veil = None if self.veil is None else self.veil[inner]
        return CloudView(opacity=self.opacity[inner], shadow=self.shadow[inner], veil=veil)


def draw_clouds(rng: np.random.Generator, *, cover: float, sun: tuple[float, float, float]) -> Clouds | None:
    """Draw the clouds of one day.

    Args:
        rng: Where chance comes from.
        cover: Share of the scene under cloud, 0 to 1.
        sun: Unit vector to the sun: right, up the map, towards the zenith.

    Returns:
        The clouds, or ``None`` for a clear sky.
    """
    seed = int(rng.integers(2**31))
    coarsest = int(2 ** rng.integers(4, 9))
    height_m = float(np.exp(rng.uniform(np.log(500), np.log(5000))))
    reach_px = height_m / 10 / max(sun[2], 0.2)
    colour = draw_spectrum("cloud", rng).mean
    # A cloud is at least this bright, whatever thin one was measured.
    floor = rng.uniform(0.35, 0.8) * np.linspace(1.0, 0.6, 12)
    veiled = cover > 0 and rng.random() < 0.35
    veil = np.maximum(draw_spectrum("cirrus", rng).mean, 0.01) * rng.uniform(0.5, 2.0)
    if cover <= 0:
        return None
    return Clouds(
        noise=Fractal.build(seed, finest_px=2, coarsest_px=coarsest, hurst=rng.uniform(0.6, 1.0)),
        level=float(ndtri(1 - min(cover, 0.995))),
        hardness=float(np.exp(rng.uniform(np.log(1.0), np.log(5.0)))),
        shift_px=(-sun[1] * reach_px, sun[0] * reach_px),
        colour=np.maximum(colour, floor).astype(np.float32),
        veil=veil.astype(np.float32),
        veil_noise=Fractal.build(seed + 1, finest_px=8, coarsest_px=256, hurst=0.9) if veiled else None,
        direct=DIRECT_SHARE.astype(np.float32),
    )


def _compute_opacity(clouds: Clouds, rows: NDArray[np.float64], cols: NDArray[np.float64]) -> Field:
    noise = compute_noise(clouds.noise, rows, cols, dtype=np.float32)
    thickness = np.maximum(noise - clouds.level, 0) * clouds.hardness
    return np.asarray(1 - np.exp(-2.5 * thickness), dtype=np.float32)


def compute_cloud_view(clouds: Clouds, rows: NDArray[np.float64], cols: NDArray[np.float64]) -> CloudView:
    """Evaluate the clouds over pixel centres ``rows`` (R,) and ``cols`` (C,), in pixels."""
    veil = None
    if clouds.veil_noise is not None:
        veil = np.clip(0.5 * compute_noise(clouds.veil_noise, rows, cols, dtype=np.float32), 0, 1)
    return CloudView(
        opacity=_compute_opacity(clouds, rows, cols),
        shadow=_compute_opacity(clouds, rows + clouds.shift_px[0], cols + clouds.shift_px[1]),
        veil=None if veil is None else veil.astype(np.float32),
    )
