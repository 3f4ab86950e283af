"""Where a consumer sits, and what becomes of a message that arrives there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from pika.channel import Channel
from pika.spec import Basic, BasicProperties

from shared.bus.protocol import Delivery, Message
from shared.bus.rabbitmq.echo import Echo


@dataclass(frozen=True, slots=True)
class Place:
    """Which queue, what it is bound to, and how. Without a queue: a listener, with its own."""

    queue: str
    types: tuple[str, ...]
    prefetch: int
    declares: bool
    echo: Echo | None = None


def arrival(
    generation: int, arrived: SimpleQueue[Delivery | None]
) -> Callable[[Channel, Basic.Deliver, BasicProperties, bytes], None]:
    """What to do with a message of this channel: make it ours, and put it where it is awaited."""

    def arrive(_: Any, method: Any, properties: Any, body: bytes) -> None:
        headers = properties.headers or {}
        texts = {name: text for name, text in headers.items() if isinstance(text, str)}
        # Not the type property, which says what its sender likes: the broker checks the key.
        message = Message(properties.message_id or "", method.routing_key, body, texts)
        tag = (generation, method.delivery_tag)
        returns = int(headers.get("x-delivery-count") or 0)
        arrived.put(Delivery(message, tag, method.redelivered, returns))

    return arrive
