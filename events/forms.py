from datetime import date, timedelta
from typing import Any

from django import forms
from django.db.models import F
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from .models import Event, EventQuerySet, VenueDay

WEEK = timedelta(days=7)


class FindForm(forms.Form):
    """What a visitor looks for; every part is optional and lives in the address of the page."""

    WHEN = (("today", _("Today")), ("weekend", _("This weekend")), ("week", _("Next 7 days")))

    q = forms.CharField(required=False, max_length=100, label=_("Event, artist or place"))
    when = forms.ChoiceField(required=False, choices=[("", _("Any day")), *WHEN], label=_("When"))
    since = forms.DateField(required=False, label=_("From"), widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    until = forms.DateField(required=False, label=_("To"), widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    city = forms.CharField(required=False, max_length=100, label=_("City"))
    category = forms.ChoiceField(required=False, choices=[("", _("Everything")), *Event.Topic.choices], label=_("Category"))

    price = forms.DecimalField(
        required=False,
        min_value=0,
        max_digits=9,
        decimal_places=2,
        label=_("Price up to"),
    )
    free = forms.BooleanField(required=False, label=_("Only with free places"))
    sort = forms.ChoiceField(
        required=False,
        choices=[("", _("Best match, then date")), ("date", _("Date")), ("price", _("Lowest price")), ("title", _("Name"))],
        label=_("Sorted by"),
    )

    @property
    def is_filtering(self) -> bool:
        return any(value not in ("", None, False) for name, value in self.cleaned_data.items() if name != "sort")

    @property
    def wishes(self) -> list[tuple[str, str]]:
        """What was asked for in words, each with the name of its part of the address: what a click takes back."""
        told = {
            "q": "“{}”",
            "city": "{}",
            "since": _("from {}"),
            "until": _("until {}"),
            "price": _("up to {}"),
            "free": _("with free places"),
        }
        found = []
        for name, words in told.items():
            if (value := self.cleaned_data.get(name)) not in ("", None, False):
                shown = date_format(value, "j M Y") if isinstance(value, date) else value
                found.append((name, str(words).format(shown)))
        for name in ("when", "category"):
            if value := self.cleaned_data.get(name):
                found.append((name, str(dict(self.fields[name].choices)[value])))  # type: ignore[attr-defined]
        return found

    def apply(self, events: EventQuerySet) -> EventQuerySet:
        """Narrow the events down to what was understood of the wishes; call `is_valid` first."""
        wishes: dict[str, Any] = self.cleaned_data
        if words := wishes.get("q"):
            events = events.matching(words)
        if city := wishes.get("city"):
            events = events.in_city(city)
        if category := wishes.get("category"):
            events = events.about(category)
        if (price := wishes.get("price")) is not None:
            events = events.from_at_most(price)
        if wishes.get("free"):
            events = events.with_free_places()
        if since := wishes.get("since"):
            events = events.alias(last_day=VenueDay(F("ends_at"))).filter(last_day__gte=since)
        if until := wishes.get("until"):
            events = events.alias(first_day=VenueDay(F("starts_at"))).filter(first_day__lte=until)
        match wishes.get("when"):
            case "today":
                events = events.today()
            case "weekend":
                events = events.this_weekend()
            case "week":
                now = timezone.now()
                events = events.between(now, now + WEEK)
        return self._sorted(events)

    def _sorted(self, events: EventQuerySet) -> EventQuerySet:
        wishes: dict[str, Any] = self.cleaned_data
        match wishes.get("sort"):
            case "price":
                return events.order_by(F("summary__price_from_minor").asc(nulls_last=True), "starts_at", "pk")
            case "title":
                return events.order_by("title", "starts_at", "pk")
            case "date":
                return events.order_by("starts_at", "pk")
        words = wishes.get("q")
        return events.by_relevance(words) if words else events.order_by("starts_at", "pk")
