"""What the water of a simulated world looks like: its colour, its bottom, its ice, and what floats on it.

Source: two-way attenuation of light over a bottom after Lyzenga, 1978, doi:10.1364/AO.17.000379; pure-water
absorption in the red and infrared after Pope and Fry, 1997, doi:10.1364/AO.36.008710, and Kou et al., 1993,
doi:10.1364/AO.32.003531, rounded to the bands.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tiles.simulate.world.noise import Fractal, compute_noise
from tiles.simulate.world.palette import Palette, build_palette
from tiles.simulate.world.sea_state import (
    Drift,
    Glint,
    Surf,
    compute_drift,
    compute_glint,
    compute_surf,
    draw_drift,
    draw_glint,
    draw_surf,
)
from tiles.simulate.world.vessels import Vessels, compute_vessels, moor_vessels

__all__ = [
    "NO_ICE",
    "WaterView",
    "Waters",
    "compute_water_band",
    "compute_water_view",
    "draw_waters",
    "redraw_sea_state",
]

Field = NDArray[np.float32]

NO_ICE = 99.0
"""Level of noise above which the waters of a warm world are frozen: it is never reached."""

_ATTENUATION = np.array([0.07, 0.06, 0.10, 0.55, 0.95, 2.6, 2.8, 3.4, 4.5, 15.0, 60.0, 150.0])
_GLINT_TINT = np.array([0.9, 0.95, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.95, 0.9, 0.85])
_SEA, _SEA_TOO, _INLAND, _INLAND_TOO, _BOTTOM, _BOTTOM_TOO, _FOAM, _ICE, _SHIP, _DARK_SHIP, _DRIFT = range(11)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waters:
    """The waters of one world.

    Attributes:
        seed: Stream of the patterns.
        palette: Spectra: two of the sea, two of inland water, two bottoms, foam, ice, two of ships, what drifts.
        slope: Metres of depth a metre from the shore.
        steep: Depth at piers, moles and islets relative to what the distance from the sea's shore gives; 0: shoals.
        clarity: Divides the attenuation; 1 is clear water, 0.05 a river in flood.
        plume_m: Distance from the shore over which the sea's second colour fades.
        patches: Noise that mixes the two colours.
        eddies: Finer noise that curls their fronts.
        front: How sharp the fronts are, 1 for gradual.
        glint: The sun on waves.
        swell: Wave vector (x, y) in radians a pixel, and relative strength of the waves' pattern.
        surf: Breakers, or ``None``.
        drift: Floating plants, or ``None``.
        ice: Noise level above which the water is frozen; large for none.
        ships: Share of the cells of 600 m that hold a ship.
        moored: Share of the places along the shores that hold one.
        rough: Whether waves are what varies most.
    """

    seed: int
    palette: Palette
    slope: float
    steep: float
    clarity: float
    plume_m: float
    patches: Fractal
    eddies: Fractal
    front: float
    glint: Glint
    swell: tuple[float, float, float]
    surf: Surf | None
    drift: Drift | None
    ice: float
    ships: float
    rough: bool
    moored: float = 0.0


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
        drift: Share of floating plants.
        vessels: Ships and their wakes.
        textures: Unit-variance fields (3, R, C).
    """

    weights: Field
    depth_m: Field
    bottom: Field
    glint: Field
    foam: Field | None
    ice: Field | None
    drift: Field | None
    vessels: Vessels | None
    textures: Field


