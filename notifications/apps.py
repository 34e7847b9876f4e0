from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from evently.outbox.services import subscribe


class NotificationsConfig(AppConfig):
    name = "notifications"
    label = "notifications"
    verbose_name = _("Notifications")

    def ready(self) -> None:
        from . import subscribers  # noqa: PLC0415 -- they import models, which are there only now

        subscribe("booking.confirmed", subscribers.tell_confirmed)
        subscribe("booking.cancelled", subscribers.tell_cancelled)
        subscribe("booking.returned", subscribers.tell_returned)
        subscribe("event.postponed", subscribers.tell_postponed)
        subscribe("event.rescheduled", subscribers.tell_rescheduled)
        subscribe("booking.paying", subscribers.tell_payment_due)
        subscribe("refund.requested", subscribers.tell_refund)
