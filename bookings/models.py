"""Who has which seats, at what price, until when."""

import secrets
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Prefetch, Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from evently.accounts.models import Organizer
from evently.database import EditableRow, Row
from events.models import Event, EventService, PromoCode, Seat, TicketType
from events.refund_terms import Term


def guest_secret() -> str:
    """What proves a guest's booking to be theirs in a link: 192 bits."""
    return secrets.token_urlsafe(24)


class BookingQuerySet(models.QuerySet["Booking"]):
    def of(self, user: Any) -> Self:
        """The bookings for events of this person's teams; all for a superuser."""
        return self.filter(event__organizer__in=Organizer.objects.of(user))

    def lapsed(self) -> Self:
        return self.filter(status__in=Booking.HOLDING, expires_at__lte=Now())

    def live(self) -> Self:
        """What takes up seats now: confirmed, or held and not lapsed, swept or not."""
        return self.filter(Q(status=Booking.Status.CONFIRMED) | Q(status__in=Booking.HOLDING, expires_at__gt=Now()))

    def with_clock(self) -> Self:
        """Annotate `clock`, the database's time, which alone says whether a hold has lapsed."""
        return self.annotate(clock=Now())

    def with_seats(self) -> Self:
        """Prefetch `live_seats`, each with its seat and ticket type, in the order of the hall."""
        live = BookingSeat.objects.filter(released_at=None).select_related("seat", "ticket_type").order_by("seat__position")
        return self.prefetch_related(Prefetch("seats", queryset=live, to_attr="live_seats"))

    def lock(self, *, skip_locked: bool = False) -> Self:
        return self.with_clock().order_by("pk").select_for_update(of=("self",), no_key=True, skip_locked=skip_locked)


