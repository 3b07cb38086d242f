"""When the sun rises and sets. Pure; within a minute of published tables between 66 degrees south and north.

Source: NOAA Global Monitoring Laboratory, Solar Calculator, "Calculation Details" (after Jean Meeus,
Astronomical Algorithms, 2nd ed. 1998, chapters 25 and 28). The sun rises and sets at a zenith distance of
90.833 degrees: 34' of refraction and 16' of its radius.
"""

from datetime import UTC, date, datetime, timedelta
from math import acos, asin, cos, degrees, radians, sin, tan
from typing import NamedTuple

ZENITH = 90.833
DAY = 86400.0  # s
EPOCH = datetime(2000, 1, 1, 12, tzinfo=UTC)  # J2000.0, Julian day 2451545.0


class Daylight(NamedTuple):
    """UTC times of one local date."""

    sunrise: datetime
    sunset: datetime


def daylight(day: date, latitude: float, longitude: float) -> Daylight:
    """For the calendar date at this place, degrees north and east positive. Raises ValueError where the sun stays."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) - timedelta(hours=longitude / 15)
    return Daylight(_event(noon, latitude, -1), _event(noon, latitude, 1))


def _event(noon: datetime, latitude: float, side: int) -> datetime:
    """Sunrise (-1) or sunset (1) around a mean local noon: found for noon's sun, then again for the sun it finds."""
    at = noon
    for _ in range(2):
        declination, equation = _sun(at)
        angle = _hour_angle(latitude, declination)
        at = noon + timedelta(minutes=side * 4 * angle - equation)
    return at


def _hour_angle(latitude: float, declination: float) -> float:
    """Degrees from the meridian to the horizon."""
    phi = radians(latitude)
    ratio = cos(radians(ZENITH)) / (cos(phi) * cos(declination)) - tan(phi) * tan(declination)
    if not -1.0 <= ratio <= 1.0:
        raise ValueError("the sun neither rises nor sets on this day")
    return degrees(acos(ratio))


def _sun(at: datetime) -> tuple[float, float]:
    """Declination (rad) and equation of time (min)."""
    century = (at - EPOCH).total_seconds() / DAY / 36525
    mean_longitude = radians((280.46646 + century * (36000.76983 + century * 0.0003032)) % 360)
    anomaly = radians(357.52911 + century * (35999.05029 - 0.0001537 * century))
    eccentricity = 0.016708634 - century * (0.000042037 + 0.0000001267 * century)
    centre = radians(
        sin(anomaly) * (1.914602 - century * (0.004817 + 0.000014 * century))
        + sin(2 * anomaly) * (0.019993 - 0.000101 * century)
        + sin(3 * anomaly) * 0.000289
    )
    node = radians(125.04 - 1934.136 * century)
    apparent = mean_longitude + centre - radians(0.00569 + 0.00478 * sin(node))
    seconds = 21.448 - century * (46.815 + century * (0.00059 - century * 0.001813))
    obliquity = radians(23 + (26 + seconds / 60) / 60 + 0.00256 * cos(node))
    half = tan(obliquity / 2) ** 2
    equation = 4 * degrees(
        half * sin(2 * mean_longitude)
        - 2 * eccentricity * sin(anomaly)
        + 4 * eccentricity * half * sin(anomaly) * cos(2 * mean_longitude)
        - 0.5 * half * half * sin(4 * mean_longitude)
        - 1.25 * eccentricity * eccentricity * sin(2 * anomaly)
    )
    return asin(sin(obliquity) * sin(apparent)), equation
