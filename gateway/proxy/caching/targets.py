"""Which targets a change makes untrue: RFC 9111, section 4.4."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from gateway.proxy.caching.keys import key_of, normal_target, origin_of
from gateway.proxy.flight import Flight

_NAMED_BY = (b"location", b"content-location")


def targets_of(flight: Flight, fields: dict[bytes, bytes]) -> list[bytes]:
    """The keys of the target itself, and of what the answer points to on the same origin."""
    own = key_of(flight)
    keys = [own]
    for name in _NAMED_BY:
        value = fields.get(name)
        if value is not None:
            key = _key(own, value)
            if key is not None:
                keys.append(key)
    return keys


def _key(own: bytes, reference: bytes) -> bytes | None:
    """The key of a reference, if it is of the same origin: nobody speaks for others."""
    try:
        parts = urlsplit(urljoin(own.decode("latin-1"), reference.decode("latin-1").strip()))
    except ValueError:
        return None
    origin = origin_of(parts.scheme, parts.netloc.encode("latin-1"))
    if not own.startswith(origin + b"/"):
        return None
    path = (parts.path or "/").encode("latin-1")
    query = parts.query.encode("latin-1")
    return origin + normal_target(path + b"?" + query if query else path)
