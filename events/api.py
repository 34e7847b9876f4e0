"""Events, what they sell and what is left of it, as JSON."""

from collections import Counter
from contextlib import suppress
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.db import models, transaction
from django.db.models import Count
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from kombu.exceptions import OperationalError as BrokerDown
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from bookings.sale import Buyer
from bookings.services import count_left, opened_by, stop_sale
from evently.accounts.authentication import person_of
from evently.accounts.models import User
from evently.database import uuid7
from evently.money import decimal_string
from evently.network import hashed_address
from evently.rest.idempotency import once_of
from evently.rest.pagination import WholeList, listing
from evently.rest.schema import IDEMPOTENCY_KEY, IF_MATCH
from evently.rest.teams import WRITES, TeamViewSet, check_may_edit
from evently.rest.throttling import count_code
from evently.rest.versions import check_version
from payments.runs import ongoing
from payments.services import cancel_event
from payments.tasks import cancel_event as cancel_in_background

from . import services, summary
from .models import LONGEST_CODE, Category, Event, EventQuerySet, EventService, PriceChange, Seat, Service, TicketType
from .publishing import QUICK, is_large
from .queries import EventQuery, SeatQuery
from .repricing import prices_of, reprice
from .serializers import (
    AvailabilitySerializer,
    CancellingSerializer,
    CategorySerializer,
    CloneSerializer,
    EventSerializer,
    EventServiceSerializer,
    EventWriteSerializer,
    NotEditable,
    PlannedDateSerializer,
    PriceChangeSerializer,
    PublishingSerializer,
    RepeatSerializer,
    RescheduleSerializer,
    SeatSerializer,
    ServiceSerializer,
    ServiceWriteSerializer,
    TicketTypeSerializer,
    render_cancelling,
    render_publishing,
)
from .tasks import publish_later

M = TypeVar("M", bound=models.Model)


def visible_events(request: Request) -> EventQuerySet:
    """What is public, and the drafts of the caller's own teams."""
    events = Event.objects.public()
    if request.user.is_authenticated:
        events |= Event.objects.of(person_of(request))
    return events


