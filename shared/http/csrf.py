"""Cross-site request forgery: how we know that a form was filled in on one of our own pages.

Double submit: a random token lives in a cookie that scripts cannot read, and every form carries a
masked copy of it. A foreign site can make a browser send the cookie, but cannot write the copy.
Browsers also tell us where a request comes from; when they say "elsewhere" we stop there.
Nothing here knows a framework: pages and the gateway share it.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from urllib.parse import urlsplit

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
COOKIE = "quintet_csrf"

_SIZE = 32
_DEFAULT_PORTS = {"http": 80, "https": 443}


def cookie_name(secure: bool) -> str:
    """The cookie that holds the token; bound to this very host when the site is on https."""
    return f"__Host-{COOKIE}" if secure else COOKIE


def new_token() -> str:
    """A token nobody can guess, ready for the cookie."""
    return secrets.token_urlsafe(_SIZE)


def mask(token: str) -> str:
    """A copy of the token that looks different in every response.

    Compression would otherwise leak a constant secret to whoever can see the size of pages that
    echo their input (BREACH).
    """
    secret = token.encode()
    pad = secrets.token_bytes(len(secret))
    return urlsafe_b64encode(pad + _xor(pad, secret)).rstrip(b"=").decode()


def matches(cookie_token: str | None, submitted: str | None) -> bool:
    """Whether the form carries a masked copy of the token in the cookie; in constant time."""
    if not cookie_token or not submitted:
        return False
    return hmac.compare_digest(_unmask(submitted), cookie_token.encode())


def same_origin(headers: Mapping[str, str], host: str) -> bool | None:
    """Whether the browser says that the request comes from our own pages at `host`.

    True and False are the browser's word; None means that it said nothing (not a browser, an old
    one, or an address typed by hand) and only the token can tell.
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    site = lowered.get("sec-fetch-site")
    if site in {"cross-site", "same-site"}:
        return False
    origin = lowered.get("origin")
    if origin is not None:
        return _is_at(origin, host)
    return True if site == "same-origin" else None


def _is_at(origin: str, host: str) -> bool:
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"{urlsplit(origin).scheme}://{host}")
        port = _DEFAULT_PORTS.get(theirs.scheme)
        return port is not None and (theirs.hostname, theirs.port or port) == (
            ours.hostname,
            ours.port or port,
        )
    except ValueError:
        return False


def _unmask(submitted: str) -> bytes:
    try:
        both = urlsafe_b64decode(submitted.encode("ascii") + b"=" * (-len(submitted) % 4))
    except ValueError:
        return b""
    half = len(both) // 2
    return _xor(both[:half], both[half:])


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=False))
