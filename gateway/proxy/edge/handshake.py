"""The opening handshake of a WebSocket, checked on both sides: RFC 6455, section 4."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha1

from gateway.refusals import Refused, bad_request

WEBSOCKET = b"websocket"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_EXTENSIONS = b"sec-websocket-extensions"
_KEY = re.compile(rb"[A-Za-z0-9+/]{21}[AQgw]==")  # 16 bytes in base64

Fields = Iterable[tuple[bytes, bytes]]


def check_offer(fields: Fields) -> None:
    """Refuse what no WebSocket can begin with (400, or 426 for other versions): section 4.2.1."""
    versions, keys = [], []
    for name, value in fields:
        if name == b"sec-websocket-version":
            versions.append(value.strip(b" \t"))
        elif name == b"sec-websocket-key":
            keys.append(value.strip(b" \t"))
    if versions != [b"13"]:
        raise Refused(
            426,
            "websocket-version",
            "The version of WebSocket spoken here is 13.",
            headers=(
                (b"sec-websocket-version", b"13"),
                (b"upgrade", WEBSOCKET),
                (b"connection", b"close"),
            ),
        )
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise bad_request("websocket-key", "There must be one valid Sec-WebSocket-Key.")


def key_of(fields: Fields) -> bytes:
    """The key of a checked offer."""
    return next(value.strip(b" \t") for name, value in fields if name == b"sec-websocket-key")


def is_accepted(key: bytes, asked: Fields, answered: Fields) -> bool:
    """Whether the service has understood the handshake: section 4.1, on the answer.

    It must prove that it read the key, and choose from the subprotocols and the extensions that
    were offered: one of those, any of these.
    """
    proofs = [value for name, value in answered if name == b"sec-websocket-accept"]
    chosen = [value for name, value in answered if name == b"sec-websocket-protocol"]
    return (
        proofs == [b64encode(sha1(key + _GUID, usedforsecurity=False).digest())]
        and len(chosen) <= 1
        and _listed(b"sec-websocket-protocol", asked).issuperset(chosen)
        and _listed(_EXTENSIONS, asked) >= _listed(_EXTENSIONS, answered)
    )


def _listed(name: bytes, fields: Fields) -> set[bytes]:
    """What a field lists, without parameters."""
    return {
        each.partition(b";")[0].strip(b" \t")
        for key, value in fields
        if key == name
        for each in value.split(b",")
    }
