"""Invoices: numbered without a gap whoever asks at the same moment, never rewritten, and in all what the buyer really paid."""

from datetime import date
from decimal import Decimal
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from bookings.models import Booking
from bookings.services import set_services
from bookings.tests import races
from bookings.tests.races import race
from events.models import EventService, Service, TicketType
from events.tests.factories import Hall, make_hall, make_organizer
from payments import invoice_pdf
from payments.models import Invoice, InvoiceCounter, Payment, Seller
from payments.services import (
    NoInvoices,
    NothingToInvoice,
    Recipient,
    cancel_event,
    invoices,
    issue_invoice,
    settle_from_gateway,
)
from payments.vat_ids import canonical_vat_id, is_vat_id

from .factories import check_out, decide, hold, paid
from .test_sales import give, take

YEAR = timezone.now().year
ACME = Recipient(name="Acme GmbH", address="Weg 1\n99084 Erfurt\nGermany", vat_id="DE123456789")


@pytest.fixture
def hall() -> Hall:
    """A hall whose organizer writes invoices."""
    hall = make_hall()
    take(hall, rate="19", percent="2.50")
    facts = {"name": "City Stage e.V.", "address": "Platz 2\n99084 Erfurt", "vat_id": "DE987654321", "invoice_prefix": "CITY"}
    Seller.objects.update(**facts)
    return hall


def issue(booking: Booking, recipient: Recipient = ACME) -> Invoice:
    return issue_invoice(booking_id=booking.pk, recipient=recipient, actor="ann")


def labels() -> list[str]:
    return list(Invoice.objects.order_by("year", "number").values_list("label", flat=True))


def numbered(*numbers: int) -> list[str]:
    return [f"CITY-{YEAR}-{number:05}" for number in numbers]


def net_of_credit_notes(payment: Payment) -> dict[str, tuple[int, int]]:
    """What invoice and credit notes come to, by rate: with tax, and the tax."""
    sums: dict[str, tuple[int, int]] = {}
    for invoice in Invoice.objects.filter(payment=payment):
        sign = 1 if invoice.kind == Invoice.Kind.INVOICE else -1
        for tax in invoice.taxes:
            gross, amount = sums.get(tax["tax_rate"], (0, 0))
            sums[tax["tax_rate"]] = (gross + sign * tax["gross_minor"], amount + sign * tax["tax_minor"])
    return sums


def test_an_invoice_says_what_was_paid_and_keeps_it(hall: Hall) -> None:
    booking, payment = paid(hall, 1, 2)
    invoice = issue(booking)
    Seller.objects.update(name="Other", tax_rate=7, invoice_prefix="OTHER")
    invoice = Invoice.objects.get(pk=invoice.pk)
    assert (invoice.label, invoice.total_minor, invoice.currency) == (numbered(1)[0], 16800, "EUR")
    assert invoice.lines == [{"name": "Adult, Stalls", "quantity": 2, "gross_minor": 16800, "tax_rate": "19.00"}]
    assert invoice.taxes == [{"tax_rate": "19.00", "net_minor": 14118, "tax_minor": 2682, "gross_minor": 16800}]
    assert (invoice.seller["name"], invoice.buyer["vat_id"], invoice.payment) == ("City Stage e.V.", "DE123456789", payment)
    assert invoice.supplied_on == hall.event.starts_at.astimezone(hall.event.venue.zone).date()
    assert bytes(invoice.pdf).startswith(b"%PDF-")
    assert invoice.pdf_sha256 == sha256(invoice.pdf).hexdigest()


def test_asked_twice_it_is_one_invoice(hall: Hall) -> None:
    booking, _payment = paid(hall, 1)
    assert issue(booking) == issue(booking, Recipient(name="Somebody else", address="Elsewhere"))
    assert labels() == numbered(1)


def test_there_is_none_without_a_payment_or_a_seller(hall: Hall) -> None:
    with pytest.raises(NothingToInvoice):
        issue(hold(hall, 1))
    Seller.objects.update(invoice_prefix="")
    with pytest.raises(NoInvoices):
        issue(paid(hall, 2)[0])
    assert not Invoice.objects.exists()
    assert not InvoiceCounter.objects.exists()


def test_every_refund_of_an_invoiced_booking_is_a_credit_note(hall: Hall) -> None:
    booking, payment = paid(hall, 1)
    invoice = issue(booking)
    for nth, amount in enumerate([1, 333, 8066]):
        refund = give(payment, amount, str(nth))
        note = Invoice.objects.get(refund=refund)
        assert (note.kind, note.corrects, note.total_minor, note.buyer) == ("credit_note", invoice, amount, invoice.buyer)
        assert (note.lines[0]["gross_minor"], note.taxes[0]["gross_minor"]) == (amount, amount)
    assert labels() == numbered(1, 2, 3, 4)
    assert net_of_credit_notes(payment) == {"19.00": (0, 0)}


