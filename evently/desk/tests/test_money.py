"""Refunds, disputes and the ledger at the desk."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from bookings.models import Booking
from evently.accounts.models import Membership, Organizer
from evently.money import decimal_string
from payments import ledger
from payments.models import Invoice, LedgerEntry, Payment, Payout, PlatformFee, Refund, RefundApproval, Seller
from payments.statements import due

from .conftest import SignIn, Team
from .pages import typed_into

Role = Membership.Role


def page(thing: Any, name: str) -> str:
    return reverse(f"admin:payments_{thing._meta.model_name}_{name}", args=[thing.pk])


def give_back(client: Any, payment: Payment, amount: str, **more: str) -> Any:
    key = client.get(page(payment, "give_back")).context["form"]["key"].value()
    return client.post(page(payment, "give_back"), {"amount": amount, "note": "rain", "key": key} | more)


def test_some_of_the_money_is_given_back_once(ours: Team, sign_in: SignIn) -> None:
    client, payment = sign_in(ours, Role.FINANCE), ours.things[Payment]
    asked = client.get(page(payment, "give_back"))
    assert "€42.00 of" in asked.text
    form = {"amount": "12.50", "note": "rain", "key": asked.context["form"]["key"].value()}
    for _click in range(2):
        assert client.post(page(payment, "give_back"), form).status_code == 302
    refund = Refund.objects.exclude(pk=ours.things[Refund].pk).get()
    assert (refund.amount_minor, refund.note, refund.reason, refund.status) == (1250, "rain", "by_staff", "requested")
    assert refund.actor.startswith("user:")


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        ("42.01", "There is not so much left"),
        ("0", "Choose tickets, or an amount to give back."),
        ("0.001", "Please give an amount in EUR."),
        ("-1", "greater than or equal to 0"),
        ("NaN", "Enter a number."),
        ("", "Choose tickets, or an amount to give back."),
    ],
)
def test_an_amount_that_cannot_go_back_is_refused(ours: Team, sign_in: SignIn, amount: str, told: str) -> None:
    answer = give_back(sign_in(ours), ours.things[Payment], amount)
    assert (answer.status_code, told in answer.text, Refund.objects.count()) == (422, True, 1)


def test_tickets_that_are_ticked_are_void_and_the_terms_say_what_goes_back_unless_somebody_does(
    ours: Team, sign_in: SignIn
) -> None:
    client, payment = sign_in(ours, Role.FINANCE), ours.things[Payment]
    line = payment.booking.seats.get()
    assert "Adult" in client.get(page(payment, "give_back")).text
    assert "nothing goes back" in give_back(client, payment, "", tickets=str(line.pk)).text
    assert give_back(client, payment, "10", tickets=str(line.pk)).status_code == 302
    payment.booking.refresh_from_db()
    assert (payment.booking.status, payment.booking.kept_minor) == ("cancelled", 7400)


def test_above_the_limit_the_colleague_of_who_wished_it_agrees(ours: Team, sign_in: SignIn) -> None:
    Organizer.objects.update(four_eyes_above=20)
    payment = ours.things[Payment]
    RefundApproval.objects.all().delete()
    give_back(sign_in(ours, Role.FINANCE), payment, "21")
    wish = RefundApproval.objects.get()
    mine = sign_in(ours, Role.FINANCE).get(page(wish, "change")).text
    assert ("Take it back" in mine, "Agree" in mine) == (True, False)
    told = sign_in(ours, Role.FINANCE).post(page(wish, "agree"), follow=True).text
    assert "Somebody else of the team has to agree" in told
    assert sign_in(ours, Role.BOX_OFFICE).post(page(wish, "agree")).status_code in (403, 404)
    assert Refund.objects.count() == 1
    assert "finance@ours.example.com" in sign_in(ours, Role.OWNER).get(page(wish, "agree")).text
    sign_in(ours, Role.OWNER).post(page(wish, "agree"))
    assert Refund.objects.filter(amount_minor=2100, reason="by_staff").exists()


def test_a_refund_that_failed_is_tried_again(ours: Team, sign_in: SignIn) -> None:
    client, refund = sign_in(ours, Role.FINANCE), ours.things[Refund]
    assert "The account is closed." in client.get(page(refund, "change")).text
    client.post(page(refund, "retry"))
    refund.refresh_from_db()
    assert (refund.status, refund.tries) == ("requested", 1)
    answer = client.post(page(refund, "retry"), follow=True)
    assert "Only a refund that has failed" in answer.text


def test_a_refund_that_failed_was_paid_in_another_way(ours: Team, sign_in: SignIn) -> None:
    client, refund = sign_in(ours, Role.FINANCE), ours.things[Refund]
    assert client.post(page(refund, "paid"), {"note": ""}).status_code == 422
    client.post(page(refund, "paid"), {"note": "in cash"})
    refund.refresh_from_db()
    assert (refund.status, refund.note, refund.payment.booking.payment_status) == ("succeeded", "in cash", "partly_refunded")


@pytest.mark.parametrize(("kind", "name"), [(Payment, "give_back"), (Refund, "retry"), (Refund, "paid")])
def test_money_is_moved_by_those_who_may(ours: Team, theirs: Team, sign_in: SignIn, kind: type[Any], name: str) -> None:
    assert sign_in(ours).post(page(theirs.things[kind], name)).status_code == 404
    for role in (Role.DOOR, Role.BOX_OFFICE):
        assert sign_in(ours, role).post(page(ours.things[kind], name)).status_code in (403, 404)
    assert Refund.objects.filter(status="failed").count() == Refund.objects.count()


def test_the_statement_tells_what_a_team_has_earned(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    client, address = sign_in(ours, Role.FINANCE), reverse("admin:payments_ledgertransaction_statement")
    ledger.book_refund_due(ours.things[Refund])
    day = timezone.now().date()
    period = {"organizer": str(ours.organizer.pk), "since": f"{day}", "until": f"{day}"}
    (line,) = client.get(address, period).context["lines"]
    assert (line.currency, line.before, line.payments, line.refunds, line.after) == ("EUR", 0, 8400, 4200, 4200)
    own = LedgerEntry.objects.filter(transaction__organizer=ours.organizer, account="organizer")
    assert line.after == -sum(own.values_list("amount_minor", flat=True))
    later = period | {"since": f"{day + timedelta(days=1)}", "until": f"{day + timedelta(days=9)}"}
    (line,) = client.get(address, later).context["lines"]
    assert (line.before, line.payments, line.after) == (4200, 0, 4200)

    rows = client.get(address, period | {"csv": "1"}).text.splitlines()
    assert rows[1] == "EUR,0.00,84.00,42.00,0.00,0.00,0.00,0.00,42.00,0.00,42.00,0.00,0.00,42.00"
    assert client.get(address, period | {"organizer": str(theirs.organizer.pk)}).status_code == 422
    assert client.get(address, later | {"until": f"{day}"}).status_code == 422
    assert sign_in(ours, Role.DOOR).get(address).status_code == 403


def test_an_owner_says_how_much_tax_is_in_the_prices_and_others_read_it(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    seller = ours.things[Seller]
    assert sign_in(ours).post(page(seller, "change"), {"tax_rate": "7.50"}).status_code == 302
    seller.refresh_from_db()
    assert seller.tax_rate == Decimal("7.50")
    assert "7.50" in sign_in(ours, Role.FINANCE).get(page(seller, "change")).text
    assert sign_in(ours, Role.FINANCE).post(page(seller, "change"), {"tax_rate": "0"}).status_code == 403
    for rate in ("-1", "100.01", "7.555", "NaN"):
        assert sign_in(ours).post(page(seller, "change"), {"tax_rate": rate}).status_code == 200
    assert sign_in(ours).post(page(theirs.things[Seller], "change"), {"tax_rate": "7"}).status_code == 404
    seller.refresh_from_db()
    assert seller.tax_rate == Decimal("7.50")


def test_only_a_superuser_says_what_the_platform_takes(ours: Team, sign_in: SignIn) -> None:
    add = reverse("admin:payments_platformfee_add")
    form = {"organizer": str(ours.organizer.pk), "currency": "EUR", "percent": "2.50", "fixed": "0.49"}
    assert sign_in(ours).get(add).status_code == 403
    assert sign_in(ours).post(add, form).status_code == 403
    client = sign_in()
    assert client.post(add, form | {"fixed": "0.495"}).status_code == 200
    assert client.post(add, form | {"currency": "", "fixed": "1"}).status_code == 200
    assert not PlatformFee.objects.filter(currency="EUR").exists()
    assert client.post(add, form).status_code == 302
    fee = PlatformFee.objects.get(currency="EUR")
    assert (fee.organizer, fee.percent, fee.fixed_minor) == (ours.organizer, Decimal("2.50"), 49)
    assert client.post(page(fee, "change"), {"percent": "3", "fixed": "0"}).status_code == 302
    fee.refresh_from_db()
    assert (fee.percent, fee.fixed_minor) == (Decimal(3), 0)
    shown = sign_in(ours, Role.FINANCE).get(page(ours.things[PlatformFee], "change")).text
    assert "¥30" in shown


def test_each_ticket_and_service_may_have_a_rate_of_its_own(ours: Team, sign_in: SignIn) -> None:
    client = sign_in(ours)
    address = reverse("admin:events_event_change", args=[ours.event.pk])
    values = typed_into(client.get(address), "event_form")
    values |= {"tax_rate": "19", "categories-0-tax_rate": "7", "ticket_types-0-tax_rate": "5.5"}
    assert client.post(address, values).status_code == 302
    for thing in (ours.event, ours.hall.adult, ours.hall.child):
        thing.refresh_from_db()
    assert (ours.event.tax_rate, ours.hall.adult.tax_rate, ours.hall.child.tax_rate) == (Decimal(19), Decimal(7), Decimal("5.50"))


def settled(ours: Team, client: Any, amount: str, reference: str = "T1", currency: str = "EUR") -> Any:
    url = reverse("admin:payments_payout_record", args=[ours.organizer.pk, currency])
    return client.post(url, {"amount": amount, "paid_on": "2026-11-27", "reference": reference})


def test_a_superuser_writes_payouts_down_and_the_team_reads_them(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    client = sign_in()
    balance = due(ours.organizer.pk)["EUR"]
    shown = client.get(reverse("admin:payments_payout_record", args=[ours.organizer.pk, "EUR"]))
    assert (shown.status_code, shown.context["form"]["amount"].value()) == (200, decimal_string(balance, "EUR"))
    for wrong in ("0", "0.001", decimal_string(balance + 1, "EUR"), "-1", "NaN"):
        assert settled(ours, client, wrong).status_code == 422
    assert settled(ours, client, "10").status_code == 302
    assert settled(ours, client, "10").status_code == 422  # the same reference
    payout = Payout.objects.get(organizer=ours.organizer, reference="T1")
    assert (payout.amount_minor, due(ours.organizer.pk)["EUR"]) == (1000, balance - 1000)
    assert client.get(reverse("admin:payments_payout_record", args=[ours.organizer.pk, "CZK"])).status_code == 404

    assert "Undo…" not in sign_in(ours).get(page(payout, "change")).text
    for role in (Role.OWNER, Role.FINANCE):
        assert settled(ours, sign_in(ours, role), "10", "T2").status_code == 403
        assert sign_in(ours, role).post(page(payout, "undo"), {"paid_on": "2026-11-27", "reference": "x"}).status_code == 403

    client = sign_in()
    assert client.post(page(payout, "undo"), {"paid_on": "2026-11-27", "reference": "bounced"}).status_code == 302
    assert client.post(page(payout, "undo"), {"paid_on": "2026-11-27", "reference": "again"}).status_code == 403
    assert due(ours.organizer.pk)["EUR"] == balance


def test_the_statement_tells_what_is_due_between_the_platform_and_a_team(ours: Team, sign_in: SignIn) -> None:
    client, address = sign_in(), reverse("admin:payments_ledgertransaction_statement")
    settled(ours, client, "10")
    day = timezone.now().date()
    period = {"organizer": str(ours.organizer.pk), "since": f"{day}", "until": f"{day}"}
    shown = client.get(address, period)
    (line,) = shown.context["lines"]
    assert line.due == line.due_before + line.held - line.owed_fees - line.settled == due(ours.organizer.pk)["EUR"]
    assert "Write down a payout" in shown.text
    assert "Write down a payout" not in sign_in(ours).get(address, period).text


def bill(team: Team, name: str = "payments_invoice_write") -> str:
    return reverse(f"admin:{name}", args=[team.things[Booking if name.endswith("write") else Invoice].pk])


ACME = {"name": "Acme", "address": "Weg 1\nErfurt", "vat_id": "de 123456789"}


def test_the_team_writes_an_invoice_for_a_buyer_who_asks(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM payments_invoice")
        cursor.execute("DELETE FROM payments_refund")
        cursor.execute("SET session_replication_role = origin")
    assert "Invoice…" in sign_in(ours, Role.FINANCE).get(f"/admin/bookings/booking/{ours.things[Booking].pk}/change/").text
    for role in (Role.BOX_OFFICE, Role.DOOR):
        assert sign_in(ours, role).post(bill(ours), ACME).status_code in (403, 404)
    client = sign_in(ours, Role.FINANCE)
    assert client.post(bill(theirs), ACME).status_code == 404
    assert client.get(bill(ours)).status_code == 200
    assert client.post(bill(ours), ACME | {"vat_id": "DE1"}).status_code == 422
    assert not Invoice.objects.exists()
    assert client.post(bill(ours), ACME).status_code == 302
    invoice = Invoice.objects.get()
    assert (invoice.organizer, invoice.buyer["vat_id"], invoice.total_minor) == (ours.organizer, "DE123456789", 8400)
    assert client.post(bill(ours), ACME | {"name": "Other"}).headers["Location"].endswith(f"/{invoice.pk}/change/")
    listed = client.get(reverse("admin:payments_invoice_changelist"), {"q": "acme"})
    assert list(listed.context["cl"].result_list) == [invoice]
    document = client.get(reverse("admin:payments_invoice_pdf", args=[invoice.pk]))
    assert (document["Content-Type"], document.content) == ("application/pdf", bytes(invoice.pdf))


def test_invoices_are_for_those_who_look_after_the_money_of_their_team(ours: Team, theirs: Team, sign_in: SignIn) -> None:
    mine, foreign = (bill(team, "payments_invoice_pdf") for team in (ours, theirs))
    for role in (Role.OWNER, Role.MANAGER, Role.FINANCE):
        client = sign_in(ours, role)
        assert (client.get(mine).status_code, client.get(foreign).status_code) == (200, 404)
    for role in (Role.BOX_OFFICE, Role.DOOR):
        assert sign_in(ours, role).get(mine).status_code == 404


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"vat_id": "DE12"}, "not how a VAT id"),
        ({"invoice_prefix": "city"}, "Capital letters"),
        ({"invoice_prefix": "CITY-"}, "Capital letters"),
        ({"invoice_prefix": "A/B"}, "Capital letters"),
        ({"vat_id": ""}, "Invoices with tax need it."),
    ],
)
def test_what_a_seller_is_called_is_checked(ours: Team, sign_in: SignIn, typed: dict[str, str], told: str) -> None:
    facts = {"tax_rate": "19", "name": "City", "address": "Erfurt", "vat_id": "DE123456789", "invoice_prefix": "CITY-1"}
    client, seller = sign_in(ours), ours.things[Seller]
    assert told in client.post(page(seller, "change"), facts | typed).text
    assert client.post(page(seller, "change"), facts | {"vat_id": "151/815/08156"}).status_code == 302
    seller.refresh_from_db()
    assert (seller.vat_id, seller.invoice_prefix) == ("151/815/08156", "CITY-1")
