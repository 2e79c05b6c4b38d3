"""When, where and by what orbit a simulated scene is taken, and how its product is named.

Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), "Compact naming convention".
"""

from __future__ import annotations

import bisect
import math
import random
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from tiles.errors import GridError, SceneError
from tiles.mgrs import MgrsSquare, resolve_utm_zone
from tiles.simulate.product.sun import compute_sun_angles

__all__ = [
    "CYCLE",
    "KNOWN_ORBITS",
    "LOCAL_SOLAR_HOUR",
    "OFFSET",
    "OFFSET_BASELINE",
    "ORBITS_PER_CYCLE",
    "QUANTIFICATION",
    "TILE_SIZE",
    "Acquisition",
    "Satellite",
    "resolve_acquisition",
]

TILE_SIZE = 10_980
"""Pixels of 10 m along the edge of a full tile."""

OFFSET_BASELINE = "04.00"
"""The first processing baseline whose digital numbers carry an offset."""

LOCAL_SOLAR_HOUR = 10.5
"""Mean local solar time of the descending node."""

ORBITS_PER_CYCLE = 143
"""Orbits until a satellite passes over the same ground again."""

QUANTIFICATION = 10_000
"""Digital numbers for one unit of reflectance."""

OFFSET = -1000
"""What a reader adds to a digital number from baseline 04.00 on."""

CYCLE = timedelta(days=10)
"""How long that takes."""

_BASELINE_STARTS = (
    ("02.00", datetime(2017, 3, 28, tzinfo=UTC)),
    ("02.07", datetime(2018, 11, 6, tzinfo=UTC)),
    ("02.12", datetime(2019, 5, 6, tzinfo=UTC)),
    ("02.13", datetime(2019, 7, 8, tzinfo=UTC)),
    ("02.14", datetime(2020, 2, 4, tzinfo=UTC)),
    ("03.00", datetime(2021, 3, 30, tzinfo=UTC)),
    ("03.01", datetime(2021, 6, 30, tzinfo=UTC)),
    ("04.00", datetime(2022, 1, 25, tzinfo=UTC)),
    ("05.00", datetime(2018, 1, 1, tzinfo=UTC)),  # Collection-1: old scenes, processed again
    ("05.09", datetime(2022, 12, 6, tzinfo=UTC)),
    ("05.10", datetime(2023, 12, 13, tzinfo=UTC)),
    ("05.11", datetime(2024, 7, 23, tzinfo=UTC)),
    ("05.12", datetime(2026, 3, 1, tzinfo=UTC)),
)
_REPROCESSED = datetime(2023, 3, 1, tzinfo=UTC)
_MAX_SUN_ZENITH = 70.0  # products beyond it are made, but rarely


@dataclass(frozen=True, slots=True, kw_only=True)
class _KnownOrbit:
    """An orbit whose time is known, from which all others of the satellite are counted.

    Attributes:
        spacecraft: ``S2A`` to ``S2D``.
        nssdc_id: International designator of the satellite.
        orbit: Its absolute number.
        sensing: Start of sensing on it, UTC.
        shift: What is added to an absolute number for the relative one, modulo the orbits of a cycle, from 0.
        baseline: The first processing baseline in whose time it is simulated.
        since: Its first day, UTC.
    """

    spacecraft: str
    nssdc_id: str
    orbit: int
    sensing: datetime
    shift: int
    baseline: str = "02.00"
    since: datetime = datetime(2017, 3, 28, tzinfo=UTC)

    def compute_orbit(self, sensing: datetime) -> int:
        """Absolute number of the orbit at a time."""
        return self.orbit + round((sensing - self.sensing) / CYCLE * ORBITS_PER_CYCLE)

    def compute_relative_orbit(self, orbit: int) -> int:
        """Relative number, 1 to 143, of an absolute orbit."""
        return (orbit + self.shift) % ORBITS_PER_CYCLE + 1

    def find_orbit(self, sensing: datetime, *, relative_orbit: int) -> int:
        """Absolute number of the orbit nearest to a time that has a relative number."""
        near, half = self.compute_orbit(sensing), ORBITS_PER_CYCLE // 2
        return near + (relative_orbit - 1 - self.shift - near + half) % ORBITS_PER_CYCLE - half


