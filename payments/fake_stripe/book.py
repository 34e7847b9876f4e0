"""What one account at the company has: sessions, payments, refunds, disputes, and the events that tell of them."""

import copy
import itertools
import time
from collections.abc import Callable, Iterator
from secrets import token_hex
from typing import Any, Final

Thing = dict[str, Any]

API_VERSION: Final = "2026-10-28.endive"
OPEN_FOR: Final = 24 * 3600  # seconds, unless the session says so itself: between 30 minutes and this
SHORTEST: Final = 30 * 60
DISPUTE_FEE: Final = 2000

# docs.stripe.com/currencies; UGX and ISK have no decimals but are written with two.
WITHOUT_DECIMALS: Final = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())  # noqa: SIM905
WITH_THREE_DECIMALS: Final = frozenset("bhd jod kwd omr tnd".split())  # noqa: SIM905
WHOLE_ONLY: Final = frozenset({"isk", "ugx"})

# docs.stripe.com/testing: the number of a card decides what becomes of it.
GOOD: Final = "4242424242424242"
DECLINES: Final = {
    "4000000000000002": ("card_declined", "generic_decline", "Your card was declined."),
    "4000000000009995": ("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "4000000000000069": ("expired_card", "expired_card", "Your card has expired."),
    "4000000000000127": ("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
    "4000008400001629": ("card_declined", "generic_decline", "Your card was declined."),
}
WITH_CHALLENGE: Final = frozenset({"4000000000003220", "4000002500003155", "4000008400001629"})
DISPUTED: Final = "4000000000000259"
REFUND_PENDING: Final = "4000000000007726"
REFUND_FAILS: Final = "4000000000005126"
NOT_AUTHENTICATED: Final = (
    "payment_intent_authentication_failure",
    "authentication_required",
    "We are unable to authenticate your payment method.",
)


class Refused(Exception):
    """An answer that says no, in Stripe's shape."""

    def __init__(self, message: str, *, status: int = 400, kind: str = "invalid_request_error", **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "message": message, **more}}


class Book:
    """One account. Everything in it is a JSON object as the API shows it; whoever calls has locked it."""

    def __init__(self, *, address: Callable[[], str], account: str, now: Callable[[], float] = time.time) -> None:
        self.account, self.now, self._address = account, now, address
        self.things: dict[str, Thing] = {}
        self.by_kind: dict[str, list[Thing]] = {}  # each oldest first
        self.cards: dict[str, str] = {}  # by charge: what the tests' card numbers decide later
        self._numbers = itertools.count(1)

    # What is asked for

    def find(self, thing_id: str, kind: str) -> Thing:
        thing = self.things.get(thing_id)
        if thing is None or thing["object"] != kind:
            name = kind.rpartition(".")[2]
            raise Refused(f"No such {name}: '{thing_id}'", status=404, code="resource_missing", param="id")
        self._close_old(thing)
        return thing

    def all(self, kind: str, **like: Any) -> Iterator[Thing]:
        """Things of a kind with these members, newest first."""
        for thing in reversed(self.by_kind.get(kind, []).copy()):
            if all(thing.get(name) == value for name, value in like.items()):
                self._close_old(thing)
                yield thing

    def show(self, thing: Thing, expand: list[str]) -> Thing:
        """A copy, with the ids on the given paths replaced by what they stand for."""
        shown = copy.deepcopy(thing)
        for path in expand:
            self._expand(shown, path.split("."))
        return shown

    def _expand(self, shown: Thing, names: list[str]) -> None:
        name, *below = names
        if (shown["object"], name) == ("charge", "refunds"):
            refunds = list(self.all("refund", charge=shown["id"]))
            shown[name] = {"object": "list", "data": copy.deepcopy(refunds[:10]), "has_more": len(refunds) > 10}
            return
        if name not in shown:
            raise Refused(f"This property cannot be expanded ({name}).")
        if isinstance(shown[name], str):
            shown[name] = copy.deepcopy(self.things[shown[name]])
        if below and isinstance(shown[name], dict):
            self._expand(shown[name], below)

    # What is done by the API

    def open_session(self, wish: Thing) -> Thing:
        known = {"mode", "line_items", "success_url", "cancel_url", "client_reference_id", "metadata", "payment_intent_data"}
        known |= {"expires_at", "customer_email", "locale", "payment_method_types", "submit_type", "expand"}
        if unknown := sorted(wish.keys() - known):
            raise Refused(f"Received unknown parameter: {unknown[0]}", code="parameter_unknown", param=unknown[0])
        if wish.get("mode") != "payment" or not wish.get("success_url"):
            raise Refused("Missing required param: mode, success_url.", code="parameter_missing")
        amount, currency, name = 0, "", ""
        for line in wish.get("line_items", {}).values():
            price = line.get("price_data", {})
            currency, name = str(price.get("currency", "")), price.get("product_data", {}).get("name", "")
            amount += whole_number(price.get("unit_amount"), "unit_amount") * whole_number(line.get("quantity"), "quantity")
        self._check_amount(amount, currency)
        now = int(self.now())
        expires_at = whole_number(wish.get("expires_at", now + OPEN_FOR), "expires_at")
        if not now + SHORTEST <= expires_at <= now + OPEN_FOR:
            raise Refused("The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.")
        session = self._add(
            "cs_test",
            "checkout.session",
            amount_subtotal=amount,
            amount_total=amount,
            cancel_url=wish.get("cancel_url"),
            client_reference_id=wish.get("client_reference_id"),
            currency=currency,
            expires_at=expires_at,
            livemode=False,
            metadata=wish.get("metadata", {}),
            mode="payment",
            payment_intent=None,
            payment_status="unpaid",
            status="open",
            success_url=wish["success_url"],
        )
        session["url"] = f"{self._address()}/c/pay/{session['id']}"
        self.cards[session["id"]] = name
        self.cards["metadata of " + session["id"]] = wish.get("payment_intent_data", {}).get("metadata", {})
        return session

    def expire_session(self, session_id: str) -> Thing:
        session = self.find(session_id, "checkout.session")
        if session["status"] != "open":
            raise Refused(
                "Only Checkout Sessions with a status in [open] can be expired. "
                f"This Checkout Session has a status of `{session['status']}`."
            )
        self._expire(session)
        return session

    def refund(self, wish: Thing) -> Thing:
        if "charge" in wish:
            charge = self.find(str(wish["charge"]), "charge")
        else:
            intent = self.find(str(wish.get("payment_intent")), "payment_intent")
            if intent["status"] != "succeeded":
                raise Refused("This PaymentIntent does not have a successful charge to refund.")
            charge = self.things[intent["latest_charge"]]
        left = charge["amount_captured"] - charge["amount_refunded"]
        if charge["disputed"]:
            raise Refused("Charge has been charged back; cannot issue a refund.", code="charge_disputed")
        if left == 0:
            raise Refused("Charge has already been refunded.", code="charge_already_refunded")
        amount = whole_number(wish.get("amount", left), "amount")
        if not 0 < amount <= left:
            raise Refused(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")
        pending = self.cards[charge["id"]] == REFUND_PENDING
        refund = self._add(
            "re",
            "refund",
            amount=amount,
            balance_transaction=None,
            charge=charge["id"],
            currency=charge["currency"],
            failure_reason=None,
            metadata=wish.get("metadata", {}),
            payment_intent=charge["payment_intent"],
            reason=wish.get("reason"),
            status="pending" if pending else "succeeded",
        )
        refund["balance_transaction"] = self._move(refund, -amount, fee=0, kind="refund")["id"]
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
        self.tell("refund.created", refund)
        self.tell("charge.refunded", charge)
        if self.cards[charge["id"]] == REFUND_FAILS:
            self.finish_refund(refund["id"], succeeds=False)
        return refund

    # What people do at the pay page, at their bank and in the dashboard

    def name_of(self, session: Thing) -> str:
        return self.cards[session["id"]]

    def pay(self, session_id: str, card: str = GOOD, *, amount: int | None = None, currency: str = "") -> Thing:
        """Try a card; return the payment intent. `amount` and `currency` let the company take something else than was asked."""
        session = self.find(session_id, "checkout.session")
        if session["status"] != "open":
            raise Refused("This Checkout Session is no longer open.")
        intent = self._intent_of(session)
        if amount is not None:
            intent["amount"] = session["amount_total"] = amount
        if currency:
            intent["currency"] = session["currency"] = currency
        if card in WITH_CHALLENGE:
            intent["status"] = "requires_action"
            self.cards[intent["id"]] = card
            self.tell("payment_intent.requires_action", intent)
            return intent
        return self._try(session, intent, card, DECLINES.get(card))

    def authenticate(self, intent_id: str, *, passed: bool) -> Thing:
        """The end of a 3-D Secure challenge; return the session."""
        intent = self.find(intent_id, "payment_intent")
        session = next(self.all("checkout.session", payment_intent=intent_id))
        if intent["status"] == "requires_action" and session["status"] == "open":
            card = self.cards[intent_id]
            self._try(session, intent, card, DECLINES.get(card) if passed else NOT_AUTHENTICATED)
        return session

    def pay_later(self, session_id: str) -> Thing:
        """The buyer is done, the money is still on its way, as with a bank debit; `money_arrives` ends it."""
        session = self.find(session_id, "checkout.session")
        intent = self._intent_of(session)
        intent["status"], session["status"] = "processing", "complete"
        self.tell("payment_intent.processing", intent)
        self.tell("checkout.session.completed", session)
        return intent

    def money_arrives(self, session_id: str, *, succeeds: bool = True) -> Thing:
        session = self.find(session_id, "checkout.session")
        intent = self.things[session["payment_intent"]]
        self._charge(session, intent, GOOD, None if succeeds else ("card_declined", "generic_decline", "The debit failed."))
        ending = "succeeded" if succeeds else "failed"
        self.tell(f"checkout.session.async_payment_{ending}", session)
        return intent

    def finish_refund(self, refund_id: str, *, succeeds: bool = True) -> Thing:
        """A bank takes or refuses what goes back; refused, even after a success, the account has the money again."""
        refund = self.find(refund_id, "refund")
        charge = self.things[refund["charge"]]
        if refund["status"] == "failed" or (succeeds and refund["status"] == "succeeded"):
            return refund
        refund["status"] = "succeeded" if succeeds else "failed"
        if not succeeds:
            refund["failure_reason"] = "lost_or_stolen_card"
            self._move(refund, refund["amount"], fee=0, kind="refund_failure")
            charge["amount_refunded"] -= refund["amount"]
            charge["refunded"] = False
            self.tell("refund.failed", refund)
        self.tell("refund.updated", refund)
        return refund

    def dispute(self, charge_id: str, *, amount: int | None = None) -> Thing:
        """The buyer asks their bank for the money: it is taken at once, with a fee."""
        charge = self.find(charge_id, "charge")
        dispute = self._add(
            "du",
            "dispute",
            amount=charge["amount_captured"] if amount is None else amount,
            balance_transactions=[],
            charge=charge_id,
            currency=charge["currency"],
            metadata={},
            payment_intent=charge["payment_intent"],
            reason="fraudulent",
            status="needs_response",
        )
        charge["disputed"] = True
        move = self._move(dispute, -dispute["amount"], fee=DISPUTE_FEE, kind="adjustment")
        dispute["balance_transactions"].append(copy.deepcopy(move))
        self.tell("charge.dispute.created", dispute)
        self.tell("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def decide_dispute(self, dispute_id: str, *, won: bool) -> Thing:
        dispute = self.find(dispute_id, "dispute")
        dispute["status"] = "won" if won else "lost"
        if won:
            move = self._move(dispute, dispute["amount"], fee=0, kind="adjustment")
            dispute["balance_transactions"].append(copy.deepcopy(move))
            self.tell("charge.dispute.funds_reinstated", dispute)
        self.tell("charge.dispute.closed", dispute)
        return dispute

    def tell(self, kind: str, thing: Thing) -> Thing:
        """Write an event: the thing as it is now."""
        return self._add(
            "evt",
            "event",
            api_version=API_VERSION,
            data={"object": copy.deepcopy(thing)},
            livemode=False,
            pending_webhooks=1,
            type=kind,
        )

    def _add(self, prefix: str, kind: str, **members: Any) -> Thing:
        thing_id = f"{prefix}_{next(self._numbers):06d}{token_hex(8)}"
        thing = {"id": thing_id, "object": kind, "created": int(self.now()), **members}
        self.things[thing_id] = thing
        self.by_kind.setdefault(kind, []).append(thing)
        return thing

    def _intent_of(self, session: Thing) -> Thing:
        if session["payment_intent"]:
            return self.things[session["payment_intent"]]
        intent = self._add(
            "pi",
            "payment_intent",
            amount=session["amount_total"],
            amount_received=0,
            currency=session["currency"],
            last_payment_error=None,
            latest_charge=None,
            livemode=False,
            metadata=self.cards["metadata of " + session["id"]],
            status="requires_payment_method",
        )
        session["payment_intent"] = intent["id"]
        self.tell("payment_intent.created", intent)
        return intent

    def _try(self, session: Thing, intent: Thing, card: str, decline: tuple[str, str, str] | None) -> Thing:
        charge = self._charge(session, intent, card, decline)
        if not decline:
            session["status"] = "complete"
            self.tell("checkout.session.completed", session)
            if card == DISPUTED:
                self.dispute(charge["id"])
        return intent

    def _charge(self, session: Thing, intent: Thing, card: str, decline: tuple[str, str, str] | None) -> Thing:
        amount = intent["amount"]
        charge = self._add(
            "ch",
            "charge",
            amount=amount,
            amount_captured=0 if decline else amount,
            amount_refunded=0,
            balance_transaction=None,
            captured=not decline,
            currency=intent["currency"],
            disputed=False,
            failure_code=decline[0] if decline else None,
            failure_message=decline[2] if decline else None,
            metadata=dict(intent["metadata"]),
            paid=not decline,
            payment_intent=intent["id"],
            refunded=False,
            status="failed" if decline else "succeeded",
        )
        self.cards[charge["id"]] = card
        intent["latest_charge"] = charge["id"]
        if decline:
            code, reason, message = decline
            error = {"type": "card_error", "code": code, "decline_code": reason, "message": message, "charge": charge["id"]}
            intent["status"], intent["last_payment_error"] = "requires_payment_method", error
            self.tell("charge.failed", charge)
            self.tell("payment_intent.payment_failed", intent)
            return charge
        intent["status"], intent["amount_received"], intent["last_payment_error"] = "succeeded", amount, None
        session["payment_status"] = "paid"
        fee = (amount * 15 + 500) // 1000 + (0 if intent["currency"] in WITHOUT_DECIMALS else 25)
        charge["balance_transaction"] = self._move(charge, amount, fee=min(fee, amount), kind="charge")["id"]
        self.tell("charge.succeeded", charge)
        self.tell("payment_intent.succeeded", intent)
        return charge

    def _move(self, source: Thing, amount: int, *, fee: int, kind: str) -> Thing:
        return self._add(
            "txn",
            "balance_transaction",
            amount=amount,
            currency=source["currency"],
            fee=fee,
            net=amount - fee,
            source=source["id"],
            type=kind,
        )

    def _close_old(self, thing: Thing) -> None:
        if thing["object"] == "checkout.session" and thing["status"] == "open" and thing["expires_at"] <= self.now():
            self._expire(thing)

    def _expire(self, session: Thing) -> None:
        session["status"], session["url"] = "expired", None
        if session["payment_intent"]:
            self.things[session["payment_intent"]]["status"] = "canceled"
        self.tell("checkout.session.expired", session)

    @staticmethod
    def _check_amount(amount: int, currency: str) -> None:
        if len(currency) != 3 or not currency.islower():
            raise Refused(f"Invalid currency: {currency}.", param="currency")
        if currency in WITH_THREE_DECIMALS and amount % 10:
            raise Refused(f"Invalid amount: the last digit must be 0 for {currency}.", code="parameter_invalid_integer")
        if currency in WHOLE_ONLY and amount % 100:
            raise Refused(f"Invalid amount: {currency} has no decimals.", code="parameter_invalid_integer")
        if amount < (50 if currency not in WITHOUT_DECIMALS | WITH_THREE_DECIMALS else 10):
            raise Refused("The Checkout Session's total amount due is too small.", code="amount_too_small")
        if amount > 99_999_999:
            raise Refused("The Checkout Session's total amount is too large.", code="amount_too_large")


def whole_number(value: Any, name: str) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit()):
        raise Refused(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
    return int(text)
