"""The inventory: one row for one place."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from evently.database import Row

from .event import Event
from .offer import Category


class SeatQuerySet(models.QuerySet["Seat"]):
    def lock(self, *, skip_locked: bool = False) -> Self:
        """Lock in primary-key order, so that overlapping bookings cannot deadlock; `clock` is the database's time."""
        return self.annotate(clock=Now()).order_by("pk").select_for_update(of=("self",), no_key=True, skip_locked=skip_locked)

    def with_effective_status(self) -> Self:
        """Annotate `effective`: the status as a buyer sees it, a lapsed hold being available."""
        lapsed = models.When(status=Seat.Status.HELD, held_until__lte=Now(), then=models.Value(Seat.Status.AVAILABLE))
        return self.annotate(effective=models.Case(lapsed, default=F("status"), output_field=models.CharField()))


class Seat(Row):
    """One place that can be sold, numbered or not: one row.

    `rank` orders places from best (0) to worst. `position` numbers the places of an event along the rows: neighbours differ
    by one, across an aisle or to the next row by at least two. `place` is the seat's path in the seating plan.
    `holder` is the booking that has it (no foreign key: bookings build on events); clocks decide who may take a seat,
    `holder` under the seat's lock who owns it.
    """

    class Status(models.TextChoices):
        AVAILABLE = "available", _("available")
        HELD = "held", _("held")
        SOLD = "sold", _("sold")
        BLOCKED = "blocked", _("blocked")

    event = models.ForeignKey(Event, models.CASCADE, related_name="seats", verbose_name=_("event"), db_index=False)
    category = models.ForeignKey(Category, models.CASCADE, related_name="seats", verbose_name=_("category"), db_index=False)
    section = models.CharField(_("section"), max_length=100)
    row = models.CharField(_("row"), max_length=20, blank=True)
    number = models.CharField(_("seat"), max_length=20, blank=True)
    place = models.CharField(_("place in the plan"), max_length=30, blank=True, editable=False)
    position = models.PositiveIntegerField(editable=False)
    rank = models.PositiveIntegerField(editable=False)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.AVAILABLE, db_default=Status.AVAILABLE)
    holder = models.UUIDField(null=True, blank=True, editable=False)
    held_until = models.DateTimeField(null=True, blank=True, editable=False)
    accessible = models.BooleanField(_("wheelchair place"), default=False, db_default=False)
    companion = models.BooleanField(_("companion seat"), default=False, db_default=False)
    restricted_view = models.BooleanField(_("restricted view"), default=False, db_default=False)
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)

    clock: Any  # annotated by lock()
    effective: Any  # annotated by with_effective_status()

    objects = SeatQuerySet.as_manager()

    class Meta:
        verbose_name = _("seat")
        verbose_name_plural = _("seats")
        constraints = [
            models.UniqueConstraint(fields=["event", "position"], name="events_seat_one_per_place"),
            models.CheckConstraint(
                name="events_seat_state_whole",
                condition=Q(status__in=["available", "blocked"], holder=None, held_until=None)
                | Q(status="held", holder__isnull=False, held_until__isnull=False)
                | Q(status="sold", holder__isnull=False, held_until=None),
            ),
        ]
        # No more than these: a hold updates every one of them.
        indexes = [
            models.Index(fields=["event", "category", "rank"], condition=Q(status="available"), name="events_seat_available"),
            models.Index(fields=["event", "held_until"], condition=Q(status="held"), name="events_seat_held"),
            # A hold leaves this one alone: what it is made of never changes with it.
            models.Index(fields=["event", "position"], condition=Q(accessible=True), name="events_seat_accessible"),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.section, self.row, self.number)))

    def is_free(self, *, at: datetime) -> bool:
        return self.status == self.Status.AVAILABLE or (self.held_until is not None and self.held_until <= at)


# Available, or held by somebody whose time is over, swept or not. Only for seats named by primary key: as a search, the OR
# finds no index.
FREE = Q(status=Seat.Status.AVAILABLE) | Q(status=Seat.Status.HELD, held_until__lte=Now())
NOBODY = {"status": Seat.Status.AVAILABLE, "holder": None, "held_until": None, "version": F("version") + 1}