def draw_waters(rng: np.random.Generator, *, cold: bool) -> Waters:
    """Draw the waters of one world; only cold ones can freeze."""
    sea = rng.choice(
        ["clear", "coastal", "turbid", "river_mud", "rough_sea", "algae"], p=[0.3, 0.3, 0.14, 0.06, 0.14, 0.06]
    )
    plume = rng.choice(["turbid", "coastal", "river_mud", "shallow", "algae"], p=[0.35, 0.25, 0.15, 0.15, 0.1])
    inland = rng.choice(["turbid", "river_mud", "humic", "algae", "coastal", "clear"], size=2)
    bottoms = rng.choice(["beach", "wet_flat", "rock", "wet_flat", "burnt", "grass", "salt_flat"], size=2)
    drifting = rng.choice(["grass", "forest", "algae", "crops", "savanna"])
    names = [sea, plume, *inland, *bottoms, "foam", "lake_ice", "roof_bright", "asphalt", drifting]
    seed = int(rng.integers(2**31))
    angle, wave = rng.uniform(0, 2 * np.pi), 2 * np.pi / rng.uniform(4, 22)
    murky = str(sea) in ("turbid", "river_mud", "algae")
    return Waters(
        seed=seed,
        palette=_redraw_sediment(build_palette([str(name) for name in names], rng), rng),
        slope=float(np.exp(rng.uniform(np.log(0.004), np.log(0.3)))),
        steep=float(rng.choice([0.0, 0.6])),
        clarity=float(np.exp(rng.uniform(np.log(0.03), np.log(0.3)) if murky else rng.uniform(np.log(0.15), 0.0))),
        plume_m=float(np.exp(rng.uniform(np.log(100), np.log(6000)))),
        patches=Fractal.build(seed + 1, finest_px=8, coarsest_px=256, hurst=1.1),
        eddies=Fractal.build(seed + 3, finest_px=2, coarsest_px=32, hurst=0.8),
        front=float(np.exp(rng.uniform(0.5, 2.7))) if rng.random() < 0.4 else 1.0,
        glint=draw_glint(rng, seed + 4),
        swell=(float(wave * np.cos(angle)), float(wave * np.sin(angle)), float(rng.uniform(0.1, 0.6))),
        surf=draw_surf(rng, seed + 8),
        drift=draw_drift(rng, seed + 10),
        ice=float(rng.uniform(-1.0, 1.5)) if cold and rng.random() < 0.25 else NO_ICE,
        ships=float(rng.choice([0.0, 0.01, 0.08], p=[0.5, 0.35, 0.15])),
        rough=bool(sea == "rough_sea" or rng.random() < 0.15),
    )


def redraw_sea_state(waters: Waters, rng: np.random.Generator) -> Waters:
    """The same waters on another day: other waves, glint, surf, currents, drift and ships; colour and depth stay."""
    other = draw_waters(rng, cold=False)
    return replace(
        waters,
        seed=other.seed,
        patches=other.patches,
        eddies=other.eddies,
        glint=other.glint,
        swell=other.swell,
        surf=other.surf,
        drift=other.drift,
        ships=other.ships,
        rough=other.rough,
    )


def _redraw_sediment(palette: Palette, rng: np.random.Generator) -> Palette:
    """The same waters with more or with less in them: rivers in flood are brighter than any measured here."""
    gain = np.ones(len(palette.names), dtype=np.float32)
    for index in (_SEA, _SEA_TOO, _INLAND, _INLAND_TOO):
        if palette.names[index] in ("river_mud", "turbid"):
            gain[index] = np.exp(rng.uniform(-0.4, 0.6))
    return replace(palette, mean=palette.mean * gain[:, None], factor=palette.factor * gain[:, None, None])


def _mix_colours(waters: Waters, patches: Field, eddies: Field, base_m: Field) -> Field:
    """Share (4, R, C) of the sea's two colours and of the inland waters' two."""
    inland = np.clip(-base_m / 300.0, 0, 1)
    near = np.exp(np.minimum(-base_m / waters.plume_m, 0.0))
    drawn = patches + np.float32(0.25) * eddies
    second = np.clip((near * 1.2 + drawn * 0.5 - 0.8) * np.float32(waters.front) + 0.5, 0, 1)
    third = np.clip(0.5 + np.float32(waters.front) * drawn, 0, 1)
    return np.stack([(1 - inland) * (1 - second), (1 - inland) * second, inland * (1 - third), inland * third])


