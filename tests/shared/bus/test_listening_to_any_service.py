"""A listener may hear a kind of event of whichever service, also of one that comes later."""

from __future__ import annotations

from uuid import uuid4

from shared.bus.protocol import Message
from tests.shared.bus.wires import Wire, bodies, receive

QUIET = 0.3


def test_a_listener_hears_one_kind_of_event_of_every_service_once(wire: Wire) -> None:
    bus, noun = wire.bus(), f"replica{wire.token}"
    ear = bus.listen([f"*.{noun}.announced.v1", f"shop.{noun}.announced.v1"], name="ear")
    named = ["shop", "newcomer"]

    bus.publisher().publish(
        [Message(str(uuid4()), f"{name}.{noun}.announced.v1", name.encode()) for name in named]
        + [Message(str(uuid4()), f"shop.{noun}.renamed.v1", b"another kind")]
    )

    assert sorted(bodies(receive(ear, 2))) == sorted(named)
    assert ear.receive(QUIET) == []
