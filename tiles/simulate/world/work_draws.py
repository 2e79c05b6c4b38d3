"""Chance draws what people build at the water: piers, marinas, docks, ponds, bridges and moles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tiles.simulate.world.relief import Causeway, Lattice, Relief

__all__ = ["Dice", "draw_docks", "draw_pools", "draw_works"]


@dataclass(frozen=True, slots=True)
class Dice:
    """Chance, and the size of the scene that the world is for: features have sizes that such a scene shows."""

    rng: np.random.Generator
    extent_px: int

    def seed(self) -> int:
        """A seed for noise."""
        return int(self.rng.integers(0, 2**31))

    def between(self, low: float, high: float) -> float:
        """A number between two others, evenly in its logarithm."""
        return float(np.exp(self.rng.uniform(np.log(low), np.log(high))))

    def heading(self) -> tuple[float, float]:
        """A unit vector of multiples of 1/4096: products with quarter pixels are exact, so every window agrees."""
        angle = self.rng.uniform(0, 2 * np.pi)
        return float(np.round(np.cos(angle) * 4096) / 4096), float(np.round(np.sin(angle) * 4096) / 4096)

    def scale(self, low: float, high: float) -> int:
        """A power of two between two shares of the scene's side, in pixels, at least 32."""
        least, most = max(low * self.extent_px, 32.0), max(high * self.extent_px, 128.0)
        return int(2 ** round(np.log2(self.between(min(least, most), most))))

    def share(self, low: float, high: float) -> float:
        """A number between two shares of the scene's side, in pixels, at least 100."""
        return max(self.between(low * self.extent_px, high * self.extent_px), 100.0)

    def happens(self, odds: float) -> bool:
        """Whether something of these odds, 0 to 1, comes to pass."""
        return bool(self.rng.random() < odds)


def _draw_lattice(
    dice: Dice, *, size_px: tuple[float, float], share: float, margin: tuple[float, float], reach_m: float
) -> Lattice:
    size = (dice.between(*size_px), dice.between(*size_px))
    return Lattice(
        seed=dice.seed(),
        heading=dice.heading(),
        size_px=size,
        share=share,
        margin_m=(size[0] * 10 * margin[0] / 2, size[1] * 10 * margin[1] / 2),
        reach_m=reach_m,
    )


def _draw_piers(dice: Dice) -> Lattice:
    """Piers of one to four pixels' width, however large their cells."""
    piers = _draw_lattice(
        dice,
        size_px=(14, 70),
        share=dice.rng.uniform(0.04, 0.3),
        margin=(dice.rng.uniform(0.05, 0.6), 0.75),
        reach_m=350,
    )
    across = piers.size_px[1] * 5 - dice.between(5, 25)
    return replace(piers, margin_m=(piers.margin_m[0], max(across, 1.0)))


def draw_works(dice: Dice, relief: Relief, odds: float) -> Relief:
    """Add what people build at a shore, by chance.

    Args:
        dice: Chance, and the size of the scene.
        relief: The coast without them.
        odds: How likely piers are, 0 to 1; the rest follows from that.
    """
    if dice.happens(odds):
        relief = replace(relief, piers=_draw_piers(dice))
    if dice.happens(odds * 0.6):
        share = dice.rng.uniform(0.04, 0.2)
        basins = _draw_lattice(dice, size_px=(20, 90), share=share, margin=(0.3, 0.3), reach_m=300)
        relief = replace(relief, basins=basins)
    if dice.happens(odds * 0.08):
        share, reach = dice.rng.uniform(0.5, 0.9), dice.between(300, 1500)
        ponds = _draw_lattice(dice, size_px=(6, 40), share=share, margin=(0.12, 0.12), reach_m=reach)
        relief = replace(relief, ponds=ponds)
    if dice.happens(odds * 0.6):
        relief = replace(relief, marinas=_draw_marinas(dice))
    wide = 1.6 if relief.kind in ("river", "estuary", "lagoon") else 0.5
    ways = [_draw_causeway(dice, reach_m=(80, 900)) for _ in range(2) if dice.happens(min(odds * wide, 0.5))]
    ways += [_draw_causeway(dice, reach_m=(50, 400)) for _ in range(2) if dice.happens(odds * 0.5)]
    return replace(relief, causeways=tuple(ways))


def draw_docks(dice: Dice, relief: Relief) -> Relief:
    """Make a harbour of a coast: docks, quays between them, moles and marinas, most of them square to each other.

    Args:
        dice: Chance, and the size of the scene.
        relief: The coast without them.
    """
    heading, reach_m = dice.heading(), dice.between(150, 500)
    docks = replace(_draw_dock_grid(dice, wide_px=(3, 22), share=(0.2, 0.8)), heading=heading, reach_m=reach_m)
    quays = replace(_draw_dock_grid(dice, wide_px=(2, 14), share=(0.15, 0.6)), reach_m=dice.between(60, 250))
    if dice.happens(0.8):
        quays = replace(quays, heading=heading)
    return replace(
        relief,
        basins=docks,
        piers=quays if dice.happens(0.7) else relief.piers,
        marinas=_draw_marinas(dice) if dice.happens(0.5) else None,
        causeways=tuple(_draw_causeway(dice, reach_m=(150, 1200)) for _ in range(int(dice.rng.integers(0, 3)))),
    )


def _draw_dock_grid(dice: Dice, *, wide_px: tuple[float, float], share: tuple[float, float]) -> Lattice:
    """Long works side by side, some of them shorter or narrower: docks where they are dug, quays where built out."""
    long_px, wide = dice.between(15, 80), dice.between(*wide_px)
    apart_px = wide + dice.between(3, 20)
    return Lattice(
        seed=dice.seed(),
        heading=dice.heading(),
        size_px=(long_px, apart_px),
        share=float(dice.rng.uniform(*share)),
        margin_m=(dice.between(1, 40), 5 * (apart_px - wide)),
        reach_m=0.0,
        district_share=float(dice.rng.uniform(0.2, 0.9)),
        vary_m=1.5 * wide,
    )


def _draw_marinas(dice: Dice) -> Lattice:
    """Stages of 6 to 14 m width, 30 to 80 m apart, in a harbour here and there."""
    stages = _draw_lattice(dice, size_px=(5, 14), share=dice.rng.uniform(0.5, 0.95), margin=(0.0, 0.0), reach_m=400)
    spacing = dice.between(3, 8)
    return replace(
        stages,
        size_px=(stages.size_px[0], spacing),
        margin_m=(dice.between(3, 15), spacing * 5 - dice.between(2.6, min(7, spacing * 2))),
        reach_m=dice.between(60, 400),
        district_share=dice.rng.uniform(0.1, 0.5),
    )


def _draw_causeway(dice: Dice, *, reach_m: tuple[float, float]) -> Causeway:
    return Causeway(
        heading=dice.heading(),
        period_px=dice.between(120, 1200),
        half_width_m=dice.between(3, 15),
        reach_m=dice.between(*reach_m),
        height_m=dice.between(1.5, 25),
    )


def draw_pools(dice: Dice, relief: Relief) -> Relief:
    """Add ponds of one to some ten pixels to one land in three."""
    if not dice.happens(0.3):
        return relief
    pools = _draw_lattice(dice, size_px=(9, 60), share=dice.between(0.04, 0.5), margin=(0.0, 0.0), reach_m=2e4)
    half = [min(dice.between(5, 30), size * 4) for size in pools.size_px]
    margin = (pools.size_px[0] * 5 - half[0], pools.size_px[1] * 5 - half[1])
    return replace(relief, pools=replace(pools, margin_m=margin, vary_m=0.8 * min(half)))
