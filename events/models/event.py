"""Events, and how they are found."""

import zlib
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest, Now
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from evently.accounts.models import Organizer
from evently.database import EditableRow
from evently.money import CURRENCIES, to_minor
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


TOLD_FROM = 3  # letters; shorter words are in every description, and no index finds them
FORGIVEN_FROM = 4  # letters; in shorter words every typing error is another word
TOLD = 0.4  # how close a word is that occurs in the description alone: less than one with a typing error in the title


class Fold(models.Func):
    """A text without capitals and accents, as the database writes `Event.words`; folded once for all rows."""

    template = "(SELECT events_fold(%(expressions)s))"
    output_field = models.TextField()


class EventQuerySet(models.QuerySet["Event"]):
    def of(self, user: Any) -> Self:
        """The events of this person's teams; all for a superuser."""
        return self.filter(organizer__in=Organizer.objects.of(user))

    def public(self) -> Self:
        """What anybody may look at: everything but drafts."""
        return self.exclude(status=Event.Status.DRAFT)

    def upcoming(self) -> Self:
        """Published or postponed, and not over."""
        return self.filter(status__in=[Event.Status.PUBLISHED, Event.Status.POSTPONED], ends_at__gt=Now())

    def with_list_fields(self) -> Self:
        """Load what a list shows of an event along with it: its venue and summary."""
        return self.select_related("venue", "summary").defer("names", "words")

    def matching(self, words: str) -> Self:
        """Those in which every word occurs, in the title, the venue's name, the city or the beginning of the description.

        Accents do not count; words of one or two letters are not looked for in descriptions. In title, venue and city a word of
        at least four letters may have a typing error, which trigrams forgive
        (https://www.postgresql.org/docs/current/pgtrgm.html).
        """
        found = self
        for word in words.split():
            meant = Fold(models.Value(word))
            condition = Q(words__contains=meant) if len(word) >= TOLD_FROM else Q(names__contains=meant)
            if len(word) >= FORGIVEN_FROM:
                condition |= Q(names__trigram_word_similar=meant)
            found = found.filter(condition)
        return found

    def by_relevance(self, words: str) -> Self:
        """First those with the words in their names, as written or nearly so, then those that tell of them; by time.

        Likeness is measured for typing errors alone: for every event with a frequent word it would take a tenth of a second.
        """
        closeness: Any = models.Value(0.0)
        for word in words.split():
            meant = Fold(models.Value(word))
            closeness += models.Case(
                models.When(names__contains=meant, then=1.0),
                models.When(words__contains=meant, then=TOLD),
                default=models.Func(meant, F("names"), function="word_similarity"),
                output_field=models.FloatField(),
            )
        return self.order_by(closeness.desc(), "starts_at", "pk")

    def from_at_most(self, price: Decimal) -> Self:
        """Those whose lowest price is not above `price`, in each event's own currency."""
        cheap = Q()
        for currency in CURRENCIES:
            cheap |= Q(currency=currency, summary__price_from_minor__lte=to_minor(price, currency))
        return self.filter(cheap)

    def with_free_places(self) -> Self:
        """Those that had free places a moment ago, and can be bought at all."""
        return self.filter(status=Event.Status.PUBLISHED, summary__free__gt=0, sale_ends_at__gt=Now())

    def in_city(self, city: str) -> Self:
        return self.filter(venue__city__iexact=city)

    def about(self, topic: str) -> Self:
        return self.filter(category=topic)

    def between(self, start: datetime | None = None, end: datetime | None = None) -> Self:
        """Those that take place, if only in part, from `start` until before `end`; `None` leaves that side open."""
        found = self if start is None else self.filter(ends_at__gt=start)
        return found if end is None else found.filter(starts_at__lt=end)

    def in_the_way_of(self, event: "Event") -> Self:
        """The published events of its venue at its time, unless one of them shares the venue."""
        if event.shares_venue:
            return self.none()
        rivals = self.filter(venue=event.venue_id, status=Event.Status.PUBLISHED, shares_venue=False).exclude(pk=event.pk)
        return rivals.between(event.starts_at, event.ends_at)

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


