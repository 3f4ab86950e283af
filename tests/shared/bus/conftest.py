"""Both transports, one after the other, for every test that asks for a `wire`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.shared.bus.wires import Wire

BROKER = os.environ.get("QUINTET_TEST_AMQP_URL", "amqp://guest:guest@127.0.0.1/")


@pytest.fixture(scope="session")
def vhost() -> Iterator[str]:
    """A virtual host of our own on the real broker, removed afterwards."""
    _require_broker()
    name = f"quintet-test-{uuid4().hex[:8]}"
    user = urlsplit(BROKER).username or "guest"
    rabbitmqctl("add_vhost", name)
    try:
        rabbitmqctl("set_permissions", "-p", name, user, ".*", ".*", ".*")
        yield name
    finally:
        rabbitmqctl("delete_vhost", name)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Wire]:
    """The bus in a file that does not exist yet."""
    yield from _closing(Wire(f"embedded:{tmp_path}/var/bus.db"))


@pytest.fixture
def rabbitmq(vhost: str) -> Iterator[Wire]:
    """The bus on the real broker."""
    yield from _closing(Wire(f"{BROKER.rstrip('/')}/{vhost}"))


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=pytest.mark.real)])
def wire(request: pytest.FixtureRequest) -> Wire:
    """Either transport: what is promised is promised by both."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Wire)
    return found


def rabbitmqctl(*arguments: str) -> str:
    """Ask the broker's operator tool."""
    done = subprocess.run(
        ["rabbitmqctl", "-q", *arguments], capture_output=True, text=True, timeout=300, check=True
    )
    return done.stdout


def _closing(wire: Wire) -> Iterator[Wire]:
    yield wire
    for bus in wire.opened:
        bus.close()


def _require_broker() -> None:
    missing = None
    parts = urlsplit(BROKER)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 5672), 2).close()
    except OSError:
        missing = "no RabbitMQ answers at QUINTET_TEST_AMQP_URL"
    if shutil.which("rabbitmqctl") is None:
        missing = "rabbitmqctl is not installed"
    if missing and os.environ.get("CI") == "true":
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
