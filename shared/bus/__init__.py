"""The event bus: one protocol, two transports, the same promises on both."""

from __future__ import annotations

from urllib.parse import urlsplit

from shared.bus.protocol import Bus


def connect(url: str, *, client: str) -> Bus:
    """Open the bus that `url` names; `client` is how we are called in the broker's lists.

    `embedded:/path/bus.db` is a file on this machine, `amqp://user:pass@host:port/vhost` is
    RabbitMQ. Connecting never waits and never fails: a bus that is away is waited for in use.
    """
    scheme = urlsplit(url).scheme
    if scheme == "embedded":
        from shared.bus.embedded import EmbeddedBus

        return EmbeddedBus.at(url, client=client)
    if scheme in {"amqp", "amqps"}:
        # Imported here, so that a laptop without a broker never loads an AMQP client.
        from shared.bus.rabbitmq import RabbitBus

        return RabbitBus(url, client=client)
    raise ValueError(f"A bus is embedded:… or amqp://…, not {scheme or url!r}.")
