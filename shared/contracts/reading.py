"""Can one who reads by this schema read everything that is written by that one?

A writer is taken at its word: it writes the fields that its schema names and no others. A reader
ignores fields that it does not know, unless it says that it tolerates none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from shared.contracts.schemas import Schema, forms, in_words, values_of

Kind = Literal["missing", "type", "values", "bounds", "format", "surplus", "unread"]

LEAST = ("minimum", "minLength", "minItems", "minProperties")
MOST = ("maximum", "maxLength", "maxItems", "maxProperties")
EXACTLY = ("pattern", "multipleOf", "uniqueItems", "contentEncoding")


@dataclass(frozen=True, slots=True)
class Gap:
    """Where a reader stumbles: what may be written there, and what it can read.

    `unread` is none: the reader does not know the field and passes over it.
    """

    path: str
    kind: Kind
    written: str
    read: str

    def __str__(self) -> str:
        return f"{self.path or 'the event'}: {self.written} is written, {self.read} is read"


def gaps_between(written: Schema, read: Schema) -> list[Gap]:
    """Every place where something that `written` allows is not allowed by `read`."""
    return [gap for gap in differences(written, read) if gap.kind != "unread"]


def differences(written: Schema, read: Schema) -> list[Gap]:
    """The gaps, and the fields that are written and not read."""
    return _Comparison(written.get("$defs", {}), read.get("$defs", {})).of(written, read, "")


class _Comparison:
    def __init__(self, written: Schema, read: Schema) -> None:
        self._written = written
        self._read = read
        self._in_hand: set[tuple[str, str]] = set()

    def of(self, written: Schema, read: Schema, path: str) -> list[Gap]:
        """The differences between two schemas; a type that holds itself is looked at once."""
        names = (written.get("$ref", ""), read.get("$ref", ""))
        if names in self._in_hand:
            return []
        if all(names):
            self._in_hand.add(names)
        found = self._of_choices(written, read, path)
        self._in_hand.discard(names)
        return list(dict.fromkeys(found))

    def _of_choices(self, written: Schema, read: Schema, path: str) -> list[Gap]:
        found: list[Gap] = []
        readable = list(forms(read, self._read))
        for form in forms(written, self._written):
            tries = [self._of_forms(form, each, path) for each in readable if _alike(form, each)]
            if not tries:
                words = in_words(written, self._written), in_words(read, self._read)
                return [Gap(path, "type", *words)]
            found += min(tries, key=_how_bad)
        return found

    def _of_forms(self, written: Schema, read: Schema, path: str) -> list[Gap]:
        if not read["type"]:
            return []
        found = list(_values(written, read, path))
        if values_of(written) is None:
            found += [*_bounds(written, read, path), *_format(written, read, path)]
        match read["type"]:
            case "object":
                found += self._fields(written, read, path)
            case "array":
                found += self._items(written, read, path)
        return found

    def _fields(self, written: Schema, read: Schema, path: str) -> Iterator[Gap]:
        ours, theirs = written.get("properties", {}), read.get("properties", {})
        always, needed = written.get("required", ()), read.get("required", ())
        for name in theirs:
            place = f"{path}.{name}".lstrip(".")
            if name in needed and name not in always:
                yield Gap(place, "missing", "sometimes nothing" if name in ours else "nothing",
                          in_words(theirs[name], self._read))  # fmt: skip
            if name in ours:
                yield from self.of(ours[name], theirs[name], place)
        for name in ours:
            if name not in theirs:
                yield from self._unknown(ours[name], read, f"{path}.{name}".lstrip("."))
        yield from self._free_names(written, read, f"{path}.*".lstrip("."))

    def _unknown(self, written: Schema, read: Schema, place: str) -> Iterator[Gap]:
        rest = read.get("additionalProperties", True)
        words = in_words(written, self._written)
        if rest is False:
            yield Gap(place, "surplus", words, "no other field")
        elif isinstance(rest, dict):
            yield from self.of(written, rest, place)
        else:
            yield Gap(place, "unread", words, "nothing")

    def _free_names(self, written: Schema, read: Schema, place: str) -> Iterator[Gap]:
        """A mapping has names that no schema knows: compare what stands behind them."""
        ours, theirs = written.get("additionalProperties"), read.get("additionalProperties")
        if ours is None and written.get("properties"):
            return  # it writes what it names, and no more
        if isinstance(theirs, dict) and ours is not False:
            yield from self.of(ours if isinstance(ours, dict) else {}, theirs, place)
        elif theirs is False and (isinstance(ours, dict) or ours is True):
            yield Gap(place, "surplus", "any name", "no other field")

    def _items(self, written: Schema, read: Schema, path: str) -> Iterator[Gap]:
        if "items" in read:
            yield from self.of(written.get("items", {}), read["items"], f"{path}[]")
        ours, theirs = written.get("prefixItems", []), read.get("prefixItems", [])
        for at, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            yield from self.of(one, other, f"{path}[{at}]")


def _alike(written: Schema, read: Schema) -> bool:
    return read["type"] in ("", written["type"]) or (
        (written["type"], read["type"]) == ("integer", "number")
    )


def _how_bad(gaps: Iterable[Gap]) -> tuple[int, int]:
    kinds = [gap.kind for gap in gaps]
    return len(kinds) - kinds.count("unread"), len(kinds)


def _values(written: Schema, read: Schema, path: str) -> Iterator[Gap]:
    allowed, given = values_of(read), values_of(written)
    if allowed is None:
        return
    if given is None:
        yield Gap(path, "values", f"any {written['type']}", _listed(allowed))
    elif more := [value for value in given if value not in allowed]:
        yield Gap(path, "values", _listed(more), _listed(allowed))


def _bounds(written: Schema, read: Schema, path: str) -> Iterator[Gap]:
    ours, theirs = _limits(written), _limits(read)
    for word, limit in theirs.items():
        if word not in ours or ours[word] < limit:
            yield Gap(path, "bounds", _limit(word, ours), _limit(word, theirs))
    for word in EXACTLY:
        if read.get(word) and written.get(word) != read[word]:
            kind: Kind = "format" if word in ("pattern", "contentEncoding") else "bounds"
            yield Gap(path, kind, _said(word, written), _said(word, read))


def _format(written: Schema, read: Schema, path: str) -> Iterator[Gap]:
    wanted, given = read.get("format"), written.get("format")
    if wanted and given != wanted:
        yield Gap(path, "format", given or f"any {written['type']}", wanted)


def _limits(schema: Schema) -> dict[str, tuple[float, bool]]:
    """The bounds so that the stricter one is the larger; "more than 0" of whole numbers is 1."""
    found: dict[str, tuple[float, bool]] = {}
    whole = schema["type"] == "integer"
    for word in (*LEAST, *MOST):
        sign = 1 if word in LEAST else -1
        if word in schema:
            found[word] = (sign * schema[word], False)
        beyond = schema.get("exclusive" + word.capitalize())
        if beyond is not None:
            strict = (sign * beyond + 1, False) if whole else (sign * beyond, True)
            found[word] = max(strict, found.get(word, strict))
    return found


def _limit(word: str, limits: dict[str, tuple[float, bool]]) -> str:
    if word not in limits:
        return f"no {word}"
    value, beyond = limits[word]
    return f"{word} {abs(value) if value else 0:g}{' (exclusive)' if beyond else ''}"


def _said(word: str, schema: Schema) -> str:
    return f"{word} {schema[word]}" if schema.get(word) else f"no {word}"


def _listed(values: list[Any]) -> str:
    return ", ".join(repr(value) for value in values)
