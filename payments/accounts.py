"""Who receives the money: an organizer's own account at a gateway, or the platform's.

Secrets are sealed in the database (Fernet: AES-128-CBC with HMAC-SHA256) under `EVENTLY_SECRET_KEYS`, of which the first seals
and all unseal, or under a key derived from `SECRET_KEY`.
"""

import base64
import hmac
import json
from hashlib import sha256
from typing import Final
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from .models import GatewayAccount

PLATFORM: Final = ""
OWN_ONLY: Final = frozenset({"at_door"})  # nobody but the organizer can say that money is taken at the door


class SecretsUnreadable(Exception):
    """An account's secrets were sealed with a key that the settings no longer name."""


def seal(secrets: dict[str, str]) -> str:
    """Encrypt what an account must keep to itself."""
    return _box().encrypt(json.dumps(secrets).encode()).decode()


def unseal(sealed: str) -> dict[str, str]:
    """What `seal` was given; nothing for nothing. Raises `SecretsUnreadable`."""
    if not sealed:
        return {}
    try:
        secrets: dict[str, str] = json.loads(_box().decrypt(sealed.encode()))
    except InvalidToken as error:
        raise SecretsUnreadable from error
    return secrets


def account_for(*, organizer_id: UUID, gateway: str) -> str | None:
    """Which account takes this organizer's money at this gateway: an own one first; None if the way is not offered."""
    return ways_to_pay(organizer_id=organizer_id).get(gateway)


def ways_to_pay(*, organizer_id: UUID) -> dict[str, str]:
    """The gateways that an organizer's buyers may choose from, in the order of the settings, each with its account."""
    own = dict(GatewayAccount.objects.filter(organizer=organizer_id, is_active=True).values_list("gateway", "pk"))
    ways = {}
    for gateway in settings.EVENTLY_GATEWAYS:
        if gateway in own:
            ways[gateway] = str(own[gateway])
        elif _platform_has(gateway):
            ways[gateway] = PLATFORM
    return ways


def _platform_has(gateway: str) -> bool:
    if gateway == "stripe":
        return bool(settings.EVENTLY_STRIPE_KEY)
    if gateway == "bank_transfer":
        return bool(settings.EVENTLY_BANK_IBAN)
    return gateway not in OWN_ONLY


def _box() -> MultiFernet:
    texts = settings.EVENTLY_SECRET_KEYS or [settings.SECRET_KEY]
    keys = [hmac.new(text.encode(), b"secrets of gateway accounts", sha256).digest() for text in texts]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])
