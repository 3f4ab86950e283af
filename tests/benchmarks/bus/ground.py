"""Where it is measured: a virtual host and a database of our own, removed afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import pika
import psycopg
from sqlalchemy import make_url

from shared.bus import connect, topology
from shared.ids import new_id
from shared.testing import ADMIN_URL

AMQP_URL = os.environ.get("QUINTET_TEST_AMQP_URL", "amqp://guest:guest@127.0.0.1/")
QUEUE = "bench"
TYPE = "elsewhere.thing.bumped.v1"
NAMES = 100  # rows that the events count up, so that effects meet as they do in a shop


@dataclass(frozen=True, slots=True)
class Ground:
    """The addresses that every contestant is given."""

    amqp: str
    database: str
    folder: str

    @property
    def plain(self) -> str:
        """The database's address as psycopg takes it."""
        return make_url(self.database).set(drivername="postgresql").render_as_string(False)

    def as_dict(self) -> dict[str, str]:
        """For a process of its own."""
        return asdict(self)


@contextmanager
def ground() -> Iterator[Ground]:
    """Make everything, and take it away again whatever happens."""
    tag = f"quintet_bench_{os.getpid()}_{new_id().hex[-6:]}"
    url = make_url(ADMIN_URL).set(drivername="postgresql+psycopg", database=tag)
    with tempfile.TemporaryDirectory() as folder:
        administer(f'CREATE DATABASE "{tag}"')
        _broker("add_vhost", tag)
        try:
            _broker("set_permissions", "-p", tag, "guest", ".*", ".*", ".*")
            yield Ground(f"{AMQP_URL.rstrip('/')}/{tag}", url.render_as_string(False), folder)
        finally:
            _broker("delete_vhost", tag)
            administer(f'DROP DATABASE "{tag}" WITH (FORCE)')


def administer(statement: str) -> None:
    """Ask PostgreSQL's superuser."""
    with psycopg.connect(ADMIN_URL, autocommit=True) as connection:
        connection.execute(statement.encode())  # names made by us, never input


def declare(amqp: str) -> None:
    """The exchange and one quorum queue, as our own consumers declare theirs."""
    bus = connect(amqp, client="bench")
    subscription = bus.subscribe(QUEUE, [TYPE])
    while not subscription.healthy():
        time.sleep(0.05)
    subscription.close()
    bus.close()


def empty(amqp: str) -> None:
    """Nothing is left in the queue."""
    with _channel(amqp) as channel:
        channel.queue_purge(topology.queue_name(QUEUE))


def held(amqp: str) -> int:
    """How many messages wait in the queue."""
    with _channel(amqp) as channel:
        answer = channel.queue_declare(topology.queue_name(QUEUE), passive=True)
        return int(answer.method.message_count)


@contextmanager
def _channel(amqp: str) -> Iterator[Any]:
    connection = pika.BlockingConnection(pika.URLParameters(amqp))
    try:
        yield connection.channel()
    finally:
        connection.close()


def _broker(*words: str) -> None:
    command = shutil.which("rabbitmqctl")
    if command is None:
        raise SystemExit("rabbitmqctl is needed to make a virtual host for the measurement.")
    subprocess.run([command, "-q", *words], check=True, capture_output=True, timeout=60)


@contextmanager
def folder() -> Iterator[str]:
    """A folder for the stack that needs no server."""
    with tempfile.TemporaryDirectory() as found:
        yield found
