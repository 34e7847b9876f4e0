"""The ways to pay: each gateway an adapter to one port, offered when the settings name it."""

from typing import Final

from django.conf import settings

from .base import (
    BadSignature,
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
    "available",
    "get",
]

GATEWAYS: Final[dict[str, Gateway]] = {gateway.name: gateway for gateway in (Sandbox(),)}


def get(name: str) -> Gateway:
    """The gateway of this name. Raises `UnknownGateway` unless it is offered: what is switched off takes no message either."""
    if name not in settings.EVENTLY_GATEWAYS or name not in GATEWAYS:
        raise UnknownGateway
    return GATEWAYS[name]


def available() -> list[Gateway]:
    """What buyers may choose from, in the order of the settings."""
    return [GATEWAYS[name] for name in settings.EVENTLY_GATEWAYS if name in GATEWAYS]
