"""`bus status`, `bus outbox`, `bus parked`."""

from __future__ import annotations

from typing import Annotated

import typer

from shared import clock, dead_letters
from shared.bus import connect
from shared.commanding.desk import ATTENTION, Desk
from shared.commanding.tables import advise, as_json, facts, table
from shared.commanding.topology import differences_of
from shared.eventplane import acting, finding
from shared.eventplane.overview import overview
from shared.eventplane.queue_watch import queue_of
from shared.eventplane.shapes import Attention, Overview, Pile, Said
from shared.eventplane.wording import age, counted, until
from shared.service import Service

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Type = Annotated[str, typer.Option("--type", help="Only events of this type.")]
Correlation = Annotated[str, typer.Option(help="Only what this request set off.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]
Now = Annotated[list[int], typer.Option("--now", help="Try this parked event at once (number).")]


def add_to(group: typer.Typer, desk: Desk) -> None:
    """Add the commands that look."""
    _add_status(group, desk)
    _add_outbox(group, desk)
    _add_parked(group, desk)


def _add_status(group: typer.Typer, desk: Desk) -> None:
    @group.command()
    def status(json: Json = False) -> None:
        """What waits, is stuck, parked or dead, and who listens; exit 1 if somebody must look."""
        with desk.service() as service:
            seen = _seen(service)
        if json:
            as_json(seen)
        else:
            _show(seen)
        raise typer.Exit(ATTENTION if seen.attention else 0)


def _seen(service: Service) -> Overview:
    bus = connect(service.settings.bus_url, client=f"{service.name}-status")
    try:
        queue = queue_of(service, bus)
        drift = [] if queue.problem else differences_of(service, bus)
    finally:
        bus.close()
    with service.transactions.read() as work:
        seen = overview(service, work, queue)
    if drift:
        what = f"the topology differs in {counted(len(drift), 'point')}"
        do = f"{service.command} bus topology diff"
        seen = seen.model_copy(update={"attention": [Attention(what=what, do=do), *seen.attention]})
    return seen


def _show(seen: Overview) -> None:
    queue = seen.queue
    in_hand = "" if queue.unacked is None else f", {queue.unacked} in hand"
    typer.secho(f"{seen.service} on the bus", bold=True)
    facts(
        {
            "outbox": _pile(seen.waiting, seen),
            "stuck": _pile(seen.stuck, seen),
            "parked": _pile(seen.parked, seen),
            "dead": _pile(seen.dead, seen),
            "queue": queue.problem
            or f"{counted(queue.messages, 'message')}{in_hand}, "
            f"{counted(queue.consumers, 'consumer')}",
            "last said": age(seen.last_said, seen.at),
            "last heard": age(seen.last_heard, seen.at),
        }
    )
    if not seen.attention:
        typer.secho("All is well.", fg="green")
    for each in seen.attention:
        advise(each.what, each.do)


def _pile(found: Pile, seen: Overview) -> str:
    if not found.count:
        return "none"
    return f"{found.count}, the oldest for {age(found.since, seen.at)}"


def _add_outbox(group: typer.Typer, desk: Desk) -> None:
    @group.command()
    def outbox(
        stuck: Annotated[bool, typer.Option("--stuck", help="Only what the bus refused.")] = False,
        type_: Type = "",
        correlation: Correlation = "",
        limit: Limit = 50,
        json: Json = False,
    ) -> None:
        """What is written and not sent yet; stuck events need `bus unstick`."""
        with desk.service() as service, service.transactions.read() as work:
            rows = service.tables.outbox
            wanted = finding.is_stuck(rows) if stuck else finding.is_unsent(rows)
            wanted = finding.narrowed(rows, wanted, type=type_, correlation=correlation)
            found = finding.said(work, rows, wanted, limit)
        if json:
            as_json(found)
        elif not found:
            typer.echo("Nothing is stuck." if stuck else "Nothing waits: the bus has everything.")
        else:
            _show_outbox(found)


def _show_outbox(found: list[Said]) -> None:
    now = clock.now()
    table(
        ("no.", "type", "about", "said", "tries", "state"),
        [
            (one.seq, one.type, one.aggregate, age(one.said_at, now), one.attempts,
             f"stuck: {one.error}" if one.stuck_at else "waiting")
            for one in found
        ],
    )  # fmt: skip
    if any(one.stuck_at for one in found):
        typer.echo("\nNext: repair what the bus objects to, then `bus unstick NO.` (or --all).")


def _add_parked(group: typer.Typer, desk: Desk) -> None:
    @group.command()
    def parked(
        type_: Type = "",
        correlation: Correlation = "",
        now: Now = [],  # noqa: B006 - typer copies it
        limit: Limit = 50,
        json: Json = False,
    ) -> None:
        """What failed here and is tried again by itself; --now does not wait for the next turn."""
        with desk.service() as service:
            rows = service.tables.parked
            if now:
                with service.transactions.begin() as work:
                    done = acting.try_now(work, rows, now)
                typer.echo(f"{counted(done, 'event')} will be tried again within seconds.")
                raise typer.Exit(0 if done else ATTENTION)
            wanted = dead_letters.is_waiting(rows)
            wanted = finding.narrowed(rows, wanted, type=type_, correlation=correlation)
            with service.transactions.read() as work:
                found = finding.held(work, rows, wanted, limit)
        if json:
            as_json(found)
        elif not found:
            typer.echo("Nothing is parked: everything that was heard took effect or was given up.")
        else:
            at = clock.now()
            table(
                ("no.", "type", "about", "parked", "tries", "next try", "error"),
                [
                    (one.seq, one.type, one.aggregate, age(one.parked_at, at), one.attempts,
                     until(one.next_try_at, at), one.error)
                    for one in found
                ],
            )  # fmt: skip
