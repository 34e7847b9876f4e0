"""The buyer asks for an invoice on the page of the booking, and gets it as a PDF; nobody else does."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from events.tests.factories import Hall, make_hall
from payments.models import Invoice, Seller
from payments.services import cancel_event

from .factories import BOB, check_out, hold, paid
from .test_invoices import issue
from .test_sales import give, take

ACME = {"name": "Acme GmbH", "address": "Weg 1\r\n99084 Erfurt", "vat_id": "de 123 456 789"}


@pytest.fixture
def hall() -> Hall:
    hall = make_hall()
    take(hall)
    Seller.objects.update(name="City Stage", address="Erfurt", vat_id="DE987654321", invoice_prefix="CITY")
    return hall


def address(booking: Any) -> str:
    return reverse("payments:invoice", kwargs={"booking": booking.pk})


def test_a_buyer_asks_once_and_gets_the_document(hall: Hall, ann: Client) -> None:
    booking, payment = paid(hall, 1)
    assert "Ask for an invoice" in ann.get(booking.get_absolute_url()).text
    assert ann.get(address(booking)).context["form"]["name"].value() == "Ann"
    for _click in range(2):
        assert ann.post(address(booking), ACME).headers["Location"] == address(booking)
    invoice = Invoice.objects.get()
    assert (invoice.buyer["name"], invoice.buyer["vat_id"], invoice.asked_by) == ("Acme GmbH", "DE123456789", "session:ann")
    shown = ann.get(address(booking)).text
    assert f"{invoice.label} (PDF)" in shown
    document = ann.get(reverse("payments:invoice-pdf", kwargs={"pk": invoice.pk}))
    assert (document.status_code, document["Content-Type"], document.content) == (200, "application/pdf", bytes(invoice.pdf))
    assert document["Content-Disposition"] == f'inline; filename="{invoice.label}.pdf"'
    assert "no-store" in document["Cache-Control"]
    assert "Your invoice" in ann.get(booking.get_absolute_url()).text
    give(payment, 100, "kind")
    assert "Credit note CITY-" in ann.get(address(booking)).text


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"name": ""}, "required"),
        ({"address": " "}, "required"),
        ({"vat_id": "DE12"}, "not how a VAT id"),
        ({"name": "x" * 201}, "at most 200"),
        ({"address": "x" * 501}, "at most 500"),
        ({"name": "a\x00b"}, "Null characters"),
    ],
)
def test_what_is_missing_or_wrong_is_told(hall: Hall, ann: Client, typed: dict[str, str], told: str) -> None:
    booking, _payment = paid(hall, 1)
    answer = ann.post(address(booking), ACME | typed)
    assert (answer.status_code, told in answer.text, Invoice.objects.count()) == (422, True, 0)


def test_strangers_find_neither_the_page_nor_the_document(hall: Hall, ann: Client) -> None:
    booking, _payment = paid(hall, 1, buyer=BOB)
    invoice = issue(booking)
    for client in (ann, Client()):
        assert client.get(address(booking)).status_code == 404
        assert client.post(address(booking), ACME).status_code == 404
        assert client.get(reverse("payments:invoice-pdf", kwargs={"pk": invoice.pk})).status_code == 404


def test_without_money_or_a_seller_there_is_nothing_to_ask_for(hall: Hall, ann: Client) -> None:
    held = hold(hall, 1)
    check_out(held)
    booking, _payment = paid(hall, 2)
    Seller.objects.update(invoice_prefix="")
    for each in (held, booking):
        assert ann.get(address(each)).status_code == 404
        assert ann.post(address(each), ACME).status_code == 404
        assert "Ask for an invoice" not in ann.get(each.get_absolute_url()).text
    assert not Invoice.objects.exists()


def test_after_a_cancellation_the_documents_are_still_there(hall: Hall, ann: Client) -> None:
    booking, _payment = paid(hall, 1)
    issue(booking)
    cancel_event(event_id=hall.event.pk, actor="boss")
    assert "Your invoice and credit notes" in ann.get(booking.get_absolute_url()).text
    assert ann.get(address(booking)).text.count("(PDF)") == 2
