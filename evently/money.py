"""Money: integers of a currency's minor unit, and how people write them."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import floor
from typing import Final

# ISO 4217 (list one, 2024-06): currencies whose minor unit is not a hundredth.
WITHOUT_DECIMALS: Final = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())  # noqa: SIM905 -- a list of words
WITH_THREE_DECIMALS: Final = frozenset("BHD IQD JOD KWD LYD OMR TND".split())  # noqa: SIM905 -- a list of words
SYMBOLS: Final = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
# What an event can be sold in. A new one needs nothing but a line here.
CURRENCIES: Final = ("EUR", "USD", "GBP", "CHF", "JPY", "KWD", "SEK", "DKK", "NOK", "PLN", "CZK", "CAD", "MXN")


def digits(currency: str) -> int:
    """How many decimal digits the currency has: 2 for EUR, 0 for JPY, 3 for KWD."""
    return 0 if currency in WITHOUT_DECIMALS else 3 if currency in WITH_THREE_DECIMALS else 2


def decimal_string(minor: int, currency: str) -> str:
    """Write an amount in the currency's own digits, for machines: `"84.00"`, `"8400"` (JPY)."""
    places = digits(currency)
    return f"{Decimal(minor).scaleb(-places):.{places}f}"


def display(minor: int, currency: str) -> str:
    """Write an amount for people, without needless zeros: `€84`, `€84.50`, `CHF 180`."""
    text = decimal_string(minor, currency)
    whole, _, fraction = text.partition(".")
    grouped = f"{int(whole):,}" + (f".{fraction}" if fraction.strip("0") else "")
    symbol = SYMBOLS.get(currency)
    return f"{symbol}{grouped}" if symbol else f"{currency} {grouped}"


def to_minor(amount: Decimal, currency: str) -> int:
    """The amount in minor units, rounded half up: the one rounding rule of the platform.

    Half up is what invoices in the EU commonly use (Council Directive 2006/112/EC leaves the rule to member states).
    """
    return round_to(amount.scaleb(digits(currency)), 1)


def round_to(minor: Decimal, unit: int) -> int:
    """The multiple of `unit` that is nearest, half up."""
    return int((minor / unit).quantize(Decimal(1), rounding=ROUND_HALF_UP)) * unit


def portion(minor: int, part: Decimal, whole: Decimal) -> int:
    """So much of an amount as `part` is of `whole`, half up, without an inexact step in between. None of them is negative."""
    return floor(Fraction(minor) * Fraction(part) / Fraction(whole) + Fraction(1, 2))


def divide(amount: int, weights: Sequence[int]) -> list[int]:
    """Divide an amount by weights into whole units whose sum is exactly the amount, none of them negative or off by one unit.

    The largest remainders get what is left over, at equal ones the first (Hamilton's method of apportionment). Raises
    `ValueError` without a positive weight, unless the amount is zero.
    """
    total = sum(weights)
    if not total and amount:
        raise ValueError("Nothing to divide an amount by.")
    exact = [divmod(amount * weight, total) if total else (0, 0) for weight in weights]
    left = amount - sum(whole for whole, _ in exact)
    first = sorted(range(len(weights)), key=lambda nth: (-exact[nth][1], nth))[:left]
    return [whole + (nth in first) for nth, (whole, _) in enumerate(exact)]
