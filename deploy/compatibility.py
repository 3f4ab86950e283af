"""Refuse changes to events that would break those who hear them; `make compat`.

Compares the classes of each publisher with the contracts that it released last, committed in
`<service>/events/released/`. With --release, today's classes become those contracts.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.contracts import released_by, services
from gateway.events.consumed import HEARD
from shared.asyncapi import PLATFORM
from shared.contracts.compatibility import Breach
from shared.contracts.released import broken_promises, read_folder, release
from shared.events import Event

Events = tuple[type[Event], ...]


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who says or hears events: a service, the gateway, or what all services share."""

    name: str
    says: Events
    hears: Events


def parties() -> Iterator[Party]:
    """Everybody whose contracts are kept in this repository."""
    with tempfile.TemporaryDirectory() as folder:
        for service in services(Path(folder)):
            readers = tuple(service.handlers.readers())
            yield Party(service.name, tuple(service.published), readers)
            service.close()
    yield Party("gateway", (), HEARD)
    yield Party("shared", PLATFORM, PLATFORM)


def main(*, releasing: bool) -> int:
    """Say what is broken; 1 if anything is."""
    found: list[Breach] = []
    for party in parties():
        place = released_by(party.name)
        if releasing:
            found += release(party.says, place, party.hears)
        else:
            found += broken_promises(party.says, place)
        kept = len(read_folder(place))
        print(f"{party.name:<8}{kept:>3} events released, {len(party.says):>3} published")
    for breach in found:
        print(f"✗ {breach}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(releasing="--release" in sys.argv))
