"""One line per request, collected and written a few times a second."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime

_PLAIN = re.compile(r"[A-Za-z0-9/._~%\-]*")

_JSON = (
    '{"timestamp":"%s","level":"info","logger":"gateway.access","event":"request",'
    '"service":"gateway","method":%s,"path":%s,"status":%d,"ms":%.2f,"bytes":%d,'
    '"upstream":"%s","client":"%s","request_id":"%s"}\n'
)
_CONSOLE = "%s [info     ] %s %s %d %.2f ms %d bytes upstream=%s client=%s request_id=%s\n"


class AccessLog:
    """Collects lines; `flush` writes them. Query strings are left out: they may hold secrets."""

    def __init__(self, style: str, write: Callable[[str], object]) -> None:
        self._json = style == "json"
        self._template = _JSON if self._json else _CONSOLE
        self._write = write
        self._lines: list[str] = []
        self._time = self._clock()

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
    ) -> None:
        """Remember one request."""
        where = path.decode("latin-1")
        if self._json:
            where = f'"{where}"' if _PLAIN.fullmatch(where) else json.dumps(where)
            method = f'"{method}"'
        self._lines.append(
            self._template
            % (
                self._time,
                method,
                where,
                status,
                seconds * 1000,
                size,
                upstream,
                client,
                request_id,
            )
        )

    def flush(self) -> None:
        """Write what has been collected, and look at the clock."""
        if self._lines:
            lines, self._lines = self._lines, []
            self._write("".join(lines))
        self._time = self._clock()

    def _clock(self) -> str:
        if self._json:
            return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return datetime.now().astimezone().strftime("%H:%M:%S")
