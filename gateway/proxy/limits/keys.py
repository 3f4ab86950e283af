"""By what a request is counted, and how that is shown without telling what it is."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol

LONGEST = 256


class Head(Protocol):
    """Where a request comes from: the address that we believe, see `GATEWAY_TRUSTED_PROXIES`."""

    @property
    def client(self) -> str: ...  # noqa: D102


class Caller(Protocol):
    """Who asks, as far as it is verified; empty for nobody."""

    @property
    def subject(self) -> str: ...  # noqa: D102
    @property
    def client_id(self) -> str: ...  # noqa: D102


class Asked(Protocol):
    """What is needed of a request to count it."""

    extra: list[tuple[bytes, bytes]]

    @property
    def head(self) -> Head: ...  # noqa: D102
    @property
    def caller(self) -> Caller: ...  # noqa: D102


KeyOf = Callable[[Asked], str]


@lru_cache(maxsize=8192)
def network_of(client: str) -> str:
    """The /64 of an address of version 6: who has one address of it has all of them."""
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return client[:LONGEST]
    if isinstance(address, IPv6Address):
        inside: IPv4Address | None = address.ipv4_mapped
        return str(inside) if inside else f"{address.exploded[:19]}::/64"
    return str(address)


def by_address(asked: Asked) -> str:
    """The address; of version 6 its network."""
    client = asked.head.client
    return network_of(client) if ":" in client else client


def by_user(asked: Asked) -> str:
    """The account; of nobody the address. The letter keeps one from posing as the other."""
    subject = asked.caller.subject
    return "u " + subject[:LONGEST] if subject else by_address(asked)


def by_client(asked: Asked) -> str:
    """The OAuth client; where there is none, the address."""
    client_id = asked.caller.client_id
    return "c " + client_id[:LONGEST] if client_id else by_address(asked)


def is_nobody(parts: tuple[str, ...]) -> Callable[[Asked], bool]:
    """Whether a request has nobody to be counted by these parts, so that the address must do."""
    if "user" in parts:
        return lambda asked: not asked.caller.subject
    return lambda asked: not asked.caller.client_id


def for_everybody(asked: Asked) -> str:
    """One count for all."""
    return ""


_SINGLE: dict[str, KeyOf] = {"ip": by_address, "user": by_user, "client": by_client}


def key_of(parts: tuple[str, ...]) -> KeyOf:
    """The function for these parts of a policy's key (`route` is not one of them)."""
    found = [_SINGLE[part] for part in parts if part in _SINGLE]
    if not found:
        return for_everybody
    if len(found) == 1:
        return found[0]
    # A line break is in no address, and what comes from a header or a token has none either.
    return lambda asked: "\n".join([each(asked) for each in found])


def digest(key: str) -> bytes:
    """A name for a key that tells nothing of it, the same in every process: 12 characters."""
    raw = key.encode("utf-8", "surrogatepass")
    return b64encode(blake2b(raw, digest_size=9, person=b"quintet-limits").digest())
