"""What the coast of a simulated world is made of: the recipe that a kind and a seed decide.

A recipe holds numbers only; ``tiles.simulate.world.relief_draws`` draws it, ``tiles.simulate.world.terrain`` turns it
into the field whose zero contour is the shoreline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tiles.simulate.world.noise import Fractal

__all__ = ["KINDS", "SHORE_KINDS", "Barrier", "Causeway", "Channels", "Kind", "Lattice", "Relief"]

Kind = Literal[
    "random", "open_coast", "archipelago", "estuary", "delta", "fjord", "lagoon", "lakes", "river", "land", "sea",
    "harbour",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)[1:]
"""All kinds but ``random``, which never chooses ``harbour``: that one is made where it is asked for."""

SHORE_KINDS: tuple[Kind, ...] = (*(kind for kind in KINDS if kind not in ("land", "sea")), "random")
"""Those that have a shore, and ``random``."""


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
        district_share: Share of the districts, of 8 by 12 cells, that hold any.
        vary_m: How much smaller, on each side, chance makes some of them.
    """

    seed: int
    heading: tuple[float, float]
    size_px: tuple[float, float]
    share: float
    margin_m: tuple[float, float]
    reach_m: float
    district_share: float = 1.0
    vary_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Causeway:
    """Straight bridges, moles and dams: the lines where ``heading . position`` is a multiple of a period.

    Attributes:
        heading: Unit vector (x, y) across the lines.
        period_px: Distance from one to the next.
        half_width_m: Half the width.
        reach_m: How far they go out from a shore; water twice as wide is bridged.
        height_m: Height of the deck over the water.
    """

    heading: tuple[float, float]
    period_px: float
    half_width_m: float
    reach_m: float
    height_m: float


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
        pools: Ponds of a few pixels, anywhere on the land.
        marinas: Narrow landing stages, close together.
        causeways: Bridges and moles.
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
    pools: Lattice | None = None
    marinas: Lattice | None = None
    causeways: tuple[Causeway, ...] = ()
