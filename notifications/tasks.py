"""What the worker does for notifications."""

from celery import shared_task

from . import services


@shared_task
def send_due() -> int:
    """Send what is due."""
    return services.send_due()
