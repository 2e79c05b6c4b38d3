"""What the water of a simulated world looks like: its colour, its bottom, its roughness, surf, ice and ships.

Source: two-way attenuation of light over a bottom after Lyzenga, 1978, doi:10.1364/AO.17.000379; pure-water
absorption in the red and infrared after Pope and Fry, 1997, doi:10.1364/AO.36.008710, and Kou et al., 1993,
doi:10.1364/AO.32.003531, rounded to the bands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiles.noise import Fractal, compute_hash, compute_noise, compute_uniform
from tiles.palette import Palette, build_palette

__all__ = ["WaterView", "Waters", "compute_water_band", "compute_water_view", "draw_waters"]

Field = NDArray[np.float32]

_ATTENUATION = np.array([0.07, 0.06, 0.10, 0.55, 0.95, 2.6, 2.8, 3.4, 4.5, 15.0, 60.0, 150.0])
_GLINT_TINT = np.array([0.9, 0.95, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.95, 0.9, 0.85])
_SEA, _SEA_TOO, _INLAND, _INLAND_TOO, _BOTTOM, _BOTTOM_TOO, _FOAM, _ICE, _SHIP = range(9)
_SHIP_CELL_PX = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Waters:
    """The waters of one world.

    Attributes:
        seed: Stream of the patterns.
        palette: Spectra: two of the sea, two of inland water, two bottoms, foam, ice, ship.
        slope: Metres of depth a metre from the shore.
        clarity: Divides the attenuation; 1 is clear water, 0.05 a river in flood.
        plume_m: Distance from the shore over which the sea's second colour fades.
        patches: Noise that mixes the two colours.
        glint: Reflectance added by sun on waves.
        swell: Wave vector (x, y) in radians a pixel, and relative strength of the waves' pattern.
        surf_m: Width of the surf, 0 for sheltered water.
        ice: Noise level above which the water is frozen; large for none.
        ships: Share of the cells of 600 m that hold a ship.
        rough: Whether waves are what varies most.
    """

    seed: int
    palette: Palette
    slope: float
    clarity: float
    plume_m: float
    patches: Fractal
    glint: float
    swell: tuple[float, float, float]
    surf_m: float
    ice: float
    ships: float
    rough: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WaterView:
    """The water of one window, as fields (R, C) that are common to all bands.

    Attributes:
        weights: Share of each of the four colours (4, R, C).
        depth_m: Depth, 0 at the shore and on land.
        bottom: Share of the second bottom.
        glint: Reflectance of the sun on waves.
        foam: Share of white water.
        ice: Share of ice.
        ship: Share of ships.
        textures: Unit-variance fields (3, R, C).
    """

    weights: Field
    depth_m: Field
    bottom: Field
    glint: Field
    foam: Field | None
    ice: Field | None
    ship: Field | None
    textures: Field


def draw_waters(rng: np.random.Generator, *, cold: bool) -> Waters:
    """Draw the waters of one world; only cold ones can freeze."""
    sea = rng.choice(
        ["clear", "coastal", "turbid", "river_mud", "rough_sea", "algae"], p=[0.3, 0.3, 0.14, 0.06, 0.14, 0.06]
    )
    plume = rng.choice(["turbid", "coastal", "river_mud", "shallow", "algae"], p=[0.35, 0.25, 0.15, 0.15, 0.1])
    inland = rng.choice(["turbid", "river_mud", "humic", "algae", "coastal", "clear"], size=2)
    bottoms = rng.choice(["beach", "wet_flat", "rock", "wet_flat", "burnt", "grass"], size=2)
    names = [sea, plume, inland[0], inland[1], *bottoms, "foam", "lake_ice", rng.choice(["roof_bright", "asphalt"])]
    seed = int(rng.integers(2**31))
    angle, wave = rng.uniform(0, 2 * np.pi), 2 * np.pi / rng.uniform(4, 22)
    murky = str(sea) in ("turbid", "river_mud", "algae")
    return Waters(
        seed=seed,
        palette=build_palette([str(name) for name in names], rng),
        slope=float(np.exp(rng.uniform(np.log(0.004), np.log(0.3)))),
        clarity=float(np.exp(rng.uniform(np.log(0.03), np.log(0.3)) if murky else rng.uniform(np.log(0.15), 0.0))),
        plume_m=float(np.exp(rng.uniform(np.log(100), np.log(6000)))),
        patches=Fractal.build(seed + 1, finest_px=8, coarsest_px=256, hurst=1.1),
        glint=float(rng.exponential(0.025)) if rng.random() < 0.3 else float(rng.exponential(0.002)),
        swell=(float(wave * np.cos(angle)), float(wave * np.sin(angle)), float(rng.uniform(0.1, 0.6))),
        surf_m=float(np.exp(rng.uniform(np.log(15), np.log(200)))) if rng.random() < 0.4 else 0.0,
        ice=float(rng.uniform(-1.0, 1.5)) if cold and rng.random() < 0.25 else 99.0,
        ships=float(rng.choice([0.0, 0.01, 0.08], p=[0.5, 0.35, 0.15])),
        rough=bool(sea == "rough_sea" or rng.random() < 0.15),
    )


def _compute_ships(waters: Waters, rows: NDArray[np.float64], cols: NDArray[np.float64], open_m: Field) -> Field | None:
    """Share of each pixel (R, C) under a ship: at most one small turned rectangle a cell, far from the shore."""
    cell_rows = np.arange(int(rows[0] // _SHIP_CELL_PX), int(rows[-1] // _SHIP_CELL_PX) + 1)
    cell_cols = np.arange(int(cols[0] // _SHIP_CELL_PX), int(cols[-1] // _SHIP_CELL_PX) + 1)
    sailing = compute_uniform(waters.seed + 5, cell_rows[:, None], cell_cols[None, :]) < waters.ships
    share = np.zeros((len(rows), len(cols)), dtype=np.float32)
    for row, col in zip(*np.nonzero(sailing), strict=True):
        words = compute_hash(waters.seed + 6, cell_rows[row] * 8 + np.arange(5), np.full(5, cell_cols[col]))
        at = words.astype(np.float64) / 2.0**32
        down = (rows - (cell_rows[row] + 0.3 + 0.4 * at[0]) * _SHIP_CELL_PX)[:, None]
        across = (cols - (cell_cols[col] + 0.3 + 0.4 * at[1]) * _SHIP_CELL_PX)[None, :]
        x, y = np.cos(np.pi * at[2]), np.sin(np.pi * at[2])
        beam, length = 0.3 + 1.6 * at[3], 1.0 + 12.0 * at[3] * at[4]
        inside = np.minimum(length - np.abs(across * x + down * y), beam - np.abs(across * y - down * x))
        share = np.maximum(share, np.clip(inside + 0.5, 0, 1).astype(np.float32))
    return share * (open_m > 40) if share.any() else None


def _mix_colours(waters: Waters, patches: Field, base_m: Field) -> Field:
    """Share (4, R, C) of the sea's two colours and of the inland waters' two."""
    inland = np.clip(-base_m / 300.0, 0, 1)
    near = np.exp(np.minimum(-base_m / waters.plume_m, 0.0))
    second = np.clip(near * 1.2 + patches * 0.5 - 0.3, 0, 1)
    third = np.clip(0.5 + patches, 0, 1)
    return np.stack([(1 - inland) * (1 - second), (1 - inland) * second, inland * (1 - third), inland * third])


def compute_water_view(
    waters: Waters, rows: NDArray[np.float64], cols: NDArray[np.float64], open_m: Field, base_m: Field
) -> WaterView:
    """Evaluate what all bands share.

    Args:
        waters: The world's waters.
        rows: Pixel centres (R,), in pixels.
        cols: Pixel centres (C,), in pixels.
        open_m: Distance from any shore (R, C), roughly, negative on land.
        base_m: The same from the sea's shore: below 0 are rivers and lakes.
    """
    patches = compute_noise(waters.patches, rows, cols, dtype=np.float32)
    fine = Fractal.build(waters.seed + 2, finest_px=1, coarsest_px=8, hurst=0.2)
    ripples = compute_noise(fine, rows, cols, dtype=np.float32)
    x, y, contrast = waters.swell
    phase = (cols[None, :] * x + rows[:, None] * y).astype(np.float32) + 2.5 * patches
    waves = 1.4 * np.sin(phase) * contrast + ripples * (1 - contrast)
    offshore = np.maximum(open_m, 0)
    foam: Field | None = None
    if waters.surf_m > 0:
        breaking = np.clip(1.3 * ripples + 0.9 * patches + 0.4, 0, 1)
        foam = (breaking * np.exp(-((offshore / waters.surf_m) ** 2)) * (base_m > 0)).astype(np.float32)
    ice = None if waters.ice > 50 else np.clip((patches - waters.ice) * 4, 0, 1).astype(np.float32)
    return WaterView(
        weights=_mix_colours(waters, patches, base_m),
        depth_m=np.asarray(np.float32(waters.slope) * offshore * np.clip(1 + 0.5 * patches, 0.2, 2), dtype=np.float32),
        bottom=np.clip(0.5 + 1.5 * np.roll(patches, 7, axis=0), 0, 1),
        glint=np.asarray(waters.glint * np.maximum(1 + 0.35 * waves + 0.25 * patches, 0), dtype=np.float32),
        foam=foam,
        ice=ice,
        ship=_compute_ships(waters, rows, cols, open_m) if waters.ships > 0 else None,
        # The strongest variation of a rough sea is its waves, of other waters what drifts in them.
        textures=np.clip(np.stack([waves, ripples, patches] if waters.rough else [patches, waves, ripples]), -3, 3),
    )


def compute_water_band(waters: Waters, view: WaterView, band: int, grain: Field) -> Field:
    """Reflectance (R, C) of one band, as if all were water.

    Args:
        waters: The world's waters.
        view: The window's fields.
        band: Index of the band, 0 to 11.
        grain: Unit-variance white field (R, C).
    """
    mean, factor = waters.palette.mean[:, band], waters.palette.factor[:, band]
    pixels = np.zeros_like(view.depth_m)
    for colour in range(4):
        pixels += view.weights[colour] * mean[colour]
    texture = sum(view.textures[index] * factor[_SEA, index] for index in range(3))
    # The sea's own strength of texture, in proportion to what stands there.
    pixels += np.clip(texture, -0.5 * abs(mean[_SEA]), abs(mean[_SEA]) + 0.005)
    pixels += 0.5 * waters.palette.residual[_SEA, band] * grain
    reach = np.exp(-2.0 * _ATTENUATION[band] / waters.clarity * view.depth_m, dtype=np.float32)
    bottom = mean[_BOTTOM] + (mean[_BOTTOM_TOO] - mean[_BOTTOM]) * view.bottom
    pixels += reach * (0.75 * bottom - pixels)
    pixels += view.glint * np.float32(_GLINT_TINT[band])
    for share, surface in ((view.foam, _FOAM), (view.ice, _ICE), (view.ship, _SHIP)):
        if share is not None:
            light = max(mean[surface], 0.35 * _GLINT_TINT[band] ** 4) if surface == _FOAM else mean[surface]
            pixels += share * (light - pixels)
    return pixels
