"""Whether a page that asks is our own: RFC 6454, by scheme, host and port.

The scheme counts. Whoever can write into an unencrypted connection can serve a page of our name
there, and that page is not ours.
"""

from __future__ import annotations

from gateway.proxy.edge.headers import Head

_USUAL_PORTS = {"http": b":80", "https": b":443"}


class Origins:
    """Knows our own origin: the public one, and the one that the client used."""

    def __init__(self, public_url: str) -> None:
        self._public = public_url.rstrip("/").lower().encode()

    def ours(self, head: Head) -> bool:
        """Whether the Origin field names a page of ours; no field names none, `null` neither."""
        return head.origin is not None and head.origin in (self._public, used(head))


def used(head: Head) -> bytes:
    """The origin that the client used, as browsers write it."""
    host = head.host.lower().removesuffix(_USUAL_PORTS.get(head.scheme, b":"))
    return b"%b://%b" % (head.scheme.encode(), host)
