"""`bus unstick`, `bus give-up`: what to do with events that the bus refused too often."""

from __future__ import annotations

from typing import Annotated

import typer

from shared import outbox_upkeep
from shared.commanding.desk import ATTENTION, WRONG, Desk, me, stop, sure
from shared.eventplane.wording import counted

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]
NONE = "None of these is stuck; `bus outbox --stuck` lists those that are."


def add_to(group: typer.Typer, desk: Desk) -> None:
    """Add the commands."""

    @group.command()
    def unstick(
        seqs: Annotated[list[int] | None, typer.Argument(help="Their numbers.")] = None,
        all_: Annotated[bool, typer.Option("--all", help="All that are stuck.")] = False,
        yes: Yes = False,
    ) -> None:
        """Let events that the bus refused too often be sent again, with a clean slate."""
        if not (seqs or all_):
            stop("Which? Give numbers, or --all.", WRONG)
        with desk.service() as service:
            sure("Send these stuck events again?", yes=yes)
            with service.transactions.begin() as work:
                rows = service.tables.outbox
                done = outbox_upkeep.try_again(work, rows, seqs=None if all_ else seqs)
        if not done:
            stop(NONE, ATTENTION)
        typer.echo(f"{counted(done, 'event')} will be sent again at once.")

    @group.command("give-up")
    def give_up(
        seqs: Annotated[list[int], typer.Argument(help="Their numbers.")],
        yes: Yes = False,
        by: Annotated[str, typer.Option(help="Who decided this, for the record.")] = "",
    ) -> None:
        """Never send these stuck events; what their things said later goes on without them."""
        with desk.service() as service:
            sure(f"Never send {counted(len(seqs), 'event')}? Nobody will hear of it.", yes=yes)
            with service.transactions.begin() as work:
                rows = service.tables.outbox
                done = outbox_upkeep.give_up(work, rows, seqs=seqs, by=by or me())
        if not done:
            stop(NONE, ATTENTION)
        typer.echo(f"{counted(done, 'event')} given up. The record says by whom.")
