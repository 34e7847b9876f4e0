"""Codes that people type: for a discount, for ticket types that are not shown, or for both."""

import unicodedata
from typing import Any, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from evently.accounts.models import Organizer
from evently.database import EditableRow
from evently.money import CURRENCIES

from .event import Event
from .offer import TicketType

LONGEST_CODE = 40


def canonical_code(typed: str) -> str:
    """The one form of a code however it is typed: full-width, in capitals, with blanks around or invisible letters inside.

    NFKC_Casefold of the Unicode Standard (section 3.13), with blanks brought down to one between words.
    """
    visible = "".join(letter for letter in typed if unicodedata.category(letter) not in ("Cf", "Cc", "Cs") or letter.isspace())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    return " ".join(folded.split())


class PromoCodeQuerySet(models.QuerySet["PromoCode"]):
    def named(self, typed: str, *, event: Event) -> Self:
        """The code that this text means for the event, its own before those of all its organizer's events."""
        found = self.filter(Q(event=event) | Q(event=None), organizer=event.organizer_id, canonical=canonical_code(typed))
        return found.order_by(F("event").asc(nulls_last=True))

    def with_clock(self) -> Self:
        """Annotate `clock`, the database's time."""
        return self.annotate(clock=Now())

    def lock(self) -> Self:
        return self.with_clock().order_by("pk").select_for_update(of=("self",), no_key=True)


class PromoCode(EditableRow):
    """A code of an organizer, for one event or for all. Uses are counted, not stored: each live booking that has it is one.

    `canonical` is what `canonical_code` makes of `code`. A percentage is of what the eligible tickets cost; an amount is off
    them all together, in `currency`, and never more than they cost.
    """

    organizer = models.ForeignKey(Organizer, models.PROTECT, related_name="promo_codes", verbose_name=_("organizer"))
    event = models.ForeignKey(
        Event,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="promo_codes",
        verbose_name=_("event"),
        help_text=_("Empty: for all events of the organizer."),
    )
    code = models.CharField(_("code"), max_length=LONGEST_CODE)
    canonical = models.CharField(max_length=4 * LONGEST_CODE, editable=False)
    percent = models.DecimalField(
        _("discount, %"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    amount_minor = models.PositiveBigIntegerField(_("discount, in minor units"), null=True, blank=True)
    currency = models.CharField(
        _("currency"), max_length=3, blank=True, db_default="", choices=[(code, code) for code in CURRENCIES]
    )
    ticket_types = models.ManyToManyField(
        TicketType,
        blank=True,
        related_name="discounted_by",
        verbose_name=_("for these tickets"),
        help_text=_("Empty: for all."),
    )
    unlocks = models.ManyToManyField(
        TicketType,
        blank=True,
        related_name="unlocked_by",
        verbose_name=_("opens these tickets"),
        help_text=_("Tickets that are sold with a code only."),
    )
    starts_at = models.DateTimeField(_("valid from"), null=True, blank=True)
    ends_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    limit = models.PositiveIntegerField(_("bookings, at most"), null=True, blank=True, help_text=_("Empty: no limit."))
    per_customer = models.PositiveIntegerField(
        _("bookings per customer, at most"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    is_active = models.BooleanField(_("active"), default=True)
    note = models.CharField(_("note"), max_length=200, blank=True, db_default="", help_text=_("For the team alone."))

    clock: Any  # annotated by lock() and with_clock()

    objects = PromoCodeQuerySet.as_manager()

    class Meta:
        verbose_name = _("code")
        verbose_name_plural = _("codes")
        constraints = [
            models.UniqueConstraint(
                fields=["organizer", "canonical"], condition=Q(event=None), name="events_promocode_one_for_all_events"
            ),
            models.UniqueConstraint(
                fields=["event", "canonical"], condition=Q(event__isnull=False), name="events_promocode_one_per_event"
            ),
            models.CheckConstraint(condition=~Q(canonical=""), name="events_promocode_can_be_typed"),
            models.CheckConstraint(
                condition=Q(percent=None) | Q(percent__gt=0, percent__lte=100), name="events_promocode_percent_sane"
            ),
            models.CheckConstraint(
                condition=Q(amount_minor=None) | (Q(amount_minor__gt=0, percent=None) & ~Q(currency="")),
                name="events_promocode_one_discount",
            ),
            models.CheckConstraint(
                condition=Q(starts_at=None) | Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="events_promocode_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def is_limited(self) -> bool:
        """Whether its uses must be counted."""
        return self.limit is not None or self.per_customer is not None

    @property
    def gives_discount(self) -> bool:
        return self.percent is not None or self.amount_minor is not None

    def is_valid(self, *, at: Any, currency: str) -> bool:
        """Whether it may be used now for an event of this currency."""
        begun = self.starts_at is None or self.starts_at <= at
        going_on = self.ends_at is None or at < self.ends_at
        return self.is_active and begun and going_on and (self.amount_minor is None or self.currency == currency)
