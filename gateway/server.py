"""The gateway on a socket: uvicorn with our listener, stopped without losing a request."""

from __future__ import annotations

import gc
import resource

import uvicorn

from gateway.app import create_app
from gateway.proxy.clock import Clock
from gateway.proxy.edge.handshake import WEBSOCKET
from gateway.proxy.lasting import pairs_of_files
from gateway.proxy.listener.client import listener
from gateway.proxy.listener.limits import Listening
from gateway.proxy.resilience.draining import Leaving, Server
from gateway.settings import GatewaySettings


def create_server(settings: GatewaySettings) -> Server:
    """A server, not yet started. It stops on SIGTERM: no new requests, the open ones finish."""
    clock = Clock()
    listening = Listening(
        clock,
        most_connections=min(settings.most_connections, pairs_of_files()),
        head_seconds=settings.head_timeout,
        idle_seconds=settings.keep_alive,
        upgrades=frozenset({WEBSOCKET}),
    )
    app = create_app(settings, clock)
    clock.on_tick.append(listening.close_slow)
    app.operations.follow_clients(listening)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=listener(listening, app.door),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_graceful_shutdown=settings.stop_timeout,
    )
    leaving = Leaving(
        clock,
        drain_seconds=settings.drain_seconds,
        shared_port=settings.reuse_port,
        peers=listening.peers,
        on_leave=[app.door.end_streams],
    )
    return Server(config, leaving)


def collect_less_often() -> None:
    """Spare the garbage collector what lives for ever; requests leave hardly any cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def allow_many_files() -> None:
    """Raise the soft limit on open files: every client is one, and so is its way upstream."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
