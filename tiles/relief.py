"""What the coast of a simulated world is made of: the recipe that a kind and a seed decide.

A recipe holds numbers only; ``tiles.terrain`` turns it into the field whose zero contour is the shoreline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tiles.noise import Fractal

__all__ = ["KINDS", "Barrier", "Channels", "Kind", "Lattice", "Relief", "draw_relief"]

Kind = Literal[
    "random", "open_coast", "archipelago", "estuary", "delta", "fjord", "lagoon", "lakes", "river", "land", "sea"
]
KINDS: tuple[Kind, ...] = (
    "open_coast", "archipelago", "estuary", "delta", "fjord", "lagoon", "lakes", "river", "land", "sea",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """A family of rivers: the lines where ``direction . position + meander`` is a multiple of ``period_px``.

    Attributes:
        heading: Unit vector (x, y) across the flow.
        period_px: Distance from one river to the next.
        meander: How far the line wanders, in pixels.
        half_width_m: Half the width far inland.
        mouth_m: Half the width added at the sea.
        funnel_m: How far inland the mouth's widening reaches.
        width_noise: Multiplies the width by 2 to the power of this noise; ``None`` keeps it even.
    """

    heading: tuple[float, float]
    period_px: float
    meander: Fractal
    half_width_m: float
    mouth_m: float = 0.0
    funnel_m: float = 1000.0
    width_noise: Fractal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Straight-edged works on a turned grid: ponds between dikes, quays, piers, dredged basins.

    Attributes:
        seed: Which of the cells are taken.
        heading: Unit vector along the grid's first axis.
        size_px: Cell size along both axes.
        share: Share of cells taken, 0 to 1.
        margin_m: From the cell's edge to the work's edge along both axes.
        reach_m: How far from the shore they stand.
    """

    seed: int
    heading: tuple[float, float]
    size_px: tuple[float, float]
    share: float
    margin_m: tuple[float, float]
    reach_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """A spit or barrier island along the smoothed coast, with a lagoon behind it.

    Attributes:
        distance_m: From the coast to the barrier's axis.
        half_width_m: Half its width.
        gaps: Noise whose low values open inlets.
    """

    distance_m: float
    half_width_m: float
    gaps: Fractal


@dataclass(frozen=True, slots=True, kw_only=True)
class Relief:
    """The recipe of one world's terrain; all lengths in metres unless named otherwise.

    Attributes:
        kind: What the world is.
        water_share: Share of the extent that the sea takes before rivers and lakes; 0 and 1 mean none and all.
        coarse: Octaves that shape the coast at large.
        fine: Octaves of capes, coves and rocks.
        ruggedness: Noise that makes some stretches rough and others smooth.
        trend: Gradient (x, y) in metres a pixel, towards the sea.
        channels: Rivers, fjords and creeks.
        lakes: Noise whose high values are lakes, with the level that they must pass.
        skerries: Noise whose high values are islets in the water, with the level that they must pass.
        barrier: Spit and lagoon.
        ponds: Water between dikes.
        piers: Land built out into the water.
        basins: Water dug into the land.
    """

    kind: Kind
    water_share: float
    coarse: Fractal
    fine: Fractal
    ruggedness: Fractal
    trend: tuple[float, float] = (0.0, 0.0)
    channels: tuple[Channels, ...] = ()
    lakes: tuple[Fractal, float] | None = None
    skerries: tuple[Fractal, float] | None = None
    barrier: Barrier | None = None
    ponds: Lattice | None = None
    piers: Lattice | None = None
    basins: Lattice | None = None


def _draw_heading(rng: np.random.Generator) -> tuple[float, float]:
    angle = rng.uniform(0, 2 * np.pi)
    # Multiples of 2^-12: products with whole or quarter pixels are exact, so every window agrees.
    return float(np.round(np.cos(angle) * 4096) / 4096), float(np.round(np.sin(angle) * 4096) / 4096)


def _draw_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(0, 2**31))


def _draw_channels(rng: np.random.Generator, *, width_m: tuple[float, float], period_px: tuple[float, float],
                   wander: float = 0.5, mouth_m: float = 0.0) -> Channels:  # fmt: skip
    period = _draw_between(rng, *period_px)
    coarsest = int(2 ** rng.integers(4, 8))
    return Channels(
        heading=_draw_heading(rng),
        period_px=period,
        meander=Fractal.build(
            _draw_seed(rng), finest_px=8, coarsest_px=coarsest, hurst=1.3, amplitude=wander * coarsest * 1.2
        ),
        half_width_m=_draw_between(rng, *width_m) / 2,
        mouth_m=mouth_m,
        funnel_m=_draw_between(rng, 500, 6000),
        width_noise=Fractal.build(_draw_seed(rng), finest_px=32, coarsest_px=128, hurst=0.8, amplitude=0.4),
    )


