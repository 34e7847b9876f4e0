"""What the worker does for notifications."""

from celery import shared_task
from django.conf import settings

from evently.accounts.models import User

from . import services
from .demo import catalogue

DEMO_EVENTS = 20  # in one task: others want the worker, too


@shared_task
def send_due() -> int:
    """Send what is due."""
    return services.send_due()


@shared_task
def make_demo_events(count: int | None) -> None:
    """Make the next of the demo's events, of which there are `count` in all, and come back for the others."""
    if settings.PRODUCTION:
        return
    pending = catalogue.missing(catalogue.entries(count))
    somebody = User.objects.filter(is_staff=True).order_by("date_joined").first()
    if somebody is None or not pending:
        return
    for entry in pending[:DEMO_EVENTS]:
        catalogue.make(entry, created_by=somebody)
    catalogue.analyze()
    if len(pending) > DEMO_EVENTS:
        make_demo_events.delay(count)
