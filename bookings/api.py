"""Bookings as JSON: hold, change, extend, cancel, pay."""

from collections.abc import Iterable
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from evently.accounts.authentication import person_of
from evently.network import hashed_address
from evently.rest.idempotency import once_of
from evently.rest.schema import IDEMPOTENCY_KEY
from evently.rest.throttling import count_code, count_free_booking
from payments.accounts import ways_to_pay
from payments.quotes import quote_return
from payments.serializers import QuoteSerializer, render_quote
from payments.services import cancel_booking, start_checkout

from . import services
from .forms import TERMS_VERSION
from .models import Booking, BookingService, Ticket
from .picking import Wish
from .reads import remember_own
from .sale import Buyer
from .serializers import (
    BookingSerializer,
    ChangeSerializer,
    CheckoutSerializer,
    CheckoutStartedSerializer,
    HoldSerializer,
    render,
)
from .tickets import sign

EVENT, SEAT, CHILD = (f"0193458a-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))
CHOSEN = OpenApiExample("These seats", {"event": EVENT, "seats": [SEAT]}, request_only=True)
CHOSEN_TYPES = OpenApiExample(
    "A seat for a child", {"event": EVENT, "seats": [{"seat": SEAT, "ticket_type": CHILD}]}, request_only=True
)
BEST = OpenApiExample("The best two", {"event": EVENT, "items": [{"ticket_type": CHILD, "quantity": 2}]}, request_only=True)


@extend_schema(tags=["bookings"])
@extend_schema_view(
    list=extend_schema(operation_id="list_bookings", summary="My bookings, newest first"),
    retrieve=extend_schema(operation_id="show_booking", summary="A booking as it is now"),
)
class BookingViewSet(viewsets.GenericViewSet[Booking]):
    """The caller's own bookings; those of others do not exist."""

    permission_classes = (IsAuthenticated,)
    serializer_class = BookingSerializer
    queryset = Booking.objects.all()  # for the schema; callers get `get_queryset`
    hold_actions: ClassVar = {"create", "partial_update"}
    refusals = {
        "create": (404, 409, 422, 503),
        "partial_update": (409, 503),
        "extend": (409, 503),
        "cancel": (409, 503),
        "checkout": (409, 503),
        "refund_quote": (409,),
    }

    def get_queryset(self) -> QuerySet[Booking]:
        return (
            Booking.objects.filter(self._buyer().bookings)
            .order_by("-created_at", "-pk")
            .with_clock()
            .with_seats()
            .select_related("promo_code")
        )

    def list(self, request: Request) -> Response:
        def read() -> Any:
            return self.get_paginated_response(_rendered(self.paginate_queryset(self.get_queryset()) or [], request)).data

        return Response(remember_own(self._buyer().bookings, request.build_absolute_uri(), read))

    def retrieve(self, request: Request, pk: UUID) -> Response:
        return Response(_rendered([self.get_object()], request)[0])

    @extend_schema(
        operation_id="hold_seats",
        summary="Hold seats for ten minutes",
        description="All that is wished, or nothing. The price is fixed until the hold ends; `expires_at` tells when.",
        parameters=[IDEMPOTENCY_KEY],
        request=HoldSerializer,
        responses={201: BookingSerializer},
        examples=[CHOSEN, CHOSEN_TYPES, BEST],
    )
    def create(self, request: Request) -> Response:
        form = HoldSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish = form.validated_data
        common: dict[str, Any] = {"buyer": self._buyer(), "event_id": wish["event"], "once": once_of(request)}
        if extras := wish.get("services"):
            common |= {"services": extras}
        if typed := wish.get("code", ""):
            common |= {"code": self._count_code(typed)}
        if seats := wish.get("seats"):
            booking = services.hold_seats(seats=seats, **common)
        else:
            places = Wish(wheelchairs=wish["wheelchairs"], aisle=wish["aisle"])
            booking = services.hold_best(quantities=wish["items"], wish=places, **common)
        return Response(_rendered([booking], request)[0], status=status.HTTP_201_CREATED)

    @extend_schema(
        operation_id="change_hold",
        summary="Add seats, give some back, use a code, or take services",
        description="All or nothing; the deadline stays. A seat in both lists gets another ticket type.",
        request=ChangeSerializer,
        responses=BookingSerializer,
    )
    def partial_update(self, request: Request, pk: UUID) -> Response:
        form = ChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        booking_id, buyer, wish = self.get_object().pk, self._buyer(), form.validated_data
        if "services" in wish:
            services.set_services(booking_id=booking_id, quantities=wish["services"], actor=str(buyer))
        elif "code" not in wish:
            services.change_hold(booking_id=booking_id, buyer=buyer, **wish)
        elif wish["code"] is None:
            services.remove_code(booking_id=booking_id, actor=str(buyer))
        else:
            services.apply_code(booking_id=booking_id, typed=self._count_code(wish["code"]), actor=str(buyer))
        return self.retrieve(request, pk)

    @extend_schema(
        operation_id="extend_hold",
        summary="Ask for ten minutes more",
        description="Up to an hour after the seats were first held.",
        request=None,
    )
    @action(detail=True, methods=["post"])
    def extend(self, request: Request, pk: UUID) -> Response:
        services.extend_hold(booking_id=self.get_object().pk, actor=str(self._buyer()))
        return self.retrieve(request, pk)

    @extend_schema(operation_id="cancel_booking", summary="Give all seats back", request=None)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        cancel_booking(booking_id=self.get_object().pk, actor=str(self._buyer()))
        return self.retrieve(request, pk)

    @extend_schema(
        operation_id="quote_refund",
        summary="What goes back for tickets",
        description="For these seats, or for all that are left. Agree by posting the amount to the payment's refunds.",
        parameters=[OpenApiParameter("seat", OpenApiTypes.UUID, many=True, description="More than once for several.")],
        responses=QuoteSerializer,
    )
    @action(detail=True)
    def refund_quote(self, request: Request, pk: UUID) -> Response:
        booking = self.get_object()
        live = {str(line.seat_id): line.pk for line in booking.live_seats}
        seats = request.query_params.getlist("seat")
        if not live.keys() >= set(seats):
            raise services.NoSuchTickets
        return Response(render_quote(quote_return(booking, [live[seat] for seat in seats] or None), booking))

    @extend_schema(
        operation_id="check_out",
        summary="Pay",
        description="Keeps the seats for the payment and tells where the buyer pays. What costs nothing is confirmed at once.",
        request=CheckoutSerializer,
        responses={201: CheckoutStartedSerializer, 200: BookingSerializer},
    )
    @action(detail=True, methods=["post"])
    def checkout(self, request: Request, pk: UUID) -> Response:
        form = CheckoutSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wish, booking = form.validated_data, self.get_object()
        if not booking.is_free_of_charge:
            _check_gateway(booking, wish.get("gateway"))
        if booking.effective_status in Booking.HOLDING:
            self._complete_contact(booking, wish)
        if booking.is_free_of_charge:
            count_free_booking(email=self.get_object().email)
            services.confirm_free_booking(booking_id=pk, actor=str(self._buyer()))
            return self.retrieve(request, pk)
        checkout = start_checkout(booking_id=pk, gateway=wish["gateway"], actor=str(self._buyer()))
        started = {"payment": checkout.payment.pk, "redirect_url": checkout.redirect_url}
        return Response(started, status=status.HTTP_201_CREATED)

    def _buyer(self) -> Buyer:
        return Buyer(user_id=self.request.user.pk, address=hashed_address(self.request._request))

    def _count_code(self, typed: str) -> str:
        """The code, unless this person or network has tried too many."""
        buyer = self._buyer()
        count_code(person=buyer.owner, address=buyer.address)
        return typed

    def _complete_contact(self, booking: Booking, wish: dict[str, Any]) -> None:
        """Write down who the tickets go to: as said now, as known of the booking, or else as the account says."""
        if booking.email and not wish.keys() & {"name", "email"} and not wish["accept_terms"]:
            return
        person = person_of(self.request)
        contact = services.Contact(
            name=wish.get("name") or booking.name or person.get_full_name() or person.email,
            email=wish.get("email") or booking.email or person.email,
            terms_version=TERMS_VERSION if wish["accept_terms"] else "",
            marketing_consent=booking.marketing_consent,
        )
        services.set_contact(booking_id=booking.pk, contact=contact, user_id=person.pk, actor=str(self._buyer()))


def _check_gateway(booking: Booking, name: str | None) -> None:
    if not name:
        raise ValidationError({"gateway": [_("Say how you want to pay.")]})
    if name not in ways_to_pay(booking.event):
        raise ValidationError({"gateway": [_("This way to pay is not offered.")]})


def _rendered(bookings: Iterable[Booking], request: Request) -> list[dict[str, Any]]:
    """The bookings as dictionaries; only those with tickets or services cost queries for them."""
    confirmed = [booking for booking in bookings if booking.status == Booking.Status.CONFIRMED]
    tickets: dict[UUID, list[dict[str, Any]]] = {}
    if confirmed:
        valid = Ticket.objects.filter(booking__in=confirmed, status=Ticket.Status.VALID).select_related("booking_seat")
        for ticket in valid.order_by("booking_seat__seat__position"):
            tickets.setdefault(ticket.booking_id, []).append(
                {
                    "id": ticket.pk,
                    "seat": ticket.booking_seat.seat_id,
                    "code": sign(ticket),
                    "url": request.build_absolute_uri(ticket.get_absolute_url()),
                }
            )
    extras: dict[UUID, list[BookingService]] = {}
    if served := [booking for booking in bookings if booking.service_quantity]:
        lines = BookingService.objects.filter(booking__in=served).select_related("event_service__service")
        for line in lines.order_by("event_service__position", "pk"):
            extras.setdefault(line.booking_id, []).append(line)
    return [render(booking, tickets=tickets.get(booking.pk, []), services=extras.get(booking.pk, [])) for booking in bookings]
