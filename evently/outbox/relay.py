"""Hand committed facts to their subscribers: at least once, in about the order they happened, each on its own."""

import logging
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from django.db.models import QuerySet
from django.db.models.functions import Now

from evently.database import transactional

from .models import OutboxMessage
from .services import subscribers

logger = logging.getLogger(__name__)

BATCH: Final = 100
MOST_ATTEMPTS: Final = 12
# The n-th claim lasts 30 s · 2^(n-1), at most an hour: a lease while the message is being told, the wait before the next try
# when that failed. Twelve attempts take about six hours.
LEASE: Final = timedelta(seconds=30)
LONGEST_LEASE: Final = timedelta(hours=1)
LOST: Final = "Every attempt ended without an answer: the worker was killed while it was told."


def relay(*, budget: timedelta = timedelta(seconds=20)) -> int:
    """Tell due messages to their subscribers until none is due or the time is used up; return how many were told.

    Safe to run many times at once, and to be killed at any moment: what was claimed comes back when its lease ends.
    """
    told = 0
    deadline = time.monotonic() + budget.total_seconds()
    while time.monotonic() < deadline:
        # Told later than this, a message could be claimed by another relay at the same time.
        leased_until = time.monotonic() + LEASE.total_seconds() / 2
        batch, closed = _claim()
        if not batch and not closed:
            break
        told += closed
        for number, message in enumerate(batch):
            if time.monotonic() > leased_until:
                _give_back(batch[number:])
                break
            told += _tell(message)
    return told


@transactional
def _claim() -> tuple[list[OutboxMessage], int]:
    """Lease due messages to this relay; close (and count) those that nobody wants or that have killed too many workers."""
    due = OutboxMessage.objects.due().order_by("due_at", "pk").select_for_update(skip_locked=True)[:BATCH]
    wanted, unwanted, hopeless = [], [], []
    for message in due:
        if not subscribers(message.topic):
            unwanted.append(message.pk)
        elif message.attempts >= MOST_ATTEMPTS:
            hopeless.append(message.pk)
        else:
            message.attempts += 1
            message.due_at = Now() + lease(message.attempts)
            wanted.append(message)
    OutboxMessage.objects.bulk_update(wanted, ["attempts", "due_at"])
    OutboxMessage.objects.filter(pk__in=unwanted).update(sent_at=Now())
    OutboxMessage.objects.filter(pk__in=hopeless).update(dead_at=Now(), error=LOST)
    if hopeless:
        logger.error("Gave up %d outbox messages that ended their workers.", len(hopeless))
    return wanted, len(unwanted) + len(hopeless)


def lease(attempts: int, *, first: timedelta = LEASE, longest: timedelta = LONGEST_LEASE) -> timedelta:
    """How long the claim of this attempt, counted from 1, lasts: twice as long each time, up to the longest."""
    return min(first * (1 << (attempts - 1)), longest)


def _tell(message: OutboxMessage) -> bool:
    """Call the subscribers that do not have it yet, whatever the others do; return whether all have it now."""
    failure = ""
    for name, handler in subscribers(message.topic).items():
        if name in message.handled:
            continue
        try:
            handler(message.payload)
        except Exception as error:  # a subscriber may fail in any way; the others must not notice
            logger.exception("%s failed with outbox message %s (%s).", name, message.pk, message.topic)
            failure = f"{name}: {type(error).__name__}: {error}"[:2000]
        else:
            message.handled.append(name)
    mine = _mine(message)
    if not failure:
        mine.update(handled=message.handled, sent_at=Now())
        return True
    given_up = {"dead_at": Now()} if message.attempts >= MOST_ATTEMPTS else {}
    mine.update(handled=message.handled, error=failure, **given_up)
    return False


def _give_back(messages: Iterable[OutboxMessage]) -> None:
    """Let others tell these at once. Nobody has tried yet, so it does not count: slow subscribers must not make them dead."""
    for message in messages:
        _mine(message).update(attempts=message.attempts - 1, due_at=Now())


def _mine(message: OutboxMessage) -> QuerySet[OutboxMessage]:
    """The message while its lease is ours: after it, another relay knows better."""
    return OutboxMessage.objects.filter(pk=message.pk, attempts=message.attempts, sent_at=None, dead_at=None)
