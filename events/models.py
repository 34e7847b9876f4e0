"""What is sold: events, their categories of places, ticket types and seats."""

import zlib
from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Now
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from evently.accounts.models import Organizer
from evently.database import EditableRow, Row
from evently.money import CURRENCIES
from venues.models import SeatingPlan, Venue

# Built-in pictures, in static/img/posters.
POSTERS = (
    *("arches", "boxes", "confetti", "curtain", "keys", "lights", "mountains", "pixels", "sky"),
    *("stadium", "stadium-gold", "stadium-rose", "talk", "vinyl"),
)


class VenueDay(models.Func):
    """The day of a time by the calendar at the event's venue; `friday` and `sunday` are those of its week."""

    output_field = models.DateField()
    template = "timezone(%(expressions)s)::date"
    friday = "(date_trunc('week', timezone(%(expressions)s))::date + 4)"
    sunday = "(date_trunc('week', timezone(%(expressions)s))::date + 6)"

    def __init__(self, time: Any, **more: Any) -> None:
        super().__init__(F("venue__time_zone"), time, **more)


class EventQuerySet(models.QuerySet["Event"]):
    def of(self, user: Any) -> Self:
        """The events of this person's teams; all for a superuser."""
        return self.filter(organizer__in=Organizer.objects.of(user))

    def public(self) -> Self:
        """What anybody may look at: everything but drafts."""
        return self.exclude(status=Event.Status.DRAFT)

    def upcoming(self) -> Self:
        """Published or postponed, and not over."""
        return self.filter(
            status__in=[Event.Status.PUBLISHED, Event.Status.POSTPONED],
            ends_at__gt=Now(),
        )

    def with_list_fields(self) -> Self:
        """Load what a list shows of an event along with it: its venue and summary."""
        return self.select_related("venue", "summary")

    def matching(self, words: str) -> Self:
        """Those in which every word occurs: in the title, the venue's name, the city or the description."""
        found = self
        for word in words.split():
            found = found.filter(
                Q(title__icontains=word)
                | Q(venue__name__icontains=word)
                | Q(venue__city__icontains=word)
                | Q(description__icontains=word)
            )
        return found

    def in_city(self, city: str) -> Self:
        return self.filter(venue__city__iexact=city)

    def about(self, topic: str) -> Self:
        return self.filter(category=topic)

    def between(self, start: datetime | None = None, end: datetime | None = None) -> Self:
        """Those that take place, if only in part, from `start` until before `end`; `None` leaves that side open."""
        found = self if start is None else self.filter(ends_at__gt=start)
        return found if end is None else found.filter(starts_at__lt=end)

    def today(self) -> Self:
        """Those that take place today by the venue's own calendar."""
        return self._on_days(VenueDay(Now()), VenueDay(Now()))

    def this_weekend(self) -> Self:
        """Those that take place from this week's Friday to its Sunday, except on days that are over."""
        friday, sunday = (VenueDay(Now(), template=day) for day in (VenueDay.friday, VenueDay.sunday))
        return self._on_days(Greatest(VenueDay(Now()), friday), sunday)

    def _on_days(self, first: models.Func, last: models.Func) -> Self:
        days = self.alias(first_day=VenueDay(F("starts_at")), last_day=VenueDay(F("ends_at")))
        return days.filter(last_day__gte=first, first_day__lte=last)


