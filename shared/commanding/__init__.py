"""`python -m <service> bus …`: look at the service's side of the bus, and repair it."""

from __future__ import annotations

import typer

from shared.commanding import dead, looking, replaying, tailing, topology, unsticking
from shared.commanding.desk import CreateService, Desk

__all__ = ["bus_commands"]

ABOUT = """Look at this service's side of the bus, and repair it.

Exit codes: 0 all is well or done, 1 something needs a person or was refused, 2 the command was
wrong, 3 the bus or the database is away.
"""


def bus_commands(create_service: CreateService) -> typer.Typer:
    """The `bus` group of a service's command line."""
    group = typer.Typer(help=ABOUT, no_args_is_help=True, pretty_exceptions_enable=False)
    desk = Desk(create_service)
    looking.add_to(group, desk)
    unsticking.add_to(group, desk)
    group.add_typer(topology.commands(desk), name="topology")
    group.add_typer(dead.commands(desk), name="dead")
    replaying.add_to(group, desk)
    tailing.add_to(group, desk)
    return group
