"""Roads, tracks and railways: lines thinner than a pixel that cross a simulated land and are not rivers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiles.simulate.world.noise import Fractal, compute_noise
from tiles.simulate.world.relief import Causeway

__all__ = ["Roads", "compute_deck", "compute_roads", "draw_roads"]

Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Roads:
    """Families of roads: the lines where ``direction . position + bends`` is a multiple of a period.

    Attributes:
        headings: Unit vectors (x, y) across the roads.
        periods_px: Distances between neighbours.
        half_widths_px: Half their widths.
        bends: How far they wander, in pixels.
    """

    headings: tuple[tuple[float, float], ...]
    periods_px: tuple[float, ...]
    half_widths_px: tuple[float, ...]
    bends: Fractal


def draw_roads(rng: np.random.Generator, seed: int) -> Roads:
    """Draw no, one or two families of roads."""
    count = int(rng.choice([0, 1, 2], p=[0.35, 0.4, 0.25]))
    angles = rng.uniform(0, np.pi, count)
    return Roads(
        headings=tuple((float(np.cos(a)), float(np.sin(a))) for a in angles),
        periods_px=tuple(float(v) for v in np.exp(rng.uniform(np.log(40), np.log(400), count))),
        half_widths_px=tuple(float(v) for v in rng.uniform(0.15, 0.9, count)),
        bends=Fractal.build(
            seed, finest_px=16, coarsest_px=128, hurst=1.2, amplitude=float(rng.choice([1.0, 15.0, 60.0]))
        ),
    )


def compute_roads(roads: Roads, rows: NDArray[np.float64], cols: NDArray[np.float64]) -> Field | None:
    """Share of each pixel under a road.

    Args:
        roads: The families.
        rows: Pixel centres (R,) down the absolute plane, in pixels.
        cols: Pixel centres (C,) across it.

    Returns:
        Share (R, C), 0 to 1, or ``None`` where there are no roads.
    """
    if not roads.headings:
        return None
    bends = compute_noise(roads.bends, rows, cols, dtype=np.float32)
    share = np.zeros((len(rows), len(cols)), dtype=np.float32)
    lines = zip(roads.headings, roads.periods_px, roads.half_widths_px, strict=True)
    for (x, y), period, half_width in lines:
        phase = bends + (cols * x).astype(np.float32)[None, :] + (rows * y).astype(np.float32)[:, None]
        down, across = np.gradient(phase)
        away = np.abs(phase - period * np.round(phase / period)) / np.sqrt(down * down + across * across + 0.05)
        np.maximum(share, np.clip(half_width + 0.5 - away, 0, min(2 * half_width, 1)), out=share)
    return share


def compute_deck(causeway: Causeway, rows: NDArray[np.float64], cols: NDArray[np.float64], open_m: Field) -> Field:
    """How much of each pixel's land belongs to a bridge or mole, and to the road that leads to it.

    Args:
        causeway: Bridges or moles.
        rows: Pixel centres (R,) down the absolute plane, in pixels.
        cols: Pixel centres (C,) across it.
        open_m: Distance from the shore (R, C), roughly, in metres; negative on land.

    Returns:
        Share (R, C): of the pixel, on land; on water 1 wherever the deck touches the pixel, for its land is the deck.
    """
    x, y = causeway.heading
    phase = cols[None, :] * x + rows[:, None] * y
    away = np.abs(phase - causeway.period_px * np.round(phase / causeway.period_px)).astype(np.float32)
    share = np.clip(np.float32(causeway.half_width_m / 10 + 0.5) - away, 0, 1)
    # The deck itself is the shore: what lies within a pixel or two of water and of the line belongs to it.
    deck = (open_m > -1.2 * causeway.half_width_m) & (away < causeway.half_width_m / 10 + 0.8)
    return np.where(deck, np.float32(1), share)
