"""Where in a TOML text something stands, for messages that name the line.

The parser of the standard library tells the line of what is no TOML, but not of what it read.
"""

from __future__ import annotations

import re
from collections import Counter

Place = tuple[str | int, ...]  # the way to a value: ("routes", 3, "prefix")

_TABLES = re.compile(r"\s*\[\[([^\[\]]+)\]\]")
_TABLE = re.compile(r"\s*\[([^\[\]]+)\]")
_KEY = re.compile(r"""\s*("[^"]+"|'[^']+'|[\w.-]+)\s*=""")


def line_of(text: str, place: Place) -> int:
    """The line (from 1) on which the value at `place`, or the table it is in, begins; 0: unknown.

    Knows tables, arrays of tables and keys at the beginning of a line: what people write.
    """
    known = _places(text)
    while place:
        if place in known:
            return known[place]
        place = place[:-1]
    return 0


def _places(text: str) -> dict[Place, int]:
    found: dict[Place, int] = {}
    counted: Counter[Place] = Counter()
    inside: Place = ()
    for number, line in enumerate(text.splitlines(), 1):
        if tables := _TABLES.match(line):
            name = _words(tables[1])
            inside = (*name, counted[name])
            counted[name] += 1
            found.setdefault(inside, number)
        elif table := _TABLE.match(line):
            inside = _in_last(_words(table[1]), counted)
            found.setdefault(inside, number)
        elif key := _KEY.match(line):
            found.setdefault((*inside, *_words(key[1])), number)
    return found


def _in_last(name: Place, counted: Counter[Place]) -> Place:
    """`[routes.timeouts]` below `[[routes]]` belongs to the last of these."""
    for length in range(1, len(name)):
        if counts := counted[name[:length]]:
            return (*name[:length], counts - 1, *name[length:])
    return name


def _words(dotted: str) -> Place:
    quoted = re.findall(r""""([^"]*)"|'([^']*)'|([^.\s]+)""", dotted)
    return tuple("".join(each) for each in quoted)