@extend_schema(tags=["events"])
@extend_schema_view(
    list=extend_schema(
        operation_id="list_events",
        summary="Find events",
        description="Without `status` those still to come; soonest first.",
        parameters=[EventQuery],
    ),
    retrieve=extend_schema(operation_id="show_event", summary="An event"),
    create=extend_schema(
        operation_id="create_event",
        summary="Make a draft",
        parameters=[IDEMPOTENCY_KEY],
        request=EventWriteSerializer,
        responses={201: EventSerializer},
    ),
    partial_update=extend_schema(
        operation_id="change_event",
        summary="Change an event",
        description="Once it is published, what tickets were bought for stays: venue, times, currency, address of the page.",
        parameters=[IF_MATCH],
        request=EventWriteSerializer,
        responses=EventSerializer,
    ),
    destroy=extend_schema(operation_id="delete_event", summary="Delete a draft", parameters=[IF_MATCH]),
)
class EventViewSet(TeamViewSet[Event]):
    serializer_class = EventSerializer
    write_serializer_class = EventWriteSerializer
    queryset = Event.objects.all()  # for the schema; callers get `get_queryset`
    refusals = WRITES | {
        "list": (400,),
        "publish": (403, 409, 412, 503),
        "publishing": (403,),
        "postpone": (403, 409, 412),
        "reschedule": (400, 403, 409, 412),
        "clone": (400, 403, 412, 422),
        "repeat": (400, 403, 412),
        "cancel": (403, 412, 503),
        "cancelling": (403,),
    }

    def get_permissions(self) -> Any:
        return [IsAuthenticated()] if self.action in ("publishing", "cancelling") else super().get_permissions()

    def get_queryset(self) -> EventQuerySet:
        events = visible_events(self.request).with_list_fields()
        return EventQuery.read(self.request).apply(events) if self.action == "list" else events

    @extend_schema(
        operation_id="publish_event",
        summary="Make the seats and open the event to the public",
        description=(
            "A large event is published in the background: the answer is 202, and GET of the same address, which `Location` "
            "names, tells how far it is, or why it cannot be published. Asked twice, it is published once."
        ),
        parameters=[IF_MATCH],
        request=None,
        responses={200: EventSerializer, 202: PublishingSerializer},
    )
    @action(detail=True, methods=["post"])
    def publish(self, request: Request, pk: UUID) -> Response:
        person = self._check(request)
        event = Event.objects.get(pk=pk)
        if event.status == Event.Status.DRAFT and is_large(event):
            publish_later(event, actor=f"user:{person.pk}")
            return self._accepted(request, render_publishing(event))
        services.publish_event(event_id=pk, actor=f"user:{person.pk}")
        return self.show(self.get_queryset().get(pk=pk))

    @extend_schema(
        operation_id="show_publishing", summary="How far the publishing of the event is", responses=PublishingSerializer
    )
    @action(detail=True, methods=["get"])
    def publishing(self, request: Request, pk: UUID) -> Response:
        event = self.get_object()
        check_may_edit(request, event.organizer_id)
        return Response(render_publishing(event))

    @extend_schema(
        operation_id="postpone_event",
        summary="Stop the sale until there is a new date; tickets stay valid, and their owners are told",
        parameters=[IF_MATCH],
        request=None,
        responses=EventSerializer,
    )
    @action(detail=True, methods=["post"])
    def postpone(self, request: Request, pk: UUID) -> Response:
        person = self._check(request)
        services.postpone_event(event_id=pk, actor=f"user:{person.pk}")
        return self.show(self.get_queryset().get(pk=pk))

    @extend_schema(
        operation_id="reschedule_event",
        summary="Give a published or postponed event another date; tickets stay valid, and their owners are told",
        parameters=[IF_MATCH],
        request=RescheduleSerializer,
        responses=EventSerializer,
    )
    @action(detail=True, methods=["post"])
    def reschedule(self, request: Request, pk: UUID) -> Response:
        person = self._check(request)
        form = RescheduleSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        services.reschedule_event(event_id=pk, actor=f"user:{person.pk}", **form.validated_data)
        return self.show(self.get_queryset().get(pk=pk))

    @extend_schema(
        operation_id="clone_event",
        summary="Make a draft like the event, with its categories and ticket types",
        parameters=[IF_MATCH, IDEMPOTENCY_KEY],
        request=CloneSerializer,
        responses={201: EventSerializer},
    )
    @action(detail=True, methods=["post"])
    def clone(self, request: Request, pk: UUID) -> Response:
        person = self._check(request)
        form = CloneSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        copy_id, once = uuid7(), once_of(request)
        with transaction.atomic():
            earlier = once and once.claim(owner=f"user:{person.pk}", object_id=copy_id)
            if not earlier:
                services.clone_event(event_id=pk, created_by=person, copy_id=copy_id, **form.validated_data)
        return self.show(self.get_queryset().get(pk=earlier or copy_id), status=status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="repeat_event",
        summary="Make a series of drafts like the event, at its time of day by the clock of the venue",
        description="Asked twice, nothing is made again. The dates are found by `GET /events/?series=…&status=draft`.",
        parameters=[IF_MATCH],
        request=RepeatSerializer,
        responses={200: PlannedDateSerializer(many=True)},
    )
    @action(detail=True, methods=["post"])
    def repeat(self, request: Request, pk: UUID) -> Response:
        person = self._check(request)
        form = RepeatSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        event = Event.objects.select_related("venue").get(pk=pk)
        days = form.repetition().days_after(event.starts_at.astimezone(event.venue.zone).date())
        planned = services.plan_dates(event, days)
        if not form.validated_data["dry_run"]:
            services.repeat_event(event_id=pk, days=days, created_by=person)
        return Response(
            listing(
                [
                    PlannedDateSerializer(
                        {
                            "starts_at": each.times.starts_at,
                            "ends_at": each.times.ends_at,
                            "venue_free": each.rival is None,
                            "is_there": each.is_there,
                        }
                    ).data
                    for each in planned
                ]
            )
        )

    @extend_schema(
        operation_id="cancel_event",
        summary="Cancel the event with all its bookings; what was paid goes back",
        description=(
            "With many bookings the event is cancelled at once, they are in the background: the answer is 202, and GET of the "
            "same address, which `Location` names, tells how far it is. What is interrupted goes on by itself."
        ),
        parameters=[IF_MATCH],
        request=None,
        responses={200: EventSerializer, 202: CancellingSerializer},
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        person = self._check(request)
        actor = f"user:{person.pk}"
        if ongoing(pk).count() <= QUICK:
            cancel_event(event_id=pk, actor=actor)
            return self.show(self.get_queryset().get(pk=pk))
        stop_sale(event_id=pk)
        with suppress(BrokerDown):  # it is cancelled: the worker finds by itself what is left to do
            cancel_in_background.delay(str(pk), actor)
        return self._accepted(request, render_cancelling(Event.objects.get(pk=pk)))

    @extend_schema(
        operation_id="show_cancelling",
        summary="How far the cancelling of the event is, and what goes back",
        description="Before it is cancelled: what cancelling it would mean now.",
        responses=CancellingSerializer,
    )
    @action(detail=True, methods=["get"])
    def cancelling(self, request: Request, pk: UUID) -> Response:
        event = self.get_object()
        check_may_edit(request, event.organizer_id)
        return Response(render_cancelling(event))

    def made_by(self, person: User) -> dict[str, Any]:
        return {"created_by": person}

    def check_deletable(self, row: Event) -> None:
        if row.status != Event.Status.DRAFT:
            raise NotEditable(_("Only a draft can be deleted. Cancel the event instead."))

    @staticmethod
    def _accepted(request: Request, progress: dict[str, Any]) -> Response:
        return Response(progress, status=status.HTTP_202_ACCEPTED, headers={"Location": request.build_absolute_uri()})

    def _check(self, request: Request) -> User:
        event = self.get_object()
        person = check_may_edit(request, event.organizer_id)
        check_version(request, event.version)
        return person


class OfEvent(GenericAPIView[M]):
    """A view of something of the event that the address names; 404 when the caller may not see the event."""

    def get_event(self) -> Event:
        event = visible_events(self.request).filter(pk=self.kwargs["event"]).first()
        if event is None:
            raise NotFound
        return event


class PartViewSet(OfEvent[M], GenericViewSet[M]):
    """Parts of an event, all of them on one page, changed by its team."""

    pagination_class = WholeList
    refusals = {"create": (400, 403, 409), "partial_update": (400, 403, 409), "destroy": (403, 409)}
    only_in_drafts: ClassVar[bool] = False

    def get_queryset(self) -> models.QuerySet[M]:
        parts: models.QuerySet[M] = super().get_queryset()
        return parts.filter(event=self.kwargs["event"])

    def list(self, request: Request, event: UUID) -> Response:
        context = {"event": self.get_event()}
        page: Any = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer_class()(page, many=True, context=context).data)

    def create(self, request: Request, event: UUID) -> Response:
        with transaction.atomic():
            form = self._form(self._lock_event(), data=request.data)
            self.save(form, event=form.context["event"])
            summary.refresh([event])
        return Response(form.data, status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, event: UUID, pk: UUID) -> Response:
        with transaction.atomic():
            owner = self._lock_event()
            form = self._form(owner, self.get_object(), data=request.data, partial=True)
            self.save(form)
            summary.refresh([event])
        return Response(form.data)

    def destroy(self, request: Request, event: UUID, pk: UUID) -> Response:
        with transaction.atomic():
            self._lock_event()
            self.get_object().delete()
            summary.refresh([event])
        return Response(status=status.HTTP_204_NO_CONTENT)

    def save(self, form: serializers.BaseSerializer[Any], **facts: Any) -> None:
        """Save what was sent; the event is locked."""
        form.save(**facts)

    def _lock_event(self) -> Event:
        """The event, so that two changes of its parts are checked one after the other; sales of it go on."""
        event = self.get_event()
        check_may_edit(self.request, event.organizer_id)
        locked: Event = Event.objects.select_for_update(of=("self",), no_key=True).get(pk=event.pk)
        settled = (Event.Status.CANCELLED, Event.Status.COMPLETED)
        if locked.status in settled or (self.only_in_drafts and locked.status != Event.Status.DRAFT):
            raise NotEditable
        return locked

    def _form(self, event: Event, *args: Any, **kwargs: Any) -> serializers.BaseSerializer[Any]:
        form = self.get_serializer_class()(*args, context={"event": event}, **kwargs)
        form.is_valid(raise_exception=True)
        return form


