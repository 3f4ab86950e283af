"""What a token says: read strictly, with all the checks that cost less than its signature.

RFC 8725 (JWT best practices) and RFC 9068, section 4, say what to check. A token that is garbage,
of another kind, for somebody else or expired is refused here, so that floods of them cost little.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gateway.proxy.identity.caller import Caller
from shared.token_profile import ALGORITHMS, LEEWAY, is_access_token

LONGEST_TOKEN = 8192  # bytes
LONGEST_KID = 200
LATEST = 1e11  # seconds since 1970 that no clock of ours will ever say

Claims = Mapping[str, Any]


class NotAccepted(Exception):
    """This token is not one that we accept; the text is for our log, never for the client."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What tokens must say. `audiences` holds our services; the longest life is in seconds."""

    issuer: str
    audiences: Container[str]
    longest_life: float = 3600.0


@dataclass(frozen=True, slots=True)
class Unsigned:
    """What a token says of itself; whether it is true, only its signature tells."""

    kid: str
    claims: Claims

    @property
    def expires(self) -> float:
        """The moment, in seconds since 1970, from which nobody accepts it."""
        return float(self.claims["exp"]) + LEEWAY

    @property
    def issued(self) -> float:
        """When it was made; 0 if it does not say, which is before any revocation."""
        said: Any = self.claims.get("iat")
        return float(said) if _is_number(said) and 0 < said < LATEST else 0.0


def read(token: bytes, expected: Expected, now: float) -> Unsigned:
    """Understand a compact JWS as an access token of ours; raises NotAccepted.

    `now` is the time in seconds since 1970.
    """
    if len(token) > LONGEST_TOKEN or token.count(b".") != 2:
        raise NotAccepted("no compact JWS")
    first, second, third = token.split(b".")
    header, claims = _document(first), _document(second)
    _decoded(third)  # one spelling per signature: RFC 4648, section 3.5
    kid = header.get("kid")
    # RFC 8725, section 3.1: `none`, or HS256 with a public key as its secret, end here. Keys that
    # the token brings along or points to (jwk, jku, x5c, x5u) are never looked at: section 3.10.
    if header.get("alg") not in ALGORITHMS or not isinstance(kid, str) or len(kid) > LONGEST_KID:
        raise NotAccepted("wrong alg or kid")
    if not is_access_token(header.get("typ")):
        raise NotAccepted("wrong typ")  # RFC 8725, section 3.11: an ID token is no access token
    if "crit" in header:
        raise NotAccepted("unknown critical header")  # RFC 7515, section 4.1.11
    _check(claims, expected, now)
    return Unsigned(kid, claims)


def caller_of(claims: Claims, kind: Literal["session", "bearer"], authorization: bytes) -> Caller:
    """Whoever these claims describe: RFC 9068, section 2.2, and our own."""
    return Caller(
        kind=kind,
        subject=_text(claims.get("sub")),
        session_id=_text(claims.get("sid")),
        client_id=_text(claims.get("client_id")),
        scopes=frozenset(_text(claims.get("scope")).split()),
        permissions=frozenset(map(str, _listed(claims.get("permissions")))),
        authorization=authorization,
        superuser=claims.get("superuser") is True,
    )


def subjects_of(claims: Claims) -> tuple[str, ...]:
    """What an event may name to end this token: its session, its user, itself."""
    return tuple(text for name in ("sid", "sub", "jti") if (text := _text(claims.get(name))))


def as_subject(kid: str) -> str:
    """A key as something that may end tokens; with a blank, as no id has one."""
    return f"key {kid}"


def unverified(token: str) -> tuple[str, Claims]:
    """The kid and the claims of a token that auth itself has just handed us."""
    header, claims, _ = (part.encode("ascii") for part in token.split("."))
    return _text(_document(header).get("kid")), _document(claims)


def _check(claims: Claims, expected: Expected, now: float) -> None:
    """Issuer, audience and time: RFC 9068, section 4."""
    if claims.get("iss") != expected.issuer:
        raise NotAccepted("wrong iss")
    said = claims.get("aud")
    audiences = [said] if isinstance(said, str) else _listed(said)
    if not any(isinstance(each, str) and each in expected.audiences for each in audiences):
        raise NotAccepted("wrong aud")
    if not _text(claims.get("sub")):
        raise NotAccepted("no sub")
    exp: Any = claims.get("exp")
    nbf: Any = claims.get("nbf", 0)
    if not _is_number(exp) or not _is_number(nbf):
        raise NotAccepted("no exp, or no number")
    if not now < exp + LEEWAY <= now + expected.longest_life + 2 * LEEWAY:
        raise NotAccepted("expired, or lives too long")
    if nbf > now + LEEWAY:
        raise NotAccepted("not yet valid")


def _document(part: bytes) -> dict[str, Any]:
    try:
        found = json.loads(_decoded(part))
    except (ValueError, RecursionError) as error:
        raise NotAccepted("no JSON") from error
    if not isinstance(found, dict):
        raise NotAccepted("no JSON object")
    return found


def _decoded(part: bytes) -> bytes:
    """Strict base64url without padding: RFC 7515, section 2."""
    try:
        raw = urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except ValueError as error:
        raise NotAccepted("no base64url") from error
    if urlsafe_b64encode(raw).rstrip(b"=") != part:
        raise NotAccepted("no canonical base64url")
    return raw


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
