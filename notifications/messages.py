"""What a message says: written when it is sent, in the language of its booking, from what is true then."""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from email.mime.image import MIMEImage
from typing import Any, Final, cast
from urllib.parse import urljoin, urlsplit
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from bookings.models import Booking, BookingHistory, Ticket
from bookings.services import booked_services
from bookings.tickets import qr_png, sign
from evently.context import SITE_NAME
from events.models import Event
from payments.accounts import bank_account
from payments.models import Payment, Refund

from .models import Delivery

BOOKING_CONFIRMED: Final = "booking_confirmed"
EVENT_CANCELLED: Final = "event_cancelled"
EVENT_POSTPONED: Final = "event_postponed"
EVENT_RESCHEDULED: Final = "event_rescheduled"
PAYMENT_DUE: Final = "payment_due"
REFUND_REQUESTED: Final = "refund_requested"
TICKETS_RETURNED: Final = "tickets_returned"


def write(delivery: Delivery) -> EmailMultiAlternatives | None:
    """The mail that a delivery stands for, or nothing when what it would tell is no longer true."""
    return WRITERS[delivery.kind](delivery)


def _confirmed(delivery: Delivery) -> EmailMultiAlternatives | None:
    booking = _booking(delivery.object_id)
    if booking.status != Booking.Status.CONFIRMED:
        return None
    valid = booking.tickets.filter(status=Ticket.Status.VALID).order_by("booking_seat__seat__position")
    tickets = list(valid.select_related("booking_seat__seat", "booking_seat__ticket_type"))
    sums = Counter((ticket.booking_seat.ticket_type.name, ticket.booking_seat.price_minor) for ticket in tickets)
    with _language_of(booking):
        return _mail(
            delivery,
            booking,
            subject=_("Your tickets for %(event)s") % {"event": booking.event.title},
            pictures=[(ticket.pk, qr_png(sign(ticket))) for ticket in tickets],
            tickets=tickets,
            sums=[
                *((quantity, name, quantity * price) for (name, price), quantity in sums.items()),
                *((line.quantity, line.event_service.service.name, line.total_minor) for line in booked_services(booking)),
            ],
            discount_minor=sum(ticket.booking_seat.discount_minor for ticket in tickets),
        )


def _event_cancelled(delivery: Delivery) -> EmailMultiAlternatives:
    booking = _booking(delivery.object_id)
    refund = Refund.objects.filter(payment__booking=booking, reason=Refund.Reason.EVENT_CANCELLED).first()
    with _language_of(booking):
        subject = _("%(event)s was cancelled") % {"event": booking.event.title}
        return _mail(delivery, booking, subject=subject, refund=refund)


def _event_postponed(delivery: Delivery) -> EmailMultiAlternatives | None:
    booking = _booking(delivery.object_id)
    if booking.status != Booking.Status.CONFIRMED or booking.event.status != Event.Status.POSTPONED:
        return None
    with _language_of(booking):
        return _mail(delivery, booking, subject=_("%(event)s was postponed") % {"event": booking.event.title})


def _event_rescheduled(delivery: Delivery) -> EmailMultiAlternatives | None:
    booking = _booking(delivery.object_id)
    if booking.status != Booking.Status.CONFIRMED or booking.event.status != Event.Status.PUBLISHED:
        return None
    with _language_of(booking):
        return _mail(delivery, booking, subject=_("New date: %(event)s") % {"event": booking.event.title})


def _payment_due(delivery: Delivery) -> EmailMultiAlternatives | None:
    payment = Payment.objects.open().filter(pk=cast(UUID, delivery.object_id)).first()
    if payment is None:
        return None
    booking = _booking(payment.booking_id)
    bank = bank_account(payment.account) if payment.gateway == "bank_transfer" else None
    with _language_of(booking):
        subject = _("How to pay for %(event)s") % {"event": booking.event.title}
        return _mail(delivery, booking, subject=subject, payment=payment, bank=bank)


def _refund_requested(delivery: Delivery) -> EmailMultiAlternatives:
    refund = Refund.objects.select_related("payment").get(pk=cast(UUID, delivery.object_id))
    booking = _booking(refund.payment.booking_id)
    with _language_of(booking):
        subject = _("Your money for %(event)s goes back to you") % {"event": booking.event.title}
        return _mail(delivery, booking, subject=subject, refund=refund)


def _tickets_returned(delivery: Delivery) -> EmailMultiAlternatives:
    """About a version of the booking, whose history names the tickets and the refund that goes with them."""
    booking = _booking(delivery.object_id)
    step = BookingHistory.objects.get(booking=booking, version=delivery.key.rpartition(":")[2])
    lines = booking.seats.filter(pk__in=step.details["lines"]).select_related("seat").order_by("seat__position")
    refund = Refund.objects.filter(payment__booking=booking, key=step.details["refund"]).select_related("payment").first()
    left = booking.tickets.filter(status=Ticket.Status.VALID).count()
    with _language_of(booking):
        subject = _("You gave tickets for %(event)s back") % {"event": booking.event.title}
        return _mail(delivery, booking, subject=subject, lines=lines, refund=refund, left=left)


WRITERS: Final[dict[str, Callable[[Delivery], EmailMultiAlternatives | None]]] = {
    BOOKING_CONFIRMED: _confirmed,
    EVENT_CANCELLED: _event_cancelled,
    EVENT_POSTPONED: _event_postponed,
    EVENT_RESCHEDULED: _event_rescheduled,
    PAYMENT_DUE: _payment_due,
    REFUND_REQUESTED: _refund_requested,
    TICKETS_RETURNED: _tickets_returned,
}


class _Mail(EmailMultiAlternatives):
    mixed_subtype = "related"  # the pictures belong to the HTML; they are nothing to download


def _booking(pk: UUID | None) -> Booking:
    return Booking.objects.select_related("event__venue", "event__organizer").get(pk=cast(UUID, pk))


def _language_of(booking: Booking) -> AbstractContextManager[None]:
    return translation.override(booking.language or settings.LANGUAGE_CODE)


def _mail(
    delivery: Delivery, booking: Booking, *, subject: str, pictures: Iterable[tuple[UUID, bytes]] = (), **context: Any
) -> EmailMultiAlternatives:
    path = reverse("bookings:open-booking", kwargs={"pk": booking.pk, "secret": booking.secret})
    facts = {
        "site_name": SITE_NAME,
        "booking": booking,
        "event": booking.event,
        "booking_url": urljoin(settings.EVENTLY_SITE_URL, path),
        "language": translation.get_language(),
    }
    organizer, host = booking.event.organizer, urlsplit(settings.EVENTLY_SITE_URL).hostname
    message = _Mail(
        subject=" ".join(subject.split()),  # a title with a line break must not end the header
        body=render_to_string(f"notifications/email/{delivery.kind}.txt", facts | context),
        to=[delivery.recipient],
        reply_to=[organizer.email] if organizer.email else None,
        # Should it be sent twice, mail programs show it once.
        headers={"Message-ID": f"<{delivery.pk}@{host}>", "Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string(f"notifications/email/{delivery.kind}.html", facts | context), "text/html")
    for name, content in pictures:
        picture = MIMEImage(content, "png")
        picture.add_header("Content-ID", f"<{name}>")
        picture.add_header("Content-Disposition", "inline", filename=f"{name}.png")
        message.attach(picture)
    return message
