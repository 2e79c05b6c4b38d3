"""The face of a simulated water: breakers on the shore, the sun's glint, slicks, and what drifts in rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiles.simulate.world.noise import Fractal, compute_noise

__all__ = ["Drift", "Glint", "Surf", "compute_drift", "compute_glint", "compute_surf", "draw_drift", "draw_glint"]
__all__ += ["draw_surf"]

Field = NDArray[np.float32]
Positions = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surf:
    """Breakers along the shores of a sea.

    Attributes:
        reach_m: Distance from the shore within which waves break.
        lines: How many rows of breakers there are.
        crest_m: Width of a row.
        wash: Share of foam between the rows.
        broken: Noise that breaks the rows up.
        level: Noise below which a wave does not break.
        exposure: Level of the large patches above which a shore is open to the waves.
    """

    reach_m: float
    lines: int
    crest_m: float
    wash: float
    broken: Fractal
    level: float
    exposure: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Glint:
    """The sun's light on waves.

    Attributes:
        strength: Reflectance that it adds on average.
        contrast: How much of it the waves, and the patches of wind, turn on and off.
        slick: Share that is missing in slicks and in the lee.
        slick_noise: Shape of the slicks.
        slick_edge: How sharp their edges are, a unit of noise.
        detector: Stripe period in pixels, heading (x, y) and relative step between neighbouring detectors.
    """

    strength: float
    contrast: tuple[float, float]
    slick: float
    slick_noise: Fractal
    slick_edge: float
    detector: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Floating plants: sargassum in rows, or mats of algae and leaves.

    Attributes:
        noise: Its rows are where this is 0, its mats where this is high.
        where: Noise of the regions that have any.
        level: Level of that noise above which they do.
        width_px: Width of a row; 0 for mats.
        density: Largest share of a pixel that is covered.
    """

    noise: Fractal
    where: Fractal
    level: float
    width_px: float
    density: float


def _draw_log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def draw_surf(rng: np.random.Generator, seed: int) -> Surf | None:
    """Draw the surf of a sea, or none for a calm one."""
    reach = _draw_log_uniform(rng, 15, 260)
    surf = Surf(
        reach_m=reach,
        lines=int(rng.integers(1, 6)),
        crest_m=_draw_log_uniform(rng, 5, 25),
        wash=float(rng.uniform(0, 0.5)),
        broken=Fractal.build(seed, finest_px=2, coarsest_px=32, hurst=0.4),
        level=float(rng.uniform(-1.5, 0.8)),
        exposure=float(rng.uniform(-3, 0.5)),
    )
    return surf if rng.random() < 0.45 else None


def compute_surf(
    surf: Surf, rows: Positions, cols: Positions, *, shore_m: Field, sea_m: Field, patches: Field
) -> Field:
    """Share of foam (R, C).

    Args:
        surf: The breakers.
        rows: Pixel centres (R,), in pixels.
        cols: Pixel centres (C,), in pixels.
        shore_m: Distance (R, C) from any shore, negative on land.
        sea_m: Distance (R, C) from the sea's shore, negative at rivers and lakes.
        patches: Large unit-variance noise (R, C).
    """
    noise = compute_noise(surf.broken, rows, cols, dtype=np.float32)
    off = np.maximum(shore_m, 0)
    spacing = surf.reach_m / surf.lines
    # Rows bend with the bottom: the noise moves them by a third of their distance.
    row = off / spacing + 0.35 * noise
    nearest = np.minimum(np.maximum(np.round(row), 0), surf.lines)
    crest = np.exp(-(((row - nearest) * spacing / surf.crest_m) ** 2))
    breaking = np.clip(1.5 * (np.roll(noise, 5, axis=1) - np.float32(surf.level)), 0, 1)
    ending = np.clip(1.5 - off / surf.reach_m, 0, 1)
    foam = np.maximum(crest * breaking, surf.wash * np.clip(0.5 + noise, 0, 1)) * ending
    open_shore = np.clip(2 * (patches - surf.exposure), 0, 1) * np.clip(sea_m / 30, 0, 1)
    return np.asarray(foam * open_shore, dtype=np.float32)