class Series(EditableRow):
    """Dates that belong together: a run of performances, or what a calendar repeats."""

    organizer = models.ForeignKey(Organizer, models.PROTECT, related_name="series", verbose_name=_("organizer"))
    title = models.CharField(_("title"), max_length=200)

    class Meta:
        verbose_name = _("series")
        verbose_name_plural = _("series")

    def __str__(self) -> str:
        return self.title


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
    series = models.ForeignKey(Series, models.SET_NULL, null=True, blank=True, related_name="events", verbose_name=_("series"))
    source_uid = models.CharField(
        _("imported as"),
        max_length=300,
        blank=True,
        db_default="",
        editable=False,
        help_text=_("Its name in its file."),
    )
    # Of each thing that the file said, a few letters that tell whether a later file says something else.
    source_marks = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), editable=False)
    shares_venue = models.BooleanField(
        _("shares the venue"),
        default=False,
        db_default=False,
        help_text=_("Other events may take place in this venue at the same time."),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+", db_index=False
    )
    title = models.CharField(_("title"), max_length=200)
    slug = models.SlugField(_("slug"), max_length=120, unique=True)
    description = models.TextField(_("description"), blank=True, max_length=20_000, help_text=_("Markdown."))
    category = models.CharField(_("category"), max_length=20, choices=Topic, default=Topic.OTHER)
    image = models.ImageField(_("image"), upload_to="events/", blank=True)
    poster = models.CharField(
        _("poster"), max_length=20, blank=True, help_text=_("Built-in picture, used while there is no image.")
    )
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    doors_at = models.DateTimeField(_("doors open"), null=True, blank=True)
    moved_from = models.DateTimeField(
        _("moved from"), null=True, blank=True, editable=False, help_text=_("When it was to start before it got another date.")
    )
    moved_at = models.DateTimeField(_("moved at"), null=True, blank=True, editable=False)
    currency = models.CharField(_("currency"), max_length=3, choices=[(code, code) for code in CURRENCIES], default="EUR")
    sale_starts_at = models.DateTimeField(_("sale starts"))
    sale_ends_at = models.DateTimeField(_("sale ends"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT, editable=False)
    max_per_booking = models.PositiveSmallIntegerField(
        _("tickets per booking, at most"), default=10, validators=[MinValueValidator(1)]
    )
    max_per_customer = models.PositiveIntegerField(
        _("tickets per customer, at most"), null=True, blank=True, help_text=_("Bought and held together; empty: no limit.")
    )
    tax_rate = models.DecimalField(
        _("VAT in the price, %"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text=_("Empty: the rate of the organizer."),
    )
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    # What search looks at, written by a trigger: title, venue and city, and these with the description's beginning.
    names = models.TextField(blank=True, db_default="", editable=False)
    words = models.TextField(blank=True, db_default="", editable=False)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="events_event_ends_after_start"),
            models.CheckConstraint(condition=Q(sale_ends_at__gt=F("sale_starts_at")), name="events_event_sale_ends_after_start"),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "published", "postponed", "cancelled", "completed"]),
                name="events_event_status_known",
            ),
            models.UniqueConstraint(
                fields=["organizer", "source_uid"], condition=~Q(source_uid=""), name="events_event_imported_once"
            ),
            models.CheckConstraint(condition=Q(max_per_booking__gte=1), name="events_event_sells_one_or_more"),
            models.CheckConstraint(condition=Q(tax_rate=None) | Q(tax_rate__range=(0, 100)), name="events_event_tax_rate_sane"),
        ]
        indexes = [
            models.Index(fields=["starts_at"], condition=Q(status__in=["published", "postponed"]), name="events_event_upcoming"),
            GinIndex(fields=["names"], name="events_event_names", opclasses=["gin_trgm_ops"]),
            GinIndex(fields=["words"], name="events_event_words", opclasses=["gin_trgm_ops"]),
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
