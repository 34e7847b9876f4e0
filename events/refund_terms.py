"""Until when tickets may be given back, and for how much: as an event says it, and as a booking has kept it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Self

from evently.money import round_to

from .models import Event


class Term(NamedTuple):
    """Until `until`, a ticket is worth `percent` of what was paid for it, less `fee_minor`."""

    until: datetime
    percent: int
    fee_minor: int

    @classmethod
    def parse(cls, kept: dict[str, Any]) -> Self:
        return cls(datetime.fromisoformat(kept["until"]), kept["percent"], kept["fee_minor"])

    def ticket_back(self, paid_minor: int) -> int:
        """What goes back for a ticket, minor units: never less than nothing."""
        return max(0, self.share(paid_minor) - self.fee_minor)

    def share(self, paid_minor: int) -> int:
        """The percentage of an amount, rounded half up."""
        return round_to(Decimal(paid_minor * self.percent) / 100, 1)


def terms_of(event: Event) -> list[Term]:
    """What holds for whoever books now, the earliest deadline first."""
    return [
        Term(event.starts_at - timedelta(days=term.days_before), term.percent, term.fee_minor)
        for term in event.refund_terms.all()  # in their order; often prefetched
    ]


def term_at(terms: Iterable[Term], at: datetime) -> Term | None:
    """The one that holds at a time: of those whose deadline is still to come, the one that ends first."""
    return min((term for term in terms if term.until > at), default=None)