def draw_glint(rng: np.random.Generator, seed: int) -> Glint:
    """Draw the sun's glint of one day; most days have little."""
    strength = rng.exponential(0.035) if rng.random() < 0.3 else rng.exponential(0.002)
    angle = rng.normal(0.25, 0.1)
    return Glint(
        strength=float(strength),
        contrast=(float(rng.uniform(0.1, 0.9)), float(rng.uniform(0, 0.4))),
        slick=float(rng.uniform(0.3, 0.95)) if rng.random() < 0.5 else 0.0,
        slick_noise=Fractal.build(
            seed, finest_px=int(2 ** rng.integers(0, 4)), coarsest_px=int(2 ** rng.integers(4, 8)), hurst=0.7
        ),
        slick_edge=_draw_log_uniform(rng, 1, 8),
        detector=(
            float(rng.uniform(300, 2500)),
            float(np.cos(angle)),
            float(np.sin(angle)),
            float(rng.uniform(0, 0.4)),
        ),
    )


def compute_glint(glint: Glint, rows: Positions, cols: Positions, *, waves: Field, patches: Field) -> Field:
    """Reflectance (R, C) that the sun's glint adds.

    Args:
        glint: The glint.
        rows: Pixel centres (R,), in pixels.
        cols: Pixel centres (C,), in pixels.
        waves: Unit-variance pattern (R, C) of the waves.
        patches: Large unit-variance noise (R, C).
    """
    light = np.maximum(1 + glint.contrast[0] * waves + glint.contrast[1] * patches, 0)
    if glint.strength > 0.004:
        if glint.slick > 0:
            slick = compute_noise(glint.slick_noise, rows, cols, dtype=np.float32)
            light *= 1 - np.float32(glint.slick) * np.clip(0.5 + glint.slick_edge * slick, 0, 1).astype(np.float32)
        period, x, y, step = glint.detector
        stripe = np.floor((cols[None, :] * x + rows[:, None] * y) / period) % 2
        light *= (1 + step * (stripe - 0.5)).astype(np.float32)
    return np.asarray(light * np.float32(glint.strength), dtype=np.float32)


def draw_drift(rng: np.random.Generator, seed: int) -> Drift | None:
    """Draw what floats on the water, or nothing, as on most days."""
    rows = rng.random() < 0.6
    drift = Drift(
        noise=Fractal.build(seed, finest_px=2 if rows else 1, coarsest_px=64, hurst=1.0 if rows else 0.6),
        where=Fractal.build(seed + 1, finest_px=8, coarsest_px=64, hurst=0.7),
        level=float(rng.uniform(-0.5, 1.5)),
        width_px=_draw_log_uniform(rng, 0.2, 2.0) if rows else 0.0,
        density=float(rng.uniform(0.1, 0.9 if rows else 0.6)),
    )
    return drift if rng.random() < 0.12 else None


def compute_drift(drift: Drift, rows: Positions, cols: Positions) -> Field:
    """Share of each pixel (R, C) under floating plants, as if all were water."""
    noise = compute_noise(drift.noise, rows, cols, dtype=np.float32)
    region = np.clip(2 * (compute_noise(drift.where, rows, cols, dtype=np.float32) - drift.level), 0, 1)
    if drift.width_px > 0:
        down, across = np.gradient(noise)
        away = np.abs(noise) / np.sqrt(down * down + across * across + 1e-6)
        share = np.clip(drift.width_px / 2 + 0.5 - away, 0, min(drift.width_px, 1))
    else:
        share = np.clip(1.5 * (noise - 0.5), 0, 1)
    return np.asarray(share * region * np.float32(drift.density), dtype=np.float32)
