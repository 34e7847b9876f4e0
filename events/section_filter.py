"""What a visitor of a large hall looks for: sections of one category, up to a price, with wheelchair places."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, Self
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict
from django.utils.translation import gettext as _

from evently.money import decimal_string, display, to_minor

from .offers import PriceLine

LARGEST: Final = Decimal(10**9)  # no price comes near


@dataclass(frozen=True, slots=True)
class SectionFilter:
    """The wishes that were understood; what is none of the event's categories and no price is no wish."""

    category: PriceLine | None
    most_minor: int | None
    wheelchair: bool
    currency: str

    @classmethod
    def read(cls, query: QueryDict, prices: Iterable[PriceLine], *, currency: str) -> Self:
        wished = query.get("category", "")
        category = next((line for line in prices if str(line.category.pk) == wished), None)
        return cls(category, _minor(query.get("price_max", ""), currency), query.get("wheelchair") == "1", currency)

    def __bool__(self) -> bool:
        return bool(self.category or self.wheelchair) or self.most_minor is not None

    def apply(self, prices: Iterable[PriceLine]) -> list[PriceLine]:
        """The categories that are wished for."""
        return [
            line
            for line in prices
            if (self.category is None or line.category.pk == self.category.category.pk)
            and (self.most_minor is None or line.price_minor <= self.most_minor)
        ]

    @property
    def address(self) -> str:
        """The wishes as they stand in the address of a page; empty without any."""
        return urlencode(self._parts)

    @property
    def wishes(self) -> list[tuple[str, str]]:
        """In words, each with the address that is left without it."""
        told = {
            "category": self.category.category.name if self.category else "",
            "price_max": _("up to %(price)s") % {"price": display(self.most_minor or 0, self.currency)},
            "wheelchair": _("with a wheelchair place"),
        }
        return [(told[name], urlencode([part for part in self._parts if part[0] != name])) for name, _value in self._parts]

    def steps(self, prices: Iterable[PriceLine]) -> list[tuple[str, int]]:
        """The prices that one can ask to stay within, for the address and in minor units; the dearest leaves nothing out."""
        steps = set(sorted({line.price_minor for line in prices})[:-1])
        if self.most_minor is not None:
            steps.add(self.most_minor)
        return [(decimal_string(minor, self.currency), minor) for minor in sorted(steps)]

    @property
    def _parts(self) -> list[tuple[str, str]]:
        return [
            *([("category", str(self.category.category.pk))] if self.category else []),
            *([("price_max", decimal_string(self.most_minor, self.currency))] if self.most_minor is not None else []),
            *([("wheelchair", "1")] if self.wheelchair else []),
        ]


def add_up(counts: Mapping[int, Mapping[UUID, tuple[int, int]]]) -> dict[UUID, tuple[int, int]]:
    """Free and all places of all sections, by category."""
    totals: dict[UUID, tuple[int, int]] = {}
    for by_category in counts.values():
        for category, (free, places) in by_category.items():
            before = totals.get(category, (0, 0))
            totals[category] = (before[0] + free, before[1] + places)
    return totals


def _minor(text: str, currency: str) -> int | None:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return to_minor(amount, currency) if amount.is_finite() and 0 <= amount <= LARGEST else None