class Event(EditableRow):
    """Something that happens at a venue at a time and is sold by the seat. Times are UTC, shown in the venue's zone."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        POSTPONED = "postponed", _("postponed")
        CANCELLED = "cancelled", _("cancelled")
        COMPLETED = "completed", _("completed")

    class Topic(models.TextChoices):
        MUSIC = "music", _("Music")
        THEATRE = "theatre", _("Theatre")
        COMEDY = "comedy", _("Comedy")
        SPORT = "sport", _("Sport")
        CONFERENCE = "conference", _("Conference")
        FAMILY = "family", _("Family")
        OTHER = "other", _("Other")

    organizer = models.ForeignKey(Organizer, models.PROTECT, related_name="events", verbose_name=_("organizer"))
    venue = models.ForeignKey(Venue, models.PROTECT, related_name="events", verbose_name=_("venue"))
    seating_plan = models.ForeignKey(
        SeatingPlan,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="events",
        verbose_name=_("seating plan"),
        help_text=_("The version that this event is sold by. Empty: no numbered seats."),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        db_index=False,
    )
    title = models.CharField(_("title"), max_length=200)
    slug = models.SlugField(_("slug"), max_length=120, unique=True)
    description = models.TextField(_("description"), blank=True, max_length=20_000, help_text=_("Markdown."))
    category = models.CharField(_("category"), max_length=20, choices=Topic, default=Topic.OTHER)
    image = models.ImageField(_("image"), upload_to="events/", blank=True)
    poster = models.CharField(
        _("poster"),
        max_length=20,
        blank=True,
        help_text=_("Built-in picture, used while there is no image."),
    )
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    doors_at = models.DateTimeField(_("doors open"), null=True, blank=True)
    currency = models.CharField(
        _("currency"),
        max_length=3,
        choices=[(code, code) for code in CURRENCIES],
        default="EUR",
    )
    sale_starts_at = models.DateTimeField(_("sale starts"))
    sale_ends_at = models.DateTimeField(_("sale ends"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT, editable=False)
    max_per_booking = models.PositiveSmallIntegerField(
        _("tickets per booking, at most"), default=10, validators=[MinValueValidator(1)]
    )
    max_per_customer = models.PositiveIntegerField(
        _("tickets per customer, at most"),
        null=True,
        blank=True,
        help_text=_("Bought and held together; empty: no limit."),
    )
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="events_event_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(sale_ends_at__gt=F("sale_starts_at")),
                name="events_event_sale_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=[
                        "draft",
                        "published",
                        "postponed",
                        "cancelled",
                        "completed",
                    ]
                ),
                name="events_event_status_known",
            ),
            models.CheckConstraint(
                condition=Q(max_per_booking__gte=1),
                name="events_event_sells_one_or_more",
            ),
        ]
        indexes = [
            models.Index(
                fields=["starts_at"],
                condition=Q(status__in=["published", "postponed"]),
                name="events_event_upcoming",
            )
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("events:show-event", kwargs={"slug": self.slug})

    @property
    def poster_url(self) -> str:
        """Where the picture is: the uploaded one, else the chosen built-in one, else one that depends on the slug alone."""
        if self.image:
            return self.image.url
        names = POSTERS if self.poster not in POSTERS else (self.poster,)
        return static(f"img/posters/{names[zlib.crc32(self.slug.encode()) % len(names)]}.svg")


class Category(EditableRow):
    """Places of an event that cost the same, like “Front stalls” or “Standing”."""

    event = models.ForeignKey(
        Event,
        models.CASCADE,
        related_name="categories",
        verbose_name=_("event"),
        db_index=False,
    )
    name = models.CharField(_("name"), max_length=100)
    plan_category = models.CharField(
        _("category in the plan"),
        max_length=100,
        blank=True,
        help_text=_("Its seats of the seating plan belong here."),
    )
    numbered = models.BooleanField(
        _("numbered seats"),
        default=True,
        help_text=_("No: general admission, any place is as good as another."),
    )
    capacity = models.PositiveIntegerField(
        _("places"),
        null=True,
        blank=True,
        help_text=_("For general admission: how many."),
    )
    position = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("category of places")
        verbose_name_plural = _("categories of places")
        constraints = [models.UniqueConstraint(fields=["event", "name"], name="events_category_one_per_name")]

    def __str__(self) -> str:
        return self.name


class TicketType(EditableRow):
    """How places of a category are sold: to whom, at what price (minor units, all fees included)."""

    event = models.ForeignKey(
        Event,
        models.CASCADE,
        related_name="ticket_types",
        verbose_name=_("event"),
        editable=False,
    )
    category = models.ForeignKey(
        Category,
        models.CASCADE,
        related_name="ticket_types",
        verbose_name=_("category"),
        db_index=False,
    )
    name = models.CharField(_("name"), max_length=100)
    description = models.CharField(_("description"), max_length=300, blank=True)
    price_minor = models.PositiveBigIntegerField(_("price, in minor units"))
    is_default = models.BooleanField(_("chosen unless the buyer says otherwise"), default=False)
    min_per_booking = models.PositiveSmallIntegerField(_("at least per booking"), default=1, validators=[MinValueValidator(1)])
    max_per_booking = models.PositiveSmallIntegerField(_("at most per booking"), null=True, blank=True)
    limit = models.PositiveIntegerField(_("at most in all"), null=True, blank=True)
    sale_starts_at = models.DateTimeField(
        _("sale starts"),
        null=True,
        blank=True,
        help_text=_("Empty: with the event's sale."),
    )
    sale_ends_at = models.DateTimeField(
        _("sale ends"),
        null=True,
        blank=True,
        help_text=_("Empty: with the event's sale."),
    )
    position = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("ticket type")
        verbose_name_plural = _("ticket types")
        constraints = [
            models.UniqueConstraint(fields=["category", "name"], name="events_tickettype_one_per_name"),
            models.UniqueConstraint(
                fields=["category"],
                condition=Q(is_default=True),
                name="events_tickettype_one_default",
            ),
            models.CheckConstraint(
                condition=Q(min_per_booking__gte=1) & (Q(max_per_booking=None) | Q(max_per_booking__gte=F("min_per_booking"))),
                name="events_tickettype_min_not_above_max",
            ),
            models.CheckConstraint(
                condition=Q(sale_starts_at=None) | Q(sale_ends_at=None) | Q(sale_ends_at__gt=F("sale_starts_at")),
                name="events_tickettype_sale_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SeatQuerySet(models.QuerySet["Seat"]):
    def lock(self, *, skip_locked: bool = False) -> Self:
        """Lock in primary-key order, so that overlapping bookings cannot deadlock; `clock` is the database's time."""
        return self.annotate(clock=Now()).order_by("pk").select_for_update(of=("self",), no_key=True, skip_locked=skip_locked)

    def with_effective_status(self) -> Self:
        """Annotate `effective`: the status as a buyer sees it, a lapsed hold being available."""
        lapsed = models.When(
            status=Seat.Status.HELD,
            held_until__lte=Now(),
            then=models.Value(Seat.Status.AVAILABLE),
        )
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

    event = models.ForeignKey(
        Event,
        models.CASCADE,
        related_name="seats",
        verbose_name=_("event"),
        db_index=False,
    )
    category = models.ForeignKey(
        Category,
        models.CASCADE,
        related_name="seats",
        verbose_name=_("category"),
        db_index=False,
    )
    section = models.CharField(_("section"), max_length=100)
    row = models.CharField(_("row"), max_length=20, blank=True)
    number = models.CharField(_("seat"), max_length=20, blank=True)
    place = models.CharField(_("place in the plan"), max_length=30, blank=True, editable=False)
    position = models.PositiveIntegerField(editable=False)
    rank = models.PositiveIntegerField(editable=False)
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=Status,
        default=Status.AVAILABLE,
        db_default=Status.AVAILABLE,
    )
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
            models.Index(
                fields=["event", "category", "rank"],
                condition=Q(status="available"),
                name="events_seat_available",
            ),
            models.Index(
                fields=["event", "held_until"],
                condition=Q(status="held"),
                name="events_seat_held",
            ),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.section, self.row, self.number)))

    def is_free(self, *, at: datetime) -> bool:
        return self.status == self.Status.AVAILABLE or (self.held_until is not None and self.held_until <= at)