class Booking(EditableRow):
    """Seats of one event for one buyer: held for a while, then confirmed, or let go."""

    class Status(models.TextChoices):
        HELD = "held", _("held")
        PAYING = "paying", _("being paid")
        CONFIRMED = "confirmed", _("confirmed")
        EXPIRED = "expired", _("expired")
        CANCELLED = "cancelled", _("cancelled")

    class PaymentStatus(models.TextChoices):
        UNPAID = "unpaid", _("unpaid")
        PAID = "paid", _("paid")
        PARTLY_REFUNDED = "partly_refunded", _("partly refunded")
        REFUNDED = "refunded", _("refunded")

    HOLDING = (Status.HELD, Status.PAYING)

    event = models.ForeignKey(Event, models.PROTECT, related_name="bookings", verbose_name=_("event"))
    reference = models.CharField(
        _("reference"), max_length=20, unique=True, db_default=Func(function="booking_reference"), editable=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="bookings",
        verbose_name=_("account"),
        db_index=False,
    )
    session = models.CharField(max_length=64, blank=True, db_default="", editable=False)
    address = models.CharField(max_length=32, blank=True, db_default="", editable=False)
    email = models.EmailField(_("e-mail"), blank=True, db_default="")
    name = models.CharField(_("name"), max_length=200, blank=True, db_default="")
    language = models.CharField(_("language"), max_length=10, blank=True, db_default="")
    secret = models.CharField(max_length=40, default=guest_secret, editable=False)
    terms_version = models.CharField(_("terms accepted"), max_length=20, blank=True, db_default="", editable=False)
    terms_accepted_at = models.DateTimeField(_("terms accepted at"), null=True, blank=True, editable=False)
    marketing_consent = models.BooleanField(_("wants news"), default=False, db_default=False)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.HELD)
    payment_status = models.CharField(
        _("payment"), max_length=20, choices=PaymentStatus, default=PaymentStatus.UNPAID, db_default=PaymentStatus.UNPAID
    )
    expires_at = models.DateTimeField(_("expires"))
    quantity = models.PositiveSmallIntegerField(_("tickets"))
    total_minor = models.PositiveBigIntegerField(_("total, in minor units"))
    # Of its services: what they cost together, which is part of the total, and how many they are.
    services_minor = models.PositiveBigIntegerField(_("services, in minor units"), default=0, db_default=0)
    service_quantity = models.PositiveIntegerField(_("services"), default=0, db_default=0)
    currency = models.CharField(_("currency"), max_length=3)
    promo_code = models.ForeignKey(
        PromoCode, models.PROTECT, null=True, blank=True, related_name="bookings", verbose_name=_("code"), db_index=False
    )
    # Of tickets that were given back: what was paid for them and has stayed with the organizer.
    kept_minor = models.PositiveBigIntegerField(_("kept of tickets given back, in minor units"), default=0, db_default=0)
    # Until when tickets may be given back, and for how much, as the event said it when this was booked; frozen by trigger.
    refund_terms = models.JSONField(default=list, db_default=models.Value([], models.JSONField()), editable=False)
    version = models.PositiveIntegerField(_("version"), default=1, db_default=1)

    clock: Any  # annotated by lock() and with_clock()
    booked_services: list["BookingService"]  # by own_booking() and by mails
    live_seats: list["BookingSeat"]  # by with_seats(), and by the hold that has just made them

    objects = BookingQuerySet.as_manager()

    class Meta:
        verbose_name = _("booking")
        verbose_name_plural = _("bookings")
        constraints = [
            models.CheckConstraint(
                name="bookings_booking_status_known",
                condition=Q(status__in=["held", "paying", "confirmed", "expired", "cancelled"]),
            ),
            models.CheckConstraint(
                name="bookings_booking_payment_status_known",
                condition=Q(payment_status__in=["unpaid", "paid", "partly_refunded", "refunded"]),
            ),
            models.CheckConstraint(name="bookings_booking_has_buyer", condition=Q(user__isnull=False) | ~Q(session="")),
            models.CheckConstraint(name="bookings_booking_has_seats", condition=Q(quantity__gte=1)),
            models.CheckConstraint(name="bookings_booking_kept_within_total", condition=Q(kept_minor__lte=F("total_minor"))),
        ]
        indexes = [
            models.Index(fields=["user", "event"], condition=Q(user__isnull=False), name="bookings_booking_user"),
            models.Index(fields=["session", "event"], condition=~Q(session=""), name="bookings_booking_session"),
            models.Index(fields=["email", "event"], condition=~Q(email=""), name="bookings_booking_email"),
            models.Index(
                fields=["address", "event"], condition=Q(status__in=["held", "paying"]), name="bookings_booking_address"
            ),
            models.Index(
                fields=["promo_code"],
                condition=Q(promo_code__isnull=False, status__in=["held", "paying", "confirmed"]),
                name="bookings_booking_code",
            ),
            models.Index(fields=["expires_at"], condition=Q(status__in=["held", "paying"]), name="bookings_booking_lapsing"),
        ]

    def __str__(self) -> str:
        return self.reference

    def get_absolute_url(self) -> str:
        return reverse("bookings:show-booking", kwargs={"pk": self.pk})

    @property
    def effective_status(self) -> str:
        """The status as everybody sees it: a lapsed hold is expired, swept or not. Needs `clock`."""
        if self.status in self.HOLDING and self.expires_at <= self.clock:
            return self.Status.EXPIRED
        return self.status

    @property
    def is_free_of_charge(self) -> bool:
        return self.total_minor == 0

    @property
    def kept_terms(self) -> list[Term]:
        """Until when its tickets may be given back, and for how much; the earliest deadline first."""
        return sorted(Term.parse(kept) for kept in self.refund_terms)

    @property
    def discount_minor(self) -> int:
        """What its code takes off. Needs `live_seats`."""
        return sum(line.discount_minor for line in self.live_seats)


