"""VAT ids: whether one is written as its country writes them. Nobody is asked whether it exists."""

import re
from typing import Final

# What follows the country's two letters: the European Commission's VIES, "What is the format of a VAT number?"
# (https://ec.europa.eu/taxation_customs/vies/#/faq). XI is Northern Ireland.
FORMATS: Final = {
    "AT": r"U\d{8}",
    "BE": r"[01]\d{9}",
    "BG": r"\d{9,10}",
    "CY": r"\d{8}[A-Z]",
    "CZ": r"\d{8,10}",
    "DE": r"\d{9}",
    "DK": r"\d{8}",
    "EE": r"\d{9}",
    "EL": r"\d{9}",
    "ES": r"[A-Z0-9]\d{7}[A-Z0-9]",
    "FI": r"\d{8}",
    "FR": r"[A-HJ-NP-Z0-9]{2}\d{9}",
    "HR": r"\d{11}",
    "HU": r"\d{8}",
    "IE": r"\d{7}[A-W][A-I]?|\d[A-Z+*]\d{5}[A-W]",
    "IT": r"\d{11}",
    "LT": r"\d{9}|\d{12}",
    "LU": r"\d{8}",
    "LV": r"\d{11}",
    "MT": r"\d{8}",
    "NL": r"[A-Z0-9+*]{10}\d{2}",
    "PL": r"\d{10}",
    "PT": r"\d{9}",
    "RO": r"\d{2,10}",
    "SE": r"\d{10}\d{2}",
    "SI": r"\d{8}",
    "SK": r"\d{10}",
    "XI": r"\d{9}|\d{12}|GD\d{3}|HA\d{3}",
}
ELSEWHERE: Final = r"[A-Z0-9]{3,18}"  # a country whose rules are not known here


def canonical_vat_id(typed: str) -> str:
    """The id without blanks, dots, hyphens and slashes, in capitals; Greece's is EL."""
    plain = re.sub(r"[\s.\-/]", "", typed).upper()
    return f"EL{plain[2:]}" if plain.startswith("GR") else plain


def is_vat_id(text: str) -> bool:
    """Whether a canonical id has the form of its country's."""
    return bool(re.fullmatch(r"[A-Z]{2}", text[:2]) and re.fullmatch(FORMATS.get(text[:2], ELSEWHERE), text[2:], re.ASCII))
