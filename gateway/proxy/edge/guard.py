"""Edge safety: what is refused before anything is looked up or passed on."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from ipaddress import ip_address, ip_network

from gateway.refusals import Refused, bad_request

# Method → how the upstream request line begins. Anything else is refused: RFC 9110, section 9.1.
METHODS = {
    name: name.encode() + b" "
    for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# May be sent a second time when the first try met a dead connection: RFC 9110, section 9.2.2.
REPEATABLE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})

LONGEST_TARGET = 8 * 1024

# What two parsers may read differently: a half escape, an encoded separator or control character,
# a backslash, an empty segment, a dot segment (RFC 3986, section 5.2.4).
_AMBIGUOUS = re.compile(
    rb"%(?![0-9a-f]{2})|%(?:[01][0-9a-f]|2f|5c|7f)|[\\\x00-\x20\x7f-\xff]"
    rb"|//|/(?:\.|%2e){1,2}(?=[/;]|$)",
    re.IGNORECASE,
)
_HOST = re.compile(
    rb"(?:[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,252}[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?"
)


def check_path(raw_path: bytes) -> None:
    """Refuse a path that the gateway and a service could understand differently."""
    if not raw_path.startswith(b"/") or _AMBIGUOUS.search(raw_path):
        raise bad_request("ambiguous-path", "The path of this address is malformed.")


def check_method(method: str) -> bytes:
    """The beginning of the upstream request line, or a refusal."""
    begin = METHODS.get(method)
    if begin is None:
        allow = ", ".join(METHODS).encode()
        raise Refused(
            405,
            "method-not-allowed",
            "This method is not supported.",
            headers=((b"allow", allow),),
        )
    return begin


@lru_cache(maxsize=256)
def is_host(value: bytes) -> bool:
    """Whether this is a host, with or without a port: RFC 9112, section 3.2."""
    return _HOST.fullmatch(value) is not None


class Proxies:
    """The peers whose `X-Forwarded-*` we believe: our own load balancers."""

    def __init__(self, networks: Collection[str]) -> None:
        self._networks = [ip_network(network, strict=False) for network in networks]
        self.trusts = lru_cache(maxsize=1024)(self._trusts)

    def _trusts(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._networks)
