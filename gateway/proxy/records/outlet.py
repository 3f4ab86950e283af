"""A way out for log lines that never holds up the event loop, however full the pipe behind it is.

A thread of its own writes; between it and us lies a bounded buffer. When whoever reads our output
stops reading, lines are dropped and counted, and requests go on. Everything the process writes to
its output should go this way: one blocked lock on `sys.stdout` would be enough to stop the loop.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Iterator

from gateway.proxy.records.rendering import Sample

MOST_BYTES = 4 * 1024 * 1024
PATIENCE = 1.0  # seconds to write what is left when we stop


class Outlet:
    """Writes text to a file descriptor, in order, from a thread. A text stream for `logging`."""

    def __init__(self, descriptor: int = 1, *, most: int = MOST_BYTES) -> None:
        self.dropped = 0  # lines
        self._descriptor = descriptor
        self._most = most
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._news = threading.Event()
        self._ending = self._ended = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def write(self, text: str) -> int:
        """Take whole lines; never waits. What does not fit is dropped and counted."""
        data = text.encode("utf-8", "backslashreplace")
        if self._ended:
            self._put_at_once(data)
            return len(text)
        with self._lock:
            if self._size + len(data) > self._most:
                self.dropped += max(1, data.count(b"\n"))
                return len(text)
            self._size += len(data)
            self._waiting.append(data)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="gateway-log", daemon=True)
                self._thread.start()
        self._news.set()
        return len(text)

    def flush(self) -> None:
        """Nothing to do: the thread writes as fast as it may."""

    def close(self, seconds: float = PATIENCE) -> None:
        """Write what is left, but wait no longer than this; later lines go out if there is room."""
        self._ending = True
        self._news.set()
        if self._thread is not None:
            self._thread.join(seconds)
        self._ended = True

    def samples(self) -> Iterator[Sample]:
        """What waits, and what was dropped."""
        says = "Log lines that nobody read in time."
        yield "log_lines_dropped_total", "counter", says, {}, self.dropped
        yield "log_waiting_bytes", "gauge", "Log lines not yet written.", {}, self._size

    def _run(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            while self._waiting:
                data = self._waiting.popleft()
                self._put(data)
                with self._lock:
                    self._size -= len(data)
            if self._ending:
                return

    def _put_at_once(self, data: bytes) -> None:
        """The last words of a process. A pipe that is ready takes a short line whole."""
        if len(data) <= select.PIPE_BUF and select.select([], [self._descriptor], [], 0)[1]:
            self._put(data)
        else:
            self.dropped += 1

    def _put(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except OSError:  # nobody will ever read it
                self.dropped += max(1, bytes(rest).count(b"\n"))
                return
