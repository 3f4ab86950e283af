"""Times, numbers and events as people read them."""

from __future__ import annotations

import json
from datetime import datetime

STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def age(since: datetime | None, now: datetime) -> str:
    """How long ago that was, in one or two words: `4 s`, `12 min`, `3 h`, `8 d`; `-` for never."""
    if since is None:
        return "-"
    seconds = (now - since).total_seconds()
    for length, word in STEPS:
        if seconds >= length:
            return f"{int(seconds // length)} {word}"
    return "now" if seconds > -1 else "ahead"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 event`, `3 events`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}".replace(",", "\u202f")


def until(moment: datetime, now: datetime) -> str:
    """How long it takes until then: `in 4 s`, or `due` when it has come."""
    return "due" if moment <= now else f"in {age(now, moment)}"


def pretty(text: str) -> str:
    """JSON with one member per line; anything else as it is."""
    try:
        words = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        return words.encode(errors="backslashreplace").decode()  # half a surrogate pair
    except (ValueError, RecursionError):
        return text


def first_line(text: str) -> str:
    """What an error says before its details."""
    return next(iter(text.strip().splitlines()), "")
