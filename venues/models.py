"""Places where events happen, and how their seats are arranged."""

import zoneinfo
from functools import cache
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q, Value
from django.utils.translation import gettext_lazy as _

from evently.accounts.models import Organizer
from evently.database import EditableRow


@cache
def time_zones() -> frozenset[str]:
    """The names of all time zones, which take a while to be read from the disk."""
    return frozenset(zoneinfo.available_timezones())


def validate_time_zone(name: str) -> None:
    if name not in time_zones():
        raise ValidationError(_("“%(name)s” is not a time zone. Use a name like Europe/Berlin."), params={"name": name})


class VenueQuerySet(models.QuerySet["Venue"]):
    def of(self, user: Any) -> Self:
        """The venues that this person's teams manage; all for a superuser."""
        return self.filter(organizer__in=Organizer.objects.of(user))


class Venue(EditableRow):
    """A place with an address and a clock of its own."""

    organizer = models.ForeignKey(Organizer, models.PROTECT, related_name="venues", verbose_name=_("organizer"))
    name = models.CharField(_("name"), max_length=200)
    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    address = models.CharField(_("address"), max_length=300, blank=True)
    city = models.CharField(_("city"), max_length=100)
    country = models.CharField(
        _("country"), max_length=2, validators=[RegexValidator("^[A-Z]{2}$", _("Two capital letters, like DE (ISO 3166)."))]
    )
    time_zone = models.CharField(_("time zone"), max_length=50, validators=[validate_time_zone])
    latitude = models.DecimalField(
        _("latitude"),
        max_digits=8,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(-90), MaxValueValidator(90)],
    )
    longitude = models.DecimalField(
        _("longitude"),
        max_digits=9,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(-180), MaxValueValidator(180)],
    )
    capacity = models.PositiveIntegerField(_("capacity"), null=True, blank=True)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    objects = VenueQuerySet.as_manager()

    class Meta:
        verbose_name = _("venue")
        verbose_name_plural = _("venues")
        constraints = [
            models.CheckConstraint(
                condition=Q(latitude__range=(-90, 90), longitude__range=(-180, 180)) | Q(latitude=None, longitude=None),
                name="venues_venue_coordinates_on_earth",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.city}"

    @property
    def postal_address(self) -> str:
        """The address with the city, which many addresses contain already."""
        return self.address if self.city in self.address else ", ".join(filter(None, (self.address, self.city)))

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)


class SeatingPlan(EditableRow):
    """One version of how a venue's seats are arranged, in the open seating-plan format.

    A version that an event uses never changes: a new layout is a new version. A seat is named by `place`, its path in
    the layout ("zone.row.seat", counted from 0), because ids and labels of real plans repeat.
    """

    venue = models.ForeignKey(Venue, models.PROTECT, related_name="seating_plans", verbose_name=_("venue"), db_index=False)
    name = models.CharField(_("name"), max_length=200)
    number = models.PositiveIntegerField(_("version"))
    layout = models.JSONField(_("layout"))
    seat_count = models.PositiveIntegerField(_("seats"))
    overview = models.JSONField(editable=False, default=dict, db_default=Value({}, models.JSONField()))  # see `venues.overview`
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
        db_index=False,
    )

    class Meta:
        verbose_name = _("seating plan")
        verbose_name_plural = _("seating plans")
        constraints = [models.UniqueConstraint(fields=["venue", "number"], name="venues_seatingplan_one_per_version")]

    def __str__(self) -> str:
        return f"{self.name} (v{self.number})"
