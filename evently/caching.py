"""Read caches: cache-aside, forgotten on commit, computed once for all who miss at the same time. Never what is sold from."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, TypeVar
from uuid import uuid4

from django.conf import settings
from django.core.cache import cache
from django.db import transaction

T = TypeVar("T")

COMPUTING: Final = 5  # seconds after which another one computes what somebody began and never finished
STEP: Final = 0.02  # seconds between two looks at what another one is computing
MARKED: Final = 3600  # seconds; longer than any value lives
COUNTED: Final = 50  # reads that a process counts by itself before it tells

_counts: Counter[tuple[str, bool]] = Counter()
_counting = Lock()


@dataclass(frozen=True, slots=True)
class Kind:
    """What is kept, for how long, and for how long at most it may be read after it has changed; in seconds.

    With thousands of changes a minute, `grace` is what makes a cache of any use: the value is computed once in that time.
    """

    name: str
    seconds: float
    grace: float = 0.0


@dataclass(frozen=True, slots=True)
class _Entry:
    """A value, when it was read, and the mark of the last change that it knows of."""

    value: Any
    at: float
    mark: str


def remember(kind: Kind, key: object, compute: Callable[[], T], *, part: str = "") -> T:
    """What `compute` returns, or what it returned a moment ago; `forget` forgets all the parts of a key.

    When the cache is down, it is computed.
    """
    if not settings.EVENTLY_READ_CACHE:
        return compute()
    name, changed = f"{kind.name}:{key}:{part}", f"{kind.name}:{key} changed"
    entry, mark = _read(name, changed)
    if _is_good(entry, mark, kind):
        _count(kind, hit=True)
        return entry.value  # type: ignore[union-attr, no-any-return]
    _count(kind, hit=False)
    asked = time.time()
    while not cache.add(f"{name}:computing", True, timeout=COMPUTING):
        if not cache.get(f"{name}:computing"):
            break  # done, given up, or there is no cache
        time.sleep(STEP)
        entry, mark = _read(name, changed)
        if entry and (_is_good(entry, mark, kind) or entry.at >= asked):
            return entry.value  # type: ignore[no-any-return]
    entry, mark = _read(name, changed)
    if _is_good(entry, mark, kind):
        cache.delete(f"{name}:computing")
        return entry.value  # type: ignore[union-attr, no-any-return]
    try:
        at = time.time()
        value = compute()
        cache.set(name, _Entry(value, at, mark), timeout=kind.seconds)
    finally:
        cache.delete(f"{name}:computing")
    return value


def forget(kind: Kind, key: object) -> None:
    """Have it computed anew once the open transaction has committed. What is being computed meanwhile is old, too."""
    name = f"{kind.name}:{key} changed"
    # Not a partial: it has no name, which `robust` asks for to log what a callback raises.
    transaction.on_commit(lambda: cache.set(name, uuid4().hex, timeout=MARKED), robust=True)


def hit_counts() -> dict[str, tuple[int, int]]:
    """Hits and misses by kind, of all processes, since the cache was emptied."""
    known: dict[str, tuple[int, int]] = {}
    for name in sorted(cache.get("read-cache:kinds") or ()):
        hits, misses = (int(cache.get(f"read-cache:{name}:{outcome}") or 0) for outcome in (True, False))
        known[name] = (hits, misses)
    return known


def _read(name: str, changed: str) -> tuple[_Entry | None, str]:
    found = cache.get_many([name, changed]) or {}
    return found.get(name), found.get(changed, "")


def _is_good(entry: _Entry | None, mark: str, kind: Kind) -> bool:
    return entry is not None and (entry.mark == mark or time.time() - entry.at < kind.grace)


def _count(kind: Kind, *, hit: bool) -> None:
    """Count it here, and tell the others now and then: a round trip for each read would cost as much as the read."""
    with _counting:
        _counts[kind.name, hit] += 1
        if _counts.total() < COUNTED:
            return
        told = dict(_counts)
        _counts.clear()
    kinds = set(cache.get("read-cache:kinds") or ())
    cache.set("read-cache:kinds", kinds | {name for name, _hit in told}, timeout=None)
    for (name, was_hit), number in told.items():
        cache.add(f"read-cache:{name}:{was_hit}", 0, timeout=None)
        with suppress(ValueError):  # emptied in between
            cache.incr(f"read-cache:{name}:{was_hit}", number)
