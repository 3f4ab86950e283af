"""One named connection to the broker, made again whenever it is lost."""

from __future__ import annotations

import logging
import threading
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from pika import URLParameters
from pika.adapters.select_connection import SelectConnection
from pika.exceptions import StreamLostError

from shared.bus.rabbitmq.backoff import Backoff
from shared.bus.rabbitmq.io_thread import IoThread, guarded, shielded

log = logging.getLogger(__name__)

# Found out, in this order: a dead peer by heartbeat, a frozen one by the confirm timeout, a
# broker short of memory or disk by `blocked`, one that never finishes the greeting by `stack`.
DEFAULTS = {
    "heartbeat": 15,
    "blocked_connection_timeout": 30,
    "stack_timeout": 5,
    "socket_timeout": 5,
    "connection_attempts": 1,
    "retry_delay": 0,
}


class Line(SelectConnection):
    """A connection that can be dropped without asking a peer that may be frozen."""

    def abort(self, reason: str) -> None:
        """Cut the stream now; the usual callbacks follow."""
        self._terminate_stream(StreamLostError(reason))


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

    def __init__(self, io: IoThread, url: str, name: str) -> None:
        self.io = io
        self.is_open = False
        self.is_blocked = False
        self.tried = threading.Event()  # set when the first attempt has ended either way
        self.closed = threading.Event()
        self.tenants: list[Tenant] = []
        self._name = name
        self._parameters = _parameters(url, name)
        self._backoff = Backoff()
        self._line: Line | None = None
        self._closing = False
        io.call(self._connect)

    @property
    def line(self) -> Line:
        """The open connection."""
        if self._line is None or not self.is_open:
            raise StreamLostError("not connected")
        return self._line

    def drop(self, reason: str) -> None:
        """Give up this connection and make another."""
        if self._line is not None and not self._line.is_closed:
            log.warning("%s: dropped, %s", self._name, reason)
            self._line.abort(reason)

    def close(self) -> None:
        """Close in good order; `closed` tells when that is done."""
        self._closing = True
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
        self._line = Line(
            self._parameters,
            on_open_callback=shielded(self._opened),
            on_open_error_callback=shielded(self._lost),
            on_close_callback=shielded(self._lost),
            custom_ioloop=self.io.loop,
        )

    def _opened(self, line: Line) -> None:
        log.info("%s: connected", self._name)
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

    def _lost(self, line: Line, error: BaseException) -> None:
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
        log.warning("%s: no connection (%r), again in %.1f s", self._name, error, wait)
        self.io.call_later(wait, self._connect)


def _parameters(url: str, name: str) -> Any:
    """How to connect: our defaults, unless the URL says otherwise, under our name."""
    # pika tells every failed attempt at length as an error; we say it once, in one line.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    parameters = URLParameters(url)
    said = parse_qs(urlsplit(url).query)
    for option, value in DEFAULTS.items():
        if option not in said:
            setattr(parameters, option, value)
    parameters.client_properties = {"connection_name": name}
    return parameters
