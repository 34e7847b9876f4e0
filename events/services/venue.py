"""One event at a time in a venue, unless events share it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction

from events.models import Event

from .refusals import VenueTaken

ONE_AT_A_TIME = "events_event_one_at_a_time_in_venue"  # the constraint that two events of one venue run into


def check_venue(event: Event) -> None:
    """Raise `VenueTaken` if another published event is in the venue at the event's time and does not share it."""
    if rival := _rival(event):
        raise VenueTaken(rival)


@contextmanager
def taking_the_venue(event: Event) -> Iterator[None]:
    """A savepoint to save a published event in; the database waits for rivals that are being saved, and lets one through.

    Raises `VenueTaken` for the other one, whose transaction may go on.
    """
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if ONE_AT_A_TIME not in str(error):
            raise
        raise VenueTaken(_rival(event)) from error


def _rival(event: Event) -> Event | None:
    return Event.objects.in_the_way_of(event).select_related("venue").order_by("starts_at").first()
