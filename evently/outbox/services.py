"""Tell facts after commit: written with the fact, relayed at least once, in any order."""

from collections.abc import Callable
from typing import Any

Handler = Callable[[dict[str, Any]], None]

_subscribers: dict[str, dict[str, Handler]] = {}


def publish(topic: str, **payload: Any) -> None:
    """Write the fact into the open transaction. Ids only, no personal data."""
    from .models import OutboxMessage  # noqa: PLC0415 -- apps that subscribe are loaded before models

    OutboxMessage.objects.create(topic=topic, payload=payload)


def subscribe(topic: str, handler: Handler) -> None:
    """Have `handler` called with the payload of every message of `topic`, at least once, outside any transaction.

    Called from an app's `ready()`. Handlers are known by their dotted name and must be idempotent.
    """
    _subscribers.setdefault(topic, {})[f"{handler.__module__}.{handler.__qualname__}"] = handler


def subscribers(topic: str) -> dict[str, Handler]:
    """The handlers of a topic by name."""
    return _subscribers.get(topic, {})
