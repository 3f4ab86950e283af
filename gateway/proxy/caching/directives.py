"""Cache-Control, read with suspicion: what is doubtful makes an answer stale, never fresher.

RFC 9111, sections 4.2.1 and 5.2; targeted fields: RFC 9213.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from gateway.proxy.caching.structured import Item, Malformed, parse_dictionary

FOR_EVER = 2**31  # what a larger number means: RFC 9111, section 1.2.2

# name, then what follows "=": a quoted string or anything up to the next comma.
_MEMBER = re.compile(
    rb'[\s,]*([^=,"]*)(=\s*(?:"((?:[^"\\]|\\.)*)("|\Z)|([^,]*)))?([^,]*)', re.DOTALL
)
_DIGITS = re.compile(rb"[0-9]+")

Parsed = dict[str, bytes | None]


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says about being cached. A number that makes no sense is 0: stale."""

    no_store: bool = False
    no_cache: bool = False
    private: bool = False
    public: bool = False
    must_revalidate: bool = False
    proxy_revalidate: bool = False
    must_understand: bool = False
    max_age: int | None = None
    s_maxage: int | None = None
    stale_while_revalidate: int = 0
    stale_if_error: int = 0

    @property
    def never_stale(self) -> bool:
        """Whether a shared cache must ask before it uses a stale answer: section 4.2.4."""
        strict = self.must_revalidate or self.proxy_revalidate or self.no_cache
        return strict or self.s_maxage is not None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request wants of caches: RFC 9111, section 5.2.1. None: it does not say."""

    no_store: bool = False
    no_cache: bool = False
    only_if_cached: bool = False
    max_age: int | None = None
    min_fresh: int = 0
    max_stale: int | None = None


NOTHING_SAID = Said()
NOTHING_WANTED = Wanted()


def parse(value: bytes) -> Parsed:
    """Directives by lower-case name; of one that comes twice with two values nothing is left."""
    found: Parsed = {}
    at = 0
    while at < len(value):
        match = _MEMBER.match(value, at)
        assert match is not None  # every part may be empty
        at = max(match.end(), at + 1)
        raw = match[1]
        name = raw.strip().decode("latin-1").lower()
        if not name:
            continue
        argument = _argument(match, raw)
        if name in found and found[name] != argument:
            argument = b"?"
        found[name] = argument
    return found


def _argument(match: re.Match[bytes], name: bytes) -> bytes | None:
    if match[2] is None:
        return None
    quoted, end, plain, rest = match[3], match[4], match[5], match[6]
    blanks = name != name.rstrip() or match[2][1:2].isspace()
    if blanks or rest.strip() or end == b"":
        return b"?"  # RFC 9110, section 5.6.6: no blanks around "="; a string has two quotes
    return plain.strip() if quoted is None else quoted


def seconds(argument: bytes | None) -> int | None:
    """Delta-seconds (section 1.2.2), quoted or not; None for what is none."""
    if argument is None or not _DIGITS.fullmatch(argument):
        return None
    return FOR_EVER if len(argument.lstrip(b"0")) > 10 else min(int(argument), FOR_EVER)


@lru_cache(maxsize=512)
def response_directives(value: bytes) -> Said:
    """What a Cache-Control field of an answer says; qualified forms count as unqualified ones."""
    found = parse(value)
    return _said(found.keys(), {name: seconds(found[name]) for name in found})


@lru_cache(maxsize=512)
def targeted_directives(value: bytes) -> Said | None:
    """What a targeted field says (RFC 9213, section 2.1); None if it is malformed or empty."""
    try:
        found = parse_dictionary(value.decode("latin-1"))
    except Malformed:
        return None
    if not found:
        return None
    flags = [name for name, member in found.items() if member is not False]
    return _said(flags, {name: _whole(member) for name, member in found.items()})


@lru_cache(maxsize=512)
def request_directives(value: bytes) -> Wanted:
    """What the Cache-Control of a request asks for; a number that is none asks for the most."""
    found = parse(value)
    stale = seconds(found["max-stale"]) if found.get("max-stale") is not None else FOR_EVER
    return Wanted(
        no_store="no-store" in found,
        no_cache="no-cache" in found,
        only_if_cached="only-if-cached" in found,
        max_age=(seconds(found["max-age"]) or 0) if "max-age" in found else None,
        min_fresh=seconds(found.get("min-fresh")) or 0,
        max_stale=stale if "max-stale" in found else None,
    )


def _said(names: Iterable[str], numbers: dict[str, int | None]) -> Said:
    names = frozenset(names)
    return Said(
        no_store="no-store" in names,
        no_cache="no-cache" in names,
        private="private" in names,
        public="public" in names,
        must_revalidate="must-revalidate" in names,
        proxy_revalidate="proxy-revalidate" in names,
        must_understand="must-understand" in names,
        max_age=(numbers.get("max-age") or 0) if "max-age" in names else None,
        s_maxage=(numbers.get("s-maxage") or 0) if "s-maxage" in names else None,
        stale_while_revalidate=numbers.get("stale-while-revalidate") or 0,
        stale_if_error=numbers.get("stale-if-error") or 0,
    )


def _whole(member: Item) -> int | None:
    number = type(member) is int and member >= 0
    return min(member, FOR_EVER) if number else None
