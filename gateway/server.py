"""The gateway on a socket: uvicorn with our listener, stopped without losing a request."""

from __future__ import annotations

import gc
import resource

import uvicorn

from gateway.app import create_app
from gateway.proxy.clock import Clock
from gateway.proxy.listener import Listening, listener
from gateway.settings import GatewaySettings


def create_server(settings: GatewaySettings) -> uvicorn.Server:
    """A server, not yet started. It stops on SIGTERM: no new requests, the open ones finish."""
    clock = Clock()
    listening = Listening(
        clock,
        most_connections=settings.most_connections,
        head_seconds=settings.head_timeout,
    )
    clock.on_tick.append(listening.close_slow)
    config = uvicorn.Config(
        create_app(settings, clock),
        host=settings.host,
        port=settings.port,
        http=listener(listening),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=settings.keep_alive,
        timeout_graceful_shutdown=settings.stop_timeout,
    )
    return uvicorn.Server(config)


def collect_less_often() -> None:
    """Spare the garbage collector what lives for ever; requests leave hardly any cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def allow_many_files() -> None:
    """Raise the soft limit on open files: every client is one, and so is its way upstream."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
