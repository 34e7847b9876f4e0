"""Events, their categories of places and ticket types as JSON."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from evently.errors import DomainError
from evently.money import decimal_string, digits, to_minor
from evently.rest.teams import TeamField
from payments import runs
from payments.models import RefundRun
from venues.models import Venue

from .models import Category, Event, EventService, PriceChange, Seat, Service, TicketType
from .publishing import count_places_to_make, progress_of
from .repetition import MOST_DATES, Every, Repetition

LARGEST_PRICE = 10_000_000  # a mistyped price does not come near


class NotEditable(DomainError):
    code = "not_editable"
    message = _("This cannot be changed any more: the event is published, or over.")


class PlaceSerializer(serializers.ModelSerializer[Venue]):
    class Meta:
        model = Venue
        fields = ["id", "name", "city", "country", "time_zone"]


class EventSerializer(serializers.ModelSerializer[Event]):
    """An event. `available`, `capacity` and `price_from` are as of a moment ago; `/availability/` counts now."""

    venue = PlaceSerializer()
    url = serializers.SerializerMethodField()
    image = serializers.SerializerMethodField()
    available = serializers.SerializerMethodField()
    capacity = serializers.SerializerMethodField()
    price_from = serializers.SerializerMethodField()

    class Meta:
        model = Event
        fields = [
            *("id", "slug", "title", "description", "category", "status", "organizer", "venue", "seating_plan", "series"),
            *("starts_at", "ends_at", "doors_at", "moved_from", "sale_starts_at", "sale_ends_at", "currency"),
            *("shares_venue", "max_per_booking", "max_per_customer", "available", "capacity", "price_from"),
            *("tax_rate", "image", "url", "version", "created_at", "updated_at"),
        ]
        read_only_fields = fields

    def get_url(self, event: Event) -> str:
        url: str = self.context["request"].build_absolute_uri(event.get_absolute_url())
        return url

    def get_image(self, event: Event) -> str:
        url: str = self.context["request"].build_absolute_uri(event.poster_url)
        return url

    def get_available(self, event: Event) -> int | None:
        return event.summary.free if hasattr(event, "summary") else None

    def get_capacity(self, event: Event) -> int | None:
        return event.summary.capacity if hasattr(event, "summary") else None

    def get_price_from(self, event: Event) -> str | None:
        lowest = event.summary.price_from_minor if hasattr(event, "summary") else None
        return None if lowest is None else decimal_string(lowest, event.currency)


class EventWriteSerializer(serializers.ModelSerializer[Event]):
    organizer = TeamField()

    class Meta:
        model = Event
        fields = [
            *("organizer", "venue", "seating_plan", "title", "slug", "description", "category"),
            *("starts_at", "ends_at", "doors_at", "currency", "sale_starts_at", "sale_ends_at"),
            *("max_per_booking", "max_per_customer", "shares_venue", "tax_rate"),
        ]
        extra_kwargs = {
            "slug": {"required": False},
            "sale_starts_at": {"required": False, "help_text": "Left out: at once."},
            "sale_ends_at": {"required": False, "help_text": "Left out: when the event starts."},
        }

    # What tickets are bought for, and what seats and prices were made of.
    SETTLED = ("organizer", "venue", "seating_plan", "slug", "starts_at", "ends_at", "doors_at", "currency", "shares_venue")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        event = self.instance
        if event is not None:
            self._refuse_late_changes(event, attrs)
        else:
            attrs = {"sale_starts_at": timezone.now(), "sale_ends_at": attrs["starts_at"]} | attrs
        value = _merged(event, attrs, self.fields)
        errors: dict[str, Any] = {}
        if value["ends_at"] <= value["starts_at"]:
            errors["ends_at"] = [_("It must end after it starts.")]
        if value["doors_at"] and value["doors_at"] > value["starts_at"]:
            errors["doors_at"] = [_("The doors must open before it starts.")]
        if value["sale_ends_at"] <= value["sale_starts_at"]:
            errors["sale_ends_at"] = [_("The sale must end after it starts.")]
        if value["seating_plan"] and value["seating_plan"].venue_id != value["venue"].pk:
            errors["seating_plan"] = [_("This plan is of another venue.")]
        if errors:
            raise serializers.ValidationError(errors)
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Event:
        if "slug" not in validated_data:
            slug = slugify(validated_data["title"])[:100] or "event"
            taken = Event.objects.filter(slug=slug).exists()
            validated_data["slug"] = f"{slug}-{get_random_string(6).lower()}" if taken else slug
        return super().create(validated_data)

    def _refuse_late_changes(self, event: Event, attrs: dict[str, Any]) -> None:
        if event.status in (Event.Status.CANCELLED, Event.Status.COMPLETED):
            raise NotEditable
        changed = [name for name in self.SETTLED if name in attrs and attrs[name] != getattr(event, name)]
        if event.status != Event.Status.DRAFT and changed:
            raise NotEditable(_("Once an event is published this stays as it is: %(names)s.") % {"names": ", ".join(changed)})


class CloneSerializer(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=200, required=False, help_text="Left out: the same.")
    starts_at = serializers.DateTimeField(help_text="Doors, end and sale move along with it, by the clock of the venue.")


class RepeatSerializer(serializers.Serializer[Any]):
    every = serializers.ChoiceField(Every.choices)
    interval = serializers.IntegerField(min_value=1, max_value=52, default=1, help_text="2: every other week or day.")
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6),
        default=list,
        max_length=7,
        help_text="Of weeks; 0 is Monday. Empty: on the day of this event.",
    )
    until = serializers.DateField(required=False)
    count = serializers.IntegerField(min_value=1, max_value=MOST_DATES, required=False, help_text="How many more.")
    dry_run = serializers.BooleanField(default=False, help_text="Only tell what would be made.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "until" not in attrs and "count" not in attrs:
            raise serializers.ValidationError(_("Say until when (`until`), or how many (`count`)."))
        return attrs

    def repetition(self) -> Repetition:
        wish = self.validated_data
        return Repetition(
            every=Every(wish["every"]),
            interval=wish["interval"],
            weekdays=frozenset(wish["weekdays"]),
            until=wish.get("until"),
            count=wish.get("count", MOST_DATES),
        )


class PlannedDateSerializer(serializers.Serializer[Any]):
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    venue_free = serializers.BooleanField(help_text="Whether no published event is in the venue then, unless they share it.")
    is_there = serializers.BooleanField(help_text="Whether the series had this date before.")


class RescheduleSerializer(serializers.Serializer[Any]):
    """What is left out moves along with the start, by the clock of the venue."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(required=False)
    doors_at = serializers.DateTimeField(required=False)
    sale_ends_at = serializers.DateTimeField(required=False)


