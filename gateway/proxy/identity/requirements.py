"""What callers need for which operation, compiled from a service's OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
LONGEST_PATH = 512  # longer addresses are matched each time, but not remembered
MOST_REMEMBERED = 4096
PERMISSIONS = "x-permissions"

Operations = Mapping[str, "Requirement"]  # by method

_PARAMETER = re.compile(r"\\\{[^{}]+\\\}")


class NotAContract(ValueError):
    """This is no OpenAPI document of a service of ours."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What one operation needs of its caller; any one of the sets of scopes is enough."""

    scopes: tuple[frozenset[str], ...]
    permissions: tuple[str, ...]


class Contract:
    """One service's operations that strangers may not call."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Compile; raises NotAContract."""
        self.at_hand: dict[bytes, Operations] = {}  # by the path as sent, once it was looked up
        self._static: dict[str, Operations] = {}
        self._templates: list[tuple[re.Pattern[str], Operations]] = []
        paths = document.get("paths")
        if not isinstance(paths, dict) or not str(document.get("openapi", "")).startswith("3."):
            raise NotAContract("no OpenAPI 3 document")
        try:
            base = urlsplit(str(document["servers"][0]["url"])).path.rstrip("/")
            default = document.get("security")
            for path, item in paths.items():
                self._add(base + path, dict(_operations(item, default)))
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise NotAContract(repr(error)) from error

    def needs(self, method: str, path: bytes) -> Requirement | None:
        """What a call needs; None if the contract does not know it, or everybody may.

        HEAD shows what GET would say of itself (RFC 9110, section 9.3.2), and needs as much.
        """
        operations = self.at_hand.get(path)
        if operations is None:
            operations = self._find(path)
        needed = operations.get(method)
        return operations.get("GET") if needed is None and method == "HEAD" else needed

    def __len__(self) -> int:
        known = (*self._static.values(), *(each for _, each in self._templates))
        return sum(len(each) for each in known)

    def _add(self, path: str, operations: Operations) -> None:
        if "{" not in path:
            self._static[path] = operations
            return
        # A parameter is one segment and not empty: RFC 3986, section 3.3, and OpenAPI 3.1.
        pattern = _PARAMETER.sub("[^/]+", re.escape(path))
        self._templates.append((re.compile(pattern), operations))

    def _find(self, raw: bytes) -> Operations:
        path = unquote_to_bytes(raw).decode("utf-8", "replace")
        operations = self._static.get(path)
        if operations is None:
            operations = self._match(path)
        if len(raw) <= LONGEST_PATH:
            if len(self.at_hand) >= MOST_REMEMBERED:
                self.at_hand.clear()
            self.at_hand[raw] = operations
        return operations

    def _match(self, path: str) -> Operations:
        """All that templates say of this address: two may differ in method and parameter only."""
        found: dict[str, Requirement] = {}
        for pattern, operations in self._templates:
            if pattern.fullmatch(path):
                found = {**operations, **found}
        return found


def _operations(item: Mapping[str, Any], default: Any) -> Iterator[tuple[str, Requirement]]:
    for method, operation in item.items():
        if method in METHODS:
            ways = operation.get("security", default) or []
            # `{}` among the ways: strangers are welcome (OpenAPI 3.1, section 4.8.10).
            if ways and {} not in ways:
                permissions = tuple(map(str, operation.get(PERMISSIONS, ())))
                yield method.upper(), Requirement(_scopes(ways), permissions)


def _scopes(ways: list[Mapping[str, list[str]]]) -> tuple[frozenset[str], ...]:
    sets = {frozenset(str(name) for names in way.values() for name in names) for way in ways}
    return () if frozenset() in sets else tuple(sorted(sets, key=sorted))
