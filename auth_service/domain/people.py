"""What a person's name and address may look like, and in which one form we keep them."""

from __future__ import annotations

import unicodedata

from email_validator import EmailNotValidError, validate_email

from auth_service.domain.errors import EmailUnusable, NameUnusable

LONGEST_EMAIL = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
LONGEST_NAME = 120


def tidy_email(written: str) -> str:
    """The one form under which an address is stored and looked up: normalised, case-folded."""
    try:
        # "test" domains cannot receive mail, but neither can they be anybody's.
        found = validate_email(written.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise EmailUnusable from None
    email = found.normalized.casefold()
    if len(email) > LONGEST_EMAIL:
        raise EmailUnusable
    return email


def looked_up_email(written: str) -> str:
    """The form to look an address up by; what is no address is simply not found."""
    try:
        return tidy_email(written)
    except EmailUnusable:
        return written.strip().casefold()[:LONGEST_EMAIL].replace("\x00", "")


def tidy_name(written: str) -> str:
    """A name with single blanks and nothing that cannot be printed."""
    name = " ".join(unicodedata.normalize("NFC", written).split())
    if not name:
        raise NameUnusable("Enter your name.")
    if len(name) > LONGEST_NAME:
        raise NameUnusable(f"A name has at most {LONGEST_NAME} characters.")
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn") for letter in name):
        raise NameUnusable("A name cannot contain control characters.")
    return name
