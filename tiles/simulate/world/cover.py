"""What grows, lies or stands on the land of a simulated world, pixel by pixel.

A climate gives the world its surfaces; noise divides the land into zones of them; farmland falls into parcels, towns
into streets and blocks (``tiles.simulate.world.parcels``); along the shore run bands of beach, rock, mud, mangrove or
quay; the ground is wet at the water, in hollows and where it is irrigated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from tiles.simulate.world.noise import Fractal, compute_noise
from tiles.simulate.world.palette import Ground, Palette, build_palette
from tiles.simulate.world.parcels import Fields, Town, lay_fields, lay_town
from tiles.simulate.world.roads import Roads, compute_roads, draw_roads

__all__ = ["Cover", "Site", "compute_ground", "draw_cover"]

Field = NDArray[np.float32]

_FIELDS, _TOWN = -1, -2
_SPECIAL = {"CROPS": _FIELDS, "TOWN": _TOWN}

_CLIMATES: dict[str, dict[str, float]] = {
    "temperate": {"forest": 2, "conifer": 1, "grass": 2, "CROPS": 3, "TOWN": 1, "soil_dark": 0.3},
    "tropical": {"forest": 3, "mangrove": 1, "CROPS": 1.5, "grass": 1, "TOWN": 1, "savanna": 0.7, "soil_bright": 0.4},
    "arid": {"sand_desert": 3, "desert_dark": 1.5, "savanna": 1.0, "rock": 1, "scrub": 1.2, "salt_flat": 0.5,
             "TOWN": 0.3, "soil_bright": 1},
    "mediterranean": {"scrub": 2, "savanna": 1, "CROPS": 1.5, "grass": 1, "soil_bright": 1, "TOWN": 1, "rock": 0.7},
    "boreal": {"conifer": 4, "forest": 1, "burnt": 0.4, "grass": 0.6, "rock": 0.5, "scrub": 0.5},
    "winter": {"snow": 2, "snow_patchy": 1.5, "conifer": 1.5, "grass": 0.7, "CROPS": 0.7, "TOWN": 0.3, "forest": 0.5},
    "alpine": {"rock": 2, "scrub": 1, "grass": 1, "snow": 0.7, "conifer": 1, "shadow": 0.3},
    "lava": {"desert_dark": 3, "burnt": 1.5, "rock": 1.5, "scrub": 1, "shadow": 0.5},
    "wetland": {"grass": 2, "wet_flat": 1, "soil_dark": 1.5, "mangrove": 0.7, "CROPS": 1.5, "forest": 1, "scrub": 1},
    "urban": {"TOWN": 5, "grass": 1, "forest": 0.7, "asphalt": 0.5, "roof_bright": 0.3, "soil_bright": 0.5},
    "farmland": {"CROPS": 6, "grass": 1, "TOWN": 0.5, "forest": 0.6},
    "salt": {"salt_flat": 2, "sand_desert": 1, "soil_bright": 1, "scrub": 1, "wet_flat": 1},
    "harbour": {"TOWN": 6, "asphalt": 1.5, "soil_dark": 0.5, "roof_bright": 0.4, "grass": 0.7, "forest": 0.5},
}  # fmt: skip
_CLIMATE_ODDS = (3.0, 2.0, 1.3, 2, 1.6, 1.0, 0.9, 0.9, 1.0, 2.0, 2.0, 0.4, 0.0)

_SHORES: dict[str, tuple[str, str, float]] = {
    # inner (wet) surface, outer surface, typical width in metres
    "beach": ("wet_flat", "beach", 50.0),
    "dune": ("beach", "beach", 90.0),
    "mud": ("wet_flat", "wet_flat", 120.0),
    "tidal": ("wet_flat", "wet_flat", 500.0),
    "marsh": ("wet_flat", "grass", 60.0),
    "rocks": ("rock", "rock", 35.0),
    "mangrove": ("mangrove", "mangrove", 250.0),
    "quay": ("asphalt", "TOWN", 120.0),
    "drawdown": ("wet_flat", "soil_bright", 60.0),
    "salt": ("wet_flat", "salt_flat", 200.0),
    "bare": ("soil_dark", "soil_bright", 40.0),
    "trees": ("forest", "forest", 30.0),
    "pines": ("conifer", "shadow", 25.0),
    "none": ("", "", 0.0),
}
_SHORE_ODDS = {
    "temperate": "beach mud tidal marsh rocks quay none none trees",
    "tropical": "beach mud mangrove mangrove none none bare",
    "arid": "beach dune rocks salt mud none none", "mediterranean": "beach rocks trees quay none bare drawdown",
    "boreal": "rocks none pines none marsh", "winter": "none none mud rocks",
    "alpine": "rocks none pines bare drawdown",
    "lava": "rocks none bare none", "wetland": "none mud tidal marsh none trees",
    "urban": "quay quay quay beach none rocks",
    "farmland": "none trees trees marsh mud bare drawdown", "salt": "salt mud bare none",
    "harbour": "quay quay quay quay rocks none",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Site:
    """Where the pixels of a window stand.

    Attributes:
        rows: Pixel centres (R,) down the absolute plane, in pixels.
        cols: Pixel centres (C,) across it.
        inland_m: Distance from the shore (R, C), roughly, in metres; negative in water.
        height_m: Height of the hills (R, C).
        sea_m: Distance (R, C) from the sea's shore, roughly, in metres; negative on land, at rivers and lakes too.
    """

    rows: NDArray[np.float64]
    cols: NDArray[np.float64]
    inland_m: Field
    height_m: Field
    sea_m: Field


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """The land cover of one world.

    Attributes:
        palette: Spectra of all surfaces in use.
        zones: Surface (index into the palette, -1 crops, -2 town) of each zone, from low noise to high.
        levels: Noise levels between the zones.
        mosaic: Noise of the zones.
        fields: Farmland.
        town: Towns.
        turn: Heading (x, y) of parcels and streets.
        shores: Inner surface, outer surface (-2 town) and width in metres of the shore's bands; -1: none.
        inland_shores: Factor on that width at rivers and lakes.
        shore_noise: Which band is where, and how wide.
        damp: How wet the ground is at the shore, and over how many metres that fades.
        hollows: Noise of wet ground, the level above which it is wet, and how sharply; ``None`` for dry land.
        roads: Roads and paths.
        road: Surface of these.
        snowline_m: Height above which snow lies.
        snow: Surface of snow.
    """

    palette: Palette
    zones: tuple[int, ...]
    levels: tuple[float, ...]
    mosaic: Fractal
    fields: Fields
    town: Town
    turn: tuple[float, float]
    shores: tuple[tuple[int, int, float], ...]
    inland_shores: float
    shore_noise: Fractal
    damp: tuple[float, float]
    hollows: tuple[Fractal, float, float] | None
    roads: Roads
    road: int
    snowline_m: float
    snow: int


class _Names(list[str]):
    """Names of surfaces, in the order of the palette that is built from them."""

    def add(self, name: str) -> int:
        self.append(name)
        return len(self) - 1

    def add_all(self, names: str) -> tuple[int, ...]:
        return tuple(self.add(name) for name in names.split())


def _draw_fields(rng: np.random.Generator, names: _Names, seed: int) -> Fields:
    farmed = rng.choice(["crops", "crops", "grass", "soil_bright", "soil_dark", "crops", "scrub"], size=7)
    size = np.exp(rng.uniform(np.log(4), np.log(50), size=2))
    edge = str(rng.choice(["", "", "forest", "soil_bright", "grass", "asphalt"]))
    return Fields(
        seed=seed,
        surfaces=names.add_all(" ".join(farmed)),
        edge=names.add(edge) if edge else -1,
        edge_px=float(rng.uniform(0.5, 2.0)),
        size_px=(float(size[0]), float(size[1])),
        contrast=float(rng.uniform(0.0, 0.35)),
        irrigated=float(rng.choice([0.0, 0.1, 0.4])),
    )


def _draw_town(rng: np.random.Generator, names: _Names, seed: int, *, dock: bool) -> Town:
    town = Town(
        seed=seed,
        houses=names.add_all("town town roof_bright grass town asphalt forest town"),
        halls=names.add_all("roof_bright roof_bright asphalt asphalt town grass soil_bright"),
        street=names.add("asphalt"),
        block_px=float(rng.uniform(6, 14)),
        hall_px=float(rng.uniform(5, 22)),
        industry=float(rng.uniform(0, 0.6)),
    )
    return town if not dock else _build_docklands(town, rng, names)


def _build_docklands(town: Town, rng: np.random.Generator, names: _Names) -> Town:
    """The same town full of halls and yards, down to roofs and asphalt as dark as water."""
    return replace(
        town,
        halls=names.add_all("asphalt asphalt asphalt burnt desert_dark roof_bright town soil_dark"),
        industry=float(rng.uniform(0.3, 0.95)),
        darkest=float(rng.uniform(0.25, 0.7)),
    )


def _draw_shores(rng: np.random.Generator, names: _Names, climate: str) -> tuple[tuple[int, int, float], ...]:
    bands = [_SHORES[str(name)] for name in rng.choice(_SHORE_ODDS[climate].split(), size=3)]
    return tuple(
        (names.add(inner), -2 if outer == "TOWN" else names.add(outer), width * float(np.exp(rng.normal(-0.2, 0.7))))
        if width
        else (-1, -1, 0.0)
        for inner, outer, width in bands
    )


def draw_cover(rng: np.random.Generator, *, extent_px: int, harbour: bool = False) -> Cover:
    """Draw the land cover of one world, with zones of sizes that a scene of ``extent_px`` shows.

    Args:
        rng: Where chance comes from.
        extent_px: Side of the scene in 10 m pixels.
        harbour: Whether it is to be a port's: quays, halls and yards.
    """
    climate = list(_CLIMATES)[int(rng.choice(len(_CLIMATES), p=np.array(_CLIMATE_ODDS) / sum(_CLIMATE_ODDS)))]
    climate = "harbour" if harbour else climate
    odds = _CLIMATES[climate]
    count = int(rng.integers(2, min(6, len(odds)) + 1))
    chosen = rng.choice(list(odds), size=count, replace=False, p=np.array(list(odds.values())) / sum(odds.values()))
    shares = rng.dirichlet([2.0 * odds[str(name)] + 0.5 for name in chosen])
    names, seed, angle = _Names(), int(rng.integers(2**31)), rng.uniform(0, np.pi)
    zones = tuple(_SPECIAL[str(name)] if name in _SPECIAL else names.add(str(name)) for name in chosen)
    fields, town = _draw_fields(rng, names, seed + 3), _draw_town(rng, names, seed + 10, dock=harbour)
    shores, snow, road = _draw_shores(rng, names, climate), names.add("snow"), names.add("asphalt")
    grain = int(2 ** rng.integers(4, 8)) * (1 + extent_px // 2000)
    wet = Fractal.build(seed + 20, finest_px=4, coarsest_px=grain, hurst=rng.uniform(0.3, 0.9))
    wet_odds = 0.8 if climate == "wetland" else 0.3
    return Cover(
        palette=build_palette(names, rng),
        zones=zones,
        levels=tuple(float(v) for v in ndtri(np.clip(np.cumsum(shares)[:-1], 1e-3, 1 - 1e-3))),
        mosaic=Fractal.build(seed + 1, finest_px=2, coarsest_px=grain, hurst=rng.uniform(0.35, 0.8)),
        fields=fields,
        town=town,
        turn=(float(np.cos(angle)), float(np.sin(angle))),
        shores=shores,
        inland_shores=float(rng.choice([0.0, 0.15, 0.4, 1.0])),
        shore_noise=Fractal.build(seed + 2, finest_px=8, coarsest_px=64, hurst=0.6),
        damp=(float(rng.uniform(0, 1.4)) if rng.random() < 0.7 else 0.0, float(np.exp(rng.uniform(1.5, 5)))),
        hollows=(wet, rng.uniform(0.3, 1.8), rng.uniform(0.7, 4)) if rng.random() < wet_odds else None,
        roads=draw_roads(rng, seed + 30),
        road=road,
        snowline_m=float(rng.uniform(100, 900)) if climate in ("alpine", "winter", "boreal") else 1e9,
        snow=snow,
    )


def _rotate_positions(cover: Cover, site: Site) -> tuple[Field, Field]:
    """Coordinates along the parcels' axes, in pixels (R, C)."""
    x, y = cover.turn
    rows, cols = site.rows[:, None], site.cols[None, :]
    return (cols * x + rows * y).astype(np.float32), (rows * x - cols * y).astype(np.float32)


