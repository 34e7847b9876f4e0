"""Prices that follow demand: the rules, and every change that they or people have made."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from evently.database import EditableRow, Row

from .event import Event
from .offer import Category, TicketType


class PricingRule(EditableRow):
    """What the price goes up or down by while so much is sold, or so little time is left, or both.

    Floor, ceiling and rounding bind the prices that the rule is for as long as it is active, also while it does not hold.
    """

    event = models.ForeignKey(Event, models.CASCADE, related_name="pricing_rules", verbose_name=_("event"))
    category = models.ForeignKey(
        Category, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("category"), db_index=False
    )
    ticket_type = models.ForeignKey(
        TicketType, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("ticket type"), db_index=False
    )
    sold_percent = models.PositiveSmallIntegerField(
        _("sold, from %"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    slack_percent = models.PositiveSmallIntegerField(
        _("slack, %"),
        default=3,
        help_text=_("It ends only when so much less is sold than it began with: prices do not flicker."),
    )
    hours_before = models.PositiveIntegerField(_("hours before the start, from"), null=True, blank=True)
    change_percent = models.DecimalField(
        _("change, %"),
        max_digits=6,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(-99), MaxValueValidator(1000)],
    )
    change_minor = models.BigIntegerField(_("change, in minor units"), null=True, blank=True)
    floor_minor = models.PositiveBigIntegerField(_("never below, in minor units"), null=True, blank=True)
    ceiling_minor = models.PositiveBigIntegerField(_("never above, in minor units"), null=True, blank=True)
    round_to_minor = models.PositiveIntegerField(_("rounded to, in minor units"), default=1, validators=[MinValueValidator(1)])
    is_active = models.BooleanField(_("active"), default=True)
    holds_since = models.DateTimeField(_("holds since"), null=True, editable=False)

    class Meta:
        verbose_name = _("pricing rule")
        verbose_name_plural = _("pricing rules")
        constraints = [
            models.CheckConstraint(
                condition=Q(sold_percent__isnull=False) | Q(hours_before__isnull=False), name="events_pricingrule_has_condition"
            ),
            models.CheckConstraint(
                condition=Q(change_percent=None, change_minor__isnull=False) | Q(change_percent__isnull=False, change_minor=None),
                name="events_pricingrule_changes_by_one",
            ),
            models.CheckConstraint(
                condition=Q(category=None) | Q(ticket_type=None), name="events_pricingrule_category_or_ticket_type"
            ),
            models.CheckConstraint(
                condition=Q(sold_percent=None) | (Q(sold_percent__range=(1, 100)) & Q(slack_percent__lt=F("sold_percent"))),
                name="events_pricingrule_can_end",
            ),
            models.CheckConstraint(
                condition=Q(change_percent=None) | Q(change_percent__range=(-99, 1000)), name="events_pricingrule_percent_sane"
            ),
            models.CheckConstraint(
                condition=Q(ceiling_minor=None) | Q(ceiling_minor__gte=Coalesce(F("floor_minor"), 0)),
                name="events_pricingrule_floor_not_above_ceiling",
            ),
            models.CheckConstraint(condition=Q(round_to_minor__gte=1), name="events_pricingrule_rounds"),
        ]

    def __str__(self) -> str:
        return " · ".join([*self.conditions, self.effect_in_percent] if self.change_percent is not None else self.conditions)

    @property
    def conditions(self) -> list[str]:
        """When it holds, in words."""
        told = []
        if self.sold_percent is not None:
            told.append(str(_("from %(percent)d %% sold") % {"percent": self.sold_percent}))
        if self.hours_before is not None:
            days, hours = divmod(self.hours_before, 24)
            told.append(
                str(_("from %(days)d days before the start") % {"days": days})
                if days and not hours
                else str(_("from %(hours)d hours before the start") % {"hours": self.hours_before})
            )
        return told

    @property
    def effect_in_percent(self) -> str:
        return f"{self.change_percent:+.2f}".rstrip("0").rstrip(".") + " %"


class PriceChange(Row):
    """A ticket type had one price and got another, and why; append-only by trigger. Amounts in minor units."""

    event = models.ForeignKey(Event, models.PROTECT, related_name="price_changes", verbose_name=_("event"))
    ticket_type = models.ForeignKey(TicketType, models.PROTECT, related_name="price_changes", verbose_name=_("ticket type"))
    old_minor = models.PositiveBigIntegerField(_("old price"))
    new_minor = models.PositiveBigIntegerField(_("new price"))
    reason = models.CharField(_("reason"), max_length=300)
    rule = models.ForeignKey(
        PricingRule, models.PROTECT, null=True, related_name="price_changes", verbose_name=_("rule"), db_index=False
    )
    actor = models.CharField(_("who"), max_length=80)
    sold = models.PositiveIntegerField(_("places sold then"))
    places = models.PositiveIntegerField(_("of places"))

    class Meta:
        verbose_name = _("price change")
        verbose_name_plural = _("price changes")
        constraints = [
            models.CheckConstraint(condition=~Q(new_minor=F("old_minor")), name="events_pricechange_changes"),
            models.CheckConstraint(condition=Q(sold__lte=F("places")), name="events_pricechange_sold_within_places"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_type_id}: {self.old_minor} → {self.new_minor}"

    @property
    def sold_percent(self) -> int:
        """How much was sold then, in whole percent."""
        return self.sold * 100 // self.places if self.places else 0
