"""Somebody takes a queue or a binding away while services talk: readiness says so, replay fills."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from shared import replay_requests
from shared.bus import connect
from shared.bus.rabbitmq import watch
from shared.handlers import Handlers
from shared.service import Service
from shared.testing import databases_of
from shared.work import Work
from shared.worker import Worker
from tests.shared.bus.test_topology_under_a_running_service import delete_queue, unbind
from tests.shared.bus.wires import Wire, eventually
from tests.shared.conftest import Counted, Settings, Tally, count_of, count_up, create_service


class ListenerSettings(Settings):
    """A service that listens to the tally service."""

    name: ClassVar[str] = "listener"


class Talk(Wire):
    """The wire between the two, named so that what breaks a test's queue breaks the listener's."""

    queue = "listener"
    placed = Counted.TYPE


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Service]:
    """A service that keeps a copy of every tally."""
    with (
        databases_of(tmp_path, ListenerSettings, create_service) as databases,
        databases.service() as found,
    ):
        found.handlers = Handlers()
        found.handlers.on(Counted)(copy_count)
        yield found


@pytest.mark.parametrize("declare", [True, False])
@pytest.mark.parametrize("take_away", [unbind, delete_queue])
def test_what_passed_by_while_something_was_missing_arrives_once_it_is_mended(
    wire: Wire,
    service: Service,
    listener: Service,
    declare: bool,
    take_away: Callable[[Wire], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "LOOK_EVERY", 0.3)
    talk = Talk(wire.url)
    desk = wire.bus().topology("listener", [Counted.TYPE, *replay_requests.TYPES])
    desk.apply()
    with contextlib.ExitStack() as stack:
        stack.callback(delete_queue, talk)  # what is left in it is not for the next test
        speaks = Worker(service, connect(wire.url, client="tally"))
        hears = Worker(listener, connect(wire.url, client="listener", declare=declare))
        stack.callback(speaks.stop)
        stack.callback(hears.stop)
        speaks.start()
        hears.start()
        assert eventually(lambda: speaks.problems() == hears.problems() == {})

        take_away(talk)
        say(service, "sheep")
        if not declare:
            assert eventually(lambda: "topology apply" in hears.problems().get("consumer", ""))
            desk.apply()

        assert eventually(lambda: count_of(listener, "copy of sheep") == 1)
        assert eventually(lambda: speaks.problems() == hears.problems() == {})


def say(service: Service, name: str) -> None:
    """Count one up, which is an event."""
    with service.transactions.begin() as work:
        count_up(work, name, 1)


def copy_count(work: Work, event: Counted) -> None:
    """Remember what was counted elsewhere."""
    work.session.add(Tally(name=f"copy of {event.name}", count=event.count))
