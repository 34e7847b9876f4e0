"""Which country a name means, and which clock a place there goes by: read from the IANA time zone database (public domain)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import NamedTuple
from zoneinfo import ZoneInfo

# What lists of venues call countries that the database calls otherwise; parts of the United Kingdom are no countries of ISO 3166.
OTHER_NAMES = {
    **dict.fromkeys(["england", "scotland", "wales", "northern ireland", "united kingdom", "great britain", "uk"], "GB"),
    **dict.fromkeys(["united states of america", "usa", "us"], "US"),
    **dict.fromkeys(["south korea", "republic of korea"], "KR"),
    **{"north korea": "KP", "burma": "MM", "butan": "BT", "bosnia-herzegovina": "BA", "czechia": "CZ", "luxemburg": "LU"},
    **{"people's republic of china": "CN", "republic of south africa": "ZA", "ivory coast": "CI", "vietnam": "VN"},
    **{"congo": "CG", "trinidad and tobago": "TT", "russian federation": "RU", "türkiye": "TR", "holland": "NL"},
    **{"macedonia": "MK", "eswatini": "SZ", "deutschland": "DE", "österreich": "AT", "schweiz": "CH"},
}


class Zone(NamedTuple):
    """A time zone and its principal place, in degrees."""

    name: str
    latitude: float
    longitude: float


@cache
def _names() -> Mapping[str, str]:
    lines = (line.split("\t") for line in _table("iso3166.tab"))
    return {name.casefold(): code for code, name in lines} | OTHER_NAMES


@cache
def _zones() -> Mapping[str, list[Zone]]:
    zones: dict[str, list[Zone]] = {}
    for line in _table("zone.tab"):
        code, place, name, *_comment = line.split("\t")
        latitude, longitude = (_degrees(part) for part in re.findall(r"[+-]\d+", place))
        zones.setdefault(code, []).append(Zone(name, latitude, longitude))
    return zones


def _table(name: str) -> list[str]:
    text = files("tzdata.zoneinfo").joinpath(name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _degrees(iso6709: str) -> float:
    """±DDMM, ±DDDMM, or the same with seconds."""
    digits = iso6709[1:]
    whole = len(digits) - (2 if len(digits) < 6 else 4)
    minutes, seconds = digits[whole : whole + 2], digits[whole + 2 :] or "0"
    value = int(digits[:whole]) + int(minutes) / 60 + int(seconds) / 3600
    return -value if iso6709[0] == "-" else value


def country_code(name: str) -> str | None:
    """The ISO 3166 code of a country by its name or code."""
    wanted = name.strip().casefold()
    return wanted.upper() if wanted.upper() in _zones() else _names().get(wanted)


def time_zone(country: str, *, city: str, latitude: Decimal | None, longitude: Decimal | None) -> tuple[str | None, bool]:
    """The zone of a place, and whether it is sure: the country has one clock, or the zone is named after the city.

    Otherwise a guess: the zone whose principal place is nearest to the coordinates; without them the country's first, which the
    database puts among the most populous.
    """
    zones = _zones().get(country, [])
    if not zones:
        return None, False
    for zone in zones:
        if zone.name.rpartition("/")[2].replace("_", " ").casefold() == city.casefold():
            return zone.name, True
    if len({_clock(zone.name) for zone in zones}) == 1:
        return zones[0].name, True
    if latitude is None or longitude is None:
        return zones[0].name, False
    here = float(latitude), float(longitude)
    return min(zones, key=lambda zone: (zone.latitude - here[0]) ** 2 + (zone.longitude - here[1]) ** 2).name, False


def _clock(zone: str) -> tuple[timedelta | None, ...]:
    """What the clock shows in winter and in summer."""
    year = datetime.now(tz=UTC).year
    return tuple(datetime(year, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7))
