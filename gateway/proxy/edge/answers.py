"""Hygiene of answers: which fields of a service's answer reach the client, and what it must say.

The names that services use are few, so what is once decided about a name is kept.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.refusals import Fields
from shared.http.security import security_headers

# What happens to a field. Larger numbers: it passes, and is noted.
PASS, READ, DROP, LENGTH, DATE = 0, 1, 2, 3, 4
SAID_NOSNIFF, SAID_REFERRER, SAID_TRANSPORT, SAID_INSIDE = 16, 32, 64, 128
NOTED = 16

# What services say to our cache: how long it may keep an answer, and what belongs together.
INSIDE = frozenset({b"quintet-cache-control", b"cache-groups", b"cache-group-invalidation"})

# Meant for the gateway only (RFC 9110, section 7.6.1), said by the gateway itself, or nobody's
# business: what runs inside, and words between a service and the proxy before it.
_DROPPED = (
    b"keep-alive proxy-connection proxy-authenticate te trailer server x-powered-by "
    b"x-aspnet-version x-aspnetmvc-version x-runtime x-generator x-version x-request-id x-real-ip "
    b"x-sendfile x-backend x-backend-server x-upstream alt-svc"
)
_DROPPED_FAMILIES = (b"x-internal-", b"x-accel-", b"x-forwarded-", b"x-envoy-", b"x-debug-")

KINDS: dict[bytes, int] = dict.fromkeys(_DROPPED.split(), DROP) | {
    b"connection": READ,
    b"upgrade": READ,
    b"transfer-encoding": READ,
    b"content-length": LENGTH,
    b"date": DATE,
    b"x-content-type-options": SAID_NOSNIFF,
    b"referrer-policy": SAID_REFERRER,
    b"strict-transport-security": SAID_TRANSPORT,
    **dict.fromkeys(INSIDE, SAID_INSIDE),
}
MOST_NAMES = 2048


def learn(name: bytes) -> int:
    """What happens to a field whose name (in lower case) was not seen before."""
    kind = DROP if name.startswith(_DROPPED_FAMILIES) else PASS
    if len(KINDS) < MOST_NAMES:
        KINDS[name] = kind
    return kind


def without_sharing(fields: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The fields without what the service says about other origins: the route's policy speaks."""
    return [each for each in fields if not each[0].startswith(b"access-control-")]


def take_off_inside(fields: list[tuple[bytes, bytes]]) -> None:
    """Take off what is meant for our cache, in place."""
    fields[:] = [each for each in fields if each[0] not in INSIDE]


class Manners:
    """What every answer says about safety, even if the service forgot to."""

    def __init__(self, *, https: bool) -> None:
        fields = security_headers(https=https)
        names = {
            SAID_NOSNIFF: "X-Content-Type-Options",
            SAID_REFERRER: "Referrer-Policy",
            SAID_TRANSPORT: "Strict-Transport-Security",
        }
        ours = {bit: name for bit, name in names.items() if name in fields}
        every = SAID_NOSNIFF | SAID_REFERRER | SAID_TRANSPORT
        # What was said → what is missing.
        self.missing: dict[int, Fields] = {
            said: tuple(
                (name.lower().encode(), fields[name].encode())
                for bit, name in ours.items()
                if not said & bit
            )
            for said in range(0, (every | SAID_INSIDE) + 1, NOTED)
        }
