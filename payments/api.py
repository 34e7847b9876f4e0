"""What gateways tell us."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from .services import receive_webhook


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