def _draw_between(rng: np.random.Generator, low: float, high: float) -> float:
    """A length between two others, evenly in its logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _draw_lattice(
    rng: np.random.Generator, *, size_px: tuple[float, float], share: float, margin: tuple[float, float], reach_m: float
) -> Lattice:
    size = (_draw_between(rng, *size_px), _draw_between(rng, *size_px))
    return Lattice(
        seed=_draw_seed(rng),
        heading=_draw_heading(rng),
        size_px=size,
        share=share,
        margin_m=(size[0] * 10 * margin[0] / 2, size[1] * 10 * margin[1] / 2),
        reach_m=reach_m,
    )


def _draw_brooks(rng: np.random.Generator) -> tuple[Channels, ...]:
    """Small rivers, down to one pixel wide, as most coasts and lowlands have them."""
    rivers = _draw_channels(rng, width_m=(8, 60), period_px=(250, 1500), mouth_m=_draw_between(rng, 1, 120))
    brooks = _draw_channels(rng, width_m=(7, 16), period_px=(120, 600), mouth_m=_draw_between(rng, 1, 30))
    ditches = replace(brooks, heading=_draw_heading(rng), meander=replace(brooks.meander, amplitudes=(0.0,) * len(
        brooks.meander.amplitudes)))  # fmt: skip
    chosen = [c for c, odds in ((rivers, 0.6), (brooks, 0.4), (ditches, 0.12)) if rng.random() < odds]
    return tuple(chosen)


def _draw_base(rng: np.random.Generator, kind: Kind, share: float, coarsest_px: int, hurst: float) -> Relief:
    """Octaves whose slope at the shore is near one, so that the field is close to a distance in metres."""
    seed = _draw_seed(rng)
    rough = Fractal.build_rooted(
        seed, finest_px=4, coarsest_px=coarsest_px, hurst=hurst, finest=_draw_between(rng, 5, 14)
    )
    return Relief(
        kind=kind,
        water_share=share,
        coarse=Fractal(seed=seed + 1, spacings_px=rough.spacings_px[3:], amplitudes=rough.amplitudes[3:]),
        fine=Fractal(seed=seed + 2, spacings_px=rough.spacings_px[:3], amplitudes=rough.amplitudes[:3]),
        ruggedness=Fractal.build(seed + 3, finest_px=32, coarsest_px=128, hurst=0.5, amplitude=0.55),
        channels=_draw_brooks(rng),
    )


def _draw_works(rng: np.random.Generator, relief: Relief, odds: float) -> Relief:
    """Add what people build at a shore, by chance."""
    if rng.random() < odds:
        piers = _draw_lattice(
            rng, size_px=(14, 70), share=rng.uniform(0.04, 0.3), margin=(rng.uniform(0.05, 0.6), 0.75), reach_m=350
        )
        # A pier is one to four pixels wide, however large its cell.
        across = piers.size_px[1] * 5 - _draw_between(rng, 5, 25)
        relief = replace(relief, piers=replace(piers, margin_m=(piers.margin_m[0], max(across, 1.0))))
    if rng.random() < odds:
        relief = replace(relief, basins=_draw_lattice(
            rng, size_px=(20, 90), share=rng.uniform(0.04, 0.25), margin=(0.3, 0.3), reach_m=300))  # fmt: skip
    if rng.random() < odds * 0.5:
        relief = replace(relief, ponds=_draw_lattice(
            rng, size_px=(6, 40), share=rng.uniform(0.5, 0.9), margin=(0.12, 0.12),
            reach_m=_draw_between(rng, 400, 4000)))  # fmt: skip
    return relief


def _draw_lakes(rng: np.random.Generator, level: float, coarsest_px: int) -> tuple[Fractal, float]:
    lakes = Fractal.build_rooted(
        _draw_seed(rng),
        finest_px=4,
        coarsest_px=coarsest_px,
        hurst=rng.uniform(0.85, 1.15),
        finest=_draw_between(rng, 4, 9),
    )
    deviation = float(np.sqrt(np.square(lakes.amplitudes).sum()))
    return lakes, level * deviation


def _draw_open_coast(rng: np.random.Generator) -> Relief:
    relief = _draw_base(
        rng, "open_coast", rng.uniform(0.25, 0.75), int(2 ** rng.integers(6, 11)), rng.uniform(0.75, 1.15)
    )
    x, y = _draw_heading(rng)
    slope = rng.uniform(2, 9)
    relief = replace(relief, trend=(round(x * slope, 2), round(y * slope, 2)))
    if rng.random() < 0.3:
        relief = replace(relief, skerries=_draw_lakes(rng, rng.uniform(1.4, 2.4), 32))
    return _draw_works(rng, relief, 0.3)


def _draw_lagoon(rng: np.random.Generator) -> Relief:
    barrier = Barrier(
        distance_m=_draw_between(rng, 250, 1800),
        half_width_m=_draw_between(rng, 30, 250),
        gaps=Fractal.build(_draw_seed(rng), finest_px=16, coarsest_px=128, hurst=0.8, amplitude=1.0),
    )
    return replace(_draw_open_coast(rng), kind="lagoon", barrier=barrier)


def _draw_archipelago(rng: np.random.Generator) -> Relief:
    relief = _draw_base(
        rng, "archipelago", rng.uniform(0.5, 0.93), int(2 ** rng.integers(5, 10)), rng.uniform(0.7, 1.1)
    )
    skerries = _draw_lakes(rng, rng.uniform(1.2, 2.2), 32) if rng.random() < 0.6 else None
    return _draw_works(rng, replace(relief, skerries=skerries), 0.15)


def _draw_creeks(rng: np.random.Generator) -> tuple[Channels, ...]:
    """Winding tidal creeks: no heading, so the lines close upon themselves like anastomosing channels."""
    return tuple(
        Channels(
            heading=(0.0, 0.0),
            period_px=1e6,
            meander=Fractal.build(_draw_seed(rng), finest_px=4, coarsest_px=size, hurst=1.1, amplitude=size * 0.5),
            half_width_m=width / 2,
            mouth_m=width * rng.uniform(0, 3),
            funnel_m=2000.0,
            width_noise=Fractal.build(_draw_seed(rng), finest_px=16, coarsest_px=64, hurst=0.8, amplitude=0.7),
        )
        for size, width in ((int(2 ** rng.integers(5, 8)), _draw_between(rng, 20, 300)),
                            (int(2 ** rng.integers(4, 6)), _draw_between(rng, 7, 40)))
    )  # fmt: skip


def _draw_estuary(rng: np.random.Generator) -> Relief:
    coast = _draw_open_coast(rng)
    funnel = _draw_channels(
        rng, width_m=(40, 500), period_px=(400, 4000), wander=0.8, mouth_m=_draw_between(rng, 100, 1500)
    )
    works = _draw_works(rng, coast, 0.5)
    return replace(works, kind="estuary", water_share=coast.water_share * 0.6, channels=(funnel, *coast.channels))


def _draw_delta(rng: np.random.Generator) -> Relief:
    base = replace(_draw_estuary(rng), kind="delta")
    return replace(base, water_share=rng.uniform(0.05, 0.4), channels=(*base.channels[:2], *_draw_creeks(rng)))


def _draw_fjord(rng: np.random.Generator) -> Relief:
    relief = _draw_base(rng, "fjord", rng.uniform(0.05, 0.5), int(2 ** rng.integers(7, 11)), rng.uniform(0.7, 0.95))
    arms = tuple(
        _draw_channels(rng, width_m=width, period_px=(150, 900), wander=1.0)
        for width in ((400, 2500), (150, 900))
    )  # fmt: skip
    return replace(relief, kind="fjord", channels=(*arms, *relief.channels[:1]))


def _draw_lakeland(rng: np.random.Generator) -> Relief:
    relief = _draw_base(rng, "lakes", rng.uniform(0.02, 0.35), int(2 ** rng.integers(5, 10)), rng.uniform(0.8, 1.15))
    return _draw_works(rng, replace(relief, lakes=_draw_lakes(rng, rng.uniform(1.0, 2.2), 64)), 0.15)


def _draw_river(rng: np.random.Generator) -> Relief:
    relief = _draw_base(rng, "river", 0.0, 256, 1.0)
    stream = _draw_channels(rng, width_m=(40, 900), period_px=(250, 2500), wander=rng.uniform(0.4, 1.3))
    side = _draw_channels(rng, width_m=(10, 80), period_px=(200, 900), wander=0.9)
    lakes = _draw_lakes(rng, rng.uniform(1.6, 2.6), 32) if rng.random() < 0.6 else None
    skerries = _draw_lakes(rng, rng.uniform(1.8, 2.6), 32) if rng.random() < 0.25 else None
    return _draw_works(rng, replace(relief, channels=(stream, side), lakes=lakes, skerries=skerries), 0.2)


def _draw_land(rng: np.random.Generator) -> Relief:
    relief = _draw_base(rng, "land", 0.0, 256, 1.0)
    wet = rng.random() < 0.3
    return replace(relief, channels=relief.channels if wet else (), lakes=_draw_lakes(rng, 3.0, 32) if wet else None)


def _draw_sea(rng: np.random.Generator) -> Relief:
    relief = _draw_base(rng, "sea", 1.0, 256, 1.0)
    skerries = _draw_lakes(rng, rng.uniform(2.2, 3.2), 64) if rng.random() < 0.4 else None
    return replace(relief, channels=(), skerries=skerries)


_DRAWS = {
    "open_coast": _draw_open_coast, "archipelago": _draw_archipelago, "estuary": _draw_estuary, "delta": _draw_delta,
    "fjord": _draw_fjord, "lagoon": _draw_lagoon, "lakes": _draw_lakeland, "river": _draw_river, "land": _draw_land,
    "sea": _draw_sea,
}  # fmt: skip


def draw_relief(kind: Kind, rng: np.random.Generator) -> Relief:
    """Draw the terrain of one world.

    Args:
        kind: What it is; ``random`` lets the generator choose.
        rng: Where chance comes from; the same state gives the same relief.
    """
    if kind == "random":
        odds = np.array([4.0, 3, 3, 2, 2, 2, 3, 3, 1.2, 0.8])
        kind = KINDS[int(rng.choice(len(KINDS), p=odds / odds.sum()))]
    return _DRAWS[kind](rng)
