"""When a published event takes place after all: later, or on another day."""

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from evently.database import transactional
from evently.outbox.services import publish
from events.models import Event

from .copies import Times
from .publish import reasons_of_the_times
from .refusals import NotMovable
from .venue import check_venue, taking_the_venue

logger = logging.getLogger(__name__)


@transactional
def postpone_event(*, event_id: UUID, actor: str) -> Event:
    """Stop the sale until there is a new date; tickets stay valid, and whoever has one is told.

    An event that is postponed already stays as it is. Raises `NotMovable` when it is not published, or over.
    """
    event, now = _lock(event_id)
    if event.status == Event.Status.POSTPONED:
        return event
    if reasons := [*_status_reasons(event), *([_("It is over.")] if event.ends_at <= now else [])]:
        raise NotMovable(reasons)
    event.status = Event.Status.POSTPONED
    event.version += 1
    event.save(update_fields=["status", "version"])
    publish("event.postponed", event=str(event.pk), version=event.version, actor=actor)
    logger.info("Event %s postponed by %s", event.pk, actor)
    return event


@transactional
def reschedule_event(
    *,
    event_id: UUID,
    starts_at: datetime,
    ends_at: datetime | None = None,
    doors_at: datetime | None = None,
    sale_ends_at: datetime | None = None,
    actor: str,
) -> Event:
    """Give a published or postponed event another date: tickets stay valid for it, and whoever has one is told.

    What is not given moves along with the start, by the clock of the venue. A postponed event is on sale again. Raises
    `NotMovable` with everything that stands in the way, `VenueTaken` when another event does.
    """
    event, now = _lock(event_id)
    zone = event.venue.zone
    by = starts_at.astimezone(zone).replace(tzinfo=None) - event.starts_at.astimezone(zone).replace(tzinfo=None)
    times = Times.after(event, by)
    before = event.starts_at, event.ends_at, event.doors_at, event.sale_ends_at
    event.starts_at = starts_at
    event.ends_at = ends_at or times.ends_at
    event.doors_at = doors_at or times.doors_at
    event.sale_ends_at = sale_ends_at or times.sale_ends_at
    after = event.starts_at, event.ends_at, event.doors_at, event.sale_ends_at
    if event.status == Event.Status.PUBLISHED and after == before:
        return event
    if reasons := [*_status_reasons(event), *_time_reasons(event, now)]:
        raise NotMovable(reasons)
    if starts_at != before[0]:
        event.moved_from, event.moved_at = before[0], now
    event.status = Event.Status.PUBLISHED
    event.version += 1
    check_venue(event)
    with taking_the_venue(event):
        event.save(
            update_fields=[
                *("starts_at", "ends_at", "doors_at", "sale_ends_at", "moved_from", "moved_at", "status", "version"),
                "updated_at",
            ]
        )
    publish("event.rescheduled", event=str(event.pk), version=event.version, actor=actor)
    logger.info("Event %s rescheduled to %s by %s", event.pk, starts_at, actor)
    return event


def _lock(event_id: UUID) -> tuple[Event, datetime]:
    """The event, and the database's time."""
    rows = Event.objects.select_for_update(of=("self",), no_key=True).select_related("venue")
    event: Any = rows.defer("names", "words").annotate(clock=Now()).get(pk=event_id)
    return event, event.clock


def _status_reasons(event: Event) -> list[str]:
    if event.status in (Event.Status.PUBLISHED, Event.Status.POSTPONED):
        return []
    return [_("It is %(status)s.") % {"status": event.get_status_display()}]


def _time_reasons(event: Event, now: datetime) -> list[str]:
    reasons = list(reasons_of_the_times(event, now=now))
    if event.ends_at <= event.starts_at:
        reasons.append(_("It ends before it starts."))
    if event.sale_ends_at <= event.sale_starts_at:
        reasons.append(_("Its sale ends before it starts."))
    return reasons
