"""The few cookies that the gateway knows, found in the Cookie header without parsing the rest."""

from __future__ import annotations

from dataclasses import dataclass

from shared.http import csrf


@dataclass(frozen=True, slots=True)
class CookieNames:
    """What our cookies are called; the `__Host-` prefix pins them to this host under https."""

    session: bytes
    csrf: bytes
    cart: bytes

    @classmethod
    def for_site(cls, *, secure: bool) -> CookieNames:
        """The names for a site on https, or not."""
        prefix = b"__Host-" if secure else b""
        return cls(
            session=prefix + b"quintet_session",
            csrf=csrf.cookie_name(secure).encode(),
            cart=prefix + b"quintet_cart",
        )


def value_of(cookie: bytes, name: bytes) -> bytes | None:
    """The value of the first cookie of that name: RFC 6265, section 5.4."""
    if name not in cookie:
        return None
    for pair in cookie.split(b";"):
        key, found, value = pair.partition(b"=")
        if found and key.strip() == name:
            return value.strip()
    return None


def without(cookie: bytes, name: bytes) -> bytes:
    """The header without any cookie of that name."""
    pairs = (pair.strip() for pair in cookie.split(b";"))
    return b"; ".join(pair for pair in pairs if pair and pair.partition(b"=")[0].strip() != name)


class CookieJar:
    """Splits Cookie headers into one cookie and the rest; browsers send the same one each time."""

    def __init__(self, name: bytes, *, most: int = 4096, longest: int = 1024) -> None:
        self._name = name
        self._most = most
        self._longest = longest
        self._read: dict[bytes, tuple[bytes | None, bytes]] = {}

    def read(self, cookie: bytes) -> tuple[bytes | None, bytes]:
        """The value of our cookie, if it is there, and the header without it."""
        known = self._read.get(cookie)
        if known is not None:
            return known
        value = value_of(cookie, self._name)
        found = value, cookie if value is None else without(cookie, self._name)
        if len(cookie) <= self._longest:
            if len(self._read) >= self._most:
                self._read.clear()
            self._read[cookie] = found
        return found