KNOWN_ORBITS = (
    _KnownOrbit(
        spacecraft="S2A",
        nssdc_id="2015-028A",
        orbit=41_826,
        sensing=datetime(2023, 6, 25, 23, 46, 21, tzinfo=UTC),
        shift=2,
    ),
    _KnownOrbit(
        spacecraft="S2B",
        nssdc_id="2017-013A",
        orbit=20_270,
        sensing=datetime(2021, 1, 22, 13, 32, 29, tzinfo=UTC),
        shift=-27,
    ),
    _KnownOrbit(
        spacecraft="S2C",
        nssdc_id="2024-157A",
        orbit=3_780,
        sensing=datetime(2025, 5, 27, 7, 36, 31, tzinfo=UTC),
        shift=29,
        baseline="05.11",
        since=datetime(2025, 1, 21, tzinfo=UTC),
    ),
    _KnownOrbit(
        spacecraft="S2D",
        nssdc_id="0000-000A",
        orbit=1_000,
        sensing=datetime(2026, 6, 1, 7, 36, 31, tzinfo=UTC),
        shift=29,
        baseline="05.12",
        since=datetime(2026, 3, 1, tzinfo=UTC),
    ),
)
"""One a satellite; that of S2D, which had not been launched, is made up."""

Satellite = Literal["auto", "S2A", "S2B", "S2C", "S2D"]
"""``auto``: one that flies in the time of the baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """One simulated overpass, and every name that follows from it.

    Attributes:
        seed: Seed of the simulation.
        size: Columns and rows of the 10 m grid; a multiple of 6.
        baseline: Processing baseline, ``NN.NN``.
        square: The MGRS square, which fixes CRS, corner and tile name.
        spacecraft: ``S2A`` to ``S2D``.
        sensing: Start of the datatake, UTC.
        generation: When the product claims to have been generated, UTC.
        orbit: Absolute orbit number.
        relative_orbit: Relative orbit number, 1 to 143.
        sun_zenith: Mean solar zenith angle in degrees.
        sun_azimuth: Mean solar azimuth in degrees, clockwise from north.
    """

    seed: int
    size: int
    baseline: str
    square: MgrsSquare
    spacecraft: str
    sensing: datetime
    generation: datetime
    orbit: int
    relative_orbit: int
    sun_zenith: float
    sun_azimuth: float

    @property
    def has_offset(self) -> bool:
        """Whether digital numbers carry the offset of 1000 (decided by the baseline, never by the date)."""
        return self.baseline >= OFFSET_BASELINE

    @property
    def centre_code(self) -> str:
        """Four letters of the processing centre."""
        return f"2{self.spacecraft[-1]}PS" if self.has_offset else "SGS_"

    @property
    def nssdc_id(self) -> str:
        """International designator of the satellite."""
        return next(known.nssdc_id for known in KNOWN_ORBITS if known.spacecraft == self.spacecraft)

    @property
    def datatake_id(self) -> str:
        """Identifier of the datatake."""
        return f"G{self.spacecraft}_{_format_time(self.sensing)}_{self.orbit:06d}_N{self.baseline}"

    @property
    def product(self) -> str:
        """Name of the product's folder, with ``.SAFE``."""
        return (
            f"{self.spacecraft}_MSIL2A_{_format_time(self.sensing)}_N{self.baseline.replace('.', '')}"
            f"_R{self.relative_orbit:03d}_T{self.square.tile_id}_{_format_time(self.generation)}.SAFE"
        )

    @property
    def granule_start(self) -> datetime:
        """Start of the datastrip: some seconds after that of the datatake."""
        return self.sensing + timedelta(seconds=3)

    @property
    def granule(self) -> str:
        """Name of the granule's folder."""
        return f"L2A_T{self.square.tile_id}_A{self.orbit:06d}_{_format_time(self.granule_start)}"

    @property
    def datastrip(self) -> str:
        """Name of the datastrip's folder."""
        return f"DS_{self.centre_code}_{_format_time(self.generation)}_S{_format_time(self.granule_start)}"

    @property
    def granule_id(self) -> str:
        """Identifier of the granule inside the metadata."""
        return (
            f"{self.spacecraft}_OPER_MSI_L2A_TL_{self.centre_code}_{_format_time(self.generation)}"
            f"_A{self.orbit:06d}_T{self.square.tile_id}_N{self.baseline}"
        )

    @property
    def datastrip_id(self) -> str:
        """Identifier of the datastrip inside the metadata."""
        return f"{self.spacecraft}_OPER_MSI_L2A_{self.datastrip}_N{self.baseline}"

    def image_path(self, name: str, resolution_m: int) -> str:
        """Path of an image file within the product, without its ending.

        Args:
            name: ``B02``, ``SCL``, ``TCI`` …
            resolution_m: 10, 20 or 60.
        """
        file = f"T{self.square.tile_id}_{_format_time(self.sensing)}_{name}_{resolution_m}m"
        return f"GRANULE/{self.granule}/IMG_DATA/R{resolution_m}m/{file}"

    def quality_path(self, file: str) -> str:
        """Path of a file of ``QI_DATA`` within the product."""
        return f"GRANULE/{self.granule}/QI_DATA/{file}"

    @property
    def preview_path(self) -> str:
        """Path of the preview image within the product, without its ending."""
        return self.quality_path(f"T{self.square.tile_id}_{_format_time(self.sensing)}_PVI")


