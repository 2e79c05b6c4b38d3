"""What grows, lies or stands on the land of a simulated world, pixel by pixel.

A climate gives the world its surfaces; noise divides the land into zones of them; farmland falls into parcels, towns
into streets and blocks; along the shore run bands of beach, rock, mud, mangrove or quay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from tiles.noise import Fractal, compute_noise, compute_uniform
from tiles.palette import Palette, build_palette

__all__ = ["Cover", "Site", "compute_surfaces", "draw_cover"]

Field = NDArray[np.float32]

_CLIMATES: dict[str, dict[str, float]] = {
    "temperate": {"forest": 2, "conifer": 1, "grass": 2, "CROPS": 3, "TOWN": 1, "soil_dark": 0.3},
    "tropical": {"forest": 3, "mangrove": 1, "CROPS": 1.5, "grass": 1, "TOWN": 1, "savanna": 0.7, "soil_bright": 0.4},
    "arid": {"sand_desert": 3, "desert_dark": 1.5, "savanna": 1.0, "rock": 1, "scrub": 1.2, "salt_flat": 0.5,
             "TOWN": 0.3, "soil_bright": 1},
    "mediterranean": {"scrub": 2, "savanna": 1, "CROPS": 1.5, "grass": 1, "soil_bright": 1, "TOWN": 1, "rock": 0.7},
    "boreal": {"conifer": 4, "forest": 1, "burnt": 0.4, "grass": 0.6, "rock": 0.5, "scrub": 0.5},
    "winter": {"snow": 2, "snow_patchy": 1.5, "conifer": 1.5, "grass": 0.7, "CROPS": 0.7, "TOWN": 0.3, "forest": 0.5},
    "alpine": {"rock": 2, "scrub": 1, "grass": 1, "snow": 0.7, "conifer": 1, "shadow": 0.3},
    "lava": {"desert_dark": 2, "burnt": 1.5, "rock": 1.5, "scrub": 1, "shadow": 0.5},
    "urban": {"TOWN": 5, "grass": 1, "forest": 0.7, "asphalt": 0.5, "roof_bright": 0.3, "soil_bright": 0.5},
    "farmland": {"CROPS": 6, "grass": 1, "TOWN": 0.5, "forest": 0.6},
    "salt": {"salt_flat": 2, "sand_desert": 1, "soil_bright": 1, "scrub": 1, "wet_flat": 1},
}  # fmt: skip
_CLIMATE_ODDS = (3.0, 2.5, 1.5, 2, 1.5, 1.2, 0.9, 0.5, 1.2, 1.2, 0.4)

_SHORES: dict[str, tuple[str, str, float]] = {
    # inner (wet) surface, outer surface, typical width in metres
    "beach": ("wet_flat", "beach", 50.0),
    "dune": ("beach", "beach", 90.0),
    "mud": ("wet_flat", "wet_flat", 120.0),
    "marsh": ("wet_flat", "grass", 60.0),
    "rocks": ("rock", "rock", 35.0),
    "mangrove": ("mangrove", "mangrove", 250.0),
    "quay": ("asphalt", "roof_bright", 60.0),
    "salt": ("wet_flat", "salt_flat", 200.0),
    "bare": ("soil_dark", "soil_bright", 40.0),
    "trees": ("forest", "forest", 30.0),
    "pines": ("conifer", "shadow", 25.0),
    "none": ("", "", 0.0),
}
_SHORE_ODDS = {
    "temperate": "beach mud marsh rocks quay none none trees", "tropical": "beach mud mangrove mangrove none none bare",
    "arid": "beach dune rocks salt mud none none", "mediterranean": "beach rocks trees quay none bare",
    "boreal": "rocks none pines none marsh", "winter": "none none mud rocks", "alpine": "rocks none pines bare",
    "lava": "rocks none bare", "urban": "quay quay beach none rocks", "farmland": "none trees trees marsh mud bare",
    "salt": "salt mud bare none",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the pixels of a window stand.

    Attributes:
        rows: Pixel centres (R,) down the absolute plane, in pixels.
        cols: Pixel centres (C,) across it.
        inland_m: Distance from the shore (R, C), roughly, in metres; negative in water.
        height_m: Height of the hills (R, C).
    """

    rows: NDArray[np.float64]
    cols: NDArray[np.float64]
    inland_m: Field
    height_m: Field


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """The land cover of one world.

    Attributes:
        seed: Stream of the hashed patterns.
        palette: Spectra of all surfaces in use.
        zones: Surface (index into the palette, -1 crops, -2 town) of each zone, from low noise to high.
        levels: Noise levels between the zones.
        mosaic: Noise of the zones.
        crops: Surfaces of the parcels.
        town: Surfaces of buildings, yards and streets; the last is the street.
        parcel: Heading (x, y) and size (along, across) in pixels of the parcels.
        shores: Inner surface, outer surface and width in metres of the shore's bands; -1: none.
        shore_noise: Which band is where, and how wide.
        snowline_m: Height above which snow lies.
        snow: Surface of snow.
    """

    seed: int
    palette: Palette
    zones: tuple[int, ...]
    levels: tuple[float, ...]
    mosaic: Fractal
    crops: tuple[int, ...]
    town: tuple[int, ...]
    parcel: tuple[float, float, float, float]
    shores: tuple[tuple[int, int, float], ...]
    shore_noise: Fractal
    snowline_m: float
    snow: int


