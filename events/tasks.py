"""What the worker does for events."""

import logging
from itertools import islice
from typing import Any
from uuid import UUID

from celery import shared_task
from django.core.cache import cache
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from kombu.exceptions import OperationalError as BrokerDown

from evently.database import Busy
from evently.errors import DomainError

from . import services, summary
from .models import Event
from .publishing import Progress, count_places_to_make, progress_of, tell_progress
from .repricing import events_with_rules, reprice

BATCH = 20  # events in one statement: stadiums among them must not reach the time limit
PAUSE = 2  # seconds; a rush changes an event a thousand times a second
logger = logging.getLogger(__name__)


@shared_task
def refresh_summary(event_id: str) -> None:
    """Refresh what lists show of one event."""
    summary.refresh([UUID(event_id)])


@shared_task
def refresh_summaries() -> None:
    """Refresh all upcoming events: holds lapse and ticket types open without a word."""
    pending = Event.objects.upcoming().order_by("pk").values_list("pk", flat=True).iterator()
    while batch := list(islice(pending, BATCH)):
        summary.refresh(batch)


@shared_task
def adjust_prices() -> int:
    """Let the rules of all events that have some set their prices; return how many prices have changed."""
    changes = 0
    for pk in events_with_rules().order_by("pk").values_list("pk", flat=True):
        try:
            changes += len(reprice(event_id=pk))
        except Busy:  # the next round is soon
            logger.warning("The prices of event %s are left to the next round", pk)
    return changes


def schedule_refresh(payload: dict[str, Any]) -> None:
    """Refresh the event of a message soon, once for all the messages until then.

    The mark is gone when the refresh starts, so a message either finds it and is counted by that refresh, or makes the next.
    """
    event_id = payload["event"]
    if cache.add(f"summary-due:{event_id}", True, timeout=PAUSE):
        refresh_summary.apply_async([event_id], countdown=PAUSE, expires=60)


class WorkerAway(Busy):
    message = gettext_lazy("Publishing cannot begin at this moment. Please try again soon; nothing has been lost.")


def publish_later(event: Event, *, actor: str) -> None:
    """Have the worker publish a draft. Asked again, it is published once; how far it is, goes on being told.

    Raises `WorkerAway` when there is no way to the worker.
    """
    before = progress_of(event.pk)
    if before is None or before.refusals:
        tell_progress(event.pk, Progress(0, count_places_to_make(event)))
    try:
        publish_event.delay(str(event.pk), actor)
    except BrokerDown as error:
        tell_progress(event.pk, before)
        raise WorkerAway from error


@shared_task(autoretry_for=(Busy,), max_retries=6, retry_backoff=2)
def publish_event(event_id: str, actor: str) -> None:
    """Publish a large event and tell how far it is, or why it cannot be."""
    event = Event.objects.get(pk=event_id)
    places = count_places_to_make(event)

    def tell(made: int) -> None:
        tell_progress(event.pk, Progress(made, places))

    try:
        services.publish_event(event_id=event.pk, actor=actor, progress=tell)
    except Busy:  # asked for twice, the other one may be at work: what that tells stays
        raise
    except services.NotPublishable as refusal:
        tell_progress(event.pk, Progress(0, places, tuple(refusal.reasons)))
    except DomainError as refusal:
        tell_progress(event.pk, Progress(0, places, (str(refusal),)))
    except Exception:  # nobody shall wait for what does not come
        tell_progress(event.pk, Progress(0, places, (_("Something went wrong. Please try again."),)))
        raise
    else:
        tell_progress(event.pk, None)
