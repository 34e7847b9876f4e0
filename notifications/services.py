"""Tell people: queued once for each fact, sent later and again until it works, whatever the mail server does meanwhile."""

import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from typing import Final, TypedDict
from uuid import UUID

from django.core.cache import cache
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models.functions import Now

from evently.database import transactional
from evently.outbox.relay import lease

from .messages import write
from .models import Delivery

logger = logging.getLogger(__name__)

BATCH: Final = 500  # messages written by one statement
MOST_ATTEMPTS: Final = 16
# The n-th claim lasts 1 min · 2^(n-1), at most six hours: a lease while it is being sent, the wait before the next try when that
# failed. Sixteen attempts take about two days, as long as a mail server may be down.
LEASE: Final = timedelta(minutes=1)
LONGEST_LEASE: Final = timedelta(hours=6)
LOST: Final = "Every attempt ended without an answer: the worker was killed while it was sent."
# While the server does not answer, one attempt in this time is enough, or every worker would wait for it.
PAUSE: Final = 30  # seconds
PAUSED: Final = "notifications:mail-server-down"


class Message(TypedDict):
    """What is to be told whom: the fact's `key`, the kind of message, an address, what it is about, whose account that is."""

    key: str
    kind: str
    recipient: str
    object_id: UUID
    user_id: UUID | None


def queue(*, key: str, kind: str, recipient: str, object_id: UUID, user_id: UUID | None = None) -> None:
    """Have a message of this kind about an object sent. With a key that was used before nothing happens: it is told once."""
    queue_many([{"key": key, "kind": kind, "recipient": recipient, "object_id": object_id, "user_id": user_id}])


def queue_many(messages: Iterable[Message]) -> None:
    """Have messages sent, thousands of them if need be; those whose key was used before are left out."""
    pending = iter(messages)
    while batch := list(islice(pending, BATCH)):
        Delivery.objects.bulk_create((Delivery(**message, due_at=Now()) for message in batch), ignore_conflicts=True)


def send_due(*, budget: timedelta = timedelta(seconds=20)) -> int:
    """Send what is due until nothing is or the time is used up; return how many were sent.

    Safe to run many times at once. What was sent when the worker was killed before it could say so is sent again, with the
    same message id.
    """
    sent = 0
    deadline = time.monotonic() + budget.total_seconds()
    connection = get_connection()
    try:
        while time.monotonic() < deadline and not cache.get(PAUSED) and (delivery := _claim()):
            sent += _send(delivery, connection)
    finally:
        with suppress(OSError):
            connection.close()
    return sent


@transactional
def _claim() -> Delivery | None:
    due = Delivery.objects.filter(status=Delivery.Status.QUEUED, due_at__lte=Now()).order_by("due_at", "pk")
    delivery = due.select_for_update(skip_locked=True).first()
    if delivery is None:
        return None
    delivery.attempts += 1
    claimed = Delivery.objects.filter(pk=delivery.pk)
    claimed.update(attempts=delivery.attempts, due_at=Now() + lease(delivery.attempts, first=LEASE, longest=LONGEST_LEASE))
    return delivery


def _send(delivery: Delivery, connection: BaseEmailBackend) -> bool:
    # Only while the lease is ours: after it, another worker knows better.
    mine = Delivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts, status=Delivery.Status.QUEUED)
    if delivery.attempts > MOST_ATTEMPTS:
        mine.update(status=Delivery.Status.FAILED, error=delivery.error or LOST)
        return False
    try:
        message = write(delivery)
        if message is None:
            mine.update(status=Delivery.Status.DROPPED)
            return False
        _connect(connection)
        connection.send_messages([message])
    except Exception as error:  # a mail server, or what it makes of an address, may fail in any way; the next one may do
        logger.warning("Delivery %s (%s) failed: %s", delivery.pk, delivery.kind, type(error).__name__)
        with suppress(OSError):
            connection.close()
        given_up = {"status": Delivery.Status.FAILED} if delivery.attempts >= MOST_ATTEMPTS else {}
        mine.update(error=f"{type(error).__name__}: {error}"[:2000], **given_up)
        return False
    mine.update(status=Delivery.Status.SENT, sent_at=Now(), error="")
    return True


def _connect(connection: BaseEmailBackend) -> None:
    """Use one connection for many messages. A server that cannot be reached is left alone for a while."""
    try:
        connection.open()
    except Exception:
        cache.set(PAUSED, True, PAUSE)
        raise
