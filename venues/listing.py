"""Venues from a list as spreadsheets write it: whatever delimiter, encoding and names of columns it has."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import get_random_string
from django.utils.text import slugify
from django.utils.translation import gettext as _

from evently.accounts.models import Organizer
from evently.lists import ListReport, Progress, Unfit, in_words, insert, one_at_a_time, read_rows, read_text

from .countries import country_code, time_zone
from .models import Venue

COLUMNS = {
    "name": ("stadium", "venue", "name"),
    "city": ("city", "town", "place"),
    "country": ("country", "country code"),
    "address": ("address", "street"),
    "capacity": ("capacity", "seats"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon", "lng", "long"),
    "time_zone": ("time zone", "time_zone", "timezone", "tz"),
}
NEEDED = ("name", "city", "country")


def import_venues(*, organizer: Organizer, content: bytes, dry_run: bool = False, progress: Progress = iter) -> ListReport:
    """Make or update the organizer's venues from the rows of a list; a row that is no venue is named and left out.

    All good rows or, if the process dies, none. A second run changes nothing. Raises `NoList`.
    """
    report = ListReport()
    venues = list(_read(content, organizer=organizer, report=report, progress=progress))  # before the transaction, which is short
    with transaction.atomic():
        if not dry_run:
            one_at_a_time(organizer)
        known = {_identity(venue): venue for venue in Venue.objects.filter(organizer=organizer)}
        slugs = set(Venue.objects.values_list("slug", flat=True))
        for venue in venues:
            if old := known.get(_identity(venue)):
                _update(old, venue, report, dry_run=dry_run)
                continue
            venue.slug = _free_slug(venue, slugs)
            slugs.add(venue.slug)
            report.new.append(venue)
        if not dry_run:
            insert(report.new)
    return report


def _read(content: bytes, *, organizer: Organizer, report: ListReport, progress: Progress) -> Iterator[Venue]:
    """The venues of the rows, each once; what is wrong with a row goes into the report."""
    first_line: dict[tuple[str, str, str], int] = {}
    for line, row in progress(list(read_rows(read_text(content), columns=COLUMNS, needed=NEEDED))):
        report.rows += 1
        try:
            facts = _facts(row, warn=lambda text, line=line: report.warnings.append((line, text)))
            venue = Venue(organizer=organizer, **facts)
            venue.clean_fields(exclude=["organizer", "slug"])
        except Unfit as problem:
            report.refused.append((line, str(problem)))
        except ValidationError as error:
            report.refused.append((line, in_words(error)))
        else:
            first = first_line.setdefault(_identity(venue), line)
            if first == line:
                yield venue
                continue
            told = _("“%(name)s” is the venue of line %(first)d again; that line counts.")
            report.warnings.append((line, told % {"name": venue.name, "first": first}))
            report.unchanged += 1


def _identity(venue: Venue) -> tuple[str, str, str]:
    return venue.name.casefold(), venue.city.casefold(), venue.country


def _facts(row: Mapping[str, str], *, warn: Any) -> dict[str, Any]:
    """The venue's fields, or `Unfit`."""
    for column in NEEDED:
        if not row.get(column):
            raise Unfit(_("There is no %(column)s.") % {"column": column})
    if "\ufffd" in "".join(row.values()):
        warn(_("“%(name)s” has letters that were lost before this file was written.") % {"name": row["name"]})
    country = country_code(row["country"])
    if country is None:
        unknown = _("“%(country)s” is not a country that is known here. A code like DE (ISO 3166) always is.")
        raise Unfit(unknown % {"country": row["country"]})
    latitude, longitude = _number(row, "latitude", places=6), _number(row, "longitude", places=6)
    if (latitude is None) != (longitude is None):
        raise Unfit(_("It has only one of latitude and longitude."))
    zone, is_sure = row.get("time_zone") or None, True
    if zone is None:
        zone, is_sure = time_zone(country, city=row["city"], latitude=latitude, longitude=longitude)
    if zone is None:
        unknown = _("The time zone of “%(country)s” is not known. Please add a column time_zone.")
        raise Unfit(unknown % {"country": row["country"]})
    if not is_sure:
        guess = _("“%(name)s” is given %(zone)s, a guess among the country's time zones. A column time_zone would tell.")
        warn(guess % {"name": row["name"], "zone": zone})
    capacity = _number(row, "capacity", places=0)
    facts = {"name": row["name"], "city": row["city"], "country": country, "address": row.get("address", "")}
    return facts | {
        "time_zone": zone,
        "latitude": latitude,
        "longitude": longitude,
        "capacity": None if capacity is None else int(capacity),
    }


def _number(row: Mapping[str, str], column: str, *, places: int) -> Decimal | None:
    text = row.get(column, "")
    if not text:
        return None
    try:
        number = Decimal(text if places else re.sub(r"(?<=\d)[.,' ](?=\d{3}\b)", "", text))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) >= 10**9 or (not places and (number < 0 or number % 1)):
        raise Unfit(_("“%(text)s” is no %(column)s.") % {"text": text[:50], "column": column})
    return round(number, places)


def _update(old: Venue, venue: Venue, report: ListReport, *, dry_run: bool) -> None:
    """Take over what the list knows of a known venue; what it leaves out stays."""
    told = {name: getattr(venue, name) for name in ("address", "capacity", "latitude", "longitude")}
    changes = {name: value for name, value in told.items() if value not in ("", None) and getattr(old, name) != value}
    if not changes:
        report.unchanged += 1
        return
    for name, value in changes.items():
        setattr(old, name, value)
    report.changed += 1
    if not dry_run:
        old.version += 1
        old.save(update_fields=[*changes, "version"])


def _free_slug(venue: Venue, taken: set[str]) -> str:
    name = slugify(venue.name)[:50] or "venue"
    city = slugify(venue.city)[:20]
    for slug in (name, f"{name}-{city}".strip("-"), f"{name}-{venue.country.lower()}"):
        if slug not in taken:
            return slug
    return f"{name}-{get_random_string(8).lower()}"
