"""What the importers of lists share: reading a spreadsheet whatever its delimiter and encoding, and the report by line."""

import csv
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from charset_normalizer import from_bytes
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .database import LOCK_NOT_AVAILABLE, UNIQUE_VIOLATION, Busy, sqlstate
from .errors import DomainError

LARGEST_LIST = 20_000_000  # bytes
LONGEST_WAIT = "9s"  # for another import: thousands of rows take some seconds
NOTHING = {"", "na", "n/a", "null", "none", "-"}
ESCAPED = re.compile(r"<U\+([0-9A-Fa-f]{4,6})>")  # how R writes a letter that its encoding lacks
INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # control characters, and those that turn text around
DOUBLY_ENCODED = re.compile("[ÃÂ][\u0080-\u00bf]|â€")  # UTF-8 read as Windows-1252

Columns = Mapping[str, Sequence[str]]  # our name of a column, and what files call it
Progress = Callable[[Sequence[Any]], Iterable[Any]]  # hands on what it is given, and may show how far it has come


class NoList(DomainError):
    """The file as a whole cannot be read as a list."""

    code = "no_list"
    status = 400


class ImportUnderWay(Busy):
    message = gettext_lazy("Another list of this team is being imported right now. Please try again in a moment.")
    retry_after = 5


class Unfit(Exception):
    """Why a row cannot be imported; `line` where it is not the row's first."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(slots=True)
class ListReport:
    """What became of the rows; problems are (line, sentence). `left_out`: right as they are, but not wanted."""

    rows: int = 0
    new: list[Any] = field(default_factory=list)  # saved unless it was a dry run
    changed: int = 0
    unchanged: int = 0
    left_out: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)

    @property
    def made(self) -> int:
        return len(self.new)

    @property
    def counts(self) -> dict[str, int]:
        """What became of how many, for a table; what may seldom happen only if it did."""
        counts = {
            _("new"): self.made,
            _("changed"): self.changed,
            _("as they were"): self.unchanged,
            _("left out"): self.left_out,
            _("refused"): len(self.refused),
        }
        seldom = {_("left out"), _("refused")}
        return {name: count for name, count in counts.items() if count or name not in seldom}


def one_at_a_time(organizer: Any) -> None:
    """Let other imports of the team wait for this transaction: two at once would both find nothing, and make all twice.

    Raises `ImportUnderWay` when another one takes too long.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, TRUE)", [LONGEST_WAIT])
    try:
        type(organizer).objects.select_for_update(no_key=True).get(pk=organizer.pk)
    except OperationalError as error:
        if sqlstate(error) == LOCK_NOT_AVAILABLE:
            raise ImportUnderWay from error
        raise


def insert(rows: Sequence[Any], *, batch: int = 500) -> None:
    """Insert new rows that have a `slug`; one that another team has taken at this moment becomes another one."""
    rows = sorted(rows, key=lambda row: row.slug)  # all in one order: two at once cannot deadlock
    while rows:
        try:
            with transaction.atomic():
                type(rows[0])._default_manager.bulk_create(rows, batch_size=batch)
            return
        except IntegrityError as error:
            names = [row.slug for row in rows]
            taken = set(type(rows[0])._default_manager.filter(slug__in=names).values_list("slug", flat=True))
            if sqlstate(error) != UNIQUE_VIOLATION or not taken:
                raise
            for row in rows:
                if row.slug in taken:
                    row.slug = f"{row.slug[:70]}-{get_random_string(8).lower()}"


def read_text(content: bytes) -> str:
    """The text of a file in UTF-8 or whatever else it seems to be in. Raises `NoList` for what is no text."""
    if len(content) > LARGEST_LIST:
        raise NoList(_("The file is larger than %(size)d MB. Please split it.") % {"size": LARGEST_LIST // 1_000_000})
    if b"\0" in content[:4096] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NoList(_("This is not a text file. Please save the sheet as CSV."))
    for encoding in ("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeError:
            continue
    guess = from_bytes(content).best()
    if guess is None:
        raise NoList(_("The encoding of the file cannot be told. Please save it as UTF-8."))
    return str(guess)


def read_rows(
    text: str, *, columns: Columns, needed: Sequence[str], long: Collection[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by our own names of columns; those of `long` columns keep their line breaks.

    Raises `NoList` if the columns cannot be told.
    """
    first = text.lstrip().partition("\n")[0]
    delimiter = max(";,\t|", key=first.count)
    reader = csv.reader(StringIO(text), delimiter=delimiter, skipinitialspace=True)
    try:
        head = [cell.strip().casefold() for cell in next(reader, [])]
        places = {
            column: next(head.index(name) for name in names if name in head)
            for column, names in columns.items()
            if set(names) & set(head)
        }
        if missing := [column for column in needed if column not in places]:
            raise NoList(
                _("The first line must name the columns; there is none for %(missing)s. It has: %(head)s.")
                % {"missing": ", ".join(missing), "head": ", ".join(head)[:500]}
            )
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row = {column: cells[place] for column, place in places.items() if place < len(cells)}
                yield line, {column: clean(cell, is_long=column in long) for column, cell in row.items()}
            line = reader.line_num + 1
    except csv.Error as error:
        raise NoList(_("Line %(line)d cannot be read: %(error)s.") % {"line": reader.line_num, "error": error}) from error


def clean(cell: str, *, is_long: bool = False) -> str:
    """The cell without blanks around it, its wrongly encoded letters put right where that is certain; empty for "NA".

    A long text keeps its line breaks.
    """
    text = ESCAPED.sub(_letter, cell)
    if DOUBLY_ENCODED.search(text):
        with suppress(UnicodeError):
            text = text.encode("cp1252").decode()
    lines = re.split(r"\r\n|\n|\r", text) if is_long else [text]
    text = "\n".join(INVISIBLE.sub("", " ".join(line.split())) for line in lines).strip()
    return "" if text.casefold() in NOTHING else text


def _letter(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else match[0]


def in_words(error: ValidationError) -> str:
    """What a model's fields say against their values, in one line."""
    return " ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())
