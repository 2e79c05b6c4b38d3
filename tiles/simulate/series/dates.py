"""Plans the dates of a series: when the coast is seen, by which satellite, under what sun and cloud, how far moved."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

import numpy as np

from tiles.errors import SceneError
from tiles.simulate.product.acquisition import KNOWN_ORBITS, LOCAL_SOLAR_HOUR, Acquisition, resolve_acquisition
from tiles.simulate.product.sun import compute_sun_angles
from tiles.simulate.series.options import SeriesOptions
from tiles.simulate.world.clouds import compute_cloud_view
from tiles.simulate.world.world import World

__all__ = ["PlannedDate", "draw_day", "plan_dates", "reprocess"]

_LARGEST_LATITUDE = 40.0  # so far from the equator the sun of midwinter stands 20 degrees high
_MOST_PLACES = 200
_HALF_CYCLE_DAYS = 5  # the two satellites follow one another on one orbit
_SKIES = ((0.6, 0.0, 0.0), (0.85, 0.02, 0.25), (1.0, 0.75, 1.0))  # odds up to, least and most cloud
_DAY_TRIES = 12
_OPAQUE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDate:
    """One acquisition of a series before it is rendered.

    Attributes:
        number: 0 for the first.
        acquisition: When, by whom, under what sun.
        shift_m: How far the land has retreated, metres.
        cloud_cover: Share of the scene that is to lie under cloud.
    """

    number: int
    acquisition: Acquisition
    shift_m: float
    cloud_cover: float


def plan_dates(seed: int, options: SeriesOptions) -> list[PlannedDate]:
    """Plan a series.

    Args:
        seed: Decides place, times of day and clouds.
        options: Span, shifts, clouds.

    Raises:
        SceneError: Seed or baseline is impossible.
        GridError: The CRS is no UTM zone.
    """
    first = _draw_place(seed, options)
    rng = random.Random(f"series dates {seed}")  # noqa: S311  (a simulation, no secret)
    clouds = _draw_clouds(rng, options)
    dates = []
    for number in range(options.dates):
        days = number * options.span.every_days
        acquisition = _plan_acquisition(first, rng, number=number, options=options)
        shift = options.compute_shift(number, days=days)
        dates.append(PlannedDate(number=number, acquisition=acquisition, shift_m=shift, cloud_cover=clouds[number]))
    return dates


def _draw_place(seed: int, options: SeriesOptions) -> Acquisition:
    """A tile where the sun is high enough all the year."""
    for attempt in range(_MOST_PLACES):
        place = resolve_acquisition(
            seed=seed if not attempt else (seed + 1) * 1_000 + attempt,
            size=options.side_px,
            baseline=options.baseline,
            crs=options.crs,
        )
        if abs(place.square.centre[1]) <= _LARGEST_LATITUDE:
            return replace(place, seed=seed)
    raise SceneError(f"No tile of {options.crs} lies within {_LARGEST_LATITUDE:g} degrees. Choose another seed.")


def _draw_clouds(rng: random.Random, options: SeriesOptions) -> list[float]:
    if isinstance(options.cloud_cover, tuple):
        return list(options.cloud_cover)
    if options.cloud_cover is not None:
        return [options.cloud_cover] * options.dates
    covers = []
    for _ in range(options.dates):
        kind = rng.random()
        _, least, most = next(sky for sky in _SKIES if kind <= sky[0])
        covers.append(rng.uniform(least, most))
    # Whoever compares the ends of a series sees both of them.
    covers[0] = covers[-1] = 0.0
    return covers


def _plan_acquisition(first: Acquisition, rng: random.Random, *, number: int, options: SeriesOptions) -> Acquisition:
    lon, lat = first.square.centre
    days = number * options.span.every_days
    midnight = datetime.combine(options.span.first, time(), tzinfo=UTC) + timedelta(days=days)
    seconds = round((LOCAL_SOLAR_HOUR - lon / 15) % 24 * 3600) + rng.randrange(-20, 21)
    # On one day of the calendar, whatever the seconds.
    sensing = midnight + timedelta(seconds=min(max(seconds, 60), 86_340), microseconds=24_000)
    zenith, azimuth = compute_sun_angles(lon=lon, lat=lat, when=sensing)
    known = KNOWN_ORBITS[days // _HALF_CYCLE_DAYS % 2]
    return replace(
        first,
        spacecraft=known.spacecraft,
        sensing=sensing,
        generation=sensing.replace(microsecond=0) + timedelta(seconds=rng.randrange(6_000, 16_000)),
        orbit=known.find_orbit(sensing, relative_orbit=first.relative_orbit),
        sun_zenith=zenith,
        sun_azimuth=azimuth,
    )


def reprocess(taken: Acquisition, *, baseline: str) -> Acquisition:
    """The same acquisition as it comes from a newer processing, some months later.

    Args:
        taken: As it came first.
        baseline: The newer one.
    """
    return replace(taken, baseline=baseline, generation=taken.generation + timedelta(days=240, seconds=1_234))


def draw_day(world: World, date: PlannedDate) -> World:
    """Draw the air, the clouds and the sea of a date; of some days, that with the cloud nearest to what is wanted.

    Args:
        world: The coast.
        date: The acquisition.
    """
    zenith, azimuth = (math.radians(angle) for angle in (date.acquisition.sun_zenith, date.acquisition.sun_azimuth))
    sun = (math.sin(azimuth) * math.sin(zenith), math.cos(azimuth) * math.sin(zenith), math.cos(zenith))
    seeds = range(date.number * _DAY_TRIES, (date.number + 1) * _DAY_TRIES)
    if not date.cloud_cover:
        return world.with_day(seeds[0], sun=sun)
    days = (world.with_day(seed, cloud_cover=date.cloud_cover, sun=sun) for seed in seeds)
    return min(days, key=lambda day: abs(_measure_cloud(day) - date.cloud_cover))


def _measure_cloud(day: World) -> float:
    if day.clouds is None:
        return 0.0
    ticks = np.linspace(0, day.options.extent_px, 60)
    return float((compute_cloud_view(day.clouds, ticks, ticks).opacity > _OPAQUE).mean())
