"""Where an order goes, and to whom."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from shop_service.domain.countries import COUNTRIES

EMAIL = re.compile(r"[^@\s\"<>(),:;\[\]\\]+@[^@\s.]+(\.[^@\s.]+)+\Z")
LONGEST_EMAIL = 254


def is_plain_text(text: str) -> bool:
    """Whether it can be printed on a label: no control characters, no lone surrogates."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in text)


def is_email(text: str) -> bool:
    """Whether it has the shape of an e-mail address; whether it exists, only a mail can tell."""
    return len(text) <= LONGEST_EMAIL and is_plain_text(text) and bool(EMAIL.match(text))


def is_country(code: str) -> bool:
    """Whether ISO 3166-1 knows these two letters."""
    return code in COUNTRIES


def written_out(address: dict[str, Any]) -> list[str]:
    """The lines of a label."""
    country = str(address.get("country", ""))
    town = f"{address.get('postal_code', '')} {address.get('city', '')}".strip()
    lines = [address.get("name"), address.get("line1"), address.get("line2"), town]
    return [str(line) for line in [*lines, address.get("region")] if line] + [
        COUNTRIES.get(country, country)
    ]
