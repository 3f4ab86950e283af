"""What every view answers beside its own parts: which of them are missing, and why."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Reason = Literal[
    "unreachable", "timeout", "busy", "not-found", "refused", "failed", "unreadable", "too-many",
]  # fmt: skip

# What the status of a part's answer means for the view.
REASONS: dict[int, Reason] = {
    401: "refused", 403: "refused", 404: "not-found", 410: "not-found", 429: "busy",
    502: "unreachable", 503: "busy", 504: "timeout",
}  # fmt: skip


# For the document: how a view refuses, or what the service of its main part refused. The problem
# is described once, in `gateway.api.published`.
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
REFUSED: dict[str, Any] = {
    "description": "Sign in first, or again.",
    "content": _PROBLEM,
    "headers": {"WWW-Authenticate": {"schema": {"type": "string"}}},
}
NOT_FOUND: dict[str, Any] = {
    "description": "There is no such thing, or not for this caller.",
    "content": _PROBLEM,
}


class Part(BaseModel):
    """A part as a service tells it: only the fields that the view shows, others are ignored."""

    model_config = ConfigDict(extra="ignore")


class Missing(BaseModel):
    """A part that could not be had this time."""

    part: str = Field(examples=["products.round-belly-mug"])
    reason: Reason


class View(BaseModel):
    """An answer put together. What could not be had is null or left out, and named here."""

    missing: list[Missing] = Field([], description="Empty when everything is there.")


class Money(Part):
    """An amount in whole minor units."""

    amount: int = Field(examples=[2200])
    currency: str = Field(examples=["EUR"])
