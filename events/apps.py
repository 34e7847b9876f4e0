from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from evently.outbox.services import subscribe

SEATS_CHANGED = (
    *("booking.held", "booking.changed", "booking.confirmed", "booking.expired", "booking.cancelled", "booking.returned"),
    *("event.published", "event.cancelled"),
)


class EventsConfig(AppConfig):
    name = "events"
    label = "events"
    verbose_name = _("Events")

    def ready(self) -> None:
        from . import signals  # noqa: F401, PLC0415 -- these two import models, which are there only now
        from .tasks import schedule_refresh  # noqa: PLC0415

        for topic in SEATS_CHANGED:
            subscribe(topic, schedule_refresh)