# Available, or held by somebody whose time is over, swept or not. Only for seats named by primary key: as a search, the OR
# finds no index.
FREE = Q(status=Seat.Status.AVAILABLE) | Q(status=Seat.Status.HELD, held_until__lte=Now())
NOBODY = {
    "status": Seat.Status.AVAILABLE,
    "holder": None,
    "held_until": None,
    "version": F("version") + 1,
}


class EventSummary(models.Model):
    """What lists and search show of an event: a hint, refreshed by the worker, never used to sell. Prices in minor units."""

    event = models.OneToOneField(
        Event,
        models.CASCADE,
        primary_key=True,
        related_name="summary",
        verbose_name=_("event"),
    )
    free = models.PositiveIntegerField(_("free places"))
    capacity = models.PositiveIntegerField(_("places"))
    price_from_minor = models.PositiveBigIntegerField(_("lowest price"), null=True)
    refreshed_at = models.DateTimeField(_("refreshed"), db_default=Now())

    class Meta:
        verbose_name = _("event summary")
        verbose_name_plural = _("event summaries")
        constraints = [
            models.CheckConstraint(
                condition=Q(free__lte=F("capacity")),
                name="events_summary_free_within_capacity",
            )
        ]

    def __str__(self) -> str:
        return f"{self.free}/{self.capacity}"

    @property
    def is_sold_out(self) -> bool:
        return self.free == 0

    @property
    def has_few_left(self) -> bool:
        """A tenth or less."""
        return 0 < self.free * 10 <= self.capacity
