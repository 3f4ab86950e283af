"""Order numbers for people: random, so that they do not tell how much we sell, and checkable."""

from __future__ import annotations

import secrets

from shop_service.domain import luhn

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # no I, L, O, U: nothing to mistake
READ_AS = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})
RANDOM_CHARACTERS = 8


def new_number() -> str:
    """A number such as Q7F3-K2MD-9: eight random characters and a check."""
    values = [secrets.randbelow(len(CROCKFORD)) for _ in range(RANDOM_CHARACTERS)]
    values.append(luhn.check_value(values, len(CROCKFORD)))
    return _written("".join(CROCKFORD[value] for value in values))


def read_number(text: str) -> str | None:
    """The number that somebody typed, as we write it; None if it cannot be one."""
    plain = text.upper().translate(READ_AS)
    if len(plain) != RANDOM_CHARACTERS + 1 or not set(plain) <= set(CROCKFORD):
        return None
    values = [CROCKFORD.index(character) for character in plain]
    return _written(plain) if luhn.is_valid(values, len(CROCKFORD)) else None


def _written(plain: str) -> str:
    return f"{plain[:4]}-{plain[4:8]}-{plain[8:]}"
