"""Venues from a list as spreadsheets write it: whatever delimiter, encoding and names of columns it has."""

import csv
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from io import StringIO
from typing import Any

from charset_normalizer import from_bytes
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.crypto import get_random_string
from django.utils.text import slugify

from evently.accounts.models import Organizer
from evently.errors import DomainError

from .countries import country_code, time_zone
from .models import Venue

LARGEST_LIST = 20_000_000  # bytes
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
NOTHING = {"", "na", "n/a", "null", "none", "-"}
ESCAPED = re.compile(r"<U\+([0-9A-Fa-f]{4,6})>")  # how R writes a letter that its encoding lacks
INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # control characters, and those that turn text around
DOUBLY_ENCODED = re.compile("[ÃÂ][\u0080-\u00bf]|â€")  # UTF-8 read as Windows-1252


class NoList(DomainError):
    """The file as a whole cannot be read as a list of venues."""

    code = "no_list"
    status = 400


@dataclass(slots=True)
class ListReport:
    """What became of the rows; problems are (line, sentence)."""

    rows: int = 0
    made: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)


class _Unfit(Exception):
    """Why a row cannot be a venue."""


def read_text(content: bytes) -> str:
    """The text of a file in UTF-8 or whatever else it seems to be in. Raises `NoList` for what is no text."""
    if len(content) > LARGEST_LIST:
        raise NoList(f"The file is larger than {LARGEST_LIST // 1_000_000} MB. Please split it.")
    if b"\0" in content[:4096] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NoList("This is not a text file. Please save the sheet as CSV.")
    for encoding in ("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeError:
            continue
    guess = from_bytes(content).best()
    if guess is None:
        raise NoList("The encoding of the file cannot be told. Please save it as UTF-8.")
    return str(guess)


def read_rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by our own names of columns. Raises `NoList` if the columns cannot be told."""
    first = text.lstrip().partition("\n")[0]
    delimiter = max(";,\t|", key=first.count)
    reader = csv.reader(StringIO(text), delimiter=delimiter, skipinitialspace=True)
    try:
        head = [cell.strip().casefold() for cell in next(reader, [])]
        places = {
            column: next(head.index(name) for name in names if name in head)
            for column, names in COLUMNS.items()
            if set(names) & set(head)
        }
        if missing := [column for column in NEEDED if column not in places]:
            raise NoList(
                f"The first line must name the columns; there is none for {', '.join(missing)}. It has: {', '.join(head)}."
            )
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row = {column: cells[place] for column, place in places.items() if place < len(cells)}
                yield reader.line_num, {column: clean(cell) for column, cell in row.items()}
    except csv.Error as error:
        raise NoList(f"Line {reader.line_num} cannot be read: {error}.") from error


def clean(cell: str) -> str:
    """The cell without blanks around it, its wrongly encoded letters put right where that is certain; empty for "NA"."""
    text = ESCAPED.sub(_letter, cell)
    if DOUBLY_ENCODED.search(text):
        with suppress(UnicodeError):
            text = text.encode("cp1252").decode()
    text = INVISIBLE.sub("", " ".join(text.split()))
    return "" if text.casefold() in NOTHING else text


def _letter(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else match[0]


def import_venues(*, organizer: Organizer, content: bytes, dry_run: bool = False) -> ListReport:
    """Make or update the organizer's venues from the rows of a list; a row that is no venue is named and left out.

    All good rows or, if the process dies, none. A second run changes nothing. Raises `NoList`.
    """
    report = ListReport()
    rows = list(read_rows(read_text(content)))
    with transaction.atomic():
        known = {_identity(venue): venue for venue in Venue.objects.filter(organizer=organizer)}
        slugs = set(Venue.objects.values_list("slug", flat=True))
        made: list[Venue] = []
        first_line: dict[tuple[str, str, str], int] = {}
        for line, row in rows:
            report.rows += 1
            try:
                facts = _facts(row, warn=lambda text, line=line: report.warnings.append((line, text)))
                venue = Venue(organizer=organizer, **facts)
                if (first := first_line.setdefault(_identity(venue), line)) != line:
                    report.warnings.append((line, f"“{venue.name}” is the venue of line {first} again; that line counts."))
                    report.unchanged += 1
                    continue
                if old := known.get(_identity(venue)):
                    _update(old, facts, report, dry_run=dry_run)
                    continue
                venue.slug = _free_slug(venue, slugs)
                venue.clean_fields(exclude=["organizer"])
            except _Unfit as problem:
                report.refused.append((line, str(problem)))
                continue
            except ValidationError as error:
                report.refused.append(
                    (line, " ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items()))
                )
                continue
            slugs.add(venue.slug)
            made.append(venue)
        report.made = len(made)
        if not dry_run:
            Venue.objects.bulk_create(made, batch_size=500)
    return report


def _identity(venue: Venue) -> tuple[str, str, str]:
    return venue.name.casefold(), venue.city.casefold(), venue.country


def _facts(row: Mapping[str, str], *, warn: Any) -> dict[str, Any]:
    """The venue's fields, or `_Unfit`."""
    for column in NEEDED:
        if not row.get(column):
            raise _Unfit(f"There is no {column}.")
    if "\ufffd" in "".join(row.values()):
        warn(f"“{row['name']}” has letters that were lost before this file was written.")
    country = country_code(row["country"])
    if country is None:
        raise _Unfit(f"“{row['country']}” is not a country that is known here. A code like DE (ISO 3166) always is.")
    latitude, longitude = _number(row, "latitude", places=6), _number(row, "longitude", places=6)
    if (latitude is None) != (longitude is None):
        raise _Unfit("It has only one of latitude and longitude.")
    zone, is_sure = row.get("time_zone") or None, True
    if zone is None:
        zone, is_sure = time_zone(country, city=row["city"], latitude=latitude, longitude=longitude)
    if zone is None:
        raise _Unfit(f"The time zone of “{row['country']}” is not known. Please add a column time_zone.")
    if not is_sure:
        warn(f"“{row['name']}” is given {zone}, a guess among the country's time zones. A column time_zone would tell.")
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
        raise _Unfit(f"“{text[:50]}” is no {column}.")
    return round(number, places)


def _update(venue: Venue, facts: Mapping[str, Any], report: ListReport, *, dry_run: bool) -> None:
    """Take over what the list knows of a known venue; what it leaves out stays."""
    known = {name: facts[name] for name in ("address", "capacity", "latitude", "longitude") if facts[name] not in ("", None)}
    changes = {name: value for name, value in known.items() if getattr(venue, name) != value}
    if not changes:
        report.unchanged += 1
        return
    for name, value in changes.items():
        setattr(venue, name, value)
    venue.clean_fields(exclude=["organizer"])
    report.changed += 1
    if not dry_run:
        venue.version += 1
        venue.save(update_fields=[*changes, "version"])


def _free_slug(venue: Venue, taken: set[str]) -> str:
    name = slugify(venue.name)[:50] or "venue"
    city = slugify(venue.city)[:20]
    for slug in (name, f"{name}-{city}".strip("-"), f"{name}-{venue.country.lower()}"):
        if slug not in taken:
            return slug
    return f"{name}-{get_random_string(8).lower()}"
