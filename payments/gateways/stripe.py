"""Stripe: the buyer pays on Stripe's own page (hosted Checkout), so that no card number ever touches the platform.

A charge is a Checkout Session. What it has become is read from the session with its payment and refunds, in one call as a rule.
The version of the API is pinned, the library's own retries are off; ours keep within ten seconds altogether.
"""

import hmac
import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from hashlib import sha256
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

import stripe
from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from evently.money import digits, to_minor
from payments.accounts import unseal
from payments.models import GatewayAccount

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
from .breaker import Breaker

logger = logging.getLogger(__name__)

T = TypeVar("T")

API_VERSION: Final = "2026-10-28.endive"
CONNECT_TIMEOUT, READ_TIMEOUT = 2, 4  # seconds
LAST_START: Final = 3.5  # seconds after which no further call begins: with both time-outs that makes less than ten
RETRY_AFTER: Final = (0.1, 0.4)  # seconds, at random between the two
TOLERANCE: Final = 300  # seconds that the clocks of two companies may differ, transport and retries included
MOST_SIGNATURES: Final = 10
MOST: Final = 100  # tries, refunds and disputes of one payment that are looked at

# docs.stripe.com/currencies: where Stripe's minor unit is not that of ISO 4217 the amounts are converted, or refused.
WITHOUT_DECIMALS: Final = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())  # noqa: SIM905
WITH_THREE_DECIMALS: Final = frozenset("BHD JOD KWD OMR TND".split())  # noqa: SIM905 -- a list of words, too

CHARGE: Final = "payment_intent.latest_charge"
REFUNDS: Final = {"pending": RefundStatus.PENDING, "requires_action": RefundStatus.PENDING, "succeeded": RefundStatus.SUCCEEDED}
DECIDED: Final = {"won": False, "warning_closed": False, "prevented": False, "lost": True}


