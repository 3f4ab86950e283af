"""How we refuse those who may not: the challenges of RFC 6750, section 3."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.proxy.identity.caller import Caller
from gateway.refusals import Refused

REALM = b'realm="quintet"'


def sign_in_needed() -> Refused:
    """Nobody said who is asking; without an error code: RFC 6750, section 3.1."""
    return _refused(401, "sign-in-needed", "Sign in first.", b"")


def token_refused() -> Refused:
    """A token came, and is none that we accept. Why is in our figures, and for nobody else."""
    text = "The access token is expired or not valid. Sign in again."
    return _refused(401, "token-refused", text, b'error="invalid_token", ')


def signed_out(caller: Caller) -> Refused:
    """The sign-in ended while we were at work; a token is then one that was revoked."""
    return token_refused() if caller.kind == "bearer" else sign_in_needed()


def too_many_bad_tokens() -> Refused:
    """This address sends so many that we do not look at them for a moment."""
    text = "Too many access tokens from your address are not valid. Please wait a moment."
    return Refused(429, "too-many-bad-tokens", text, headers=((b"retry-after", b"1"),))


def too_many_unknown_sessions() -> Refused:
    """This address makes sessions up so fast that we do not ask about them for a moment."""
    text = "Too many sessions from your address are not known. Please wait a moment."
    return Refused(429, "too-many-unknown-sessions", text, headers=((b"retry-after", b"1"),))


def scope_missing(scopes: Iterable[str]) -> Refused:
    """The token does not let its bearer do this."""
    names = " ".join(sorted(scopes))
    error = f'error="insufficient_scope", scope="{names}", '.encode()
    return _refused(403, "scope-missing", f"This needs a token with the scope {names}.", error)


def permission_missing(permission: str) -> Refused:
    """We know who is asking, and they may not do this."""
    text = f"This needs the permission {permission}."
    return _refused(403, "permission-missing", text, b'error="insufficient_scope", ')


def _refused(status: int, code: str, text: str, error: bytes) -> Refused:
    challenge = b"Bearer " + error + REALM
    return Refused(status, code, text, headers=((b"www-authenticate", challenge),))
