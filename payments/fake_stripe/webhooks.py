"""Telling merchants what has happened: signed, again and again until they answer; on request twice, late, or in another order."""

import hashlib
import hmac
import json
import queue
import random
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Final

Thing = dict[str, Any]

# What a merchant is told to choose; a list with "*" takes everything.
KINDS: Final = (
    "checkout.session.completed",
    "checkout.session.expired",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "payment_intent.payment_failed",
    "charge.refunded",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.closed",
)
TIMEOUT: Final = 10  # seconds


@dataclass(frozen=True, slots=True)
class Message:
    """One event as it goes over the wire."""

    kind: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Endpoint:
    """Where and how one account wants to hear. Several secrets sign at once while one replaces the other."""

    url: str = ""
    secrets: list[str] = field(default_factory=list)
    kinds: tuple[str, ...] = KINDS
    copies: int = 1
    shuffled: bool = False
    delay: float = 0.0
    is_on: bool = True

    def wants(self, kind: str) -> bool:
        return "*" in self.kinds or kind in self.kinds

    def message(self, event: Thing, *, at: float | None = None, secrets: list[str] | None = None) -> Message:
        body = json.dumps(event, indent=2).encode()
        signature = sign(body, self.secrets if secrets is None else secrets, at=int(time.time() if at is None else at))
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0"}
        return Message(kind=event["type"], headers=headers, body=body)


def sign(body: bytes, secrets: list[str], *, at: int) -> str:
    """The header of docs.stripe.com/webhooks/signature: the time and a signature for each secret, and one of an old scheme."""
    signatures = [hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={signature}" for signature in signatures), "v0=" + "0" * 64])


class Courier:
    """Delivers in a thread of its own; what is not taken comes again with growing pauses."""

    def __init__(self, *, tries: int = 12, pause: float = 0.5) -> None:
        self._tries, self._pause = tries, pause
        self._due: queue.PriorityQueue[tuple[float, int, int, Endpoint, Thing]] = queue.PriorityQueue()
        self._count, self._stopped = 0, threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._random = random.Random(0)  # noqa: S311 -- an order, not a secret

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(TIMEOUT)

    def send(self, endpoint: Endpoint, event: Thing) -> None:
        if not (endpoint.url and endpoint.is_on and endpoint.wants(event["type"])):
            return
        for _ in range(endpoint.copies):
            jitter = self._random.random() * 2 if endpoint.shuffled else 0.0
            self._put(time.monotonic() + endpoint.delay + jitter, 0, endpoint, event)

    def _put(self, due: float, tried: int, endpoint: Endpoint, event: Thing) -> None:
        self._count += 1
        self._due.put((due, self._count, tried, endpoint, event))

    def _work(self) -> None:
        while not self._stopped.is_set():
            try:
                due, _count, tried, endpoint, event = self._due.get(timeout=0.1)
            except queue.Empty:
                continue
            if due > time.monotonic():
                self._put(due, tried, endpoint, event)
                self._stopped.wait(0.02)
            elif not deliver(endpoint, event) and tried + 1 < self._tries:
                self._put(time.monotonic() + self._pause * 2**tried, tried + 1, endpoint, event)


def deliver(endpoint: Endpoint, event: Thing) -> bool:
    """Send one message; return whether it was taken."""
    message = endpoint.message(event)
    request = urllib.request.Request(endpoint.url, data=message.body, headers=message.headers)  # noqa: S310 -- of the test
    try:
        urllib.request.urlopen(request, timeout=TIMEOUT).close()  # noqa: S310 -- as above
    except OSError:
        return False
    event["pending_webhooks"] = 0
    return True