class Stripe(Gateway):
    name: ClassVar[str] = "stripe"
    label: ClassVar[str | Promise] = _("Card")

    def __init__(self, account: str = "") -> None:
        super().__init__(account)
        self._breaker = Breaker(f"stripe:{account}")

    @property
    def pages(self) -> tuple[str, ...]:
        return (settings.EVENTLY_STRIPE_PAGES,)

    def _create(
        self, *, key: str, amount_minor: int, currency: str, reference: str, description: str, return_url: str
    ) -> Created:
        price = {"currency": currency.lower(), "unit_amount": to_stripe(amount_minor, currency)}
        facts = {"payment": reference, "account": self.account}
        wish: Any = {
            "mode": "payment",
            "client_reference_id": reference,
            "success_url": return_url,
            "cancel_url": f"{return_url}?left",
            "line_items": [{"quantity": 1, "price_data": {**price, "product_data": {"name": description}}}],
            "metadata": facts,
            "payment_intent_data": {"metadata": facts},
        }
        try:
            session = self._ask(lambda api: api.checkout.sessions.create(wish, {"idempotency_key": key}), until=deadline())
        except stripe.InvalidRequestError as error:
            logger.error("Stripe refuses the charge of payment %s: %s", reference, error)
            raise ChargeRefused from error
        return Created(gateway_id=session.id, redirect_url=session.url or return_url)

    def _fetch(self, gateway_id: str) -> Result:
        until = deadline()
        return self._result(self._session(gateway_id, until=until), until=until)

    def _cancel(self, gateway_id: str) -> Result:
        until = deadline()
        try:
            self._ask(lambda api: api.checkout.sessions.expire(gateway_id), until=until)
        except stripe.InvalidRequestError as error:  # paid, over, or never there: which of them, is asked below
            logger.info("Stripe does not expire %s: %s", gateway_id, error)
        return self._result(self._session(gateway_id, until=until), until=until)

    def _refund(self, *, gateway_id: str, key: str, amount_minor: int, currency: str, reference: str) -> RefundResult:
        until = deadline()
        intent: Any = self._session(gateway_id, until=until).payment_intent
        if not intent or not intent.latest_charge:
            raise RefundRefused
        # Stripe forgets keys after a day; what it has sent back it does not.
        for refund in self._refunds(intent, until=until):
            if facts_of(refund).get("key") == key:
                return refund_result(refund)
        wish: Any = {
            "payment_intent": intent.id,
            "amount": to_stripe(amount_minor, currency),
            "reason": "requested_by_customer",
            "metadata": {"key": key, "refund": reference},
        }
        try:
            return refund_result(self._ask(lambda api: api.refunds.create(wish, {"idempotency_key": key}), until=until))
        except stripe.InvalidRequestError as error:
            raise RefundRefused(error.user_message) from error

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes) -> Notice:
        sent = {name.lower(): value for name, value in headers.items()}
        verify(secrets=self._webhook_secrets(), header=sent.get("stripe-signature", ""), body=body, at=time.time())
        try:
            content: dict[str, Any] = json.loads(body)
            about = content["data"]["object"]
            notice = Notice(
                event_id=content["id"][:255], kind=content["type"][:60], gateway_id=about.get("id", "")[:255], content=content
            )
            intent = about["id"] if about["object"] == "payment_intent" else about.get("payment_intent")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadSignature from None
        if about["object"] == "checkout.session" or not isinstance(intent, str):
            return notice
        found = self._ask(lambda api: api.checkout.sessions.list({"payment_intent": intent, "limit": 1}), until=deadline()).data
        return replace(notice, gateway_id=found[0].id) if found else notice

    def _session(self, gateway_id: str, *, until: float) -> Any:
        """A session with all that hangs on it. Raises `UnknownCharge`."""
        if not gateway_id.startswith("cs_"):
            raise UnknownCharge
        expand = [f"{CHARGE}.balance_transaction", f"{CHARGE}.refunds"]
        try:
            return self._ask(lambda api: api.checkout.sessions.retrieve(gateway_id, {"expand": expand}), until=until)
        except stripe.InvalidRequestError as error:
            if error.http_status == 404:
                raise UnknownCharge from error
            raise GatewayUnavailable from error

    def _result(self, session: Any, *, until: float) -> Result:
        intent: Any = session.payment_intent
        status = status_of(session)
        charge: Any = intent.latest_charge if intent else None
        facts = facts_of(session)
        amount, currency, fee = session.amount_total, session.currency, 0
        refunds: tuple[RefundResult, ...] = ()
        disputes: tuple[DisputeResult, ...] = ()
        declines = 0
        if status == ChargeStatus.CAPTURED:
            amount, currency, fee = intent.amount_received, intent.currency, fee_of(charge)
            refunds = tuple(refund_result(refund) for refund in self._refunds(intent, until=until))
            disputes = self._disputes(intent.id, until=until) if charge.disputed else ()
        elif charge:
            tries = self._ask(lambda api: api.charges.list({"payment_intent": intent.id, "limit": MOST}), until=until).data
            declines = sum(one.status == "failed" for one in tries)
        return Result(
            status=status,
            amount_minor=from_stripe(amount, currency),
            currency=currency.upper(),
            reference=session.client_reference_id if session.client_reference_id == facts.get("payment") else "",
            fee_minor=fee,
            payee=facts.get("account", ""),
            refunds=refunds,
            disputes=disputes,
            declines=declines,
        )

    def _refunds(self, intent: Any, *, until: float) -> list[Any]:
        """All refunds of a captured payment, oldest first; the charge itself shows the newest ten."""
        refunds = intent.latest_charge.refunds
        if refunds.has_more:
            refunds = self._ask(lambda api: api.refunds.list({"payment_intent": intent.id, "limit": MOST}), until=until)
        return list(reversed(refunds.data))

    def _disputes(self, intent_id: str, *, until: float) -> tuple[DisputeResult, ...]:
        found = self._ask(lambda api: api.disputes.list({"payment_intent": intent_id, "limit": MOST}), until=until).data
        return tuple(
            DisputeResult(
                gateway_id=dispute.id,
                amount_minor=from_stripe(dispute.amount, dispute.currency),
                currency=dispute.currency.upper(),
                is_lost=DECIDED.get(dispute.status),
            )
            for dispute in reversed(found)
        )

    def _ask(self, call: Callable[[stripe.V1Services], T], *, until: float) -> T:
        """What Stripe answers; asked twice while there is time. Raises `GatewayUnavailable`, or what Stripe refuses."""
        for attempt in (1, 2):
            if time.monotonic() > until:
                break
            self._breaker.check()
            try:
                answer = call(client_of(self._key()).v1)
            except (stripe.IdempotencyError, stripe.InvalidRequestError) as error:
                self._breaker.succeeded()  # it answers, if with a no
                if isinstance(error, stripe.IdempotencyError) or error.http_status == 409:
                    logger.warning("Stripe: %r", error)
                    raise GatewayUnavailable from error
                raise
            except stripe.StripeError as error:
                logger.warning("Stripe: %r", error)
                self._breaker.failed()
                if (error.http_status or 0) >= 500 and (error.headers or {}).get("Idempotent-Replayed") == "true":
                    # It keeps this failure for a day. Nobody has seen the page of the charge, if there is one.
                    raise ChargeRefused(GatewayUnavailable.message) from error
                if attempt == 2 or not is_passing(error):
                    raise GatewayUnavailable from error
                time.sleep(random.uniform(*RETRY_AFTER))  # noqa: S311 -- jitter, not a secret
            else:
                self._breaker.succeeded()
                return answer
        raise GatewayUnavailable

    def _key(self) -> str:
        key = str(own_secrets(self.account).get("key", "")) if self.account else settings.EVENTLY_STRIPE_KEY
        if not key:
            logger.error("There is no Stripe key for account %r.", self.account)
            raise GatewayUnavailable
        return key

    def _webhook_secrets(self) -> list[str]:
        if not self.account:
            return list(settings.EVENTLY_STRIPE_WEBHOOK_SECRETS)
        return str(own_secrets(self.account).get("webhook_secrets", "")).split()


