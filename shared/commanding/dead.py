"""`bus dead`: look at dead letters, let them take effect after all, or drop them."""

from __future__ import annotations

import json as json_
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from shared import clock, dead_letters
from shared.commanding.desk import ATTENTION, WRONG, Desk, me, stop, sure
from shared.commanding.tables import as_json, facts, paragraph, table
from shared.dead_letters import Letter, TooOld
from shared.eventplane.wording import age, counted, first_line, pretty
from shared.service import Service
from shared.work import Work

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]
Type = Annotated[str, typer.Option("--type", help="Those of this event type.")]
Seqs = Annotated[list[int] | None, typer.Argument(help="Their numbers, as `dead list` shows.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]
By = Annotated[str, typer.Option(help="Who decided this, for the record; else who runs it.")]
MANY = 10_000
HELP = "Events that were given up: look, redrive, drop."


def commands(desk: Desk) -> typer.Typer:
    """The group."""
    group = typer.Typer(help=HELP, no_args_is_help=True)
    _add_looking(group, desk)
    _add_settling(group, desk)
    return group


def _add_looking(group: typer.Typer, desk: Desk) -> None:
    @group.command("list")
    def list_(
        type_: Type = "",
        aggregate: Annotated[str, typer.Option(help="Only about this thing.")] = "",
        limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
        json: Json = False,
    ) -> None:
        """Dead letters, oldest first."""
        with desk.service() as service, service.transactions.read() as work:
            found = dead_letters.find(
                work,
                service.tables.parked,
                type=type_ or None,
                aggregate=aggregate or None,
                limit=limit,
            )
        if json:
            as_json([_told(letter) for letter in found])
        elif not found:
            typer.echo("No dead letters: everything that was heard took effect, or is tried again.")
        else:
            _table(found)
            typer.echo("\nNext: `bus dead show NO.`, then `bus dead redrive NO.` once it is fixed.")

    @group.command()
    def show(seq: Annotated[int, typer.Argument(help="Its number.")], json: Json = False) -> None:
        """One of them in full: the event, the error, the headers, what became of it."""
        with desk.service() as service, service.transactions.read() as work:
            letter = dead_letters.show(work, service.tables.parked, seq)
        if letter is None:
            stop(f"There is no letter {seq}. `bus dead list` shows those there are.", ATTENTION)
        if json:
            as_json(_told(letter))
        else:
            _show(letter)


def _add_settling(group: typer.Typer, desk: Desk) -> None:
    @group.command()
    def redrive(
        seqs: Seqs = None, type_: Type = "", all_: All = False, yes: Yes = False,
        by: By = "", old: Annotated[bool, typer.Option(
            "--however-old", help="Also those that the inbox may have forgotten: only where a "
            "second effect does no harm.")] = False,
    ) -> None:  # fmt: skip
        """Let dead letters take effect after all, each once, under their old id."""

        def act(service: Service, work: Work, chosen: list[int]) -> int:
            keep = None if old else service.settings.inbox_keep_days
            parked = service.tables.parked
            return dead_letters.redrive(work, parked, seqs=chosen, by=by or me(), keep_days=keep)

        done = _settle(desk, act, "Redrive", _Which(seqs or [], type_, all_, yes))
        typer.echo(f"{counted(done, 'dead letter')} will be handled once more within seconds.")

    @group.command()
    def drop(
        seqs: Seqs = None, type_: Type = "", all_: All = False, yes: Yes = False, by: By = ""
    ) -> None:
        """Give dead letters up for good. They stay on the record, with who dropped them."""

        def act(service: Service, work: Work, chosen: list[int]) -> int:
            return dead_letters.drop(work, service.tables.parked, seqs=chosen, by=by or me())

        done = _settle(desk, act, "Drop", _Which(seqs or [], type_, all_, yes))
        typer.echo(f"{counted(done, 'dead letter')} dropped.")


@dataclass(frozen=True, slots=True)
class _Which:
    """Which dead letters are meant, and whether to ask first."""

    seqs: list[int]
    type: str
    all: bool
    yes: bool


Act = Callable[[Service, Work, list[int]], int]


def _settle(desk: Desk, act: Act, verb: str, which: _Which) -> int:
    if not (which.seqs or which.type or which.all):
        stop(f"{verb} which? Give numbers, --type or --all.", WRONG)
    with desk.service() as service:
        chosen = _chosen(service, which)
        sure(f"{verb} {counted(len(chosen), 'dead letter')}?", yes=which.yes)
        try:
            with service.transactions.begin() as work:
                return act(service, work, chosen)
        except TooOld as error:
            stop(f"{error} `--however-old` does it all the same.", ATTENTION)


def _chosen(service: Service, which: _Which) -> list[int]:
    with service.transactions.read() as work:
        parked = service.tables.parked
        found = dead_letters.find(work, parked, type=which.type or None, limit=MANY)
    known = [letter.seq for letter in found]
    if not which.seqs:
        if not known:
            stop("There are no such dead letters.", ATTENTION)
        return known
    unknown = sorted(set(which.seqs) - set(known))
    if unknown:
        words = ", ".join(map(str, unknown))
        stop(f"No dead letter is numbered {words}. `bus dead list` shows them.", ATTENTION)
    return which.seqs


def _table(found: list[Letter]) -> None:
    now = clock.now()
    table(
        ("no.", "type", "about", "dead", "tries", "error"),
        [
            (one.seq, one.type or "(unreadable)", one.aggregate, age(one.dead_at, now),
             one.attempts, first_line(one.error))
            for one in found
        ],
    )  # fmt: skip


def _show(letter: Letter) -> None:
    said = asdict(letter)
    for name in ("body", "headers", "error"):
        said.pop(name)
    facts({name.replace("_", " "): "-" if value is None else value for name, value in said.items()})
    for name, text in (
        ("error", letter.error),
        ("headers", json_.dumps(letter.headers, indent=2)),
        ("body", pretty(letter.body)),
    ):
        typer.secho(name, bold=True)
        paragraph(text)


def _told(letter: Letter) -> dict[str, object]:
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in asdict(letter).items()
    }
