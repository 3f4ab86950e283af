"""Cross-site request forgery, stopped at the door.

Browsers attach cookies to requests that other sites make them send. A change that comes with our
cookies must therefore show that one of our own pages asked for it: the browser says so, or the
request carries the token that only our pages can read.
"""

from __future__ import annotations

from gateway.proxy.edge.headers import Head, field
from gateway.proxy.edge.origins import Origins
from gateway.proxy.identity.cookies import CookieNames, value_of
from gateway.proxy.upstream.connection import Fields
from gateway.refusals import Refused
from shared.http import csrf

FOREIGN = (b"cross-site", b"same-site")  # Fetch Metadata, section 2.4


class Forgery:
    """Judges changes that carry our cookies."""

    def __init__(self, names: CookieNames, public_url: str) -> None:
        self._names = names
        self._origins = Origins(public_url)

    def refuse_foreign(self, head: Head, cookie: bytes) -> bool:
        """Refuse a change that another site asked for; says whether it is surely from our own."""
        if self._names.session not in cookie and self._names.cart not in cookie:
            return False
        said = head.trusted or self._same_origin(head)
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

    def _same_origin(self, head: Head) -> bool | None:
        """What the browser says, in two ways that must agree; None if it says nothing.

        `same-site` is foreign: a page on a neighbouring name may be anybody's. So is `null`.
        """
        site = field(head.fields, b"sec-fetch-site")
        if site in FOREIGN:
            return False
        if head.origin is not None:
            return self._origins.ours(head)
        return True if site == b"same-origin" else None


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
