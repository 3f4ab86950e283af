"""The one thread that touches sockets: everything AMQP happens here, handlers run elsewhere."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable

from pika.adapters.select_connection import IOLoop

log = logging.getLogger(__name__)

Action = Callable[[], object]


class IoThread:
    """An I/O loop on its own thread. A mistake in one action never ends the thread."""

    def __init__(self, name: str, *, on_crash: Action) -> None:
        self.loop = IOLoop()
        self._on_crash = on_crash
        self._actions: deque[Action] = deque()
        self._awake = False
        self._stopping = False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, action: Action) -> None:
        """Run this on the I/O thread, in the order of the calls; from any thread."""
        if not self.is_ours():
            raise RuntimeError(
                "Opened before a fork: ask the bus for another, sockets are not shared."
            )
        self._actions.append(action)
        if not self._awake:  # many calls in a row cost one wake-up
            self._awake = True
            self.loop.add_callback_threadsafe(self._work_off)

    def is_ours(self) -> bool:
        """Whether the thread runs in this process: a fork does not take it along."""
        return self._process == os.getpid()

    def call_later(self, delay: float, action: Action) -> None:
        """Run this after a while; from the I/O thread only."""
        self.loop.call_later(delay, shielded(action))

    def stop(self, timeout: float) -> None:
        """End the thread, and wait for that."""
        self._stopping = True
        self.loop.add_callback_threadsafe(self.loop.stop)
        self._thread.join(timeout)
        if not self._thread.is_alive():
            self.loop.close()

    def _work_off(self) -> None:
        self._awake = False  # before looking: who calls from now on wakes us again
        while self._actions:
            guarded(self._actions.popleft())

    def _run(self) -> None:
        while not self._stopping:
            try:
                self.loop.start()
            except Exception:
                log.exception("the bus client stumbled; connecting again")
                guarded(self._on_crash)
                time.sleep(0.1)  # should it stumble at once again, then not in a hot loop


def shielded(callback: Callable[..., object]) -> Callable[..., None]:
    """The callback as pika may have it: whatever it raises is logged and ends there."""

    def shield(*arguments: object) -> None:
        try:
            callback(*arguments)
        except Exception:
            log.exception("a bus callback failed")

    return shield


def guarded(action: Action) -> None:
    """Run it; a mistake is logged, because raising it would end the I/O thread."""
    shielded(action)()
