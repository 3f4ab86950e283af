"""The one thread that touches sockets: everything AMQP happens here, handlers run elsewhere."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from pika.adapters.select_connection import IOLoop

log = logging.getLogger(__name__)

Action = Callable[[], object]


class Loop(IOLoop):
    """pika's loop, which can be started again whatever ended it, and then has all of its timers."""

    def start(self) -> None:
        """Run until stopped, or until something raises."""
        try:
            super().start()
        except Exception:
            # pika forgets this when it cannot begin, and would then never begin again.
            self._poller.deactivate_poller()
            self._poller._running = False
            raise

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        """Run this after a while; when it raises, what is due at the same moment still runs."""
        return super().call_later(delay, partial(self._run_timer, callback))

    def _run_timer(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception as error:  # noqa: BLE001 - raised below
            self.add_callback_threadsafe(partial(_raise, error))


class IoThread:
    """An I/O loop on its own thread. A mistake in one action never ends the thread."""

    def __init__(self, name: str, *, on_crash: Action) -> None:
        self.loop = Loop()
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


def _raise(error: Exception) -> None:
    raise error


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
