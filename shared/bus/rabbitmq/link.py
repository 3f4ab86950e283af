"""One named connection to the broker, made again whenever it is lost."""

from __future__ import annotations

import logging
import threading
from typing import Protocol

from pika.adapters.select_connection import SelectConnection
from pika.exceptions import StreamLostError

from shared.bus.rabbitmq.backoff import Backoff
from shared.bus.rabbitmq.io_thread import IoThread, guarded, shielded
from shared.bus.rabbitmq.parameters import parameters_of
from shared.bus.rabbitmq.progress import PATIENCE, Progress
from shared.metrics import RECONNECTS

log = logging.getLogger(__name__)


class Line(SelectConnection):
    """A connection that can be dropped without asking a peer that may be frozen."""

    def abort(self, reason: str) -> None:
        """Cut the stream now; the usual callbacks follow."""
        self._terminate_stream(StreamLostError(reason))

    @property
    def stage(self) -> str:
        """How far it has come, in pika's words."""
        return str(self._STATE_NAMES[self.connection_state])


class Tenant(Protocol):
    """Who lives on a link, and wants to know whether it is there."""

    def link_opened(self) -> None:
        """The connection is there."""
        ...

    def link_lost(self) -> None:
        """The connection is gone, and all channels with it."""
        ...

    def link_unblocked(self) -> None:
        """The broker takes messages again."""
        ...

    def close(self) -> None:
        """Move out for good."""
        ...


class Link:
    """Keeps one connection up. Its methods belong to the I/O thread."""

    def __init__(
        self, io: IoThread, url: str, name: str, purpose: str, patience: float = PATIENCE
    ) -> None:
        self.io = io
        self.patience = patience  # how long a step may take, here and on our channels
        self.is_open = False
        self.is_blocked = False
        self.tried = threading.Event()  # set when the first attempt has ended either way
        self.closed = threading.Event()
        self.tenants: list[Tenant] = []
        self._name = f"{name} {purpose}"
        self._purpose = purpose
        self._parameters = parameters_of(url, self._name)
        self._backoff = Backoff()
        self._line: Line | None = None
        self._closing = False
        self._was_open = False
        self._progress = Progress(io, patience, self._has_arrived, self._give_up)
        io.call(self._progress.watch)
        io.call(self._connect)

    @property
    def line(self) -> Line:
        """The open connection."""
        if self._line is None or not self.is_open:
            raise StreamLostError("not connected")
        return self._line

    def problem(self) -> str:
        """Why this connection carries nothing right now; empty when it does."""
        if not self.is_open:
            return "no connection to the broker"
        return "blocked: the broker is short of memory or disk" if self.is_blocked else ""

    def drop(self, reason: str) -> None:
        """Give up this connection and make another."""
        line = self._line
        if line is None:
            return
        log.warning("%s: dropped, %s", self._name, reason)
        if line.is_closed:
            self._lost(line, StreamLostError(reason))  # it ended without a word
        else:
            line.abort(reason)

    def close(self) -> None:
        """Close in good order; `closed` tells when that is done."""
        self._closing = True
        self._progress.end()
        for tenant in list(self.tenants):
            guarded(tenant.close)
        if self._line is None:
            self.closed.set()
        elif not (self._line.is_closing or self._line.is_closed):
            self._line.close()

    def _connect(self) -> None:
        if self._closing:
            self.closed.set()
            return
        if self._line is not None:
            return  # under way already
        self._progress.at("connecting")
        try:
            self._line = Line(
                self._parameters,
                on_open_callback=shielded(self._opened),
                on_open_error_callback=shielded(self._lost),
                on_close_callback=shielded(self._lost),
                custom_ioloop=self.io.loop,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the next try may go well
            self._lost(None, error)

    def _has_arrived(self) -> bool:
        return self.is_open and self._line is not None and not self._line.is_closed

    def _give_up(self, problem: str) -> None:
        line = self._line
        self._lost(line, TimeoutError(f"{problem} ({line.stage})" if line else problem))
        if line is not None and not line.is_closed:
            line.abort(problem)  # it is not ours any more, so whatever it says is not heard

    def _opened(self, line: Line) -> None:
        if line is not self._line:
            line.abort("given up")
            return
        log.info("%s: connected", self._name)
        if self._was_open:
            RECONNECTS.labels(self._purpose).inc()
        self._was_open = True
        self.is_open, self.is_blocked = True, False
        self._backoff.succeeded()
        self.tried.set()
        line.add_on_connection_blocked_callback(shielded(self._blocked))
        line.add_on_connection_unblocked_callback(shielded(self._unblocked))
        for tenant in list(self.tenants):
            guarded(tenant.link_opened)

    def _blocked(self, *_: object) -> None:
        log.warning("%s: the broker takes no messages for now", self._name)
        self.is_blocked = True

    def _unblocked(self, *_: object) -> None:
        self.is_blocked = False
        for tenant in list(self.tenants):
            guarded(tenant.link_unblocked)

    def _lost(self, line: Line | None, error: BaseException) -> None:
        if line is not self._line:
            return
        self._line, self.is_open, self.is_blocked = None, False, False
        self.tried.set()
        for tenant in list(self.tenants):
            guarded(tenant.link_lost)
        if self._closing:
            self.closed.set()
            return
        wait = self._backoff.wait()
        self.io.call_later(wait, self._connect)
        self._progress.at("waiting to connect again")
        log.warning("%s: no connection (%r), again in %.1f s", self._name, error, wait)
