from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext_lazy as _


class BookingsConfig(AppConfig):
    name = "bookings"
    label = "bookings"
    verbose_name = _("Bookings")

    def ready(self) -> None:
        from .claims import claim_on_sign_in  # noqa: PLC0415 -- needs models

        user_logged_in.connect(claim_on_sign_in, dispatch_uid="bookings.claim_on_sign_in")
