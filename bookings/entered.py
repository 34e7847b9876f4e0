"""A code that a visitor has typed for an event before choosing places: it shows what it opens, and goes with the hold."""

from contextlib import suppress
from typing import Final
from uuid import UUID

from django.http import HttpRequest

from evently.rest.throttling import count_code
from events.models import LONGEST_CODE, Event

from . import services
from .buyer import buyer_of

ENTERED: Final = "codes"
MOST: Final = 20  # events


def enter_code(request: HttpRequest, event: Event, typed: str) -> None:
    """Keep the code for this visitor and event; an empty one takes it back. Raises `CodeNotUsable`, `TooManyCodes`."""
    entered = {pk: code for pk, code in request.session.get(ENTERED, {}).items() if pk != str(event.pk)}
    typed = typed.strip()[:LONGEST_CODE]
    if typed:
        buyer = buyer_of(request)
        count_code(person=buyer.owner if buyer.session or buyer.user_id else buyer.address, address=buyer.address)
        services.opened_by(typed, event_id=event.pk, buyer=buyer)
        entered = dict([*entered.items(), (str(event.pk), typed)][-MOST:])
    request.session[ENTERED] = entered


def entered_code(request: HttpRequest, event: Event) -> str:
    """What this visitor has typed for the event."""
    return str(request.session.get(ENTERED, {}).get(str(event.pk), ""))


def opened_types(request: HttpRequest, event: Event) -> set[UUID]:
    """The ticket types that it opens now. Nothing is asked for a visitor without a code."""
    if typed := entered_code(request, event):
        with suppress(services.CodeNotUsable):
            return services.opened_by(typed, event_id=event.pk, buyer=buyer_of(request))
    return set()
