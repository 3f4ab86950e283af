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
from shared import replay_requests
from shared.bus import connect, topology
from shared.bus.protocol import Bus, BusAway, Message, Outcome
from shared.bus.rabbitmq import watch
from tests.shared.bus.wires import eventually, receive

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
def test_a_service_finds_its_queue_and_may_hear_and_say_what_is_its_own(
    vhost: str, service: str
) -> None:
    bus = bus_of(vhost, service)
    subscription = bus.subscribe(service, replay_requests.TYPES)
    said = Message(str(uuid4()), f"{service}.thing.changed.v1", b"{}")

    assert subscription.problem() == ""
    assert subscription.gaps == 0
    assert bus.publisher().publish([said]) == [Outcome.CONFIRMED]
    assert bus.topology(service, replay_requests.TYPES).diff() == []
    bus.close()


def test_a_service_that_finds_a_binding_missing_says_so_and_cannot_make_it(
    vhost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.2)
    bus = bus_of(vhost, "catalog")
    subscription = bus.subscribe("catalog", replay_requests.TYPES)
    [type_, _] = replay_requests.TYPES
    with connected(vhost, "topology") as connection:
        front = topology.queue_name("catalog")
        connection.channel().exchange_unbind(front, topology.EVENTS, f"{type_}.#")

    assert eventually(lambda: type_ in subscription.problem())
    with pytest.raises(BusAway, match="ACCESS_REFUSED"):
        bus.topology("catalog", replay_requests.TYPES).apply()
    operator = bus_of(vhost, "topology")
    assert operator.topology("catalog", replay_requests.TYPES).apply() == []

    assert eventually(lambda: subscription.problem() == "" and subscription.gaps == 1)
    operator.close()
    bus.close()


def test_a_service_may_make_nothing_that_lasts(vhost: str) -> None:
    refused = pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED")

    with connected(vhost, "shop") as connection, refused:
        connection.channel().queue_declare("quintet.shop.v2", durable=True)


def test_a_service_cannot_say_what_only_another_may_say(vhost: str) -> None:
    with connected(vhost, "shop") as connection:
        channel = connection.channel()

        channel.confirm_delivery()
        with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
            channel.basic_publish(topology.EVENTS, "catalog.price.changed.v1", b"{}")


def test_a_service_cannot_read_the_queue_of_another(vhost: str) -> None:
    refused = pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED")

    with connected(vhost, "shop") as connection, refused:
        connection.channel().basic_get(topology.queue_name("auth"))


def test_the_gateway_may_listen_and_say_nothing_that_services_say(vhost: str) -> None:
    bus = bus_of(vhost, "gateway")
    ear = bus.listen(["auth.session.revoked.v1"], name="gateway")
    auth = bus_of(vhost, "auth")

    auth.publisher().publish([Message(str(uuid4()), "auth.session.revoked.v1", b"{}")])

    assert len(receive(ear, 1)) == 1
    bus.close()
    auth.close()
    with connected(vhost, "gateway") as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
            channel.basic_publish(topology.EVENTS, "auth.session.revoked.v1", b"{}")


def test_the_gateway_may_ask_for_replicas_and_hears_those_of_any_service(vhost: str) -> None:
    gateway, newcomer = bus_of(vhost, "gateway"), bus_of(vhost, "shop")
    ear = gateway.listen(["*.replica.announced.v1"], name="gateway")
    asked = Message(str(uuid4()), "quintet.snapshot.requested.v1", b"{}")

    newcomer.publisher().publish([Message(str(uuid4()), "shop.replica.announced.v1", b"{}")])

    assert len(receive(ear, 1)) == 1
    assert gateway.publisher().publish([asked]) == [Outcome.CONFIRMED]
    gateway.close()
    newcomer.close()


def test_nobody_announces_a_replica_of_another_service(vhost: str) -> None:
    with connected(vhost, "shop") as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
            channel.basic_publish(topology.EVENTS, "auth.replica.announced.v1", b"{}")


def test_the_gateway_hears_only_what_it_needs(vhost: str) -> None:
    refused = pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED")

    with connected(vhost, "gateway") as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        with refused:
            channel.queue_bind(queue, topology.EVENTS, routing_key="#")


def control(*command: str, text: str = "") -> None:
    """Ask the local broker. What it should read goes in by the pipe: it runs as another user."""
    rabbitmqctl = ["rabbitmqctl", *command]
    subprocess.run(rabbitmqctl, check=True, capture_output=True, timeout=300, input=text.encode())


def address(vhost: str, user: str) -> str:
    """How the user of a service reaches our virtual host."""
    at = DEFAULT_URL.rpartition("@")[2].rstrip("/")
    return f"amqp://{vhost}_{user}:password@{at}/{vhost}"


def bus_of(vhost: str, user: str) -> Bus:
    """The bus as a service uses it where it may make nothing."""
    return connect(address(vhost, user), client=user, declare=False)


def connected(vhost: str, user: str) -> pika.BlockingConnection:
    """A bare connection as a user."""
    return pika.BlockingConnection(pika.URLParameters(address(vhost, user)))
