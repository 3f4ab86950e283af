"""Cross-site request forgery, stopped at the door.

Browsers attach cookies to requests that other sites make them send. A change that comes with our
cookies must therefore show that one of our own pages asked for it: the browser says so, or the
request carries the token that only our pages can read.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from gateway.proxy.edge.headers import field
from gateway.proxy.identity.cookies import CookieNames, value_of
from gateway.proxy.upstream.connection import Fields
from gateway.refusals import Refused
from shared.http import csrf


class Forgery:
    """Judges changes that carry our cookies."""

    def __init__(self, names: CookieNames, public_url: str) -> None:
        self._names = names
        self._public_host = urlsplit(public_url).netloc

    def refuse_foreign(self, fields: Fields, cookie: bytes, host: bytes) -> bool:
        """Refuse a change that another site asked for; says whether it is surely from our own."""
        if self._names.session not in cookie and self._names.cart not in cookie:
            return False
        said = self._same_origin(fields, host)
        if said is False:
            raise Refused(403, "cross-site-request", "This change was asked for by another site.")
        return said is True

    def require_token(self, fields: Fields, cookie: bytes) -> None:
        """Refuse a change whose origin nobody vouches for and that carries no token."""
        ours = value_of(cookie, self._names.csrf)
        submitted = field(fields, b"x-csrf-token")
        if not csrf.matches(_text(ours), _text(submitted)):
            raise Refused(
                403,
                "csrf-token-missing",
                "Changes made with a session cookie need the header X-CSRF-Token, or a browser "
                "that says they come from this site.",
            )

    def _same_origin(self, fields: Fields, host: bytes) -> bool | None:
        words = {
            name.decode(): value.decode("latin-1")
            for name, value in fields
            if name in (b"origin", b"sec-fetch-site")
        }
        if not words:
            return None
        said = csrf.same_origin(words, host.decode())
        if said is False and self._public_host != host.decode():
            return csrf.same_origin(words, self._public_host)
        return said


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
