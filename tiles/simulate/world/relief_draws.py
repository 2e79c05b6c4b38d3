"""Chance draws the recipe of a coast: how large its bays are, where rivers run, what people built."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tiles.simulate.world.noise import Fractal
from tiles.simulate.world.relief import KINDS, Barrier, Channels, Kind, Relief
from tiles.simulate.world.work_draws import Dice, draw_docks, draw_pools, draw_works

__all__ = ["draw_relief"]

_KIND_ODDS = (4.0, 3.0, 3.0, 2.0, 2.0, 2.0, 3.0, 3.0, 1.2, 0.8, 0.0)


def _draw_channels(
    dice: Dice, *, width_m: tuple[float, float], period_px: float, wander: float = 0.5, mouth_m: float = 0.0
) -> Channels:
    """Rivers of some width a period apart; along their way they swell, shrink, and here and there run dry."""
    coarsest = int(2 ** np.clip(round(np.log2(period_px * dice.between(0.15, 0.6))), 4, 11))
    return Channels(
        heading=dice.heading(),
        period_px=period_px,
        meander=Fractal.build(
            dice.seed(), finest_px=8, coarsest_px=coarsest, hurst=1.15, amplitude=wander * coarsest * 1.3
        ),
        # Neighbours and their mouths must not run into one another.
        half_width_m=min(dice.between(*width_m) / 2, 1.7 * period_px),
        mouth_m=min(mouth_m, 1.2 * period_px),
        funnel_m=dice.between(500, 6000),
        width_noise=Fractal.build(
            dice.seed(), finest_px=32, coarsest_px=dice.scale(0.02, 0.06), hurst=0.6, amplitude=0.45
        ),
    )


def _draw_brooks(dice: Dice) -> tuple[Channels, ...]:
    """Small rivers, down to one pixel wide, as most coasts and lowlands have them."""
    rivers = _draw_channels(
        dice, width_m=(9, 70), period_px=dice.between(250, 1800), mouth_m=dice.between(1, 120), wander=0.7
    )
    brooks = _draw_channels(
        dice, width_m=(5, 16), period_px=dice.between(120, 900), mouth_m=dice.between(1, 30), wander=0.8
    )
    straight = replace(brooks.meander, amplitudes=(0.0,) * len(brooks.meander.amplitudes))
    ditches = replace(brooks, heading=dice.heading(), meander=straight)
    return tuple(c for c, odds in ((rivers, 0.5), (brooks, 0.5), (ditches, 0.2)) if dice.happens(odds))


def _draw_creeks(dice: Dice) -> tuple[Channels, ...]:
    """Winding tidal creeks: no heading, so that they part and meet again; they end some way inland."""
    sizes = (
        (int(2 ** dice.rng.integers(5, 8)), dice.between(20, 200)),
        (int(2 ** dice.rng.integers(4, 6)), dice.between(7, 40)),
    )
    return tuple(
        Channels(
            heading=(0.0, 0.0),
            period_px=1e6,
            meander=Fractal.build(dice.seed(), finest_px=4, coarsest_px=size, hurst=1.1, amplitude=size * 0.5),
            half_width_m=2.0,
            mouth_m=width,
            funnel_m=dice.between(800, 8000),
            width_noise=Fractal.build(
                dice.seed(), finest_px=16, coarsest_px=dice.scale(0.01, 0.06), hurst=0.6, amplitude=0.5
            ),
        )
        for size, width in sizes
    )


def _draw_lakes(dice: Dice, level: float, coarsest_px: int) -> tuple[Fractal, float]:
    """Noise and level of lakes, or of islets: the higher the level in deviations, the fewer."""
    hurst = dice.rng.uniform(0.8, 1.05)
    noise = Fractal.build_rooted(
        dice.seed(), finest_px=4, coarsest_px=coarsest_px, hurst=hurst, finest=dice.between(4, 9)
    )
    return noise, level * float(np.sqrt(np.square(noise.amplitudes).sum()))


def _draw_base(dice: Dice, kind: Kind, share: float, coarsest_px: int, hurst: float) -> Relief:
    """Octaves whose slope at the shore is near one, so that the field is close to a distance in metres."""
    seed = dice.seed()
    octaves = Fractal.build_rooted(seed, finest_px=4, coarsest_px=coarsest_px, hurst=hurst, finest=dice.between(4, 14))
    return Relief(
        kind=kind,
        water_share=share,
        coarse=Fractal(seed=seed + 1, spacings_px=octaves.spacings_px[3:], amplitudes=octaves.amplitudes[3:]),
        fine=Fractal(seed=seed + 2, spacings_px=octaves.spacings_px[:3], amplitudes=octaves.amplitudes[:3]),
        ruggedness=Fractal.build(seed + 3, finest_px=32, coarsest_px=dice.scale(0.02, 0.06), hurst=0.5, amplitude=0.6),
        channels=_draw_brooks(dice),
    )


def _draw_open_coast(dice: Dice) -> Relief:
    rng = dice.rng
    relief = _draw_base(dice, "open_coast", rng.uniform(0.25, 0.75), dice.scale(0.05, 0.25), rng.uniform(0.75, 1.05))
    deviation = float(np.sqrt(np.square(relief.coarse.amplitudes).sum() + 1))
    # The trend keeps land on one side: over the scene it outdoes the noise, more or less.
    slope = dice.between(1.0, 6.0) * deviation / dice.extent_px
    x, y = dice.heading()
    relief = replace(relief, trend=(np.round(x * slope * 1024) / 1024, np.round(y * slope * 1024) / 1024))
    if dice.happens(0.3):
        relief = replace(relief, skerries=_draw_lakes(dice, rng.uniform(1.4, 2.4), dice.scale(0.01, 0.05)))
    return draw_works(dice, relief, 0.3)


def _draw_lagoon(dice: Dice) -> Relief:
    barrier = Barrier(
        distance_m=dice.between(250, 1800),
        half_width_m=dice.between(30, 250),
        gaps=Fractal.build(dice.seed(), finest_px=16, coarsest_px=dice.scale(0.02, 0.1), hurst=0.8, amplitude=1.0),
    )
    return replace(_draw_open_coast(dice), kind="lagoon", barrier=barrier)


def _draw_archipelago(dice: Dice) -> Relief:
    rng = dice.rng
    relief = _draw_base(dice, "archipelago", rng.uniform(0.5, 0.93), dice.scale(0.04, 0.25), rng.uniform(0.7, 1.0))
    skerries = _draw_lakes(dice, rng.uniform(1.2, 2.2), dice.scale(0.01, 0.08)) if dice.happens(0.6) else None
    return draw_works(dice, replace(relief, skerries=skerries), 0.15)


def _draw_estuary(dice: Dice) -> Relief:
    coast = _draw_open_coast(dice)
    funnel = _draw_channels(
        dice, width_m=(40, 500), period_px=dice.share(0.3, 1.5), wander=0.8, mouth_m=dice.between(100, 2500)
    )
    share = coast.water_share * 0.6
    return replace(draw_works(dice, coast, 0.5), kind="estuary", water_share=share, channels=(funnel, *coast.channels))


def _draw_delta(dice: Dice) -> Relief:
    base = replace(_draw_estuary(dice), kind="delta")
    return replace(base, water_share=dice.rng.uniform(0.05, 0.4), channels=(*base.channels[:2], *_draw_creeks(dice)))


def _draw_fjord(dice: Dice) -> Relief:
    rng = dice.rng
    relief = _draw_base(dice, "fjord", rng.uniform(0.05, 0.5), dice.scale(0.05, 0.25), rng.uniform(0.7, 0.95))
    arms = tuple(
        _draw_channels(dice, width_m=width, period_px=dice.share(0.2, 0.9), wander=1.0)
        for width in ((400, 2500), (150, 1200))
    )
    return draw_works(dice, replace(relief, channels=(*arms, *relief.channels[:1])), 0.15)


def _draw_lakeland(dice: Dice) -> Relief:
    rng = dice.rng
    relief = _draw_base(dice, "lakes", rng.uniform(0.02, 0.35), dice.scale(0.02, 0.2), rng.uniform(0.8, 1.1))
    lakes = _draw_lakes(dice, rng.uniform(1.0, 2.2), dice.scale(0.01, 0.15))
    return draw_works(dice, replace(relief, lakes=lakes), 0.15)


def _draw_river(dice: Dice) -> Relief:
    rng = dice.rng
    relief = _draw_base(dice, "river", 0.0, 256, 1.0)
    stream = _draw_channels(dice, width_m=(40, 900), period_px=dice.share(0.4, 1.2), wander=rng.uniform(0.4, 1.3))
    side = _draw_channels(dice, width_m=(10, 80), period_px=dice.share(0.15, 0.6), wander=0.9)
    lakes = _draw_lakes(dice, rng.uniform(1.6, 2.6), dice.scale(0.005, 0.04)) if dice.happens(0.6) else None
    islets = _draw_lakes(dice, rng.uniform(1.8, 2.6), 32) if dice.happens(0.25) else None
    return draw_works(dice, replace(relief, channels=(stream, side), lakes=lakes, skerries=islets), 0.2)


def _draw_land(dice: Dice) -> Relief:
    relief = _draw_base(dice, "land", 0.0, 256, 1.0)
    wet = dice.happens(0.3)
    return replace(relief, channels=relief.channels if wet else (), lakes=_draw_lakes(dice, 3.0, 32) if wet else None)


def _draw_sea(dice: Dice) -> Relief:
    relief = _draw_base(dice, "sea", 1.0, 256, 1.0)
    islets = _draw_lakes(dice, dice.rng.uniform(2.2, 3.2), dice.scale(0.02, 0.1)) if dice.happens(0.4) else None
    return replace(relief, channels=(), skerries=islets)


def _draw_harbour(dice: Dice) -> Relief:
    """A town's coast, or its river, with docks, quays, moles and marinas all along it."""
    coast = _draw_open_coast(dice)
    if dice.happens(0.3):
        stream = _draw_channels(dice, width_m=(80, 600), period_px=dice.share(0.4, 1.2), mouth_m=dice.between(1, 500))
        coast = replace(coast, channels=(stream,))
    elif dice.happens(0.7):
        coast = replace(coast, channels=())
    return draw_docks(dice, replace(coast, kind="harbour", skerries=None))


_DRAWS = dict(
    zip(
        KINDS,
        (
            _draw_open_coast,
            _draw_archipelago,
            _draw_estuary,
            _draw_delta,
            _draw_fjord,
            _draw_lagoon,
            _draw_lakeland,
            _draw_river,
            _draw_land,
            _draw_sea,
            _draw_harbour,
        ),
        strict=True,
    )
)


def draw_relief(kind: Kind, rng: np.random.Generator, *, extent_px: int) -> Relief:
    """Draw the terrain of one world.

    Args:
        kind: What it is; ``random`` lets the generator choose.
        rng: Where chance comes from; the same state gives the same relief.
        extent_px: Side of the scene in 10 m pixels; bays, rivers and islands get sizes that it can show.
    """
    if kind == "random":
        kind = KINDS[int(rng.choice(len(KINDS), p=np.array(_KIND_ODDS) / sum(_KIND_ODDS)))]
    dice = Dice(rng, extent_px)
    relief = _DRAWS[kind](dice)
    return relief if kind == "sea" else draw_pools(dice, relief)
