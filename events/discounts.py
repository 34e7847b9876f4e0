"""How much a code takes off: pure, exact to the minor unit."""

from decimal import Decimal

from evently.money import round_to

from .models import PromoCode


def discount_of(code: PromoCode, total_minor: int) -> int:
    """What the code takes off tickets that cost this much together: at most all of it."""
    if code.percent is not None:
        return min(total_minor, round_to(total_minor * code.percent / Decimal(100), 1))
    return min(total_minor, code.amount_minor or 0)
