"""The users of deploy/rabbitmq/definitions.json may do what they need, and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from deploy.compose.make_secrets import hashed
from deploy.local.rabbitmq import DEFAULT_URL
from shared.bus import topology

DEFINITIONS = Path(__file__).resolve().parents[2] / "deploy" / "rabbitmq" / "definitions.json"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("rabbitmqctl") is None, reason="no rabbitmqctl here"),
]


@pytest.fixture(scope="module")
def vhost() -> Iterator[str]:
    """The committed definitions, under names that nobody else uses."""
    vhost = f"quintet-rights-{uuid4().hex[:8]}"
    text = DEFINITIONS.read_text().replace('"quintet"', f'"{vhost}"')
    definitions = json.loads(text.replace('"quintet_', f'"{vhost}_'))
    for user in definitions["users"]:
        user |= hashed("password")
    control("import_definitions", text=json.dumps(definitions))
    yield vhost
    control("delete_vhost", vhost)
    for user in definitions["users"]:
        control("delete_user", user["name"])


@pytest.mark.parametrize("service", ["auth", "catalog", "shop"])
def test_a_service_may_declare_hear_and_say_what_is_its_own(vhost: str, service: str) -> None:
    with connected(vhost, service) as connection:
        channel = connection.channel()
        declare(channel, service)

        channel.confirm_delivery()
        channel.basic_publish(topology.EVENTS, f"{service}.thing.changed.v1", b"{}")
        channel.basic_consume(topology.queue_name(service), lambda *_: None)


def test_a_service_cannot_say_what_only_another_may_say(vhost: str) -> None:
    with connected(vhost, "shop") as connection:
        channel = connection.channel()
        declare(channel, "shop")

        channel.confirm_delivery()
        with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
            channel.basic_publish(topology.EVENTS, "catalog.price.changed.v1", b"{}")


def test_a_service_cannot_read_the_queue_of_another(vhost: str) -> None:
    with connected(vhost, "auth") as connection:
        declare(connection.channel(), "auth")

    refused = pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED")

    with connected(vhost, "shop") as connection, refused:
        connection.channel().basic_get(topology.queue_name("auth"))


def test_the_gateway_may_listen_and_say_nothing(vhost: str) -> None:
    with connected(vhost, "gateway") as connection:
        channel = connection.channel()
        declare(channel, None)

        own = channel.queue_declare("", exclusive=True, auto_delete=True).method.queue
        channel.queue_bind(str(own), topology.EVENTS, "auth.session.revoked.v1")
        channel.basic_get(str(own))

        channel.confirm_delivery()
        with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
            channel.basic_publish(topology.EVENTS, "auth.session.revoked.v1", b"{}")


def control(*command: str, text: str = "") -> None:
    """Ask the local broker. What it should read goes in by the pipe: it runs as another user."""
    rabbitmqctl = ["rabbitmqctl", *command]
    subprocess.run(rabbitmqctl, check=True, capture_output=True, timeout=60, input=text.encode())


def connected(vhost: str, service: str) -> pika.BlockingConnection:
    """A connection as the user of a service."""
    at = DEFAULT_URL.rpartition("@")[2].rstrip("/")
    url = f"amqp://{vhost}_{service}:password@{at}/{vhost}"
    return pika.BlockingConnection(pika.URLParameters(url))


def declare(channel: pika.adapters.blocking_connection.BlockingChannel, queue: str | None) -> None:
    """What our own connections declare when they come up."""
    topology.declare_exchanges(channel)  # type: ignore[arg-type]  # the blocking twin of Channel
    if queue:
        topology.declare_queue(channel, queue, ["shop.order.placed.v1"])  # type: ignore[arg-type]
