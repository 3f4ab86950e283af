"""One running process: start it, read what it writes, end it with everything it started."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import deque
from collections.abc import Callable

from deploy.local.guard import Guard, send
from deploy.local.plan import Part

CHUNK = 65536
REMEMBERED = 40  # lines, shown when a process ends before it was ready


class Child:
    """A part of the shop as a process of its own, in its own process group.

    Its own group means that a Ctrl-C in the terminal reaches the launcher only, which then stops
    the parts in order.
    """

    def __init__(self, part: Part, guard: Guard, listener: Callable[[str, str], None]) -> None:
        self.part = part
        self.last_lines: deque[str] = deque(maxlen=REMEMBERED)
        self._guard = guard
        self._listener = listener
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._since = 0.0

    @property
    def uptime(self) -> float:
        """Seconds since it was last started."""
        return time.monotonic() - self._since

    async def start(self) -> None:
        """Start it, again if it ran before."""
        self._since = time.monotonic()
        self.last_lines.clear()
        # A pipe of our own: asyncio would call a process ended only when its pipes are closed
        # too, and a grandchild that lives on keeps them open.
        ours, theirs = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.part.command("run"),
                env=dict(self.part.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
            )
        finally:
            os.close(theirs)
            self._reading = asyncio.create_task(self._read(ours))
        self._guard.watch(self._process.pid)

    async def ended(self) -> int:
        """Wait until it ends by itself, tidy up what it left, and return its exit code."""
        if self._process is None:
            return 0
        code = await self._process.wait()
        send(self._process.pid, signal.SIGKILL)  # its own children, should it have left any
        self._guard.forget(self._process.pid)
        if self._reading:
            await asyncio.wait([self._reading], timeout=1)
        return code

    async def stop(self, limit: float) -> bool:
        """Ask it to end, and end it after `limit` seconds; whether asking was enough."""
        if self._process is None or self._process.returncode is not None:
            return True
        send(self._process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.shield(self._process.wait()), limit)
            return True
        except TimeoutError:
            return False
        finally:
            self.kill()
            await self.ended()

    def kill(self) -> None:
        """End it at once, with everything it started."""
        if self._process is not None and self._process.returncode is None:
            send(self._process.pid, signal.SIGKILL)

    async def _read(self, pipe: int) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", 0)
        )
        rest = b""
        while chunk := await reader.read(CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._hear(line)
        if rest:
            self._hear(rest)

    def _hear(self, raw: bytes) -> None:
        line = raw.decode(errors="replace").rstrip()
        self.last_lines.append(line)
        self._listener(self.part.name, line)
