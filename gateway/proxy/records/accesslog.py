"""One line per request, collected and written a few times a second.

Query strings are left out, since they may hold secrets; so are header fields of any kind. All
that stands in a line are our own words and numbers, the path, and the address of the client.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

_PLAIN = re.compile(r"[A-Za-z0-9/._~%:\-]*").fullmatch

_MOST_WORDS = 4096  # paths, replicas and the like that we have put in quotes before
_LONGEST_WORD = 256
_MOST_FACTS = 1024  # ways to tell the rarer facts, of the same kind


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which requests get a line. What failed on our side (5xx, cut) or was slow always does."""

    slow: float = 0.0  # seconds: with it, only slower requests are told; 0: all
    share: float = 1.0  # of the others, so many are told

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self.slow <= 0 and self.share >= 1


class AccessLog:
    """Collects lines; `flush` writes them."""

    def __init__(
        self, style: str, write: Callable[[str], object], chosen: Chosen | None = None
    ) -> None:
        chosen = chosen or Chosen()
        self._json = style == "json"
        self._words: dict[bytes | str, str] = {}
        self._facts: dict[tuple[tuple[str, str | int], ...], str] = {}
        self._write = write
        self._lines: list[str] = []
        self._all = chosen.everything
        self._slow = chosen.slow if chosen.slow > 0 else float("inf")
        self._share = 0.0 if chosen.slow > 0 else chosen.share
        self._owed = 0.0
        self._begin = self._beginning()

    def add(  # noqa: PLR0913 - one call per request; an object to carry these would cost more
        self,
        method: str,
        path: bytes,
        status: int,
        seconds: float,
        size: int,
        upstream: str,
        client: str,
        request_id: str,
        more: tuple[tuple[str, str | int], ...] = (),
    ) -> None:
        """Remember one request. `more` are the rarer facts, as (name, our own word or number)."""
        if not self._all and not self._wanted(status, seconds):
            return
        told = self._facts.get(more)
        if told is None:
            told = self._told(more)
        ms = seconds * 1000
        if self._json:
            where = self._words.get(path) or self._quoted(path)
            line = (
                f'{self._begin}{method}","path":{where},"status":{status},"ms":{ms:.2f},'
                f'"bytes":{size},"upstream":"{upstream}","client":"{client}",'
                f'"request_id":"{request_id}"{told}}}\n'
            )
        else:
            line = (
                f"{self._begin}{method} {path.decode('latin-1')} {status} {ms:.2f} ms {size} bytes "
                f"upstream={upstream} client={client} request_id={request_id}{told}\n"
            )
        self._lines.append(line)

    def flush(self) -> None:
        """Write what has been collected, and look at the clock."""
        if self._lines:
            lines, self._lines = self._lines, []
            self._write("".join(lines))
        self._begin = self._beginning()

    def _wanted(self, status: int, seconds: float) -> bool:
        if status >= 500 or status < 100 or seconds >= self._slow:
            return True
        self._owed += self._share
        if self._owed < 0.999999:  # tenths do not add up to one exactly
            return False
        self._owed -= 1
        return True

    def _told(self, more: tuple[tuple[str, str | int], ...]) -> str:
        told = ""
        for name, value in more:
            if not self._json:
                told += f" {name}={value}"
            elif isinstance(value, int):
                told += f',"{name}":{value}'
            else:
                told += f',"{name}":{self._words.get(value) or self._quoted(value)}'
        if len(self._facts) >= _MOST_FACTS:
            self._facts.clear()
        self._facts[more] = told
        return told

    def _quoted(self, word: bytes | str) -> str:
        """As JSON writes it. Most words come again and again, so they are remembered."""
        text = word.decode("latin-1") if isinstance(word, bytes) else word
        quoted = f'"{text}"' if _PLAIN(text) else json.dumps(text)
        if len(quoted) <= _LONGEST_WORD:
            if len(self._words) >= _MOST_WORDS:
                self._words.clear()
            self._words[word] = quoted
        return quoted

    def _beginning(self) -> str:
        """What every line begins with until the next look at the clock."""
        if not self._json:
            return f"{datetime.now().astimezone():%H:%M:%S} [info     ] "
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return (
            f'{{"timestamp":"{now}","level":"info","logger":"gateway.access","event":"request",'
            '"service":"gateway","method":"'
        )
