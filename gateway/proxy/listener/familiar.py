"""Request heads that came before: what was once understood need not be parsed and judged again.

Programs and browsers send the same header fields with request after request; only the line above
them changes. So whoever sends, byte for byte, the fields of a request that was taken before is
understood as before. What the parser or the rules of `edge.headers` refuse never gets in here.
"""

from __future__ import annotations

import asyncio
import re
from functools import partial

from gateway.proxy.edge.headers import Head

# Of each of two generations; what is asked for all the time moves from the older to the younger.
GENERATION = 512
LONGEST = 3072  # bytes of a request; what is longer is parsed each time

# A line that means one thing only, to our parser and to `edge.headers`: printable, no fragment.
_LINE = re.compile(rb"(GET|HEAD) ((/[!\"$->@-~]{0,511})(?:\?([!\"$-~]{0,511}))?) HTTP/1\.1")
_METHODS = {b"GET": "GET", b"HEAD": "HEAD"}

Who = tuple[str, str]  # the address and the scheme that the socket says
Key = tuple[Who, bytes]


class Familiar:
    """Heads by who sent their fields, and by the bytes of those. Bounded; for one process."""

    def __init__(self, generation: int = GENERATION) -> None:
        self._generation = generation
        self._young: dict[Key, Head] = {}
        self._old: dict[Key, Head] = {}

    def find(self, who: Who, data: bytes) -> Head | None:
        """The head of a request that is all of `data`, understood; None if it must be parsed."""
        line, _, fields = data.partition(b"\r\n")
        key = (who, fields)
        known = self._young.get(key)
        if known is None:
            if key not in self._old:
                return None
            known = self._old[key]
            self._keep(key, known)
        asked = _LINE.fullmatch(line)
        if asked is None:
            return None
        method, target, path, query = asked.groups(b"")
        return known.again(_METHODS[method], target, path, query)

    def learn(self, who: Who, data: bytes, head: Head) -> bool:
        """Whether `data` is all of this request, which has no body; if so, it is one to remember.

        It is remembered when it has been understood: see `Head.on_understood`.
        """
        fields = fields_of(data, head)
        if fields is not None:
            head.on_understood = partial(self.keep, (who, fields))
        return fields is not None

    def keep(self, key: Key, head: Head) -> None:
        """Remember a head that was understood just now, unless it can hardly come again."""
        if head.request_id is None and head.traceparent is None and not head.expects:
            self._keep(key, head.again(head.method, b"", b"", b""))

    def _keep(self, key: Key, head: Head) -> None:
        if len(self._young) >= self._generation:
            self._old, self._young = self._young, {}
        self._young[key] = head

    def __len__(self) -> int:
        return len(self._young) + len(self._old)


def fields_of(data: bytes, head: Head) -> bytes | None:
    """The header fields of a request that is all of `data`; None if it is not one to remember."""
    line = b"%b %b HTTP/1.1\r\n" % (head.method.encode(), head.target)
    fields = data[len(line) :]
    if len(data) > LONGEST or head.method not in ("GET", "HEAD") or not data.startswith(line):
        return None
    return fields if 0 < fields.find(b"\r\n\r\n") == len(fields) - 4 else None


def who(transport: asyncio.BaseTransport) -> Who:
    """Who is at the other end, as far as the socket can tell."""
    peer = transport.get_extra_info("peername")
    scheme = "https" if transport.get_extra_info("sslcontext") else "http"
    return (str(peer[0]) if peer else "unknown", scheme)
