"""`manage.py expire_holds`."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import ngettext

from bookings.services import expire_holds


class Command(BaseCommand):
    help = (
        "Tidy up after holds whose time is over: their bookings become expired, their seats available. Beat does it every "
        "few seconds; such seats are free for buyers before that, so nothing is lost while it does not. Safe to run at any time."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        expired = expire_holds()
        self.stdout.write(ngettext("%d hold has expired.", "%d holds have expired.", expired) % expired)
