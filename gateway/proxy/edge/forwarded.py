"""Who is at the far end: the address we believe, and what we tell services about it.

A peer speaks for itself unless it is one of our own load balancers. Those are asked in whose name
they call, and believed link by link from the right: the first address that is not one of ours is
the client. What stands left of it anybody could have written, and goes no further.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import NamedTuple

MOST_LINKS = 32
LONGEST_WORDS = 2048  # of one kind of field; nobody has that many load balancers

# RFC 7239, section 4: `for` and `proto` of one element; a value may be quoted.
_PAIR = re.compile(rb'\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))\s*(?:;|(?=,)|$)')
_ELEMENT = re.compile(rb'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
# RFC 7239, section 6: an address, in brackets if it has colons, with or without a port.
_NODE = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|([0-9.]+)(?::\d{1,5})?|([0-9A-Fa-f:.]+)")
_SCHEMES = ("http", "https")

Fields = Iterable[tuple[bytes, bytes]]


class Hop(NamedTuple):
    """What we believe about who called, and how we say it to services."""

    client: str
    scheme: str
    lines: bytes  # of the upstream head; the host and the quote that closes it follow


class Proxies:
    """The peers that may speak for others: our own load balancers."""

    def __init__(self, networks: Collection[str]) -> None:
        self._networks = [ip_network(network, strict=False) for network in networks]
        self.trusts = lru_cache(maxsize=1024)(self._trusts)
        self.direct = lru_cache(maxsize=1024)(self._direct)

    def _trusts(self, peer: str) -> bool:
        if not self._networks:
            return False
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._networks)

    def _direct(self, peer: str, scheme: str) -> Hop | None:
        """A caller that speaks for itself; None for our own load balancers, who must be asked."""
        return None if self.trusts(peer) else _hop([peer], scheme)

    def asked(self, peer: str, scheme: str, fields: Fields) -> Hop:
        """In whose name a load balancer of ours calls."""
        chain, schemes = self._told(fields)
        believed = [peer]
        while chain and self.trusts(believed[0]):
            address = _address(chain.pop())
            if address is None:
                break
            believed.insert(0, address)
        said = schemes[-1] if schemes else ""
        return _hop(believed, said if said in _SCHEMES else scheme)

    def _told(self, fields: Fields) -> tuple[list[str], list[str]]:
        """The addresses and schemes that were named, the nearest last.

        Whoever writes one kind of field may pass the other on as the client wrote it. So if both
        are there and differ, neither is believed.
        """
        ours = {b"forwarded": b"", b"x-forwarded-for": b"", b"x-forwarded-proto": b""}
        for name, value in fields:
            if name in ours:
                ours[name] += b"," + value if ours[name] else value
        if max(map(len, ours.values())) > LONGEST_WORDS:
            return [], []
        chain, schemes = _links(ours[b"x-forwarded-for"]), _links(ours[b"x-forwarded-proto"])
        if ours[b"forwarded"]:
            elements = _elements(ours[b"forwarded"])
            named = [each.get("for", "") for each in elements]
            if chain and [*map(_address, chain)] != [*map(_address, named)]:
                return [], schemes
            chain = named
            schemes = schemes or [each["proto"] for each in elements if "proto" in each]
        return chain, schemes


def _hop(chain: list[str], scheme: str) -> Hop:
    named = ", ".join(f"for={_node(each)}" for each in chain)
    lines = (
        f"x-forwarded-for: {', '.join(chain)}\r\nx-forwarded-proto: {scheme}\r\n"
        f'forwarded: {named};proto={scheme};host="'
    )
    return Hop(chain[0], scheme, lines.encode("latin-1"))


def _node(address: str) -> str:
    """RFC 7239, section 6: an IPv6 address is quoted and in brackets."""
    if ":" in address:
        return f'"[{address}]"'
    return address if address[:1].isdigit() else "unknown"


def _links(value: bytes) -> list[str]:
    links = [each.strip() for each in value.decode("latin-1").split(",")] if value else []
    return links[-MOST_LINKS:]


def _elements(value: bytes) -> list[dict[str, str]]:
    """RFC 7239, section 4; the elements of a field, as far as they can be understood."""
    return [
        {
            pair[1].decode().lower(): (pair[2] or pair[3] or b"").decode("latin-1").lower()
            for pair in _PAIR.finditer(element)
        }
        for element in _ELEMENT.findall(value)[-MOST_LINKS:]
    ]


def _address(node: str) -> str | None:
    """The address of a node in its shortest form; None if it does not say one."""
    match = _NODE.fullmatch(node)
    if match is None:
        return None
    try:
        return str(ip_address(match[1] or match[2] or match[3]))
    except ValueError:
        return None