@extend_schema(tags=["events"])
@extend_schema_view(
    list=extend_schema(operation_id="list_categories", summary="The categories of places of an event"),
    create=extend_schema(operation_id="create_category", summary="Add a category of places to a draft"),
    partial_update=extend_schema(operation_id="change_category", summary="Change a category of places of a draft"),
    destroy=extend_schema(operation_id="delete_category", summary="Delete a category of places of a draft"),
)
class CategoryViewSet(PartViewSet[Category]):
    serializer_class = CategorySerializer
    queryset = Category.objects.order_by("position", "name")
    only_in_drafts = True


@extend_schema(tags=["events"])
@extend_schema_view(
    list=extend_schema(
        operation_id="list_ticket_types",
        summary="The ticket types of an event",
        parameters=[OpenApiParameter("code", OpenApiTypes.STR, description="Also those that are sold with this code only.")],
    ),
    create=extend_schema(operation_id="create_ticket_type", summary="Add a ticket type"),
    partial_update=extend_schema(
        operation_id="change_ticket_type", summary="Change a ticket type", description="What is held or booked keeps its price."
    ),
    destroy=extend_schema(operation_id="delete_ticket_type", summary="Delete a ticket type that nobody has"),
)
class TicketTypeViewSet(PartViewSet[TicketType]):
    serializer_class = TicketTypeSerializer
    queryset = TicketType.objects.select_related("category").order_by("category__position", "position", "name")

    def get_queryset(self) -> models.QuerySet[TicketType]:
        """What is given by the team the team alone sees, and what is sold with a code, who has one."""
        types = super().get_queryset()
        if typed := self.request.GET.get("code", "") if self.request.method == "GET" else "":
            return types & TicketType.objects.shown(self._opened(typed))
        if not self.request.user.is_authenticated:
            return types.filter(sold_to=TicketType.SoldTo.EVERYBODY)
        own = Event.objects.of(person_of(self.request))
        return types.filter(models.Q(sold_to=TicketType.SoldTo.EVERYBODY) | models.Q(event__in=own))

    def _opened(self, typed: str) -> set[UUID]:
        address = hashed_address(self.request._request)
        user_id = self.request.user.pk if self.request.user.is_authenticated else None
        buyer = Buyer(user_id=user_id, address=address)
        count_code(person=buyer.owner if user_id else address, address=address)
        return opened_by(typed[:LONGEST_CODE], event_id=self.get_event().pk, buyer=buyer)

    def save(self, form: serializers.BaseSerializer[Any], **facts: Any) -> None:
        """With the price that the event's rules make of the new one, and a note of the change."""
        event = form.context["event"]
        before = prices_of(event.pk)
        super().save(form, **facts)
        reprice(event_id=event.pk, before=before, actor=f"user:{person_of(self.request).pk}")
        saved: Any = form.instance
        saved.refresh_from_db(fields=["price_minor", "base_price_minor"])


