"""`manage.py reconcile_payments`"""

from typing import Any

from django.core.management.base import BaseCommand

from payments.reconciliation import reconcile


class Command(BaseCommand):
    help = "Ask the gateways about payments that have been open for two minutes, and settle them."

    def handle(self, *args: Any, **options: Any) -> None:
        report = reconcile()
        self.stdout.write(
            f"{report.settled} settled, {report.open} still open, {report.failed} without an answer, "
            f"{report.webhooks} webhooks worked off."
        )
