"""What a product must look like before anybody may see it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum

from catalog_service.domain.errors import TextInvalid

SKU = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
# Neither databases nor feeds can carry control characters and lone surrogates.
ODD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
LONGEST_SLUG = 120
LONGEST_NAME = 200
LONGEST_SUMMARY = 500
LONGEST_DESCRIPTION = 20_000
MOST_ATTRIBUTES = 40
LONGEST_ATTRIBUTE = 200


class ProductState(StrEnum):
    """Who may see a product: staff only, everybody, staff only again."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


def slug_from(text: str) -> str:
    """An address made of a name: “Café crème” → cafe-creme."""
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_SLUG].rstrip("-")


def check_sku(sku: str) -> str:
    """The SKU if it can be one."""
    if not SKU.match(sku):
        raise TextInvalid("sku", "is 1 to 64 letters, digits, dots, dashes and underscores")
    return sku


def check_slug(slug: str) -> str:
    """The slug if it can be one."""
    if len(slug) > LONGEST_SLUG or not SLUG.match(slug):
        raise TextInvalid("slug", "is small letters and digits in words joined by dashes")
    return slug


def check_name(name: str) -> str:
    """The name if it can be one."""
    return _check_text("name", name, LONGEST_NAME, required=True)


def check_summary(summary: str) -> str:
    """The summary if it can be one."""
    return _check_text("summary", summary, LONGEST_SUMMARY)


def check_description(description: str) -> str:
    """The description if it can be one."""
    return _check_text("description", description, LONGEST_DESCRIPTION)


def check_weight(grams: int) -> int:
    """A weight in grams that can be sent by post."""
    if not 0 <= grams <= 1_000_000:
        raise TextInvalid("weight_grams", "is between 0 and 1,000,000")
    return grams


def check_attributes(attributes: Mapping[str, str]) -> dict[str, str]:
    """Names and values of a product's properties, if there are not too many."""
    if len(attributes) > MOST_ATTRIBUTES:
        raise TextInvalid("attributes", f"are at most {MOST_ATTRIBUTES}")
    for name, value in attributes.items():
        _check_text("attributes", name, LONGEST_ATTRIBUTE, required=True)
        _check_text("attributes", value, LONGEST_ATTRIBUTE)
    return dict(attributes)


def _check_text(field: str, text: str, most: int, *, required: bool = False) -> str:
    if required and not text.strip():
        raise TextInvalid(field, "must not be empty")
    if len(text) > most:
        raise TextInvalid(field, f"is at most {most:,} characters long")
    if ODD.search(text):
        raise TextInvalid(field, "holds characters that cannot be stored")
    return text


def sort_name(name: str) -> str:
    """By what a name is put in order: without regard to case and accents."""
    folded = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(each for each in folded if not unicodedata.combining(each))
    return plain[:LONGEST_NAME]
