"""The event bus: one protocol, two transports, the same promises on both."""

from __future__ import annotations

from urllib.parse import urlsplit

from shared.bus.protocol import Bus


def connect(url: str, *, client: str, declare: bool = True) -> Bus:
    """Open the bus that `url` names; `client` is how we are called in the broker's lists.

    `embedded:/path/bus.db` is a file on this machine, `amqp://user:pass@host:port/vhost` is
    RabbitMQ. Connecting never waits and never fails: a bus that is away is waited for in use.
    With `declare` off nothing lasting is ever made: what is missing is told, and waited for.
    """
    scheme = urlsplit(url).scheme
    if scheme == "embedded":
        from shared.bus.embedded import EmbeddedBus

        return EmbeddedBus.at(url, client=client, declare=declare)
    if scheme in {"amqp", "amqps"}:
        # Imported here, so that a laptop without a broker never loads an AMQP client.
        from shared.bus.rabbitmq import RabbitBus

        return RabbitBus(url, client=client, declare=declare)
    raise ValueError(f"A bus is embedded:… or amqp://…, not {scheme or url!r}.")
