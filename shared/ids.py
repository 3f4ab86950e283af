"""New identifiers: UUIDv7 for rows and events, 256-bit secrets for keys that open something."""

from __future__ import annotations

import os
import secrets
import time
from uuid import UUID

RANDOM_BITS = 62
VERSION_7 = 7 << 76
VARIANT = 2 << 62


def new_id() -> UUID:
    """A UUID version 7 (RFC 9562 §5.7): sorts by the millisecond in which it was made."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    high, low = random >> 68, random & ((1 << RANDOM_BITS) - 1)
    return UUID(int=(milliseconds << 80) | VERSION_7 | (high << 64) | VARIANT | low)


def new_secret() -> str:
    """256 random bits as 43 url-safe characters."""
    return secrets.token_urlsafe(32)
