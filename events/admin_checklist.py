"""What is left to do before an event is on sale, and how its places are taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .models import Category, Event, Seat


@dataclass(frozen=True, slots=True)
class Step:
    """`hint` says what is there, or what is missing; `action` names what can be done about it."""

    name: str
    is_done: bool
    hint: str
    action: str = ""


def checklist(event: Event, *, places: int) -> Sequence[Step]:
    """The steps to the sale, in the order in which they are taken. Publishing itself asks more and has the last word."""
    categories = list(Category.objects.filter(event=event).annotate(types=Count("ticket_types")))
    unpriced = [category.name for category in categories if not category.types]
    return [
        _places(event, categories, made=places),
        Step(
            _("Categories"),
            bool(categories),
            ngettext("%(count)d category", "%(count)d categories", len(categories)) % {"count": len(categories)},
            action="make_categories" if event.seating_plan_id and event.status == Event.Status.DRAFT else "",
        ),
        Step(_("Prices"), bool(categories) and not unpriced, _prices(categories, unpriced)),
        Step(_("Sale"), event.sale_ends_at > timezone.now(), _sale(event)),
        Step(
            _("Published"),
            event.status != Event.Status.DRAFT,
            _("Not yet public.") if event.status == Event.Status.DRAFT else str(event.get_status_display()),
            action="publish" if event.status == Event.Status.DRAFT else "",
        ),
    ]


def seats_by_status(event: Event) -> dict[str, int]:
    """How many places there are, free, in baskets, sold and blocked; empty before there are any."""
    seats: Any = Seat.objects.filter(event=event).with_effective_status()
    found = dict(seats.values_list("effective").annotate(count=Count("pk")).order_by())
    return {"all": sum(found.values()), **{str(status): found.get(status, 0) for status in Seat.Status}} if found else {}


def _places(event: Event, categories: Sequence[Category], *, made: int) -> Step:
    if made:
        return Step(_("Places"), True, ngettext("%(count)d place", "%(count)d places", made) % {"count": made})
    if event.seating_plan:
        count = event.seating_plan.seat_count
        hint = ngettext("%(plan)s, %(count)d seat", "%(plan)s, %(count)d seats", count) % {
            "plan": event.seating_plan,
            "count": count,
        }
        return Step(_("Places"), True, hint)
    standing = sum(category.capacity or 0 for category in categories if not category.numbered)
    hint = ngettext("%(count)d place without a number", "%(count)d places without a number", standing) % {"count": standing}
    return Step(
        _("Places"), standing > 0, hint if standing else _("Choose a seating plan, or give a category a number of places.")
    )


def _prices(categories: Sequence[Category], unpriced: Sequence[str]) -> str:
    if unpriced:
        return _("Without a price: %(names)s") % {"names": ", ".join(unpriced)}
    return _("Every category has one.") if categories else _("They come with the categories.")


def _sale(event: Event) -> str:
    start, end = (
        date_format(time.astimezone(event.venue.zone), "D j M Y, H:i T") for time in (event.sale_starts_at, event.sale_ends_at)
    )
    return _("From %(start)s until %(end)s") % {"start": start, "end": end}
