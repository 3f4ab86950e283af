"""Edge safety: what is refused before anything is looked up or passed on."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv6Address
from urllib.parse import unquote_to_bytes

from gateway.refusals import CLOSE, Refused, bad_request

# Method → how the upstream request line begins. Anything else is refused: RFC 9110, section 9.1.
METHODS = {
    name: name.encode() + b" "
    for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
}
ALLOWED = ", ".join(METHODS).encode()
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CACHEABLE_METHODS = frozenset({"GET", "HEAD"})
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
    rb"(?:(?P<name>[A-Za-z0-9](?:[A-Za-z0-9\-]|\.(?!\.)){0,253})|\[(?P<v6>[0-9A-Fa-f:.]{2,45})\])"
    rb"(?::(?P<port>\d{0,5}))?"
)


def check_path(raw_path: bytes) -> None:
    """Refuse a path that the gateway and a service could understand differently."""
    if not raw_path.startswith(b"/") or _AMBIGUOUS.search(raw_path) or not _is_text(raw_path):
        raise bad_request("ambiguous-path", "The path of this address is malformed.")


def _is_text(raw_path: bytes) -> bool:
    """Whether it decodes to UTF-8, so that overlong dots and slashes have no chance."""
    try:
        unquote_to_bytes(raw_path).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def check_method(method: str) -> bytes:
    """The beginning of the upstream request line, or a refusal."""
    begin = METHODS.get(method)
    if begin is None:
        raise Refused(
            405,
            "method-not-allowed",
            "This method is not supported.",
            headers=((b"allow", ALLOWED), *CLOSE),
        )
    return begin


@lru_cache(maxsize=256)
def is_host(value: bytes) -> bool:
    """Whether this is a host, with or without a port: RFC 9112, section 3.2."""
    match = _HOST.fullmatch(value)
    if match is None or int(match["port"] or 0) > 65535:
        return False
    return match["v6"] is None or _is_v6(match["v6"])


def _is_v6(value: bytes) -> bool:
    try:
        IPv6Address(value.decode())
    except ValueError:
        return False
    return True
