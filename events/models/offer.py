"""What places cost: categories of places, and the ticket types they are sold by."""

from collections.abc import Collection
from typing import Self
from uuid import UUID

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from evently.database import EditableRow

from .event import Event


class Category(EditableRow):
    """Places of an event that cost the same, like “Front stalls” or “Standing”."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="categories", verbose_name=_("event"), db_index=False)
    name = models.CharField(_("name"), max_length=100)
    plan_category = models.CharField(
        _("category in the plan"), max_length=100, blank=True, help_text=_("Its seats of the seating plan belong here.")
    )
    numbered = models.BooleanField(
        _("numbered seats"), default=True, help_text=_("No: general admission, any place is as good as another.")
    )
    capacity = models.PositiveIntegerField(_("places"), null=True, blank=True, help_text=_("For general admission: how many."))
    position = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("category of places")
        verbose_name_plural = _("categories of places")
        constraints = [models.UniqueConstraint(fields=["event", "name"], name="events_category_one_per_name")]

    def __str__(self) -> str:
        return self.name


class TicketTypeQuerySet(models.QuerySet["TicketType"]):
    def with_history(self) -> Self:
        """Annotate `has_history`, whether its price has ever changed."""
        return self.annotate(has_history=Exists(TicketType.objects.filter(pk=OuterRef("pk"), price_changes__isnull=False)))

    def shown(self, opened: Collection[UUID] = ()) -> Self:
        """What everybody may see and buy, and those that a code has `opened`."""
        everybody = Q(sold_to=TicketType.SoldTo.EVERYBODY)
        return self.filter(everybody | Q(sold_to=TicketType.SoldTo.CODE, pk__in=opened) if opened else everybody)


class TicketType(EditableRow):
    """How places of a category are sold: to whom, at what price (minor units, all fees included)."""

    class SoldTo(models.TextChoices):
        EVERYBODY = "everybody", _("everybody")
        CODE = "code", _("with a code only")
        STAFF = "staff", _("given by the team")

    event = models.ForeignKey(Event, models.CASCADE, related_name="ticket_types", verbose_name=_("event"), editable=False)
    category = models.ForeignKey(
        Category, models.CASCADE, related_name="ticket_types", verbose_name=_("category"), db_index=False
    )
    name = models.CharField(_("name"), max_length=100)
    description = models.CharField(_("description"), max_length=300, blank=True)
    price_minor = models.PositiveBigIntegerField(_("price, in minor units"))
    base_price_minor = models.PositiveBigIntegerField(
        _("price without rules, in minor units"),
        null=True,
        editable=False,
        help_text=_("What people have set, while pricing rules make it another one."),
    )
    sold_to = models.CharField(_("sold to"), max_length=10, choices=SoldTo, default=SoldTo.EVERYBODY, db_default=SoldTo.EVERYBODY)
    is_default = models.BooleanField(_("chosen unless the buyer says otherwise"), default=False)
    min_per_booking = models.PositiveSmallIntegerField(_("at least per booking"), default=1, validators=[MinValueValidator(1)])
    max_per_booking = models.PositiveSmallIntegerField(_("at most per booking"), null=True, blank=True)
    limit = models.PositiveIntegerField(_("at most in all"), null=True, blank=True)
    sale_starts_at = models.DateTimeField(_("sale starts"), null=True, blank=True, help_text=_("Empty: with the event's sale."))
    sale_ends_at = models.DateTimeField(_("sale ends"), null=True, blank=True, help_text=_("Empty: with the event's sale."))
    position = models.PositiveSmallIntegerField(_("order"), default=0)
    tax_rate = models.DecimalField(
        _("VAT in the price, %"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("Empty: the rate of the event."),
    )

    has_history: bool  # annotated by with_history()

    objects = TicketTypeQuerySet.as_manager()

    class Meta:
        verbose_name = _("ticket type")
        verbose_name_plural = _("ticket types")
        constraints = [
            models.UniqueConstraint(fields=["category", "name"], name="events_tickettype_one_per_name"),
            models.UniqueConstraint(fields=["category"], condition=Q(is_default=True), name="events_tickettype_one_default"),
            models.CheckConstraint(
                condition=Q(sold_to__in=["everybody", "code", "staff"]), name="events_tickettype_sold_to_known"
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(sold_to="everybody"), name="events_tickettype_default_is_for_everybody"
            ),
            models.CheckConstraint(
                condition=~Q(sold_to="staff") | Q(price_minor=0), name="events_tickettype_given_costs_nothing"
            ),
            models.CheckConstraint(
                condition=Q(min_per_booking__gte=1) & (Q(max_per_booking=None) | Q(max_per_booking__gte=F("min_per_booking"))),
                name="events_tickettype_min_not_above_max",
            ),
            models.CheckConstraint(
                condition=Q(sale_starts_at=None) | Q(sale_ends_at=None) | Q(sale_ends_at__gt=F("sale_starts_at")),
                name="events_tickettype_sale_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(tax_rate=None) | Q(tax_rate__range=(0, 100)), name="events_tickettype_tax_rate_sane"
            ),
        ]
        indexes = [
            models.Index(fields=["event"], condition=Q(base_price_minor__isnull=False), name="events_tickettype_repriced"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def base_minor(self) -> int:
        """The price that people have set; `price_minor` is what pricing rules have made of it."""
        return self.price_minor if self.base_price_minor is None else self.base_price_minor
