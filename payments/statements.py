"""What an organizer has earned in a period, by the ledger alone."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q, Sum

from .models import Account, LedgerEntry

OWN = (Account.ORGANIZER, Account.GATEWAY_FEES, Account.PLATFORM_FEES, Account.TAX)


class Line(NamedTuple):
    """What happened to one currency of an organizer, minor units; `fees` and `tax` are positive where they cost something."""

    currency: str
    before: int  # owed to the organizer when the period began
    payments: int
    refunds: int  # given back, refunds that came back taken off
    disputes: int  # lost
    gateway_fees: int
    platform_fees: int
    tax: int
    after: int


def statement(*, organizer_id: UUID, since: datetime, until: datetime) -> Iterator[Line]:
    """One line for each currency in which something was booked from `since` until before `until`, or was owed before.

    `after` is `before` + `payments` - `refunds` - `disputes`, the organizer's share of them. What the gateways have kept and what
    belongs to the platform and to the tax office is told beside it.
    """
    entries = LedgerEntry.objects.filter(transaction__organizer=organizer_id, account__in=OWN, created_at__lt=until)
    new = Q(created_at__gte=since)
    own = Q(account=Account.ORGANIZER)
    kinds = {
        "before": own & ~new,
        "payments": own & new & Q(transaction__kind="capture"),
        "refunds": own & new & Q(transaction__kind="refund_due"),
        "disputes": own & new & Q(transaction__kind="dispute_closed"),
        "gateway_fees": Q(account=Account.GATEWAY_FEES) & new,
        "platform_fees": Q(account=Account.PLATFORM_FEES) & new,
        "tax": Q(account=Account.TAX) & new,
        "after": own,
    }
    sums = {name: Sum("amount_minor", filter=condition, default=0) for name, condition in kinds.items()}
    rows: Any = entries.values("currency").annotate(**sums).order_by("currency")
    for row in rows:
        yield Line(**row | {name: -row[name] for name in ("before", "payments", "platform_fees", "tax", "after")})
