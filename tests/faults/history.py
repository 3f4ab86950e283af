"""What happened in one run, line by line, as those outside saw it."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any


class History:
    """Every attempt, acknowledgement and fault of a run, in a file and in memory."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w")
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self.counts: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()  # of calls that failed
        self.acknowledged: dict[str, str] = {}  # order number by idempotency key
        self.contradictions: list[str] = []

    def note(self, what: str, **facts: Any) -> None:
        """Write down that something happened, now."""
        line = {"t": round(time.monotonic() - self._began, 4), "what": what, **facts}
        with self._lock:
            self.counts[what] += 1
            self._file.write(json.dumps(line) + "\n")

    def acknowledge(self, key: str, number: str) -> None:
        """The shop promised this order; a second promise for a key must be the same."""
        self.note("ack", key=key, number=number)
        with self._lock:
            before = self.acknowledged.setdefault(key, number)
        if before != number:
            self.contradictions.append(f"one key was answered with {before} and with {number}")

    @property
    def attempted(self) -> int:
        """How many orders somebody set out to place."""
        return self.counts["attempt"]

    def close(self) -> None:
        """No more happens."""
        self._file.close()
