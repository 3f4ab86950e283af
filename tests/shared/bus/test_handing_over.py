"""One consumer leaves, its partner takes over: what the first still held comes first."""

from __future__ import annotations

import pytest

from shared.bus.protocol import Outcome
from tests.shared.bus.wires import Wire, bodies, publish_until_confirmed, receive

MANY = 120  # more than a consumer is handed at once


@pytest.mark.parametrize("handled", [0, 3])
def test_a_partner_gets_what_was_held_before_what_comes_after(wire: Wire, handled: int) -> None:
    first = wire.bus().subscribe(wire.queue, [wire.placed])
    partner = wire.bus().subscribe(wire.queue, [wire.placed])
    said = publish_until_confirmed(wire.bus().publisher(), wire.orders(MANY))
    assert set(said) == {Outcome.CONFIRMED}
    held = first.receive(5.0)
    for delivery in held[:handled]:
        first.ack(delivery)

    first.close()

    assert bodies(receive(partner, MANY - handled)) == [str(n) for n in range(handled, MANY)]
