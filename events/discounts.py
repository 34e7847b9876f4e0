"""How much a code takes off, and how that is dealt out over tickets: pure, exact to the minor unit."""

from collections.abc import Sequence
from decimal import Decimal

from evently.money import round_to

from .models import PromoCode


def discount_of(code: PromoCode, total_minor: int) -> int:
    """What the code takes off tickets that cost this much together: at most all of it."""
    if code.percent is not None:
        return min(total_minor, round_to(total_minor * code.percent / Decimal(100), 1))
    return min(total_minor, code.amount_minor or 0)


def deal_out(discount_minor: int, prices: Sequence[int]) -> list[int]:
    """Parts of the discount in proportion to the prices, which sum up to it; none is more than its price.

    By largest remainder: each gets its share rounded down, and what is left goes by one unit to those that lost most.
    """
    total = sum(prices)
    if not total:
        return [0] * len(prices)
    parts = [discount_minor * price // total for price in prices]
    lost = sorted(range(len(prices)), key=lambda index: (-(discount_minor * prices[index] % total), index))
    for index in lost[: discount_minor - sum(parts)]:
        parts[index] += 1
    return parts
