"""What callers of the API may ask for in the address of a list."""

from typing import Any, Self

from django.db.models import F, Q
from rest_framework import serializers
from rest_framework.request import Request

from .models import Event, EventQuerySet, Seat, SeatQuerySet

ORDERS = {
    "starts_at": F("starts_at").asc(),
    "-starts_at": F("starts_at").desc(),
    "price": F("summary__price_from_minor").asc(nulls_last=True),
    "-price": F("summary__price_from_minor").desc(nulls_last=True),
    "title": F("title").asc(),
    "-title": F("title").desc(),
}


class Query(serializers.Serializer[Any]):
    """Every part is optional, an empty one is none; what makes no sense is refused."""

    @classmethod
    def read(cls, request: Request) -> Self:
        query = cls(data={name: value for name, value in request.query_params.items() if value})
        query.is_valid(raise_exception=True)
        return query


class EventQuery(Query):
    search = serializers.CharField(
        required=False,
        max_length=100,
        help_text="Words in title, venue, city, description; forgives typing errors.",
    )
    city = serializers.CharField(required=False, max_length=100)
    category = serializers.ChoiceField(Event.Topic.choices, required=False)
    series = serializers.UUIDField(required=False, help_text="The dates of this series.")
    starts_after = serializers.DateTimeField(required=False)
    starts_before = serializers.DateTimeField(required=False)
    price_max = serializers.DecimalField(14, 3, required=False, min_value=0, help_text="In each event's own currency.")
    available = serializers.BooleanField(required=False, help_text="Whether places are free, as of a moment ago.")
    status = serializers.ChoiceField(Event.Status.choices, required=False, help_text="Left out: what is still to come.")
    ordering = serializers.ChoiceField(
        [*ORDERS, "relevance"], required=False, help_text="Left out: `relevance` when words are searched for, else `starts_at`."
    )

    def apply(self, events: EventQuerySet) -> EventQuerySet:
        """Narrow the events down to what is asked for, in the order that is asked for."""
        wish: dict[str, Any] = self.validated_data
        events = events.filter(status=wish["status"]) if "status" in wish else events.upcoming()
        if "search" in wish:
            events = events.matching(wish["search"])
        if "city" in wish:
            events = events.in_city(wish["city"])
        if "category" in wish:
            events = events.about(wish["category"])
        if "series" in wish:
            events = events.filter(series=wish["series"])
        if "starts_after" in wish:
            events = events.filter(starts_at__gte=wish["starts_after"])
        if "starts_before" in wish:
            events = events.filter(starts_at__lt=wish["starts_before"])
        if "available" in wish:
            events = events.with_free_places() if wish["available"] else events.filter(summary__free=0)
        if "price_max" in wish:
            events = events.from_at_most(wish["price_max"])
        words = wish.get("search", "")
        ordering = wish.get("ordering", "relevance" if words else "starts_at")
        return events.by_relevance(words) if ordering == "relevance" else events.order_by(ORDERS[ordering], "pk")


class SeatQuery(Query):
    status = serializers.ChoiceField(Seat.Status.choices, required=False, help_text="Now: a lapsed hold is available.")
    section = serializers.CharField(required=False, max_length=100, trim_whitespace=False)

    def apply(self, seats: SeatQuerySet) -> SeatQuerySet:
        """Annotate `effective` and narrow the seats down."""
        wish: dict[str, Any] = self.validated_data
        seats = seats.with_effective_status()
        if "status" in wish:
            seats = seats.filter(Q(effective=wish["status"]))
        if "section" in wish:
            seats = seats.filter(section=wish["section"])
        return seats