def _format_time(when: datetime) -> str:
    return when.strftime("%Y%m%dT%H%M%S")


def resolve_acquisition(*, seed: int, size: int, baseline: str, crs: str, satellite: Satellite = "auto") -> Acquisition:
    """Draw place and time of a simulated overpass from a seed.

    Args:
        seed: Any integer from 0; the same seed gives the same acquisition.
        size: Columns and rows at 10 m, 60 to 10980; rounded up to a multiple of 6, so that 60 m pixels fit in whole.
        baseline: Processing baseline such as ``05.11``.
        crs: UTM zone, ``EPSG:326xx`` (north) or ``EPSG:327xx`` (south).
        satellite: Whose it is.

    Raises:
        GridError: The size or the CRS is impossible.
        SceneError: Seed or baseline is none that a product could have, or the satellite did not fly yet.
    """
    _check_choices(seed=seed, size=size, baseline=baseline)
    satellites = _list_satellites(satellite, baseline)
    zone, north = resolve_utm_zone(crs)
    rng = random.Random(f"acquisition {seed} {crs.upper()}")  # noqa: S311  (a simulation, no secret)
    square = _draw_square(rng, zone=zone, north=north)
    era = _BASELINE_STARTS[bisect.bisect([start for start, _ in _BASELINE_STARTS], baseline) - 1][1]
    era = max(era, min(known.since for known in satellites))
    sensing, (zenith, azimuth) = _draw_sensing(rng, square=square, era=era)
    known = rng.choice(satellites)
    orbit = known.compute_orbit(sensing)
    processed = max(sensing, _REPROCESSED) if "05.00" <= baseline < "05.09" else sensing
    return Acquisition(
        seed=seed,
        size=-(-size // 6) * 6,
        baseline=baseline,
        square=square,
        spacecraft=known.spacecraft,
        sensing=sensing,
        generation=processed + timedelta(seconds=rng.randrange(6_000, 16_000)),
        orbit=orbit,
        relative_orbit=known.compute_relative_orbit(orbit),
        sun_zenith=zenith,
        sun_azimuth=azimuth,
    )


def _check_choices(*, seed: int, size: int, baseline: str) -> None:
    if seed < 0:
        raise SceneError(f"Expected a seed of 0 or more, found {seed}.")
    if not 60 <= size <= TILE_SIZE:
        raise GridError(f"Expected a size from 60 to {TILE_SIZE} pixels of 10 m, found {size}.")
    if not re.fullmatch(r"0[2-5]\.\d\d", baseline):
        raise SceneError(
            f"Expected a processing baseline from 02.00 to 05.99, such as 05.11 (with offset) or 02.14 (without), "
            f"found {baseline!r}."
        )


def _list_satellites(satellite: Satellite, baseline: str) -> tuple[_KnownOrbit, ...]:
    """Those of which one is drawn; S2C in the time of 05.11 only where it is asked for, so that seeds keep theirs."""
    if satellite == "auto":
        return KNOWN_ORBITS[: 3 if baseline >= "05.12" else 2]
    known = next(known for known in KNOWN_ORBITS if known.spacecraft == satellite)
    if baseline < known.baseline:
        raise SceneError(
            f"Expected a processing baseline from {known.baseline} on for {satellite}, which did not fly before, found "
            f"{baseline}."
        )
    return (known,)


def _draw_square(rng: random.Random, *, zone: int, north: bool) -> MgrsSquare:
    """Some square of the temperate or tropical zone that lies well inside its UTM zone."""
    row = rng.randrange(3, 66) if north else rng.randrange(42, 97)
    middle = MgrsSquare(zone=zone, north=north, column=4, row=row)
    half_width_m = 333_000 * math.cos(math.radians(middle.centre[1]))
    columns = [column for column in range(2, 8) if abs(column + 0.55 - 5) * 100_000 + 55_000 < half_width_m]
    return MgrsSquare(zone=zone, north=north, column=rng.choice(columns or [4, 5]), row=row)


def _draw_sensing(rng: random.Random, *, square: MgrsSquare, era: datetime) -> tuple[datetime, tuple[float, float]]:
    """A day after the era's first on which the sun stands high enough; the highest of some days, if none does."""
    lon, lat = square.centre
    local = (LOCAL_SOLAR_HOUR - lon / 15) % 24
    best: tuple[datetime, tuple[float, float]] | None = None
    for _ in range(12):
        when = era + timedelta(days=rng.randrange(1, 400), hours=local, seconds=rng.randrange(-900, 900))
        when = when.replace(microsecond=24_000)
        sun = compute_sun_angles(lon=lon, lat=lat, when=when)
        if best is None or sun[0] < best[1][0]:
            best = when, sun
        if sun[0] <= _MAX_SUN_ZENITH:
            return when, sun
    assert best is not None  # noqa: S101  (the loop runs)
    return best
