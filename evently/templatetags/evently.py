"""How money, times and seats are written on every page and in every mail."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Final

from django import template
from django.utils import dateformat, timezone
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext, ngettext

from evently.money import SYMBOLS, digits
from events.models import Event, Seat

register = template.Library()

SPACE: Final = "\N{NO-BREAK SPACE}"
# Short, short of another year, long: in the style of the house, which Django's own formats of a language do not have.
DATES: Final = {
    "en": ("D j M, H:i", "D j M Y, H:i", "l j F Y, H:i T"),
    "de": ("D j. M, H:i", "D j. M Y, H:i", "l, j. F Y, H:i T"),
}


@register.filter
def money(minor: int, currency: str) -> str:
    """An amount without needless zeros: “€84”, “€84.50”; German: “84 €”."""
    return _amount(minor, currency, places=digits(currency) if minor % 10 ** digits(currency) else 0)


@register.filter
def money_exact(minor: int, currency: str) -> str:
    """An amount with all digits of its currency, for totals: “€84.00”, “¥8,400”; German: “84,00 €”."""
    return _amount(minor, currency, places=digits(currency))


@register.filter
def event_when(event: Event) -> str:
    """When it starts, by the venue's clock: “Sat 13 Jun, 20:00”; in another year than this one with the year."""
    return moment(event.starts_at, event)


@register.filter
def moment(at: datetime, event: Event) -> str:
    """A time written like `event_when`."""
    local = at.astimezone(event.venue.zone)
    short, short_with_year, _long = _date_formats()
    this_year = timezone.now().astimezone(event.venue.zone).year
    return dateformat.format(local, short if local.year == this_year else short_with_year)


@register.filter
def event_when_long(event: Event) -> str:
    """When it starts, in full and with the zone of the venue: “Saturday 13 June 2026, 20:00 CEST”."""
    return dateformat.format(event.starts_at.astimezone(event.venue.zone), _date_formats()[2])


@register.filter
def clock_time(at: datetime, event: Event) -> str:
    """A time of day by the clock of the event's venue: “20:14”."""
    return dateformat.format(at.astimezone(event.venue.zone), "H:i")


@register.filter
def deadline(at: datetime, event: Event) -> str:
    """Until when, by the clock of the event's venue: “20:14”; with the day if it is further away than any other 20:14."""
    return moment(at, event) if at - timezone.now() > timedelta(hours=20) else clock_time(at, event)


@register.filter
def seat_name(seat: Seat) -> str:
    """What the seat is called on its ticket: “Row 12, seat 14”; without a number its section: “Standing”."""
    if not seat.number:
        return seat.section
    if not seat.row:
        return gettext("Seat %(seat)s") % {"seat": seat.number}
    return gettext("Row %(row)s, seat %(seat)s") % {"row": seat.row, "seat": seat.number}


@register.filter
def seat_names(seats: Iterable[Seat]) -> str:
    """Some seats in the order of the hall, told together: “Row 12, seats 14 and 15 · 2x Standing”."""
    told = []
    for (section, row, numbered), group in groupby(seats, key=lambda seat: (seat.section, seat.row, bool(seat.number))):
        members = list(group)
        if len(members) == 1:
            told.append(seat_name(members[0]))
        elif not numbered:
            told.append(f"{len(members)} \N{MULTIPLICATION SIGN} {section}")
        else:
            *first, last = [seat.number for seat in members]
            names = {"row": row, "seats": ", ".join(first), "last": last}
            told.append(
                gettext("Row %(row)s, seats %(seats)s and %(last)s") % names
                if row
                else gettext("Seats %(seats)s and %(last)s") % names
            )
    return " · ".join(told)


@register.filter
def ticket_count(quantity: int) -> str:
    """“1 ticket”, “2 tickets”."""
    return ngettext("%(count)d ticket", "%(count)d tickets", quantity) % {"count": quantity}


def _amount(minor: int, currency: str, *, places: int) -> str:
    number = number_format(Decimal(minor).scaleb(-digits(currency)), decimal_pos=places, force_grouping=True)
    if _language() != "en":
        return f"{number}{SPACE}{SYMBOLS.get(currency, currency)}"
    return f"{SYMBOLS[currency]}{number}" if currency in SYMBOLS else f"{currency}{SPACE}{number}"


def _date_formats() -> tuple[str, str, str]:
    return DATES.get(_language(), DATES["en"])


def _language() -> str:
    return (get_language() or "en").partition("-")[0]