def identify(key: str) -> str:
    """The id of the account that a key opens. Raises `GatewayUnavailable`, and `ChargeRefused` for a key that opens none."""
    try:
        return client_of(key).v1.accounts.retrieve_current().id
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise ChargeRefused(_("Stripe does not know this key.")) from error
    except stripe.StripeError as error:
        raise GatewayUnavailable from error


def own_secrets(account: str) -> dict[str, str]:
    """The secrets of an organizer's own account. Raises `UnknownGateway`."""
    try:
        sealed = GatewayAccount.objects.values_list("secrets", flat=True).get(pk=UUID(account), gateway=Stripe.name)
    except (ValueError, GatewayAccount.DoesNotExist):
        raise UnknownGateway from None
    return unseal(sealed)


@cache
def http() -> stripe.HTTPClient:
    """One for all: it keeps connections open, some for each thread."""
    return stripe.RequestsClient(timeout=(CONNECT_TIMEOUT, READ_TIMEOUT))


def client_of(key: str) -> stripe.StripeClient:
    addresses: Any = {"api": settings.EVENTLY_STRIPE_API} if settings.EVENTLY_STRIPE_API else {}
    return stripe.StripeClient(
        key, base_addresses=addresses, stripe_version=API_VERSION, max_network_retries=0, http_client=http()
    )


def deadline() -> float:
    return time.monotonic() + LAST_START


def is_passing(error: stripe.StripeError) -> bool:
    """Whether it may be over in a moment: a broken line, a fault of Stripe's, too many calls."""
    return isinstance(error, stripe.APIConnectionError | stripe.RateLimitError) or (error.http_status or 0) >= 500


def facts_of(thing: Any) -> dict[str, str]:
    """What we have written onto it."""
    facts: dict[str, str] = thing.metadata.to_dict() if thing.metadata else {}
    return facts


def status_of(session: Any) -> ChargeStatus:
    if session.status == "open":
        return ChargeStatus.OPEN
    if session.status == "expired":
        return ChargeStatus.ABANDONED
    if session.payment_status == "paid":
        return ChargeStatus.CAPTURED
    return (
        ChargeStatus.OPEN if session.payment_intent and session.payment_intent.status == "processing" else ChargeStatus.DECLINED
    )


def fee_of(charge: Any) -> int:
    """What Stripe kept of a charge, in its currency; while the balance is in another one, at the rate of its exchange."""
    moved = charge.balance_transaction
    if not moved:  # not booked yet
        return 0
    if moved.currency == charge.currency:
        return from_stripe(moved.fee, moved.currency)
    fee = Decimal(from_stripe(moved.fee, moved.currency)).scaleb(-digits(moved.currency.upper()))
    exchanged = fee / Decimal(str(moved.exchange_rate))
    return to_minor(exchanged, charge.currency.upper())


def refund_result(refund: Any) -> RefundResult:
    return RefundResult(
        gateway_id=refund.id,
        status=REFUNDS.get(refund.status, RefundStatus.FAILED),
        amount_minor=from_stripe(refund.amount, refund.currency),
        currency=refund.currency.upper(),
        reference=facts_of(refund).get("refund", ""),
    )


def to_stripe(minor: int, currency: str) -> int:
    """An amount in Stripe's unit of a currency (docs.stripe.com/currencies). Raises `ChargeRefused` if it has none for it."""
    amount = Decimal(minor).scaleb(stripe_digits(currency) - digits(currency))
    if amount % (10 if currency in WITH_THREE_DECIMALS else 1):
        raise ChargeRefused
    return int(amount)


def from_stripe(amount: int, currency: str) -> int:
    """The same back, in minor units of ISO 4217; half a unit, which no charge can have, is rounded up."""
    return to_minor(Decimal(amount).scaleb(-stripe_digits(currency.upper())), currency.upper())


def stripe_digits(currency: str) -> int:
    return 0 if currency in WITHOUT_DECIMALS else 3 if currency in WITH_THREE_DECIMALS else 2


def verify(*, secrets: Sequence[str], header: str, body: bytes, at: float) -> None:
    """Raise `BadSignature` unless one of the secrets has signed the body at most five minutes before or after `at`.

    The header of docs.stripe.com/webhooks/signature: `t=` the time and any number of `v1=` HMAC-SHA256 over `t.body`. Stripe's
    library would take a time that is still to come.
    """
    parts = [part.strip().partition("=")[::2] for part in header.split(",")]
    times = [value for name, value in parts if name == "t"]
    signatures = [value.encode() for name, value in parts if name == "v1"][:MOST_SIGNATURES]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit() and len(times[0]) < 13):
        raise BadSignature
    if abs(at - int(times[0])) > TOLERANCE:
        raise BadSignature
    signed = times[0].encode() + b"." + body
    expected = [hmac.new(secret.encode(), signed, sha256).hexdigest().encode() for secret in secrets if secret]
    if not any(hmac.compare_digest(one, signature) for one in expected for signature in signatures):
        raise BadSignature