def test_refunds_from_before_the_invoice_are_credited_with_it(hall: Hall) -> None:
    booking, payment = paid(hall, 1)
    give(payment, 400, "early")
    assert not Invoice.objects.exists()
    issue(booking)
    give(payment, 600, "late")
    assert labels() == numbered(1, 2, 3)
    gross, tax = net_of_credit_notes(payment)["19.00"]
    assert (gross, tax) == (7400, 1182)  # 1181.51


def test_each_rate_of_tax_is_told_apart_and_given_back_apart(hall: Hall) -> None:
    service = Service.objects.create(organizer=hall.event.organizer, name="Parking")
    parking = EventService.objects.create(event=hall.event, service=service, price_minor=999)
    TicketType.objects.filter(pk=hall.adult.pk).update(tax_rate=Decimal(7))
    booking = hold(hall, 1)
    set_services(booking_id=booking.pk, quantities={parking.pk: 3}, actor="ann")
    payment = check_out(booking).payment
    decide(payment)
    payment = settle_from_gateway(payment_id=payment.pk)
    invoice = issue(booking)
    assert [(tax["tax_rate"], tax["gross_minor"], tax["tax_minor"]) for tax in invoice.taxes] == [
        ("7.00", 8400, 550),
        ("19.00", 2997, 479),
    ]
    give(payment, 5000, "some")
    left = net_of_credit_notes(payment)
    assert sum(gross for gross, _tax in left.values()) == 11_397 - 5000
    assert all(tax == invoices_tax(gross, rate) for rate, (gross, tax) in left.items())


def invoices_tax(gross: int, rate: str) -> int:
    return int(Decimal(gross) * Decimal(rate) / (100 + Decimal(rate)) + Decimal("0.5"))


def test_an_event_that_is_cancelled_credits_every_invoice(hall: Hall) -> None:
    bookings = [paid(hall, number)[0] for number in (1, 2, 3)]
    for booking in bookings[:2]:
        issue(booking)
    cancel_event(event_id=hall.event.pk, actor="boss")
    assert labels() == numbered(1, 2, 3, 4)
    assert list(Invoice.objects.order_by("number").values_list("kind", flat=True)) == ["invoice"] * 2 + ["credit_note"] * 2


def test_each_organizer_and_year_counts_for_itself(hall: Hall) -> None:
    with transaction.atomic():
        ours, theirs = hall.event.organizer_id, make_organizer("others").pk
        taken = [invoices.take_number(organizer)[1] for organizer in (ours, ours, theirs, ours)]
        transaction.set_rollback(True)
    assert taken == [1, 2, 1, 3]
    InvoiceCounter.objects.create(organizer=hall.event.organizer, year=YEAR - 1, last=7)
    issue(paid(hall, 1)[0])
    assert labels() == numbered(1)
    InvoiceCounter.objects.filter(year=YEAR - 1).delete()


@pytest.mark.parametrize(
    "change", [{"total_minor": 1}, {"pdf": b""}, {"buyer": {}}, {"label": "x"}, {"issued_on": date(2020, 1, 1)}]
)
def test_nothing_of_an_invoice_is_changed_or_deleted(hall: Hall, change: dict[str, Any]) -> None:
    issue(paid(hall, 1)[0])
    with pytest.raises(IntegrityError):
        Invoice.objects.update(**change)
    with pytest.raises(IntegrityError):
        Invoice.objects.all()._raw_delete(using="default")


# At the same moment


def test_thirty_buyers_at_once_get_thirty_numbers_in_a_row(hall: Hall) -> None:
    bookings = [paid(hall, number)[0] for number in range(30)]
    results = race([partial(issue, booking) for booking in bookings])
    assert races.outcomes(results) == {"Invoice": 30}
    assert labels() == numbered(*range(1, 31))


def test_a_number_that_was_rolled_back_is_given_to_the_next(hall: Hall) -> None:
    bookings = [paid(hall, number)[0] for number in range(20)]
    doomed = {booking.pk for booking in bookings[::3]}

    def try_to_issue(booking: Booking) -> Invoice:
        with transaction.atomic():
            invoice = issue(booking)
            if booking.pk in doomed:
                raise OSError("The disk is full.")
            return invoice

    results = race([partial(try_to_issue, booking) for booking in bookings])
    assert races.outcomes(results) == {"Invoice": 13, "OSError": 7}
    assert labels() == numbered(*range(1, 14))