def draw_cover(rng: np.random.Generator, *, extent_px: int) -> Cover:
    """Draw the land cover of one world, with zones of sizes that a scene of ``extent_px`` shows."""
    climate = list(_CLIMATES)[int(rng.choice(len(_CLIMATES), p=np.array(_CLIMATE_ODDS) / sum(_CLIMATE_ODDS)))]
    odds = _CLIMATES[climate]
    count = int(rng.integers(2, min(6, len(odds)) + 1))
    chosen = rng.choice(list(odds), size=count, replace=False, p=np.array(list(odds.values())) / sum(odds.values()))
    shares = rng.dirichlet([2.0 * odds[str(name)] + 0.5 for name in chosen])
    palette: list[str] = []

    def add(name: str) -> int:
        palette.append(name)
        return len(palette) - 1

    zones = tuple({"CROPS": -1, "TOWN": -2}.get(str(name)) or add(str(name)) for name in chosen)
    farmed = rng.choice(["crops", "crops", "grass", "soil_bright", "soil_dark", "crops", "scrub"], size=6)
    crops = tuple(add(str(name)) for name in farmed)
    town = tuple(add(name) for name in ("town", "town", "roof_bright", "grass", "town", "asphalt"))
    bands = [_SHORES[str(name)] for name in rng.choice(_SHORE_ODDS[climate].split(), size=3)]
    shores = tuple(
        (add(inner), add(outer), width * float(np.exp(rng.normal(0, 0.5)))) if width else (-1, -1, 0.0)
        for inner, outer, width in bands
    )
    snow = add("snow")
    seed = int(rng.integers(2**31))
    angle = rng.uniform(0, np.pi)
    size = np.exp(rng.uniform(np.log(4), np.log(50), size=2))
    return Cover(
        seed=seed,
        palette=build_palette(palette, rng),
        zones=zones,
        levels=tuple(float(v) for v in ndtri(np.clip(np.cumsum(shares)[:-1], 1e-3, 1 - 1e-3))),
        mosaic=Fractal.build(
            seed + 1,
            finest_px=2,
            coarsest_px=int(2 ** rng.integers(4, 8)) * (1 + extent_px // 2000),
            hurst=rng.uniform(0.35, 0.8),
        ),
        crops=crops,
        town=town,
        parcel=(float(np.cos(angle)), float(np.sin(angle)), float(size[0]), float(size[1])),
        shores=shores,
        shore_noise=Fractal.build(seed + 2, finest_px=8, coarsest_px=64, hurst=0.6),
        snowline_m=float(rng.uniform(100, 900)) if climate in ("alpine", "winter", "boreal") else 1e9,
        snow=snow,
    )


def _turn(cover: Cover, site: Site) -> tuple[Field, Field]:
    """Coordinates along the parcels' axes, in pixels (R, C)."""
    x, y = cover.parcel[:2]
    rows, cols = site.rows[:, None], site.cols[None, :]
    return (cols * x + rows * y).astype(np.float32), (rows * x - cols * y).astype(np.float32)


def _compute_parcels(cover: Cover, site: Site, along: Field, across: Field) -> NDArray[np.uint8]:
    """Surface of each pixel, were it all farmland: strips cut into parcels."""
    strip = np.floor(along / cover.parcel[2])
    shift = compute_uniform(cover.seed + 3, strip, 0 * strip)
    cut = np.floor(across / cover.parcel[3] * (0.6 + shift) + shift)
    kind = (compute_uniform(cover.seed + 4, strip, cut) * len(cover.crops)).astype(np.intp)
    return np.asarray(cover.crops, dtype=np.uint8)[kind]


def _compute_town(cover: Cover, along: Field, across: Field) -> NDArray[np.uint8]:
    """Surface of each pixel, were it all town: streets around blocks of houses and yards."""
    block = 7.0 + 6.0 * (cover.seed % 16) / 16
    street = ((along % block) < 1.0) | ((across % (block * 1.7)) < 1.0)
    lot = compute_uniform(cover.seed + 5, np.floor(along / 1.7), np.floor(across / 2.3))
    kind = np.searchsorted(np.array([0.35, 0.6, 0.72, 0.88]), lot)  # town, town, bright roof, yard, town
    kind[street] = len(cover.town) - 1
    return np.asarray(cover.town, dtype=np.uint8)[kind]


def _lay_shore(cover: Cover, site: Site, surfaces: NDArray[np.uint8]) -> None:
    """Lay the shore's bands over the other surfaces, in place."""
    noise = compute_noise(cover.shore_noise, site.rows, site.cols, dtype=np.float32)
    which = np.digitize(noise, [-0.5, 0.5])
    for index, (inner, outer, width_m) in enumerate(cover.shores):
        if inner < 0:
            continue
        # The noise that chooses the band also tapers it, so bands end in points.
        taper = np.clip(1.6 - np.abs(noise - (index - 1) * 1.0), 0.1, 1.5)
        near = (which == index) & (site.inland_m < width_m * taper)
        surfaces[near] = outer
        surfaces[near & (site.inland_m < 0.35 * width_m * taper)] = inner


def compute_surfaces(cover: Cover, site: Site) -> NDArray[np.uint8]:
    """Decide the surface of each pixel as if all were land.

    Returns:
        Index (R, C) into ``cover.palette``.
    """
    noise = compute_noise(cover.mosaic, site.rows, site.cols, dtype=np.float32)
    zone = np.asarray(cover.zones)[np.digitize(noise, cover.levels)]
    surfaces: NDArray[Any] = np.where(zone < 0, 0, zone).astype(np.uint8)
    if (zone < 0).any():
        along, across = _turn(cover, site)
        farmed, built = zone == -1, zone == -2
        if farmed.any():
            surfaces[farmed] = _compute_parcels(cover, site, along, across)[farmed]
        if built.any():
            surfaces[built] = _compute_town(cover, along, across)[built]
    if site.height_m.max() > cover.snowline_m:
        surfaces[site.height_m > cover.snowline_m * (1 + 0.15 * noise)] = cover.snow
    if site.inland_m.min() < 1500:
        _lay_shore(cover, site, surfaces)
    return surfaces
