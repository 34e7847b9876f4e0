"""What the worker does for bookings."""

from celery import shared_task

from . import services


@shared_task
def expire_holds() -> int:
    """Tidy up after lapsed holds."""
    return services.expire_holds()
