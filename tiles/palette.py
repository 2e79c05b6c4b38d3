"""The spectra that one simulated world uses, as tables that a whole window can be looked up in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiles.spectra import DrawnSpectrum, draw_spectrum

__all__ = ["Palette", "build_palette", "compute_band"]

Field = NDArray[np.float32]

_VEGETATION = {"conifer", "crops", "forest", "grass", "mangrove", "savanna"}
_BRIGHT = {"beach", "roof_bright", "salt_flat", "foam", "sand_desert"}
_SNOW = {"snow", "snow_patchy", "lake_ice"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Palette:
    """Drawn spectra, one row a surface.

    Attributes:
        names: Classes (K).
        mean: Reflectance (K, 12).
        factor: Reflectance per unit of texture (K, 12, 3).
        residual: Deviation without texture (K, 12).
        scene_class: Class (K,) in the scene classification of the product: 4, 5, 6 or 11.
        bright: Whether (K,) the product's classifier may take the surface for cloud.
    """

    names: tuple[str, ...]
    mean: Field
    factor: Field
    residual: Field
    scene_class: NDArray[np.uint8]
    bright: NDArray[np.bool_]


def _resolve_scene_class(spectrum: DrawnSpectrum) -> int:
    if spectrum.name in _SNOW:
        return 11
    if spectrum.is_water:
        return 6
    return 4 if spectrum.name in _VEGETATION else 5


def build_palette(names: list[str], rng: np.random.Generator) -> Palette:
    """Draw a spectrum for each name; a name that stands twice is drawn twice."""
    drawn = [draw_spectrum(name, rng) for name in names]
    return Palette(
        names=tuple(names),
        mean=np.stack([s.mean for s in drawn]),
        factor=np.stack([s.factor for s in drawn]),
        residual=np.stack([s.residual for s in drawn]),
        scene_class=np.array([_resolve_scene_class(s) for s in drawn], dtype=np.uint8),
        bright=np.array([name in _BRIGHT for name in names]),
    )


def compute_band(palette: Palette, band: int, surfaces: NDArray[np.uint8], textures: Field, grain: Field) -> Field:
    """Reflectance of one band from a map of surfaces.

    Args:
        palette: The spectra.
        band: Index of the band, 0 to 11.
        surfaces: Index (R, C) into the palette.
        textures: Unit-variance fields (3, R, C), within three deviations.
        grain: Unit-variance white field (R, C).

    Returns:
        Reflectance (R, C), nowhere below a third of the surface's mean.
    """
    mean = palette.mean[:, band]
    pixels = mean[surfaces]
    for index in range(textures.shape[0]):
        pixels += palette.factor[:, band, index][surfaces] * textures[index]
    pixels += palette.residual[:, band][surfaces] * grain
    return np.maximum(pixels, np.minimum(mean, mean / 3)[surfaces], out=pixels)
