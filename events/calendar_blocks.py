"""An iCalendar file (RFC 5545) as blocks of whole lines with their numbers, so that what is wrong can be told by its line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TEXTS = ("SUMMARY", "DESCRIPTION", "LOCATION", "CATEGORIES")
DATES = ("RDATE", "EXDATE")
READ = {*TEXTS, "UID", "DTSTART", "DTEND", "DURATION", "RRULE", "EXRULE", *DATES, "RECURRENCE-ID", "STATUS"}
NAME = re.compile(r"[A-Za-z0-9-]+")


@dataclass(slots=True)
class Block:
    """A component of the file by its lines, each whole and with its number."""

    kind: str
    line: int
    lines: list[tuple[int, str]] = field(default_factory=list)
    is_closed: bool = False

    def value(self, name: str) -> str:
        """What the first property of this name has after its colon."""
        return next((text.partition(":")[2] for _line, text in self.lines if name_of(text) == name), "")

    def line_of(self, name: str) -> int:
        return next((line for line, text in self.lines if name_of(text) == name), self.line)


def read_blocks(text: str) -> Iterator[Block]:
    """The events and the descriptions of time zones, with the lines that count."""
    block: Block | None = None
    depth = 0
    for number, line in _unfolded(text):
        name, _colon, value = line.partition(":")
        name, kind = name.strip().upper(), value.strip().upper()
        if name == "BEGIN" and (block is None or kind == "VEVENT"):
            if block is not None:
                yield block  # it was never ended
            block, depth = (Block(kind, number) if kind in ("VEVENT", "VTIMEZONE") else None), 0
        elif block is None:
            continue
        elif name == "END" and kind == block.kind:
            block.is_closed = True
            yield block
            block = None
        else:
            depth += {"BEGIN": 1, "END": -1}.get(name, 0)
            if block.kind == "VTIMEZONE":
                block.lines.append((number, line))
            elif depth <= 0 and (property_name := name_of(line)) in READ and (value or property_name not in DATES):
                # Some programs put blanks into rules, and end with an empty list of dates.
                block.lines.append((number, line.replace(" ", "") if property_name == "RRULE" else line))
    if block is not None:
        yield block


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Every content line with the number of its first line; a line that begins with a blank goes on the one before."""
    first, parts = 0, [""]
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if not line.strip():
            continue
        if line[:1] in (" ", "\t") and first:
            parts.append(line[1:])
            continue
        if first and any(parts):
            yield first, "".join(parts)
        first, parts = number, [line]
    if any(parts):
        yield first, "".join(parts)


def name_of(line: str) -> str:
    """The name of the property in this line, in capitals; empty if it has none."""
    match = NAME.match(line)
    return match[0].upper() if match else ""
