"""Refusals: what we say when we will not do something. Anything else that is raised is a bug.

A refusal's `str()` is a sentence for people, its `code` a word for programs. Its *kind* (one of
the classes below) is turned into a status once, in `shared.http`; business code never says 404.
"""

from __future__ import annotations

import re
from collections.abc import Mapping


class Refusal(Exception):
    """We will not do this; the message says why, `fields` names the inputs at fault."""

    def __init__(self, message: str, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields: dict[str, str] = dict(fields or {})

    @property
    def code(self) -> str:
        """The class name as a program-readable word: OutOfStock → out-of-stock."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()


class NotFound(Refusal):
    """What was asked for is not there, or not for this caller."""


class Forbidden(Refusal):
    """The caller is known and may not do this."""


class Unauthenticated(Refusal):
    """We do not know who the caller is, and must."""


class Conflict(Refusal):
    """It would have been fine, but the state of the world says no."""


class Stale(Conflict):
    """The caller saw an older version than the one that is stored."""


class Invalid(Refusal):
    """The input cannot be right, whatever the state of the world."""


class TooMany(Refusal):
    """Too many tries; come back after `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: int = 60) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(Refusal):
    """Something that we need is away; the same call may work later."""

    def __init__(self, message: str, *, retry_after: int = 2) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutOfTime(Refusal):
    """The caller will not wait until this is done; it may have more patience another time."""
