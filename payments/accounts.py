"""Who receives the money: an organizer's own account at a gateway, or the platform's.

Secrets are sealed in the database (Fernet: AES-128-CBC with HMAC-SHA256) under `EVENTLY_SECRET_KEYS`, of which the first seals
and all unseal, or under a key derived from `SECRET_KEY`.
"""

import base64
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils import timezone

from events.models import Event

from .models import GatewayAccount

PLATFORM: Final = ""
OWN_ONLY: Final = frozenset({"at_door"})  # nobody but the organizer can say that money is taken at the door
BOOKED: Final = timedelta(days=1)  # before the event, so that somebody can look at the bank account and send the tickets
LEAD: Final = {"bank_transfer": timedelta(days=3), "at_door": timedelta(0)}  # before the event, for the way to be offered


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


def ways_to_pay(event: Event) -> dict[str, str]:
    """The gateways that an event's buyers may choose from, in the order of the settings, each with the account that receives.

    An organizer's own account comes before the platform's. Nobody is asked for a transfer that would come too late.
    """
    own = dict(GatewayAccount.objects.filter(organizer=event.organizer_id, is_active=True).values_list("gateway", "pk"))
    ways = {}
    for gateway in settings.EVENTLY_GATEWAYS:
        if gateway not in own and not _platform_has(gateway):
            continue
        if gateway in LEAD and timezone.now() + LEAD[gateway] > event.starts_at:
            continue
        ways[gateway] = str(own[gateway]) if gateway in own else PLATFORM
    return ways


def keep_until(event: Event, *, gateway: str, account: str) -> datetime | None:
    """Until when seats are kept for money that comes without a gateway; None for the time that a payment by gateway takes."""
    if gateway not in LEAD:
        return None
    if gateway == "at_door":
        return event.starts_at
    days = GatewayAccount.objects.values_list("days", flat=True).get(pk=account) if account else settings.EVENTLY_BANK_DAYS
    return min(timezone.now() + timedelta(days=days), event.starts_at - BOOKED)


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Where a transfer goes."""

    holder: str
    iban: str
    bic: str


def bank_account(account: str) -> BankAccount:
    """An organizer's bank account, or the platform's."""
    if account:
        return BankAccount(*GatewayAccount.objects.values_list("holder", "payee", "bic").get(pk=account))
    return BankAccount(settings.EVENTLY_BANK_HOLDER, settings.EVENTLY_BANK_IBAN, settings.EVENTLY_BANK_BIC)


def is_iban(text: str) -> bool:
    """Whether this is an IBAN by its check digits (ISO 13616: the whole, rearranged, is 1 modulo 97)."""
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", text):
        return False
    return int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % 97 == 1


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