def test_asked_by_ten_at_once_it_is_one_invoice(hall: Hall) -> None:
    booking, _payment = paid(hall, 1)
    results = race([partial(issue, booking)] * 10)
    assert len({result.pk for result in results}) == 1
    assert labels() == numbered(1)


def test_an_invoice_and_a_refund_at_one_moment_have_their_credit_note(hall: Hall) -> None:
    for number in range(5):
        booking, payment = paid(hall, number)
        race([partial(issue, booking), partial(give, payment, 100, "at once")])
        assert net_of_credit_notes(payment)["19.00"][0] == 8300


def test_without_the_lock_numbers_are_given_twice(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: who looks for the highest number and adds one, with nothing to wait for."""

    def unlocked(organizer_id: UUID) -> tuple[date, int]:
        highest = Invoice.objects.filter(organizer=organizer_id).order_by("-number").values_list("number", flat=True).first()
        return timezone.now().date(), (highest or 0) + 1

    monkeypatch.setattr(invoices, "take_number", unlocked)
    bookings = [paid(hall, number)[0] for number in range(20)]
    names = ("payments_invoice_number_once", "payments_invoice_label_once")
    walls = [wall for wall in Invoice._meta.constraints if wall.name in names]
    with connection.schema_editor() as editor:
        for wall in walls:
            editor.remove_constraint(Invoice, wall)
    try:
        race([partial(issue, booking) for booking in bookings])
        assert len(set(labels())) < len(labels()) == 20
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE events_event, outbox_outboxmessage CASCADE")
        with connection.schema_editor() as editor:
            for wall in walls:
                editor.add_constraint(Invoice, wall)


def test_with_a_sequence_what_is_rolled_back_leaves_a_gap(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other twin: numbers that nobody waits for, and nobody gives back."""

    def from_sequence(organizer_id: UUID) -> tuple[date, int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval('invoices_for_test')")
            return timezone.now().date(), cursor.fetchone()[0]

    monkeypatch.setattr(invoices, "take_number", from_sequence)
    first, second = paid(hall, 1)[0], paid(hall, 2)[0]
    with connection.cursor() as cursor:
        cursor.execute("CREATE SEQUENCE invoices_for_test")
    try:
        with transaction.atomic():
            issue(first)
            transaction.set_rollback(True)
        issue(second)
        assert labels() == numbered(2)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP SEQUENCE invoices_for_test")
            cursor.execute("TRUNCATE events_event, outbox_outboxmessage CASCADE")


# What is written


@pytest.mark.parametrize(
    "words", ["<b>&", '<img src="file:///etc/passwd"/>', "</para>", "日本語 한국어 Łódź Ω", "a\r\nb", "\x01", "x" * 400, "🎫"]
)
def test_what_people_type_is_no_markup(hall: Hall, words: str) -> None:
    hall.event.title = words[:200].replace("\x01", "")
    hall.event.save()
    booking, _payment = paid(hall, 1)
    invoice = issue(booking, Recipient(name=words[:200], address=words, vat_id=words[:30]))
    assert bytes(invoice.pdf).startswith(b"%PDF-")


def test_the_same_facts_make_the_same_document(hall: Hall) -> None:
    invoice = issue(paid(hall, 1)[0])
    invoice = Invoice.objects.get(pk=invoice.pk)
    assert invoice_pdf.render(invoice) == bytes(invoice.pdf)


def test_a_long_invoice_goes_on_on_the_next_page(hall: Hall) -> None:
    invoice = issue(paid(hall, 1)[0])
    invoice.lines = invoice.lines * 120
    assert invoice_pdf.render(invoice).count(b"/Type /Page\n") >= 3


@pytest.mark.parametrize(
    ("typed", "is_good"),
    [
        ("DE123456789", True),
        ("de 123 456 789", True),
        ("DE12345678", False),
        ("DE\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19", False),
        ("ATU12345678", True),
        ("AT12345678", False),
        ("GR123456789", True),
        ("EL123456789", True),
        ("FRXX123456789", True),
        ("FRIO123456789", False),
        ("IE1234567FA", True),
        ("IE1A23456B", True),
        ("NL123456789B01", True),
        ("XI123456789", True),
        ("GB123456789", True),
        ("CHE-123.456.789 MWST", True),
        ("123456789", False),
        ("D", False),
        ("", False),
        ("DE123456789\n", True),
        ("<script>", False),
    ],
)
def test_a_vat_id_is_written_as_its_country_writes_it(typed: str, is_good: bool) -> None:
    assert is_vat_id(canonical_vat_id(typed)) is is_good
