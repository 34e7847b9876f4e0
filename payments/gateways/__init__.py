"""The ways to pay: each gateway an adapter to one port, offered when the settings name it."""

from typing import Final

from django.conf import settings
from django.utils.module_loading import import_string

from .base import (
    BadSignature,
    ChargeRefused,
    ChargeStatus,
    Created,
    DisputeResult,
    Gateway,
    GatewayUnavailable,
    Notice,
    RefundRefused,
    RefundResult,
    RefundStatus,
    Result,
    UnknownCharge,
    UnknownGateway,
)
from .sandbox import Sandbox

__all__ = [
    "BadSignature",
    "ChargeRefused",
    "ChargeStatus",
    "Created",
    "DisputeResult",
    "Gateway",
    "GatewayUnavailable",
    "Notice",
    "RefundRefused",
    "RefundResult",
    "RefundStatus",
    "Result",
    "UnknownCharge",
    "UnknownGateway",
    "get",
]

# Imported when first used: a vendor's library takes a second that no other command should wait for.
ADAPTERS: Final = {
    "stripe": "payments.gateways.stripe.Stripe",
    "bank_transfer": "payments.gateways.offline.BankTransfer",
    "at_door": "payments.gateways.offline.AtTheDoor",
}
GATEWAYS: Final[dict[str, Gateway]] = {Sandbox.name: Sandbox()}


def get(name: str, account: str = "") -> Gateway:
    """The gateway of this name, for the platform's account or an organizer's own.

    Raises `UnknownGateway` unless the settings name it: what is switched off takes no message either.
    """
    if name not in settings.EVENTLY_GATEWAYS or name not in (GATEWAYS.keys() | ADAPTERS.keys()):
        raise UnknownGateway
    if name not in GATEWAYS:
        GATEWAYS[name] = import_string(ADAPTERS[name])()
    return GATEWAYS[name].of(account) if account else GATEWAYS[name]