@extend_schema_field(OpenApiTypes.STR)
class PriceField(serializers.DecimalField):
    """An amount in the event's currency, all fees included, like "84.00"."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=14, decimal_places=3, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        amount: Decimal = super().to_internal_value(data)
        currency: str = self.context["event"].currency
        if not 0 <= amount <= LARGEST_PRICE:
            raise serializers.ValidationError(_("A price is between 0 and %(most)d.") % {"most": LARGEST_PRICE})
        if amount.scaleb(digits(currency)) % 1:
            raise serializers.ValidationError(_("%(currency)s has no smaller coins than that.") % {"currency": currency})
        return to_minor(amount, currency)

    def to_representation(self, value: Any) -> str:
        return decimal_string(value, self.context["event"].currency)


class CategorySerializer(serializers.ModelSerializer[Category]):
    class Meta:
        model = Category
        fields = ["id", "name", "plan_category", "numbered", "capacity", "position"]

    def validate_name(self, name: str) -> str:
        return _unique_name(self, Category.objects.filter(event=self.context["event"]), name)


class TicketTypeSerializer(serializers.ModelSerializer[TicketType]):
    price = PriceField(
        source="price_minor", help_text="What it costs now. Setting it sets the price that pricing rules start from."
    )
    base_price = PriceField(source="base_minor", read_only=True, help_text="What it would cost without pricing rules.")
    category = serializers.PrimaryKeyRelatedField(queryset=Category.objects.none())
    category_name = serializers.CharField(source="category.name", read_only=True)

    class Meta:
        model = TicketType
        fields = [
            *("id", "category", "category_name", "name", "description", "price", "base_price", "is_default", "min_per_booking"),
            *("max_per_booking", "limit", "sale_starts_at", "sale_ends_at", "position", "sold_to", "tax_rate"),
        ]
        validators: list[Any] = []  # `validate` does it, knowing the event

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        if "event" in self.context:
            fields["category"].queryset = Category.objects.filter(event=self.context["event"])
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        value = _merged(self.instance, attrs, self.fields)
        siblings = TicketType.objects.filter(category=value["category"])
        if self.instance is not None:
            siblings = siblings.exclude(pk=self.instance.pk)
        errors: dict[str, Any] = {}
        if siblings.filter(name=value["name"]).exists():
            errors["name"] = [_("This category has one of this name already.")]
        if value["is_default"] and siblings.filter(is_default=True).exists():
            errors["is_default"] = [_("Another one is the default of this category.")]
        if value["is_default"] and value["sold_to"] not in (None, TicketType.SoldTo.EVERYBODY):
            errors["sold_to"] = [_("The default of a category is for everybody.")]
        price_minor = attrs.get("price_minor", getattr(self.instance, "price_minor", None))
        if value["sold_to"] == TicketType.SoldTo.STAFF and price_minor:
            errors["price"] = [_("What the team gives costs nothing.")]
        if value["max_per_booking"] is not None and value["max_per_booking"] < (value["min_per_booking"] or 1):
            errors["max_per_booking"] = [_("This cannot be less than the smallest number.")]
        if value["sale_starts_at"] and value["sale_ends_at"] and value["sale_ends_at"] <= value["sale_starts_at"]:
            errors["sale_ends_at"] = [_("The sale must end after it starts.")]
        if errors:
            raise serializers.ValidationError(errors)
        return attrs | ({"base_price_minor": None} if "price_minor" in attrs else {})


class ServiceSerializer(serializers.ModelSerializer[Service]):
    """Something that a team offers at its events, like parking."""

    class Meta:
        model = Service
        fields = ["id", "organizer", "name", "description", "version", "created_at", "updated_at"]
        read_only_fields = fields


class ServiceWriteSerializer(serializers.ModelSerializer[Service]):
    organizer = TeamField()

    class Meta:
        model = Service
        fields = ["organizer", "name", "description"]
        validators: list[Any] = []  # two of one name are a conflict


class EventServiceSerializer(serializers.ModelSerializer[EventService]):
    service = serializers.PrimaryKeyRelatedField(queryset=Service.objects.none())
    name = serializers.CharField(source="service.name", read_only=True)
    description = serializers.CharField(source="service.description", read_only=True)
    price = PriceField(source="price_minor")
    left = serializers.SerializerMethodField(help_text="`null`: as many as wished.")

    class Meta:
        model = EventService
        fields = [
            *("id", "service", "name", "description", "price", "stock", "left", "max_per_booking", "position", "is_active"),
            "tax_rate",
        ]
        validators: list[Any] = []  # `validate_service` does it, knowing the event

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        if "event" in self.context:
            fields["service"].queryset = Service.objects.filter(organizer=self.context["event"].organizer_id)
        return fields

    def validate_service(self, service: Service) -> Service:
        same = EventService.objects.filter(event=self.context["event"], service=service)
        if self.instance is not None:
            same = same.exclude(pk=self.instance.pk)
        if same.exists():
            raise serializers.ValidationError(_("The event has this service already."))
        return service

    @extend_schema_field(OpenApiTypes.INT)
    def get_left(self, service: EventService) -> int | None:
        left: dict[Any, int | None] = self.context.get("left", {})
        return left.get(service.pk, service.stock)


class PriceChangeSerializer(serializers.ModelSerializer[PriceChange]):
    """A ticket type got another price, and why. What was held before keeps its price."""

    ticket_type_name = serializers.CharField(source="ticket_type.name")
    category_name = serializers.CharField(source="ticket_type.category.name")
    old_price = PriceField(source="old_minor")
    new_price = PriceField(source="new_minor")
    changed_at = serializers.DateTimeField(source="created_at")
    sold_percent = serializers.IntegerField(help_text="How much of the category was sold then.")

    class Meta:
        model = PriceChange
        fields = [
            *("id", "ticket_type", "ticket_type_name", "category_name", "old_price", "new_price", "reason", "sold_percent"),
            "changed_at",
        ]
        read_only_fields = fields


class SeatSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    section = serializers.CharField()
    row = serializers.CharField()
    number = serializers.CharField(help_text="Empty for general admission.")
    category = serializers.UUIDField()
    price = serializers.CharField(allow_null=True, help_text="Of the category's default ticket type.")
    status = serializers.ChoiceField(Seat.Status.choices, help_text="Now: a hold that has lapsed is available.")


class CountsSerializer(serializers.Serializer[Any]):
    capacity = serializers.IntegerField()
    available = serializers.IntegerField()
    held = serializers.IntegerField()
    sold = serializers.IntegerField()
    blocked = serializers.IntegerField()


class CategoryCountsSerializer(CountsSerializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    numbered = serializers.BooleanField()


class AvailabilitySerializer(CountsSerializer):
    event = serializers.UUIDField()
    categories = CategoryCountsSerializer(many=True)


class PublishingSerializer(serializers.Serializer[Any]):
    """How far the publishing of an event is."""

    state = serializers.ChoiceField(
        ["draft", "publishing", "refused", "published", "postponed", "cancelled", "completed"],
        help_text="`refused`: a draft still, for the `reasons`. `publishing`: under way. Otherwise the event's status.",
    )
    made = serializers.IntegerField(help_text="Places made so far; none of them is on sale before all are.")
    places = serializers.IntegerField()
    reasons = serializers.ListField(child=serializers.CharField())


def render_publishing(event: Event) -> dict[str, Any]:
    """For `PublishingSerializer`. The event's status has the last word: what is told in between may be lost."""
    places = count_places_to_make(event)
    if event.status != Event.Status.DRAFT:
        return {"state": event.status, "made": places, "places": places, "reasons": []}
    progress = progress_of(event.pk)
    if progress is None:
        return {"state": "draft", "made": 0, "places": places, "reasons": []}
    state = "refused" if progress.refusals else "publishing"
    return {"state": state, "made": progress.made, "places": progress.places, "reasons": list(progress.refusals)}