def compute_water_view(
    waters: Waters, rows: NDArray[np.float64], cols: NDArray[np.float64], shore_m: Field, base_m: Field
) -> WaterView:
    """Evaluate what all bands share.

    Args:
        waters: The world's waters.
        rows: Pixel centres (R,), in pixels.
        cols: Pixel centres (C,), in pixels.
        shore_m: Distance from any shore (R, C), roughly, negative on land.
        base_m: The same from the sea's shore: below 0 are rivers and lakes.
    """
    patches = compute_noise(waters.patches, rows, cols, dtype=np.float32)
    fine = Fractal.build(waters.seed + 2, finest_px=1, coarsest_px=8, hurst=0.2)
    ripples = compute_noise(fine, rows, cols, dtype=np.float32)
    eddies = compute_noise(waters.eddies, rows, cols, dtype=np.float32)
    x, y, contrast = waters.swell
    phase = (cols[None, :] * x + rows[:, None] * y).astype(np.float32) + 2.5 * patches + 1.2 * eddies
    waves = np.asarray(1.4 * np.sin(phase) * contrast + ripples * (1 - contrast), dtype=np.float32)
    off = np.maximum(np.maximum(shore_m, np.float32(waters.steep) * base_m), 0)
    depth = np.float32(waters.slope) * off * np.clip(1 + 0.5 * patches + 0.1 * eddies, 0.2, 2)
    surf, drift = waters.surf, waters.drift
    return WaterView(
        weights=_mix_colours(waters, patches, eddies, base_m),
        depth_m=np.asarray(depth, dtype=np.float32),
        bottom=np.clip(0.5 + 0.4 * eddies - 0.8 * patches, 0, 1),
        glint=compute_glint(waters.glint, rows, cols, waves=waves, patches=patches),
        foam=None if surf is None else compute_surf(surf, rows, cols, shore_m=shore_m, sea_m=base_m, patches=patches),
        ice=None if waters.ice > 50 else np.clip((patches - waters.ice) * 4, 0, 1).astype(np.float32),
        drift=None if drift is None else compute_drift(drift, rows, cols) * (shore_m > 15),
        vessels=_place_vessels(waters, rows, cols, shore_m),
        # The strongest variation of a rough sea is its waves, of other waters what drifts in them.
        textures=np.clip(np.stack([waves, ripples, patches] if waters.rough else [patches, waves, ripples]), -3, 3),
    )


def _place_vessels(
    waters: Waters, rows: NDArray[np.float64], cols: NDArray[np.float64], shore_m: Field
) -> Vessels | None:
    afloat = compute_vessels(waters.seed + 5, waters.ships, rows, cols, shore_m) if waters.ships > 0 else None
    moored = moor_vessels(waters.seed + 12, waters.moored, rows, cols, shore_m) if waters.moored > 0 else None
    if afloat is None or moored is None:
        return afloat or moored
    return Vessels(
        hull=np.maximum(afloat.hull, moored.hull),
        dark=np.where(moored.hull > 0, moored.dark, afloat.dark),
        wake=afloat.wake,
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
    _float_things(waters.palette.mean[:, band], view, band, pixels)
    return pixels


def _float_things(mean: Field, view: WaterView, band: int, pixels: Field) -> None:
    """Lay foam, ice, plants and ships over the water of one band (R, C), in place."""
    white = max(mean[_FOAM], 0.35 * _GLINT_TINT[band] ** 4)
    layers = [(view.foam, white), (view.ice, mean[_ICE]), (view.drift, mean[_DRIFT])]
    if view.vessels is not None:
        decks = np.where(view.vessels.dark, mean[_DARK_SHIP], mean[_SHIP])
        layers += [(view.vessels.wake, white), (view.vessels.hull, decks)]
    for share, light in layers:
        if share is not None:
            pixels += share * (light - pixels)
