"""Seat changes, told to whoever listens after they were committed. A help: never the truth, and never in the way of a sale."""

import json
import logging
from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from .reads import forget_places

logger = logging.getLogger(__name__)


def channel(event_id: UUID) -> str:
    """Where the deltas of an event are published: `{"status": "held", "seats": [id, …]}`, one message a commit."""
    return f"evently:seats:{event_id}"


def announce(event_id: UUID, seat_ids: Iterable[UUID], *, status: str) -> None:
    """Publish a delta and forget the counts once the open transaction has committed. A dead broker changes nothing."""
    forget_places(event_id)
    message = json.dumps({"status": status, "seats": [str(pk) for pk in seat_ids]})
    # Not a partial: it has no name, which `robust` asks for to log what a callback raises.
    transaction.on_commit(lambda: _publish(channel(event_id), message), robust=True)


def _publish(name: str, message: str) -> None:
    try:
        get_redis_connection("default").publish(name, message)
    except RedisError as error:
        logger.warning("Seat delta not published: %s", error)
