"""`bus topology`: what must exist on the bus, what does, and making it so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from shared.bus import connect
from shared.bus.protocol import Bus, BusAway, Topologist
from shared.bus.topology import Difference
from shared.commanding.desk import ATTENTION, AWAY, HOLD_ON, Desk, stop, where
from shared.commanding.tables import as_json, table
from shared.eventplane.wording import counted
from shared.replay_requests import TYPES
from shared.service import Service

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
BusUrl = Annotated[
    str, typer.Option(help="As somebody who may configure the broker; else the service's own.")
]


def commands(desk: Desk) -> typer.Typer:
    """The group."""
    group = typer.Typer(help="Compare the bus with what it should be.", no_args_is_help=True)

    @group.command()
    def check(bus_url: BusUrl = "") -> None:
        """Say in one line whether all is there; exit 1 if not."""
        with desk.service() as service:
            with _topologist(service, bus_url) as topologist:
                found = topologist.diff()
            if found:
                command = f"{service.command} bus topology"
                words = f"{service.name}: {counted(len(found), 'difference')}"
                stop(f"{words}. See `{command} diff`, repair by `{command} apply`.", ATTENTION)
            typer.echo(f"{service.name}: the topology is as it should be.")

    @group.command()
    def diff(bus_url: BusUrl = "", json: Json = False) -> None:
        """List what is missing or otherwise than it should be; exit 1 if anything is."""
        with desk.service() as service:
            with _topologist(service, bus_url) as topologist:
                found = topologist.diff()
            _show(found, "The topology is as it should be.", json=json)

    @group.command()
    def apply(bus_url: BusUrl = "", json: Json = False) -> None:
        """Make what is missing; exit 1 and list it if something needs a hand."""
        with desk.service() as service:
            with _topologist(service, bus_url) as topologist:
                left = topologist.apply()
            _show(left, "The topology is as it should be now.", json=json)

    return group


def differences_of(service: Service, bus: Bus) -> list[Difference]:
    """What is otherwise than this service wants it; empty also when the bus does not say."""
    try:
        return bus.topology(service.name, _heard(service)).diff()
    except BusAway:
        return []


@contextmanager
def _topologist(service: Service, url: str) -> Iterator[Topologist]:
    bus = connect(url or service.settings.bus_url, client=f"{service.name}-topology")
    try:
        yield bus.topology(service.name, _heard(service))
    except BusAway as away:
        stop(f"The bus at {where(service)} cannot be asked: {away} {HOLD_ON}", AWAY)
    finally:
        bus.close()


def _heard(service: Service) -> list[str]:
    return [*service.handlers.types, *TYPES]


def _show(found: list[Difference], well: str, *, json: bool) -> None:
    if json:
        as_json([{"what": e.what, "wanted": e.wanted, "found": e.found} for e in found])
    elif found:
        table(("what", "wanted", "found"), [(e.what, e.wanted, e.found) for e in found])
    else:
        typer.echo(well)
    raise typer.Exit(ATTENTION if found else 0)