def _lay_shore(cover: Cover, site: Site, ground: Ground, built: NDArray[np.uint8] | None) -> None:
    """Lay the shore's bands over the other surfaces, in place."""
    noise = compute_noise(cover.shore_noise, site.rows, site.cols, dtype=np.float32)
    which = np.digitize(noise, [-0.5, 0.5])
    narrowing = np.where(site.sea_m < -60, np.float32(cover.inland_shores), 1)
    for index, (inner, outer, width_m) in enumerate(cover.shores):
        if inner < 0:
            continue
        # The noise that chooses the band also tapers it, so bands end in points.
        width = width_m * narrowing * np.clip(1.6 - np.abs(noise - (index - 1) * 1.0), 0.1, 1.5)
        near = (which == index) & (site.inland_m < width)
        if outer != _TOWN:
            ground.surfaces[near] = outer
            ground.gain[near] = 1
        elif built is not None:
            ground.surfaces[near] = built[near]
        quay_m = 15.0 if outer == _TOWN else 0.35 * width
        edge = near & (site.inland_m < quay_m)
        ground.surfaces[edge] = inner
        ground.gain[edge] = 1


def _lay_zones(cover: Cover, site: Site) -> tuple[Ground, NDArray[np.uint8] | None]:
    """Zones of surfaces, with farmland and towns laid out in theirs; and the town as if it were everywhere."""
    noise = compute_noise(cover.mosaic, site.rows, site.cols, dtype=np.float32)
    zone = np.asarray(cover.zones)[np.digitize(noise, cover.levels)]
    surfaces: NDArray[Any] = np.where(zone < 0, 0, zone).astype(np.uint8)
    gain, wet = np.ones_like(noise), np.zeros_like(noise)
    along, across = _rotate_positions(cover, site)
    farmed, built = zone == _FIELDS, zone == _TOWN
    if farmed.any():
        parcels, bright, moist = lay_fields(cover.fields, along, across)
        surfaces[farmed], gain[farmed], wet[farmed] = parcels[farmed], bright[farmed], moist[farmed]
    town = None
    if built.any() or any(outer == _TOWN for _, outer, _ in cover.shores):
        town, bright = lay_town(cover.town, along, across)
        surfaces[built], gain[built] = town[built], bright[built]
    if site.height_m.max() > cover.snowline_m:
        surfaces[site.height_m > cover.snowline_m * (1 + 0.15 * noise)] = cover.snow
    return Ground(surfaces=surfaces, gain=gain, wet=wet, line=None, line_surface=cover.road), town


def compute_ground(cover: Cover, site: Site) -> Ground:
    """Decide what lies on each pixel as if all were land, how bright it is and how wet."""
    ground, town = _lay_zones(cover, site)
    if site.inland_m.min() < 1500:
        _lay_shore(cover, site, ground, town)
    wet = ground.wet
    if cover.damp[0] > 0:
        wet = np.maximum(wet, cover.damp[0] * np.exp(-np.maximum(site.inland_m, 0) / cover.damp[1]))
    if cover.hollows is not None:
        noise, level, sharpness = cover.hollows
        field = compute_noise(noise, site.rows, site.cols, dtype=np.float32)
        wet = np.maximum(wet, np.clip((field - np.float32(level)) * np.float32(sharpness), 0, 1.3))
    line = compute_roads(cover.roads, site.rows, site.cols)
    return replace(ground, wet=wet * cover.palette.porous[ground.surfaces], line=line)
