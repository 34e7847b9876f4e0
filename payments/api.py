"""What gateways tell us, and the money that goes back."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_view
from rest_framework import serializers, status, viewsets
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from bookings.models import Booking
from bookings.sale import Buyer
from evently.accounts.authentication import person_of
from evently.accounts.models import Membership, Organizer, User
from evently.database import uuid7
from evently.rest.idempotency import once_of
from evently.rest.schema import IDEMPOTENCY_KEY

from .models import Payment, Refund, RefundApproval
from .serializers import RefundSerializer, RefundWishSerializer, render_approval, render_refund
from .services import give_back, receive_webhook, return_tickets

SEAT = "0193458a-0000-7000-8000-000000000002"


class ReceivedSerializer(serializers.Serializer[Any]):
    received = serializers.BooleanField()


class WebhookView(APIView):
    """Takes the signed messages of a gateway. Its signature is the only credential; without it nothing is stored."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    refusals = {"post": (400, 503)}

    @extend_schema(
        operation_id="receive_webhook",
        tags=["payments"],
        summary="A message from a gateway",
        description="Stored once and worked off in any order, however often it comes.",
        request=OpenApiTypes.OBJECT,
        responses=ReceivedSerializer,
    )
    def post(self, request: Request, gateway: str) -> Response:
        return self.receive(request, gateway)

    def receive(self, request: Request, gateway: str, account: str = "") -> Response:
        receive_webhook(gateway=gateway, account=account, headers=request.headers, body=request.body)
        return Response({"received": True})


class AccountWebhookView(WebhookView):
    @extend_schema(
        operation_id="receive_account_webhook",
        tags=["payments"],
        summary="A message from a gateway to an organizer's own account",
        description="Stored once and worked off in any order, however often it comes.",
        request=OpenApiTypes.OBJECT,
        responses=ReceivedSerializer,
    )
    def post(self, request: Request, gateway: str, account: UUID) -> Response:  # type: ignore[override]
        return self.receive(request, gateway, str(account))


FINANCE = (Membership.Role.OWNER, Membership.Role.MANAGER, Membership.Role.FINANCE)


def refunded_by(person: User) -> QuerySet[Organizer]:
    """The teams whose money this person may give back."""
    if person.is_superuser:
        return Organizer.objects.all()
    return Organizer.objects.filter(memberships__user=person, memberships__role__in=FINANCE)


@extend_schema(tags=["payments"])
@extend_schema_view(
    list=extend_schema(operation_id="list_refunds", summary="What goes back of a payment, oldest first"),
)
class RefundViewSet(viewsets.GenericViewSet[Refund]):
    """The refunds of a payment: for its buyer, and for those who look after the organizer's money."""

    permission_classes = (IsAuthenticated,)
    serializer_class = RefundSerializer
    queryset = Refund.objects.all()  # for the schema; callers get those of the payment
    refusals: ClassVar = {"create": (403, 409, 422, 503)}

    def list(self, request: Request, payment: UUID) -> Response:
        paid = self._payment(payment)
        rows = self.paginate_queryset(paid.refunds.order_by("created_at", "pk")) or []
        return self.get_paginated_response([render_refund(row, paid) for row in rows])

    @extend_schema(
        operation_id="give_back",
        summary="Give tickets back, or money",
        description=(
            "Buyers name the seats (none: all) and the `amount` that the refund quote of the booking has told them; another one "
            "is refused as `quote_changed`. The team names an amount, and why in `note`; the tickets of the `seats` it names are "
            "void. Above the organizer's limit the answer is 202: a colleague has to agree first."
        ),
        parameters=[IDEMPOTENCY_KEY],
        request=RefundWishSerializer,
        responses={201: RefundSerializer, 202: RefundSerializer},
        examples=[
            OpenApiExample("One ticket, by its buyer", {"seats": [SEAT], "amount": "80.00"}, request_only=True),
            OpenApiExample("Some money, by the team", {"amount": "10.00", "note": "Seat behind a pillar"}, request_only=True),
        ],
    )
    def create(self, request: Request, payment: UUID) -> Response:
        paid = self._payment(payment)
        form = RefundWishSerializer(data=request.data, context={"currency": paid.currency})
        form.is_valid(raise_exception=True)
        wish, person = form.validated_data, person_of(request)
        live = dict(paid.booking.seats.filter(released_at=None).values_list("seat", "pk"))
        lines = [live.get(seat, seat) for seat in wish["seats"]]  # one that is not there is refused by its name
        actor = f"user:{person.pk}"
        if "note" in wish:
            if not refunded_by(person).filter(pk=paid.event.organizer_id).exists():
                raise PermissionDenied
            once = once_of(request)
            given = give_back(
                payment_id=paid.pk,
                amount_minor=wish["amount"],
                line_ids=lines,
                key=once.name(actor) if once else f"api {uuid7()}",
                note=wish["note"],
                actor=actor,
            )
        elif paid.booking.user_id == person.pk:
            given = return_tickets(
                booking_id=paid.booking_id,
                line_ids=lines or list(live.values()),
                expected_minor=wish["amount"],
                actor=actor,
                owner=actor,
                once=once_of(request),
            )
        else:
            raise ValidationError({"note": [_("Say why the money goes back.")]})
        if isinstance(given, RefundApproval):
            return Response(render_approval(given), status=status.HTTP_202_ACCEPTED)
        return Response(render_refund(given, paid), status=status.HTTP_201_CREATED)

    def _payment(self, pk: UUID) -> Payment:
        """One that has bought a booking: of the caller, or for an event of a team whose money they look after."""
        person = person_of(self.request)
        buyers = Buyer(user_id=person.pk).bookings
        own = Q(booking__in=Booking.objects.filter(buyers)) | Q(event__organizer__in=refunded_by(person))
        payments = Payment.objects.filter(own, outcome=Payment.Outcome.CONFIRMED).select_related("booking", "event")
        return get_object_or_404(payments, pk=pk)
