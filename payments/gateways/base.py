"""What the platform needs of a payment gateway, and nothing more: the port. Each gateway is one adapter beside this file."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self, final

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from evently.errors import DomainError


class GatewayUnavailable(DomainError):
    """The gateway did not answer, or not in a way that says what has happened."""

    code = "gateway_unavailable"
    message = _("The payment service does not answer at the moment. Your seats are kept; please try again.")
    status = 503
    retry_after = 5


class ChargeRefused(DomainError):
    """The gateway does not take this charge, and would not if it was asked again."""

    code = "charge_refused"
    message = _("This amount cannot be paid in this way. Please choose another one.")
    status = 422


class UnknownGateway(DomainError):
    code = "unknown_gateway"
    message = _("This way to pay is not offered.")
    status = 404


class BadSignature(DomainError):
    code = "bad_signature"
    message = _("This message does not prove that it comes from the gateway.")
    status = 400


class UnknownCharge(Exception):
    """The gateway has no charge with this id."""


class RefundRefused(DomainError):
    """The gateway does not send this money back. Asked again, it would say the same."""

    code = "refund_refused"
    message = _("The payment service does not send this money back.")


class ChargeStatus(StrEnum):
    OPEN = "open"
    CAPTURED = "captured"
    DECLINED = "declined"
    ABANDONED = "abandoned"


class RefundStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundResult:
    """What the gateway says of money that goes back, whoever asked for it; minor units.

    `reference` is the one that it was asked for with, empty when it was made at the gateway itself.
    """

    gateway_id: str
    status: RefundStatus
    amount_minor: int
    currency: str
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeResult:
    """Money that the buyer's bank has asked back; `is_lost` is None until that is decided."""

    gateway_id: str
    amount_minor: int
    currency: str
    is_lost: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """A charge that waits for its buyer at `redirect_url`."""

    gateway_id: str
    redirect_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the gateway says of a charge now: money in minor units, and the reference that it was created with.

    `fee_minor` is what the gateway kept of a captured charge, `payee` the account that received it. All refunds and disputes
    that the gateway knows of are named, also those made in its dashboard. `declines` counts the tries that it refused.
    """

    status: ChargeStatus
    amount_minor: int
    currency: str
    reference: str
    fee_minor: int = 0
    payee: str = ""
    refunds: tuple[RefundResult, ...] = ()
    disputes: tuple[DisputeResult, ...] = ()
    declines: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A signed message: something has happened to a charge. What it is now, the gateway is asked."""

    event_id: str
    kind: str
    gateway_id: str
    content: dict[str, Any]


class Gateway(ABC):
    """A company that takes money. Calling it takes as long as it likes, so never with a transaction open.

    Adapters implement the methods with an underscore. They answer within ten seconds or raise `GatewayUnavailable`.
    """

    name: ClassVar[str]
    label: ClassVar[str | Promise]

    def __init__(self, account: str = "") -> None:
        """`account` says whose: the id of an organizer's own `GatewayAccount`, or the platform's if empty."""
        self.account = account

    def of(self, account: str) -> Self:
        """The same gateway for another account."""
        return type(self)(account)

    @property
    def pages(self) -> tuple[str, ...]:
        """The origins, beside the platform's own, of the pages where buyers pay: a form may only lead where the policy says."""
        return ()

    @final
    def create(self, *, key: str, amount_minor: int, currency: str, reference: str, description: str, return_url: str) -> Created:
        """Open a charge, or return the one that was opened with this key, however long ago.

        Raises `GatewayUnavailable` when it is unknown what happened, and `ChargeRefused`.
        """
        _refuse_in_transaction()
        return self._create(
            key=key,
            amount_minor=amount_minor,
            currency=currency,
            reference=reference,
            description=description,
            return_url=return_url,
        )

    @final
    def fetch(self, gateway_id: str) -> Result:
        """Ask what has become of a charge. Raises `UnknownCharge`."""
        _refuse_in_transaction()
        return self._fetch(gateway_id)

    @final
    def refund(self, *, gateway_id: str, key: str, amount_minor: int, currency: str, reference: str) -> RefundResult:
        """Send money of a captured charge back; repeated with the same key it is the same refund.

        Raises `GatewayUnavailable` when it is unknown what happened, and `RefundRefused`.
        """
        _refuse_in_transaction()
        return self._refund(gateway_id=gateway_id, key=key, amount_minor=amount_minor, currency=currency, reference=reference)

    @final
    def cancel(self, gateway_id: str) -> Result:
        """See that an open charge can no longer be paid; one that was captured meanwhile is returned so.

        Raises `GatewayUnavailable` and `UnknownCharge`.
        """
        _refuse_in_transaction()
        return self._cancel(gateway_id)

    @abstractmethod
    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes) -> Notice:
        """Read a message that the gateway has signed within the last five minutes. Raises `BadSignature`."""

    @abstractmethod
    def _create(
        self, *, key: str, amount_minor: int, currency: str, reference: str, description: str, return_url: str
    ) -> Created: ...

    @abstractmethod
    def _fetch(self, gateway_id: str) -> Result: ...

    @abstractmethod
    def _refund(self, *, gateway_id: str, key: str, amount_minor: int, currency: str, reference: str) -> RefundResult: ...

    @abstractmethod
    def _cancel(self, gateway_id: str) -> Result: ...


def _refuse_in_transaction() -> None:
    if connection.in_atomic_block:
        raise RuntimeError("A gateway must not be called inside a transaction: its locks would wait for another company.")
