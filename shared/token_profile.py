"""What an access token of ours looks like (RFC 9068), for everybody who verifies one."""

from __future__ import annotations

ALGORITHMS = ["RS256"]  # RFC 8725, section 3.1: a list of ours, never what the token says
TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068 §2.1
LEEWAY = 30  # seconds of clock difference that we forgive


def is_access_token(typ: object) -> bool:
    """Whether a `typ` header says that this is an access token (RFC 9068 §4)."""
    said = str(typ).lower() if isinstance(typ, str) else ""
    return said in (TOKEN_TYPE, f"application/{TOKEN_TYPE}")
