"""The spectra that one simulated world uses, as tables that a whole window can be looked up in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiles.bands import BANDS, L2A_STACK
from tiles.simulate.world.spectra import DrawnSpectrum, draw_spectrum

__all__ = ["Ground", "Palette", "build_palette", "compute_band"]

Field = NDArray[np.float32]

_VEGETATION = {"conifer", "crops", "forest", "grass", "mangrove", "savanna"}
_BRIGHT = {"beach", "roof_bright", "salt_flat", "foam", "sand_desert"}
_SNOW = {"snow", "snow_patchy", "lake_ice"}
_HEIGHT_M = {
    "asphalt": 0.0, "conifer": 18.0, "forest": 15.0, "mangrove": 7.0, "roof_bright": 9.0, "scrub": 1.5, "town": 8.0,
}  # fmt: skip
_POROUS = {"forest": 0.15, "conifer": 0.15, "mangrove": 0.15, "crops": 0.35, "grass": 0.4, "asphalt": 0.4, "town": 0.2,
           "roof_bright": 0.0, "snow": 0.0, "snow_patchy": 0.2, "shadow": 0.2, "wet_flat": 0.6}  # fmt: skip

# How much a band loses when the ground is soaked: water fills the pores and absorbs in the short-wave infrared.
_SOAKING = np.array([0.55, 0.58, 0.6, 0.62, 0.65, 0.68, 0.7, 0.72, 0.75, 0.8, 1.15, 1.35], dtype=np.float32)
_WAVELENGTH = np.array([BANDS[name].wavelength_nm for name in L2A_STACK])
_CURVE = (np.log(_WAVELENGTH) - np.log(900.0)) / np.log(2.2)  # -0.9 in the blue, 1.1 in the short-wave infrared


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
        height_m: Height (K,) of what stands on the ground, in metres.
        porous: How much (K,) of water's darkening the surface takes, 0 to 1.
    """

    names: tuple[str, ...]
    mean: Field
    factor: Field
    residual: Field
    scene_class: NDArray[np.uint8]
    bright: NDArray[np.bool_]
    height_m: Field
    porous: Field


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """What lies where, and how bright and how wet it is.

    Attributes:
        surfaces: Index (R, C) into the palette.
        gain: Factor (R, C) on all bands alike.
        wet: Wetness (R, C) of the surface, 0 dry, 1 soaked, a little more under a film of water.
        line: Share (R, C) of the pixel under a road, or ``None``.
        line_surface: Palette index of the road.
    """

    surfaces: NDArray[np.uint8]
    gain: Field
    wet: Field
    line: Field | None
    line_surface: int


def _resolve_scene_class(spectrum: DrawnSpectrum) -> int:
    if spectrum.name in _SNOW:
        return 11
    if spectrum.is_water:
        return 6
    return 4 if spectrum.name in _VEGETATION else 5


def _draw_variations(spectra: list[DrawnSpectrum], rng: np.random.Generator) -> Field:
    """Factors (K, 12) that make a world's surfaces differ from every measured one: smooth curves over wavelength.

    Land is dark in some worlds (volcanic, peat, wet) and in some of its places.
    """
    level, tilt, bend = rng.normal(0, [[0.16], [0.12], [0.08]], (3, len(spectra)))
    dark_world = rng.uniform(0.4, 0.85) if rng.random() < 0.1 else 1.0
    dark = np.where(rng.random(len(spectra)) < 0.08, rng.uniform(0.35, 0.75, len(spectra)), 1.0) * dark_world
    for index, spectrum in enumerate(spectra):
        if spectrum.is_water or spectrum.name in _SNOW | {"shadow", "salt_flat", "roof_bright"}:
            dark[index] = 1.0
        if spectrum.name in _SNOW:
            level[index], tilt[index], bend[index] = 0.0, 0.0, 0.0
    curves = level[:, None] + tilt[:, None] * _CURVE + bend[:, None] * (_CURVE**2 - 0.4)
    return np.asarray(dark[:, None] * np.exp(np.clip(curves, -0.6, 0.5)), dtype=np.float32)


def build_palette(names: list[str], rng: np.random.Generator) -> Palette:
    """Draw a spectrum for each name; a name that stands twice is drawn twice."""
    drawn = [draw_spectrum(name, rng) for name in names]
    varied = _draw_variations(drawn, rng)
    tall = np.array([_HEIGHT_M.get(name, 0.0) for name in names]) * rng.uniform(0.3, 1.6, len(names))
    return Palette(
        names=tuple(names),
        mean=np.stack([s.mean for s in drawn]) * varied,
        factor=np.stack([s.factor for s in drawn]) * varied[:, :, None],
        residual=np.stack([s.residual for s in drawn]) * varied,
        scene_class=np.array([_resolve_scene_class(s) for s in drawn], dtype=np.uint8),
        bright=np.array([name in _BRIGHT for name in names]),
        height_m=tall.astype(np.float32),
        porous=np.array([_POROUS.get(name, 1.0) for name in names], dtype=np.float32),
    )


def compute_band(palette: Palette, band: int, ground: Ground, textures: Field, grain: Field) -> Field:
    """Reflectance of one band from a map of surfaces.

    Args:
        palette: The spectra.
        band: Index of the band, 0 to 11.
        ground: What lies where.
        textures: Unit-variance fields (3, R, C), within three deviations.
        grain: Unit-variance white field (R, C).

    Returns:
        Reflectance (R, C), nowhere below a third of the surface's mean, gain and wetness aside.

    Source: soil darkens exponentially with its moisture, most in the short-wave infrared, Lobell and Asner, 2002,
        doi:10.2136/sssaj2002.7220; the coefficients are rounded and cover what stands there for wet sand and mud.
    """
    mean, surfaces = palette.mean[:, band], ground.surfaces
    pixels = mean[surfaces]
    for index in range(textures.shape[0]):
        pixels += palette.factor[:, band, index][surfaces] * textures[index]
    pixels += palette.residual[:, band][surfaces] * grain
    np.maximum(pixels, np.minimum(mean, mean / 3)[surfaces], out=pixels)
    pixels *= ground.gain * np.exp(-_SOAKING[band] * ground.wet)
    if ground.line is not None:
        pixels += ground.line * (mean[ground.line_surface] - pixels)
    return pixels
