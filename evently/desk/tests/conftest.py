"""Two teams with everything that the desk shows, and people in every role."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from bookings.models import Booking
from bookings.sale import Buyer
from bookings.services import Contact, confirm_booking, hold_best, set_contact
from evently.accounts.models import Membership, Organizer, User
from events import summary
from events.models import Event, PromoCode, Service
from events.tests.factories import Hall, make_hall, make_organizer, make_venue
from notifications.models import Delivery
from payments import ledger
from payments.models import (
    Dispute,
    GatewayAccount,
    Invoice,
    LedgerTransaction,
    OfflineCharge,
    OfflineRefund,
    Payment,
    Payout,
    PlatformFee,
    Refund,
    RefundApproval,
    RefundRun,
    Seller,
)
from payments.services import Recipient, issue_invoice
from venues.models import SeatingPlan, Venue

SignIn = Callable[..., Client]


@dataclass
class Team:
    organizer: Organizer
    hall: Hall
    things: dict[type[Model], Any] = field(default_factory=dict)

    @property
    def event(self) -> Event:
        return self.hall.event


def make_team(name: str) -> Team:
    """A team with one of everything; all its words contain its name."""
    organizer = make_organizer(slug=name)
    venue = make_venue(slug=name, organizer=organizer, name=f"{name} hall")
    hall = make_hall(venue=venue, title=f"{name} concert", slug=f"{name}-concert", rows=4)
    team = Team(organizer, hall)
    layout = {"name": name, "size": {"width": 100, "height": 100}, "categories": [], "zones": []}
    plan = SeatingPlan.objects.create(venue=venue, name=f"{name} plan", number=1, layout=layout, seat_count=0)
    service = Service.objects.create(organizer=organizer, name=f"{name} parking")
    code = PromoCode.objects.create(organizer=organizer, event=hall.event, code=name, canonical=name, percent=10)
    account = GatewayAccount.objects.create(organizer=organizer, gateway="bank_transfer", payee=name, holder=name)
    team.things = {
        Seller: Seller.objects.create(organizer=organizer, name=name, address=name, invoice_prefix=name.upper()),
        PlatformFee: PlatformFee.objects.create(organizer=organizer, currency="JPY", percent=2, fixed_minor=30),
        GatewayAccount: account,
        Organizer: organizer,
        Venue: venue,
        SeatingPlan: plan,
        Event: hall.event,
        PromoCode: code,
        Service: service,
    } | book(team)
    summary.refresh([hall.event.pk])
    return team


def book(team: Team) -> dict[type[Model], Any]:
    """A booking that was paid and is owed back, and a mail about it that did not arrive."""
    name, event = team.organizer.slug, team.event
    number = Booking.objects.count()
    booking = hold_best(buyer=Buyer(session=f"{name}-{number}-{'s' * 32}"), event_id=event.pk, quantities={team.hall.adult.pk: 1})
    contact = Contact(name=f"{name} buyer", email=f"{name}{number}@example.com")
    set_contact(booking_id=booking.pk, contact=contact, user_id=None, actor="test")
    confirm_booking(booking_id=booking.pk, actor="test", payment_status=Booking.PaymentStatus.PAID)
    payment = Payment.objects.create(
        event=event,
        booking=booking,
        gateway="sandbox",
        gateway_id=f"{name} {number}",
        amount_minor=8400,
        currency="EUR",
        status=Payment.Status.CAPTURED,
        captured_minor=8400,
        captured_currency="EUR",
        outcome=Payment.Outcome.CONFIRMED,
        idempotency_key=f"{name} {number}",
    )
    with transaction.atomic():
        ledger.book_capture(payment)
    recipient = Recipient(name=contact.name, address=name)
    invoice = issue_invoice(booking_id=booking.pk, recipient=recipient, actor="test")
    refund = Refund.objects.create(
        event=event,
        payment=payment,
        key="test",
        amount_minor=4200,
        currency="EUR",
        reason=Refund.Reason.BY_STAFF,
        status=Refund.Status.FAILED,
        error="The account is closed.",
    )
    approval = RefundApproval.objects.create(
        event=event, payment=payment, key="a", amount_minor=100, currency="EUR", note=name, requested_by="user:x"
    )
    run, _ = RefundRun.objects.get_or_create(
        event=event, defaults={"actor": "x", "bookings": 1, "due_minor": 1, "currency": "EUR"}
    )
    dispute = Dispute.objects.create(event=event, payment=payment, gateway_id="d", amount_minor=1, currency="EUR")
    delivery = Delivery.objects.create(
        key=f"{name} {number}",
        kind="booking.confirmed",
        recipient=contact.email,
        object_id=booking.pk,
        status=Delivery.Status.FAILED,
        due_at=timezone.now(),
    )
    charge = OfflineCharge.objects.create(
        payment=payment, gateway="at_door", purpose=f"{name} {number}", amount_minor=8400, currency="EUR", due_at=timezone.now()
    )
    by_hand = OfflineRefund.objects.create(charge=charge, idempotency_key=f"{name} {number}", amount_minor=8400)
    payout = Payout.objects.create(
        organizer=team.organizer,
        kind=Payout.Kind.PAID,
        amount_minor=1,
        currency="EUR",
        due_minor=1,
        paid_on=timezone.now().date(),
        reference=f"{name} {number}",
        recorded_by="user:x",
    )
    return {
        Invoice: invoice,
        Payout: payout,
        Booking: booking,
        Payment: payment,
        Refund: refund,
        RefundApproval: approval,
        RefundRun: run,
        Delivery: delivery,
        OfflineCharge: charge,
        OfflineRefund: by_hand,
        Dispute: dispute,
        LedgerTransaction: payment.ledger_transactions.get(kind="capture"),
    }


@pytest.fixture
def ours(db: None) -> Team:
    return make_team("ours")


@pytest.fixture
def theirs(db: None) -> Team:
    return make_team("theirs")


@pytest.fixture
def sign_in(client: Client) -> SignIn:
    """Sign a member of a team in, by role; without a team, a superuser."""

    def sign_in(team: Team | None = None, role: str = Membership.Role.OWNER) -> Client:
        email = f"{role}@{team.organizer.slug}.example.com" if team else "root@example.com"
        user = User.objects.filter(email=email).first() or User.objects.create_user(
            email, is_staff=True, is_superuser=team is None
        )
        if team:
            Membership.objects.get_or_create(organizer=team.organizer, user=user, role=role)
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in
