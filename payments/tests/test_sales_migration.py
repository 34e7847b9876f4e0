"""What was sold before there were taxes is written down by the migration."""

from importlib import import_module
from operator import itemgetter
from typing import Any

from django.db.models import QuerySet

from bookings.services import set_services
from evently.tests.world import rules_off
from events.models import EventService, Service
from events.tests.factories import Hall
from payments.models import Sale, TaxLine
from payments.services import settle_from_gateway

from .factories import check_out, decide, hold, paid
from .test_sales import give

PAST: Any = import_module("payments.migrations.0021_sales_rules")


def sold() -> list[Any]:
    rows: QuerySet[Sale] = Sale.objects.order_by("payment")
    kinds = [[line | {"tax_rate": float(line["tax_rate"])} for line in sorted(row.lines, key=itemgetter("name"))] for row in rows]
    return [(row.payment_id, row.fee_minor, lines) for row, lines in zip(rows, kinds, strict=True)]


def taxes() -> list[Any]:
    lines = TaxLine.objects.order_by("payment", "gross_minor")
    return list(lines.values_list("payment", "refund", "tax_rate", "gross_minor", "tax_minor"))


def test_it_is_written_down_as_if_it_were_sold_now_without_tax_and_fee(hall: Hall) -> None:
    service = Service.objects.create(organizer=hall.event.organizer, name="Parking")
    parking = EventService.objects.create(event=hall.event, service=service, price_minor=500)
    booking = hold(hall, 1, 2)
    set_services(booking_id=booking.pk, quantities={parking.pk: 2}, actor="ann")
    payment = check_out(booking).payment
    decide(payment)
    give(settle_from_gateway(payment_id=payment.pk), 1234, "kind")
    paid(hall, 5)
    before = sold(), taxes()
    with rules_off() as cursor:
        cursor.execute("DELETE FROM payments_sale")
        cursor.execute("DELETE FROM payments_taxline")
        cursor.execute(PAST.WRITE_DOWN_THE_PAST)
    assert (sold(), taxes()) == before
    assert len(taxes()) == 3
