"""Do not ask a gateway that does not answer: its time-outs would slow everybody. All processes decide together, in the cache.

After `LIMIT` failures in a row it is not asked for `PAUSE` seconds; then one caller may try, and only its success opens the way
for all. While the cache is down everybody may ask.
"""

import logging
from typing import Final

from django.core.cache import cache

from .base import GatewayUnavailable

logger = logging.getLogger(__name__)

LIMIT: Final = 5  # failures in a row, each within a minute of the first
WINDOW: Final = 60  # seconds
PAUSE: Final = 20  # seconds
PROBE: Final = 12  # seconds that the one who tries may take; longer than an adapter may
REMEMBERED: Final = 3600  # seconds until a gateway that nobody tried again counts as sound


class Breaker:
    """The state of one account at one gateway."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._failures, self._tripped, self._pause, self._probe = (
            f"breaker:{name}:{part}" for part in ("failures", "tripped", "pause", "probe")
        )

    def check(self) -> None:
        """Raise `GatewayUnavailable` at once unless the gateway may be asked now. Whoever may, says how it ended."""
        known = cache.get_many([self._tripped, self._pause]) or {}
        if self._tripped in known and (self._pause in known or not cache.add(self._probe, 1, PROBE)):
            raise GatewayUnavailable

    def succeeded(self) -> None:
        if cache.get(self._tripped):
            logger.warning("Gateway %s answers again.", self.name)
        cache.delete_many([self._failures, self._tripped, self._pause, self._probe])

    def failed(self) -> None:
        cache.add(self._failures, 0, WINDOW)
        try:
            failures = cache.incr(self._failures)
        except ValueError:  # the window has just ended
            return
        if cache.get(self._tripped) or (failures or 0) >= LIMIT:
            logger.error("Gateway %s does not answer; it is not asked for %s seconds.", self.name, PAUSE)
            cache.set_many({self._pause: 1}, PAUSE)
            cache.set(self._tripped, 1, REMEMBERED)
            cache.delete(self._probe)
