"""What the worker does for the outbox."""

from celery import shared_task

from . import relay as outbox


@shared_task
def relay() -> int:
    """Tell what is due."""
    return outbox.relay()
