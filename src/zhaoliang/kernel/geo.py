"""Places on earth: distances, and the three ways in which Chinese maps and phones write the same place.

WGS84 is what a browser and a GPS give and what is stored; GCJ-02 is what Chinese maps must show (高德, 腾讯), BD-09 is
百度's own shift on top of it. The shift is known only as the published approximation; its inverse is found by iteration and
is good to some centimetres. Outside China nothing is shifted.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Literal

Datum = Literal["wgs84", "gcj02", "bd09"]
DATUMS: dict[str, str] = {
    "wgs84": "WGS84（手机、GPS）",
    "gcj02": "GCJ-02（高德、腾讯地图）",
    "bd09": "BD-09（百度地图）",
}

EARTH_RADIUS_M = 6_371_000
# Krassovsky 1940, on which the shift is computed.
_AXIS, _ECCENTRICITY = 6_378_245.0, 0.006_693_421_622_965_943
_BD_ANGLE = math.pi * 3000 / 180
_SIX = Decimal("0.000001")


def distance_m(from_longitude: float, from_latitude: float, to_longitude: float, to_latitude: float) -> float:
    """Metres between two places of one datum, on the sphere (haversine)."""
    one, two = math.radians(from_latitude), math.radians(to_latitude)
    across = math.radians(to_longitude - from_longitude)
    half = math.sin((two - one) / 2) ** 2 + math.cos(one) * math.cos(two) * math.sin(across / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half)))


def to_wgs84(longitude: float, latitude: float, datum: Datum) -> tuple[float, float]:
    """A place written in `datum` as WGS84 degrees. Raises ValueError for an unknown datum."""
    if datum == "wgs84":
        return longitude, latitude
    if datum == "gcj02":
        return _unshifted(longitude, latitude)
    if datum == "bd09":
        return _unshifted(*_bd09_to_gcj02(longitude, latitude))
    raise ValueError(f"unknown datum {datum}")


def wgs84_degrees(longitude: Decimal, latitude: Decimal, datum: Datum) -> tuple[Decimal, Decimal]:
    """A place written in `datum` as it is stored: WGS84 with six decimals (a decimetre). Raises ValueError."""
    x, y = to_wgs84(float(longitude), float(latitude), datum)
    return Decimal(str(x)).quantize(_SIX), Decimal(str(y)).quantize(_SIX)


def wgs84_to_gcj02(longitude: float, latitude: float) -> tuple[float, float]:
    """A WGS84 place as Chinese maps draw it."""
    if not (72.004 <= longitude <= 137.8347 and 0.8293 <= latitude <= 55.8271):
        return longitude, latitude
    east, north = _shift(longitude - 105.0, latitude - 35.0)
    angle = math.radians(latitude)
    curve = 1 - _ECCENTRICITY * math.sin(angle) ** 2
    root = math.sqrt(curve)
    return (
        longitude + math.degrees(east / (_AXIS / root * math.cos(angle))),
        latitude + math.degrees(north / (_AXIS * (1 - _ECCENTRICITY) / (curve * root))),
    )


def wgs84_to_bd09(longitude: float, latitude: float) -> tuple[float, float]:
    """A WGS84 place as 百度地图 draws it."""
    x, y = wgs84_to_gcj02(longitude, latitude)
    length = math.hypot(x, y) + 0.00002 * math.sin(y * _BD_ANGLE)
    angle = math.atan2(y, x) + 0.000003 * math.cos(x * _BD_ANGLE)
    return length * math.cos(angle) + 0.0065, length * math.sin(angle) + 0.006


def _bd09_to_gcj02(longitude: float, latitude: float) -> tuple[float, float]:
    x, y = longitude - 0.0065, latitude - 0.006
    length = math.hypot(x, y) - 0.00002 * math.sin(y * _BD_ANGLE)
    angle = math.atan2(y, x) - 0.000003 * math.cos(x * _BD_ANGLE)
    return length * math.cos(angle), length * math.sin(angle)


def _unshifted(longitude: float, latitude: float) -> tuple[float, float]:
    x, y = longitude, latitude
    for _ in range(6):
        there = wgs84_to_gcj02(x, y)
        x, y = x - (there[0] - longitude), y - (there[1] - latitude)
    return x, y


def _shift(x: float, y: float) -> tuple[float, float]:
    """Metres to the east and to the north of the published approximation, of degrees relative to 105° E, 35° N."""
    pi = math.pi
    waves = (20 * math.sin(6 * x * pi) + 20 * math.sin(2 * x * pi)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + waves
    east += (20 * math.sin(x * pi) + 40 * math.sin(x / 3 * pi)) * 2 / 3
    east += (150 * math.sin(x / 12 * pi) + 300 * math.sin(x / 30 * pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + waves
    north += (20 * math.sin(y * pi) + 40 * math.sin(y / 3 * pi)) * 2 / 3
    north += (160 * math.sin(y / 12 * pi) + 320 * math.sin(y * pi / 30)) * 2 / 3
    return east, north
