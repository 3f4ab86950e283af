"""Structured fields (RFC 9651), parsed strictly: what does not parse whole is no value at all."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from typing import Any

Item = Any  # int, float, str, Token, bytes, bool, or a list of those (an inner list)

_KEY = re.compile(r"[a-z*][a-z0-9_\-.*]*")
_NUMBER = re.compile(r"-?(\d+)(?:\.(\d+))?")
_TOKEN = re.compile(r"[A-Za-z*][A-Za-z0-9!#$%&'*+\-.^_`|~:/]*")
_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_BYTES = re.compile(r":([A-Za-z0-9+/=]*):")
_ESCAPED = re.compile(r"\\(.)")


class Malformed(ValueError):
    """The field cannot be parsed; RFC 9651, section 4.2, says: ignore all of it."""


class Token(str):
    """A bare word, as distinct from a quoted string."""

    __slots__ = ()


def parse_list(text: str) -> list[Item]:
    """The members of a List (section 4.2.1), without their parameters; raises Malformed."""
    reader = _Reader(text)
    members: list[Item] = []
    while not reader.at_end():
        members.append(reader.member())
        reader.next_member()
    return members


def parse_dictionary(text: str) -> dict[str, Item]:
    """The members of a Dictionary (section 4.2.2), without parameters; the last of a name wins."""
    reader = _Reader(text)
    members: dict[str, Item] = {}
    while not reader.at_end():
        name = reader.match(_KEY).group()
        members.pop(name, None)
        if reader.take("="):
            members[name] = reader.member()
        else:
            members[name] = True
            reader.parameters()
        reader.next_member()
    return members


def string(text: str) -> str:
    """`text` as a String (section 4.1.6); raises ValueError for what no String can hold."""
    if not (text.isascii() and text.isprintable()):
        raise ValueError("A structured field holds printable ASCII only.")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class _Reader:
    def __init__(self, text: str) -> None:
        if not text.isascii():
            raise Malformed("Not ASCII.")
        self._text = text.strip(" ")
        self._at = 0

    def at_end(self) -> bool:
        return self._at >= len(self._text)

    def take(self, expected: str) -> bool:
        found = self._text.startswith(expected, self._at)
        self._at += len(expected) if found else 0
        return found

    def match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise Malformed(f"Cannot read on at {self._at}.")
        self._at = found.end()
        return found

    def skip(self, blanks: str) -> None:
        while not self.at_end() and self._text[self._at] in blanks:
            self._at += 1

    def next_member(self) -> None:
        """Go on to the next member; a comma promises one."""
        self.skip(" \t")
        if self.at_end():
            return
        if not self.take(","):
            raise Malformed("There is no comma between two members.")
        self.skip(" \t")
        if self.at_end():
            raise Malformed("Nothing follows the last comma.")

    def member(self) -> Item:
        value = self._inner_list() if self.take("(") else self._bare()
        self.parameters()
        return value

    def parameters(self) -> None:
        """Read over parameters: none of our fields gives them a meaning."""
        while self.take(";"):
            self.skip(" ")
            self.match(_KEY)
            if self.take("="):
                self._bare()

    def _inner_list(self) -> list[Item]:
        items: list[Item] = []
        while True:
            self.skip(" ")
            if self.take(")"):
                return items
            items.append(self._bare())
            self.parameters()
            if not self.at_end() and self._text[self._at] not in " )":
                raise Malformed("There is no blank between two items.")

    def _bare(self) -> Item:
        first = self._text[self._at : self._at + 1]
        if first == '"':
            return _ESCAPED.sub(r"\1", self.match(_STRING).group(1))
        if first == "?":
            self._at += 1
            return self._boolean()
        if first == ":":
            return self._bytes()
        if first == "@":
            self._at += 1
        if first == "-" or first.isdigit() or first == "@":
            return self._number(whole=first == "@")
        return Token(self.match(_TOKEN).group())

    def _boolean(self) -> bool:
        if self.take("1"):
            return True
        if self.take("0"):
            return False
        raise Malformed("A boolean is ?0 or ?1.")

    def _bytes(self) -> bytes:
        try:
            return b64decode(self.match(_BYTES).group(1), validate=True)
        except NotBase64 as error:
            raise Malformed("Not base64.") from error

    def _number(self, *, whole: bool) -> int | float:
        found = self.match(_NUMBER)
        integer, fraction = found.groups()
        if fraction is None:
            if len(integer) > 15 or self.take("."):
                raise Malformed("This is no number.")
            return int(found.group())
        if whole or len(integer) > 12 or len(fraction) > 3:
            raise Malformed("This number is too long.")
        return float(found.group())
