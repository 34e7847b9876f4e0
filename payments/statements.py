"""What an organizer has earned in a period, and what is due between it and the platform, by the ledger alone."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models import Q, Sum

from .models import Account, LedgerEntry

OWN = (
    *(Account.ORGANIZER, Account.GATEWAY_FEES, Account.PLATFORM_FEES, Account.TAX),
    *(Account.BY_HAND, Account.DISPUTED, Account.SETTLED),
)
# What came through the platform's accounts for the organizer: its share and the tax, which it owes itself; what it has given back
# out of its own pocket; not what a bank has taken until it is decided.
HELD: Final = Q(account__in=[Account.ORGANIZER, Account.TAX, Account.BY_HAND, Account.DISPUTED], gateway_account="")
OWED_FEES: Final = Q(account=Account.PLATFORM_FEES) & ~Q(gateway_account="")  # of what came into its own accounts
SETTLED: Final = Q(account=Account.SETTLED)
DUE: Final = HELD | SETTLED


class Line(NamedTuple):
    """What happened to one currency of an organizer, minor units; `fees` and `tax` are positive where they cost something."""

    currency: str
    before: int  # belonging to the organizer when the period began
    payments: int
    refunds: int  # given back, refunds that came back taken off
    disputes: int  # lost
    gateway_fees: int
    platform_fees: int
    tax: int
    after: int
    due_before: int  # from the platform; negative: from the organizer
    held: int  # come for the organizer through the platform's accounts, less what went back
    owed_fees: int  # the platform's fees of what came into the organizer's own accounts
    settled: int  # paid out, less what was received
    due: int


def statement(*, organizer_id: UUID, since: datetime, until: datetime) -> Iterator[Line]:
    """One line for each currency in which something was booked from `since` until before `until`, or was owed before.

    `after` is `before` + `payments` - `refunds` - `disputes`, the organizer's share of them. What the gateways have kept and what
    belongs to the platform and to the tax office is told beside it. `due` is `due_before` + `held` - `owed_fees` - `settled`.
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
        "due_before": DUE & ~new,
        "held": HELD & new,
        "owed_fees": OWED_FEES & new,
        "settled": SETTLED & new,
        "due": DUE,
    }
    fees_before, fees = (Sum("amount_minor", filter=OWED_FEES & when, default=0) for when in (~new, Q()))
    sums = {name: Sum("amount_minor", filter=condition, default=0) for name, condition in kinds.items()}
    rows: Any = entries.values("currency").annotate(**sums, fees_before=fees_before, fees=fees).order_by("currency")
    credits = ("before", "payments", "platform_fees", "tax", "after", "due_before", "held", "owed_fees", "due")
    for row in rows:
        facts = row | {name: -row[name] for name in credits}
        facts["due_before"] += facts.pop("fees_before")
        facts["due"] += facts.pop("fees")
        yield Line(**facts)


def due(organizer_id: UUID) -> Mapping[str, int]:
    """What the platform owes the organizer now, by currency, minor units; negative where the organizer owes it fees."""
    entries = LedgerEntry.objects.filter(transaction__organizer=organizer_id, account__in=OWN).values_list("currency")
    sums: Any = entries.annotate(
        held=Sum("amount_minor", filter=DUE, default=0), fees=Sum("amount_minor", filter=OWED_FEES, default=0)
    )
    return {currency: fees - held for currency, held, fees in sums}
