"""What a page of seats says of them: a map, a list of check boxes, how many are free."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from .drawing import Drawing
from .seatmap import MapSeat, count_free, draw_seats

BOX: Final = '<div class="pair"><input type="checkbox" name="seat" id="s{}" value="{}"{}><label for="s{}">{}{}</label></div>'
PLAIN, CHECKED, DISABLED, GAP = SafeString(""), SafeString(" checked"), SafeString(" disabled"), SafeString(" data-gap")


class SeatRow(NamedTuple):
    """A row of the list: its seats as check boxes."""

    section: str
    name: str
    boxes: SafeString


class Choice(NamedTuple):
    """The seats as a visitor sees them: the same for all who have none, and dear to write for each of them anew."""

    states: str  # as `read_states` says
    free: Mapping[UUID, tuple[int, int]]  # of all, by category
    rows: Mapping[UUID, Sequence[SeatRow]]  # by category
    map_seats: str
    has_accessible: bool

    @classmethod
    def of(
        cls, seats: Sequence[MapSeat], colours: Mapping[UUID, str], *, drawing: Drawing | None, chosen: Collection[UUID] = ()
    ) -> Self:
        """`colours` are those of the categories that are offered."""
        return cls(
            "".join(seat.state for seat in seats),
            count_free(seats),
            {category: _rows(seats, category, chosen) for category in colours},
            draw_seats(drawing, seats, colours) if drawing else "",
            any(seat.accessible for seat in seats),
        )


def _rows(seats: Iterable[MapSeat], category: UUID, chosen: Collection[UUID]) -> list[SeatRow]:
    offered = (seat for seat in seats if seat.category_id == category and seat.state != "x")
    return [
        SeatRow(section, row, format_html_join("\n", BOX, _boxes(group, chosen)))
        for (section, row), group in groupby(offered, key=lambda seat: (seat.section, seat.row))
    ]


def _boxes(row: Iterable[MapSeat], chosen: Collection[UUID]) -> Iterator[tuple[Any, ...]]:
    before = None
    for seat in row:
        marks = CHECKED if seat.pk in chosen and seat.can_be_picked else PLAIN if seat.can_be_picked else DISABLED
        if before is not None and seat.position != before + 1:
            marks += GAP
        before = seat.position
        note = format_html(' <span class="hint">{}</span>', gettext("wheelchair")) if seat.accessible else PLAIN
        yield seat.nth, seat.pk, marks, seat.nth, seat.number, note
