"""What an event offers beside its places: catering, parking, a programme."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from evently.accounts.models import Organizer
from evently.database import EditableRow

from .event import Event


class Service(EditableRow):
    """Something a team offers at its events, like parking."""

    organizer = models.ForeignKey(Organizer, models.PROTECT, related_name="services", verbose_name=_("organizer"))
    name = models.CharField(_("name"), max_length=100)
    description = models.CharField(_("description"), max_length=300, blank=True)
    version = models.PositiveIntegerField(_("version"), default=1, db_default=1, editable=False)

    class Meta:
        verbose_name = _("service")
        verbose_name_plural = _("services")
        constraints = [models.UniqueConstraint(fields=["organizer", "name"], name="events_service_one_per_name")]

    def __str__(self) -> str:
        return self.name


class EventService(EditableRow):
    """A service at one event: its price there (minor units, all fees included) and how much of it there is.

    What is taken is counted, not stored: each live booking's quantity.
    """

    event = models.ForeignKey(Event, models.CASCADE, related_name="services", verbose_name=_("event"), db_index=False)
    service = models.ForeignKey(Service, models.PROTECT, related_name="events", verbose_name=_("service"))
    price_minor = models.PositiveBigIntegerField(_("price, in minor units"))
    stock = models.PositiveIntegerField(_("how many there are"), null=True, blank=True, help_text=_("Empty: as many as wished."))
    max_per_booking = models.PositiveSmallIntegerField(
        _("at most per booking"), default=10, db_default=10, validators=[MinValueValidator(1)]
    )
    position = models.PositiveSmallIntegerField(_("order"), default=0, db_default=0)
    is_active = models.BooleanField(_("on sale"), default=True, db_default=True)
    tax_rate = models.DecimalField(
        _("VAT in the price, %"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("Empty: the rate of the event."),
    )

    class Meta:
        verbose_name = _("service of the event")
        verbose_name_plural = _("services of the event")
        constraints = [
            models.UniqueConstraint(fields=["event", "service"], name="events_eventservice_once_per_event"),
            models.CheckConstraint(condition=Q(max_per_booking__gte=1), name="events_eventservice_sells_one_or_more"),
            models.CheckConstraint(
                condition=Q(tax_rate=None) | Q(tax_rate__range=(0, 100)), name="events_eventservice_tax_rate_sane"
            ),
        ]

    def __str__(self) -> str:
        return str(self.service)