class BookingSeat(Row):
    """A seat in a booking at its price; live until `released_at`. Kept after release: late money asks for these seats again."""

    event = models.ForeignKey(Event, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    booking = models.ForeignKey(Booking, models.PROTECT, related_name="seats")
    seat = models.ForeignKey(Seat, models.PROTECT, related_name="bookings", db_index=False)
    ticket_type = models.ForeignKey(TicketType, models.PROTECT, related_name="+", db_index=False)
    price_minor = models.PositiveBigIntegerField(_("price, in minor units"))
    discount_minor = models.PositiveBigIntegerField(_("discount, in minor units"), default=0, db_default=0)
    attendee = models.CharField(_("attendee"), max_length=200, blank=True, db_default="")
    released_at = models.DateTimeField(_("released"), null=True, blank=True)

    class Meta:
        verbose_name = _("booked seat")
        verbose_name_plural = _("booked seats")
        constraints = [
            # The last wall: whatever a bug or a missing lock does, a seat is in one live booking.
            models.UniqueConstraint(fields=["seat"], condition=Q(released_at=None), name="bookings_bookingseat_sold_once"),
            models.CheckConstraint(
                condition=Q(discount_minor__lte=F("price_minor")), name="bookings_bookingseat_discount_within_price"
            ),
        ]
        indexes = [models.Index(fields=["ticket_type"], condition=Q(released_at=None), name="bookings_bookingseat_live_type")]

    def __str__(self) -> str:
        return f"{self.booking_id}: {self.seat_id}"


class BookingService(Row):
    """So many of a service in a booking, at the price of one. It is live as long as its booking is."""

    event = models.ForeignKey(Event, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    booking = models.ForeignKey(Booking, models.PROTECT, related_name="services", db_index=False)
    event_service = models.ForeignKey(EventService, models.PROTECT, related_name="bookings", verbose_name=_("service"))
    quantity = models.PositiveSmallIntegerField(_("how many"))
    price_minor = models.PositiveBigIntegerField(_("price of one, in minor units"))

    class Meta:
        verbose_name = _("booked service")
        verbose_name_plural = _("booked services")
        constraints = [
            models.UniqueConstraint(fields=["booking", "event_service"], name="bookings_bookingservice_one_line_each"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="bookings_bookingservice_has_some"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.event_service}"

    @property
    def total_minor(self) -> int:
        return self.quantity * self.price_minor


class BookingHistory(Row):
    """Every transition of a booking; append-only by trigger."""

    event = models.ForeignKey(Event, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    booking = models.ForeignKey(Booking, models.PROTECT, related_name="history")
    version = models.PositiveIntegerField(_("version of the booking"))
    action = models.CharField(_("what"), max_length=20)
    actor = models.CharField(_("who"), max_length=80)
    details = models.JSONField(_("details"), default=dict)

    class Meta:
        verbose_name = _("booking history")
        verbose_name_plural = _("booking history")

    def __str__(self) -> str:
        return f"{self.booking_id}: {self.action}"


class Ticket(EditableRow):
    """The right to sit down: one for each seat of a confirmed booking. `generation` is in the signed code; raising it
    makes older codes void."""

    class Status(models.TextChoices):
        VALID = "valid", _("valid")
        VOID = "void", _("void")

    event = models.ForeignKey(Event, models.PROTECT, related_name="+", db_constraint=False)
    booking = models.ForeignKey(Booking, models.PROTECT, related_name="tickets")
    booking_seat = models.ForeignKey(BookingSeat, models.PROTECT, related_name="tickets", db_index=False)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.VALID)
    generation = models.PositiveSmallIntegerField(_("generation"), default=1)

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        constraints = [
            models.UniqueConstraint(
                fields=["booking_seat"], condition=Q(status="valid"), name="bookings_ticket_one_valid_per_seat"
            ),
            models.CheckConstraint(condition=Q(status__in=["valid", "void"]), name="bookings_ticket_status_known"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def get_absolute_url(self) -> str:
        return reverse("bookings:show-ticket", kwargs={"pk": self.pk})