class CancellingSerializer(serializers.Serializer[Any]):
    """How far the cancelling of an event is, and what becomes of the money."""

    state = serializers.ChoiceField(
        ["draft", "published", "postponed", "completed", "cancelling", "cancelled"],
        help_text="`cancelling`: the event is cancelled, some of its bookings are not yet.",
    )
    bookings = serializers.IntegerField(help_text="To be cancelled, held ones among them, as found at the start.")
    left = serializers.IntegerField(help_text="How many of them are not cancelled yet.")
    currency = serializers.CharField()
    due = serializers.CharField(help_text="To give back, as found at the start.")
    promised = serializers.CharField(help_text="Of the bookings that are cancelled.")
    paid_back = serializers.CharField()
    failed = serializers.CharField(help_text="What could not be paid back and needs somebody of the team.")


def render_cancelling(event: Event) -> dict[str, Any]:
    """For `CancellingSerializer`: of a run as it is now, or else what one would do."""
    run = RefundRun.objects.filter(event=event.pk).first()
    if run:
        run_now = runs.progress_of(run)
        bookings, left, due_minor = run_now.bookings, run_now.left, run.due_minor
        money = {"promised": run_now.promised_minor, "paid_back": run_now.paid_minor, "failed": run_now.failed_minor}
    else:
        plan = runs.plan_cancelling(event.pk)
        bookings, left, due_minor = plan.bookings, plan.bookings, plan.due_minor
        money = {"promised": 0, "paid_back": 0, "failed": 0}
    return {
        "state": "cancelling" if event.status == Event.Status.CANCELLED and left else event.status,
        "bookings": bookings,
        "left": left,
        "currency": event.currency,
        "due": decimal_string(due_minor, event.currency),
        **{name: decimal_string(minor, event.currency) for name, minor in money.items()},
    }


def _unique_name(serializer: serializers.ModelSerializer[Any], siblings: Any, name: str) -> str:
    if serializer.instance is not None:
        siblings = siblings.exclude(pk=serializer.instance.pk)
    if siblings.filter(name=name).exists():
        raise serializers.ValidationError(_("This event has one of this name already."))
    return name


def _merged(row: Any, changes: dict[str, Any], names: Iterable[Any]) -> dict[str, Any]:
    """What the row would be."""
    return {name: changes.get(name, getattr(row, name, None)) for name in names}