@extend_schema(tags=["services"])
@extend_schema_view(
    list=extend_schema(operation_id="list_services", summary="What teams offer beside places"),
    retrieve=extend_schema(operation_id="show_service", summary="A service"),
    create=extend_schema(
        operation_id="create_service",
        summary="Make a service",
        parameters=[IDEMPOTENCY_KEY],
        request=ServiceWriteSerializer,
        responses={201: ServiceSerializer},
    ),
    partial_update=extend_schema(
        operation_id="change_service",
        summary="Change a service",
        parameters=[IF_MATCH],
        request=ServiceWriteSerializer,
        responses=ServiceSerializer,
    ),
    destroy=extend_schema(operation_id="delete_service", summary="Delete a service that no event has", parameters=[IF_MATCH]),
)
class ServiceViewSet(TeamViewSet[Service]):
    serializer_class = ServiceSerializer
    write_serializer_class = ServiceWriteSerializer
    queryset = Service.objects.order_by("name", "pk")


@extend_schema(tags=["services"])
@extend_schema_view(
    create=extend_schema(operation_id="create_event_service", summary="Offer a service at an event"),
    partial_update=extend_schema(
        operation_id="change_event_service",
        summary="Change a service of an event",
        description="What is held or booked keeps its price.",
    ),
    destroy=extend_schema(operation_id="delete_event_service", summary="Delete a service of an event that nobody has"),
)
class EventServiceViewSet(PartViewSet[EventService]):
    serializer_class = EventServiceSerializer
    queryset = EventService.objects.select_related("service").order_by("position", "service__name")

    @extend_schema(operation_id="list_event_services", summary="What goes with the tickets of an event, and how much is left")
    def list(self, request: Request, event: UUID) -> Response:
        found = self.get_event()
        left = count_left(event)
        context = {"event": found, "left": {service.pk: count for service, count in left}}
        page: Any = self.paginate_queryset([service for service, _count in left])
        return self.get_paginated_response(EventServiceSerializer(page, many=True, context=context).data)


