"""How often somebody may ask: fixed windows, counted in Redis in one atomic step."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django_redis import get_redis_connection
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from evently.errors import DomainError
from evently.network import hashed_address

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which itself imports this module

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tier:
    """At most `limit` requests in `seconds`."""

    name: str
    limit: int
    seconds: int


ANON: Final = Tier("anon", 120, 60)
USER: Final = Tier("user", 600, 60)
HOLD: Final = Tier("hold", 60, 60)
LOGIN: Final = Tier("login", 10, 300)  # for one e-mail address from one network
LOGIN_NETWORK: Final = Tier("login-network", 60, 300)
FREE: Final = Tier("free", 5, 3600)  # bookings that cost nothing, for one e-mail address

CODE: Final = Tier("code", 10, 600)  # codes tried by one person or browser
CODE_NETWORK: Final = Tier("code-network", 100, 600)

# Counting and setting the end of the window must not be torn apart: a counter without an end would lock out for ever.
COUNT = """
local answers = {}
for place, key in ipairs(KEYS) do
    local count = redis.call('INCR', key)
    if count == 1 then redis.call('PEXPIRE', key, ARGV[place]) end
    answers[place] = {count, redis.call('PTTL', key)}
end
return answers
"""
DOWN_FOR: Final = 1.0  # seconds in which a Redis that did not answer is not asked again: its time-out would slow everybody

Bucket = tuple[Tier, str]
Counted = list[tuple[int, float]]  # requests in this window, seconds until it ends


@dataclass(frozen=True, slots=True)
class State:
    """Where the caller stands in the tier that is nearest to its end."""

    limit: int
    remaining: int
    ends_in: float


class InRedis:
    """Counts for all processes together; not at all while Redis does not answer."""

    def __init__(self) -> None:
        self._ask_again_at = 0.0

    def count(self, buckets: list[Bucket]) -> Counted | None:
        if time.monotonic() < self._ask_again_at:
            return None
        keys = [f"evently:limit:{tier.name}:{key}" for tier, key in buckets]
        windows = [tier.seconds * 1000 for tier, _key in buckets]
        try:
            answers: Any = get_redis_connection("default").eval(COUNT, len(keys), *keys, *windows)
        except RedisError as error:
            self._ask_again_at = time.monotonic() + DOWN_FOR
            logger.warning("Requests are not counted: %s", error)
            return None
        return [(count, milliseconds / 1000) for count, milliseconds in answers]


class InProcess:
    """Counts for this process alone."""

    most: ClassVar[int] = 100_000

    def __init__(self) -> None:
        self._lock = Lock()
        self._windows: dict[tuple[str, str], tuple[int, float]] = {}

    def count(self, buckets: list[Bucket]) -> Counted:
        now = time.monotonic()
        counted = []
        with self._lock:
            if len(self._windows) > self.most:
                self._windows = {key: window for key, window in self._windows.items() if window[1] > now}
            for tier, key in buckets:
                count, ends_at = self._windows.get((tier.name, key), (0, 0.0))
                if ends_at <= now:
                    count, ends_at = 0, now + tier.seconds
                self._windows[tier.name, key] = count + 1, ends_at
                counted.append((count + 1, ends_at - now))
        return counted


in_redis, in_process = InRedis(), InProcess()


class Limits(BaseThrottle):
    """The tiers of every request: by person, or by network address for those nobody knows; `hold_actions` have their own.

    Without Redis it lets everybody through: booking must not depend on it.
    """

    state: State | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        if not settings.EVENTLY_RATE_LIMITS:
            return True
        buckets = self.buckets(request, view)
        counted = self.count(buckets)
        if counted is None:
            return True
        states = [
            State(tier.limit, tier.limit - count, ends_in)
            for (tier, _key), (count, ends_in) in zip(buckets, counted, strict=True)
        ]
        self.state = min(states, key=lambda state: state.remaining)
        request._request.rate_limit = self.state  # type: ignore[attr-defined]  # for RateLimitHeaders
        return self.state.remaining >= 0

    def wait(self) -> float | None:
        return math.ceil(self.state.ends_in) if self.state else None

    def buckets(self, request: Request, view: "APIView") -> list[Bucket]:
        if not request.user.is_authenticated:
            return [(ANON, hashed_address(request._request))]
        buckets = [(USER, str(request.user.pk))]
        if getattr(view, "action", None) in getattr(view, "hold_actions", ()):
            buckets.append((HOLD, str(request.user.pk)))
        return buckets

    def count(self, buckets: list[Bucket]) -> Counted | None:
        return in_redis.count(buckets)


class TooManyFree(DomainError):
    code = "throttled"
    message = _("Too many free tickets were sent to this e-mail address. Please try again later.")
    status = 429
    retry_after = FREE.seconds


def count_free_booking(*, email: str) -> None:
    """Raise `TooManyFree` after too many: booking and cancelling what costs nothing would flood whoever has the address."""
    if settings.EVENTLY_RATE_LIMITS:
        counted = in_redis.count([(FREE, sha256(email.encode()).hexdigest())])
        if counted and counted[0][0] > FREE.limit:
            raise TooManyFree


class TooManyCodes(DomainError):
    code = "throttled"
    message = _("Too many codes were tried. Please try again in some minutes.")
    status = 429
    retry_after = CODE.seconds


def count_code(*, person: str, address: str) -> None:
    """Raise `TooManyCodes` for who tries many: guessing must never be free, so without Redis each process counts for itself."""
    if settings.EVENTLY_RATE_LIMITS:
        buckets = [(CODE, sha256(person.encode()).hexdigest()), (CODE_NETWORK, address)]
        counted = in_redis.count(buckets) or in_process.count(buckets)
        if any(count > tier.limit for (tier, _key), (count, _ends_in) in zip(buckets, counted, strict=True)):
            raise TooManyCodes


class LoginLimits(Limits):
    """Guesses of one person's password from one network, and of anybody's from there.

    Without Redis each process counts for itself: guessing must never be free.
    """

    def buckets(self, request: Request, view: "APIView") -> list[Bucket]:
        address = hashed_address(request._request)
        email = str(dict(request.data).get("email", "")).strip().lower()
        person = sha256(f"{address} {email}".encode(errors="replace")).hexdigest()
        return [(LOGIN, person), (LOGIN_NETWORK, address)]

    def count(self, buckets: list[Bucket]) -> Counted | None:
        return in_redis.count(buckets) or in_process.count(buckets)


class RateLimitHeaders:
    """Middleware that tells callers of the API where they stand; `-Reset` in seconds from now."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if state := getattr(request, "rate_limit", None):
            response["X-RateLimit-Limit"] = str(state.limit)
            response["X-RateLimit-Remaining"] = str(max(0, state.remaining))
            response["X-RateLimit-Reset"] = str(math.ceil(state.ends_in))
        return response
