"""A relay that is killed at any point loses nothing, and what is heard first is in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shared.bus import connect
from shared.bus.protocol import Subscription
from shared.events import Envelope
from shared.service import Service
from tests.shared.conftest import Counted
from tests.shared.outgoing import say, waiting
from tests.shared.wayward import first_heard

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("a", "b", "c")
ROUNDS = 4


def relay(service: Service, bus_url: str, *, processes: int = 1, failpoints: str = "") -> int:
    """Run relay processes until they end; the exit code of the first."""
    url = service.database.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-m", "tests.shared.relay_process", url, str(service.settings.var), bus_url, str(processes)],
        cwd=ROOT, env=os.environ | {"QUINTET_FAILPOINTS": failpoints}, timeout=300, check=False,
    )  # fmt: skip
    return done.returncode


def all_that_arrived(subscription: Subscription) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    while batch := subscription.receive(0.5):
        for delivery in batch:
            envelope = Envelope.from_json(delivery.message.body)
            found.append((envelope.subject, envelope.version))
            subscription.ack(delivery)
    return found


@pytest.mark.parametrize(
    "place", ["relay.after_claim", "relay.after_publish", "relay.after_confirm"]
)
def test_a_killed_relay_loses_nothing_and_keeps_the_order(
    service: Service, tmp_path: Path, place: str
) -> None:
    bus_url = f"embedded:{tmp_path}/bus.db"
    bus = connect(bus_url, client="test")
    subscription = bus.subscribe("ears", [Counted.TYPE])
    for _ in range(ROUNDS):
        say(service, *NAMES)

    first = relay(service, bus_url, failpoints=f"{place}:kill:1")
    left = waiting(service)
    say(service, *NAMES)
    second = relay(service, bus_url)

    arrived = all_that_arrived(subscription)
    bus.close()
    assert (first, second) == (-signal.SIGKILL, 0)
    assert left > 0
    assert first_heard(arrived) == {name: list(range(1, ROUNDS + 2)) for name in NAMES}
    assert waiting(service) == 0


def test_four_forked_processes_send_every_event_once(service: Service, tmp_path: Path) -> None:
    bus_url = f"embedded:{tmp_path}/bus.db"
    bus = connect(bus_url, client="test")
    subscription = bus.subscribe("ears", [Counted.TYPE])
    for _ in range(ROUNDS * 5):
        say(service, *NAMES)

    code = relay(service, bus_url, processes=4)

    arrived = all_that_arrived(subscription)
    bus.close()
    assert code == 0
    assert sorted(arrived) == [
        (name, version) for name in NAMES for version in range(1, ROUNDS * 5 + 1)
    ]
