"""Where the sun stands over a place, and how far away it is."""

from __future__ import annotations

import math
from datetime import datetime

__all__ = ["compute_sun_angles", "compute_sun_distance_factor"]


def compute_sun_angles(*, lon: float, lat: float, when: datetime) -> tuple[float, float]:
    """Where the sun stands, to about half a degree.

    Args:
        lon: Longitude in degrees.
        lat: Latitude in degrees.
        when: Time in UTC.

    Returns:
        Zenith angle and azimuth (clockwise from north) in degrees.

    Source: declination and equation of time after Spencer (1971), Search 2(5), p. 172.
    """
    day = 2 * math.pi * (when.timetuple().tm_yday - 1) / 365
    declination = (
        0.006918
        - 0.399912 * math.cos(day)
        + 0.070257 * math.sin(day)
        - 0.006758 * math.cos(2 * day)
        + 0.000907 * math.sin(2 * day)
        - 0.002697 * math.cos(3 * day)
        + 0.00148 * math.sin(3 * day)
    )
    equation = (
        0.000075
        + 0.001868 * math.cos(day)
        - 0.032077 * math.sin(day)
        - 0.014615 * math.cos(2 * day)
        - 0.040849 * math.sin(2 * day)
    )
    solar_hours = when.hour + when.minute / 60 + when.second / 3600 + lon / 15 + math.degrees(equation) / 15
    hour_angle = math.radians(15 * (solar_hours - 12))
    phi = math.radians(lat)
    east = -math.cos(declination) * math.sin(hour_angle)
    north = math.cos(phi) * math.sin(declination) - math.sin(phi) * math.cos(declination) * math.cos(hour_angle)
    up = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(hour_angle)
    return math.degrees(math.acos(max(-1.0, min(1.0, up)))), math.degrees(math.atan2(east, north)) % 360


def compute_sun_distance_factor(when: datetime) -> float:
    """``U``, by which irradiance at one astronomical unit is multiplied on that day; 0.967 to 1.034.

    Source: Sentinel-2 Level-1C ATBD (S2-PDGS-MPC-ATBD-L1), "Reflectance conversion".
    """
    days = when.timestamp() / 86_400 + 7305  # since 1 January 1950
    return 1 / (1 - 0.01673 * math.cos(0.0172 * (days - 2))) ** 2