@extend_schema(tags=["events"])
class PriceChangesView(OfEvent[PriceChange]):
    """Every change of a price since the event was published, newest first."""

    serializer_class = PriceChangeSerializer
    queryset = PriceChange.objects.select_related("ticket_type__category").order_by("-created_at", "-pk")

    @extend_schema(
        operation_id="list_price_changes", summary="How prices have changed", responses=PriceChangeSerializer(many=True)
    )
    def get(self, request: Request, event: UUID) -> Response:
        context = {"event": self.get_event()}
        page: Any = self.paginate_queryset(
            self.get_queryset().filter(event=event, ticket_type__sold_to=TicketType.SoldTo.EVERYBODY)
        )
        return self.get_paginated_response(PriceChangeSerializer(page, many=True, context=context).data)


@extend_schema(tags=["events"])
class SeatsView(OfEvent[Seat]):
    """All places of an event with their status now, in the order of the hall."""

    serializer_class = SeatSerializer
    pagination_class = WholeList
    queryset = Seat.objects.all()
    refusals = {"get": (400,)}

    @extend_schema(
        operation_id="list_seats", summary="The places of an event", parameters=[SeatQuery], responses=SeatSerializer(many=True)
    )
    def get(self, request: Request, event: UUID) -> Response:
        currency = self.get_event().currency
        prices = {pk: decimal_string(minor, currency) for pk, minor in _usual_prices(event).items()}
        seats: Any = SeatQuery.read(request).apply(Seat.objects.filter(event=event)).order_by("position")
        rows = seats.values_list("pk", "section", "row", "number", "category_id", "effective")
        return Response(
            listing(
                [
                    {
                        "id": pk,
                        "section": section,
                        "row": row,
                        "number": number,
                        "category": category,
                        "price": prices.get(category),
                        "status": effective,
                    }
                    for pk, section, row, number, category, effective in rows
                ]
            )
        )


@extend_schema(tags=["events"])
class AvailabilityView(OfEvent[Seat]):
    """How many places are free, held, sold and blocked now."""

    pagination_class = None
    queryset = Seat.objects.all()

    @extend_schema(operation_id="show_availability", summary="What is left", responses=AvailabilitySerializer)
    def get(self, request: Request, event: UUID) -> Response:
        self.get_event()
        counts: dict[UUID, Counter[str]] = {}
        seats: Any = Seat.objects.filter(event=event).with_effective_status()
        for category, effective, places in seats.values_list("category_id", "effective").annotate(Count("pk")):
            counts.setdefault(category, Counter())[effective] = places
        categories = Category.objects.filter(event=event).order_by("position", "name")
        return Response(
            {
                "event": event,
                **_counts(sum(counts.values(), Counter())),
                "categories": [
                    {"id": each.pk, "name": each.name, "numbered": each.numbered, **_counts(counts.get(each.pk, Counter()))}
                    for each in categories
                ],
            }
        )


def _counts(places: Counter[str]) -> dict[str, int]:
    sellable = {name: places[name] for name in ("available", "held", "sold")}
    return {"capacity": sum(sellable.values()), **sellable, "blocked": places["blocked"]}


def _usual_prices(event: UUID) -> dict[UUID, int]:
    """What places of each category cost unless the buyer says otherwise: by the default ticket type, or else the first."""
    types = TicketType.objects.shown().filter(event=event).order_by("is_default", "-position", "price_minor")
    return dict(types.values_list("category_id", "price_minor"))
