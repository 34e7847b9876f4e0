from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from evently.outbox.services import subscribe


class PaymentsConfig(AppConfig):
    name = "payments"
    label = "payments"
    verbose_name = _("Payments")

    def ready(self) -> None:
        from .tasks import carry_out  # noqa: PLC0415 -- it imports models, which are there only now

        for topic in ("refund.requested", "refund.retried"):
            subscribe(topic, carry_out)
