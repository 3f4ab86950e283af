"""`bus tail`: watch events pass, as one more listener that nobody waits for."""

from __future__ import annotations

import json as json_
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from types import FrameType
from typing import Annotated

import typer

from shared.bus.protocol import Bus, Subscription
from shared.commanding.desk import AWAY, WRONG, Desk, stop
from shared.commanding.tables import plain
from shared.events import BadEnvelope, Envelope
from shared.service import Service

LISTEN = 0.5  # seconds until we notice that we shall stop
REFUSED_AFTER = 5.0  # seconds without a place to listen: it will not come by itself


ENDING = (signal.SIGTERM, signal.SIGINT)


class _Over(Exception):
    """Somebody pressed Ctrl-C, or asked us to end."""


def add_to(group: typer.Typer, desk: Desk) -> None:
    """Add the command."""

    @group.command()
    def tail(  # noqa: PLR0913 - each is an option of the command
        types: Annotated[list[str] | None, typer.Argument(help="All this service knows.")] = None,
        correlation: Annotated[str, typer.Option(help="Only what this request sets off.")] = "",
        body: Annotated[bool, typer.Option("--body", help="Show the data as well.")] = False,
        count: Annotated[int, typer.Option(help="Stop after so many.")] = 0,
        seconds: Annotated[float, typer.Option(help="Stop after so long.")] = 0.0,
        json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
        bus_url: Annotated[str, typer.Option(help="As somebody who may listen to all.")] = "",
    ) -> None:
        """Follow the events that pass from now on, until Ctrl-C. Nothing is taken from anybody."""
        with desk.service() as service, desk.bus(service, "tail", bus_url) as bus:
            wanted = types or known_types(service)
            if not wanted:
                stop("This service says and hears nothing: name the types to follow.", WRONG)
            with _ending_cleanly():
                typer.echo(f"Following {len(wanted)} types. Ctrl-C ends it.", err=True)
                follower = _Follower(bus, wanted, correlation, body=body, json=json)
                follower.follow(count, seconds)


def known_types(service: Service) -> list[str]:
    """What the service says and hears."""
    said = {event.TYPE for event in service.published}
    return sorted(said | set(service.handlers.types))


class _Follower:
    def __init__(
        self, bus: Bus, types: list[str], correlation: str, *, body: bool, json: bool
    ) -> None:
        self._subscription: Subscription = bus.listen(types, name="tail")
        self._correlation, self._body, self._json = correlation, body, json

    def follow(self, count: int, seconds: float) -> None:
        """Print what passes until told to stop."""
        ends = time.monotonic() + seconds if seconds else None
        shown, heard_at = 0, time.monotonic()
        try:
            while (not count or shown < count) and (ends is None or time.monotonic() < ends):
                deliveries = self._subscription.receive(LISTEN)
                if self._subscription.healthy():
                    heard_at = time.monotonic()
                elif time.monotonic() - heard_at > REFUSED_AFTER:
                    stop(f"Nothing can be followed: {self._subscription.problem()}", AWAY)
                for delivery in deliveries:
                    shown += self._show(delivery.message.body) if not count or shown < count else 0
                    self._subscription.ack(delivery)
        finally:
            self._subscription.close()

    def _show(self, raw: bytes) -> bool:
        try:
            event = Envelope.from_json(raw)
        except BadEnvelope as error:
            typer.secho(f"unreadable: {plain(error)}", fg="red")
            return True
        if self._correlation and event.correlation != self._correlation:
            return False
        typer.echo(_as_json(event) if self._json else self._line(event))
        return True

    def _line(self, event: Envelope) -> str:
        at = event.time.astimezone(UTC).strftime("%H:%M:%S.%f")[:-3]
        type_ = typer.style(plain(event.type), bold=True)
        line = f"{at}  {type_}  {plain(event.subject)} v{event.version}  {plain(event.correlation)}"
        return f"{line}\n    {plain(json_.dumps(event.data))}" if self._body else line


def _as_json(event: Envelope) -> str:
    return json_.dumps(json_.loads(event.to_json()))


@contextmanager
def _ending_cleanly() -> Iterator[None]:
    """Whenever we are told to end while this lasts, it is over, and nothing has gone wrong."""

    def over(_: int, __: FrameType | None) -> None:
        raise _Over

    before = {each: signal.getsignal(each) for each in ENDING}
    try:
        for each in ENDING:
            signal.signal(each, over)
        yield
    except _Over:
        pass
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
