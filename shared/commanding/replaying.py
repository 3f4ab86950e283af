"""`bus replay`: events that were sent before, once more, with the same ids."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from shared import clock
from shared.commanding.desk import ATTENTION, WRONG, Desk, stop, sure
from shared.eventplane import finding
from shared.eventplane.wording import counted
from shared.replay import ask_again, ask_for_snapshot, send_again
from shared.service import Service

SINCE = re.compile(r"(\d{1,5})(min|h|d)\Z")
UNITS = {"min": "minutes", "h": "hours", "d": "days"}
LOOK = 0.2


def add_to(group: typer.Typer, desk: Desk) -> None:
    """Add the commands."""
    _add_replay(group, desk)
    _add_catch_up(group, desk)


def _add_replay(group: typer.Typer, desk: Desk) -> None:
    @group.command()
    def replay(
        types: Annotated[list[str], typer.Argument(help="Which of our event types.")],
        about: Annotated[
            list[str] | None, typer.Option(help="Only about this thing: its key, or /service/key.")
        ] = None,
        since: Annotated[str, typer.Option(help="Said since: 90min, 12h, 7d, or a date.")] = "",
        to: Annotated[str, typer.Option(help="Only for this service; else for all.")] = "",
        wait: Annotated[float, typer.Option(help="Watch until nothing moves for so long.")] = 10,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    ) -> None:
        """Send what we kept of these types once more, behind all that is new, with the same ids.

        Who has heard them before ignores them; who has not, catches up.
        """
        with desk.service() as service:
            _refuse_unknown(types, [e.TYPE for e in service.published], service, "says")
            moment = moment_of(since)
            sure(f"Send what is kept of {', '.join(types)} once more?", yes=yes)
            with service.transactions.begin() as work:
                count = send_again(
                    work,
                    service.tables.outbox,
                    types=types,
                    aggregates=[_aggregate(service, each) for each in about or []] or None,
                    since=moment,
                    to=to,
                )
            if not count:
                keep = service.settings.outbox_keep_days
                stop(f"Nothing of this is kept. Events are kept for {keep} days.", ATTENTION)
            typer.echo(f"{counted(count, 'event')} to send again.")
            if wait:
                _watch(service, count, wait)


def _add_catch_up(group: typer.Typer, desk: Desk) -> None:
    @group.command("catch-up")
    def catch_up(
        types: Annotated[list[str] | None, typer.Argument(help="All we hear, if none.")] = None,
        snapshot: Annotated[
            bool,
            typer.Option(
                "--snapshot",
                help="Have the publishers tell what is now, as new events: to rebuild a copy that "
                "was lost. Without it they send what they kept, and we ignore what took effect.",
            ),
        ] = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False,
    ) -> None:
        """Ask those who said what we hear to tell it once more: to fill a hole, or rebuild."""
        with desk.service() as service:
            wanted = types or service.handlers.types
            _refuse_unknown(wanted, service.handlers.types, service, "hears")
            what = "Ask for a snapshot of" if snapshot else "Ask again for"
            sure(f"{what} {counted(len(wanted), 'type')}?", yes=yes)
            with service.transactions.begin() as work:
                ask = ask_for_snapshot if snapshot else ask_again
                ask(work, service.name, wanted)
            typer.echo(f"Asked for {counted(len(wanted), 'type')}; what comes, `bus tail` shows.")


def moment_of(since: str) -> datetime | None:
    """The moment that somebody means by `90min`, `12h`, `7d` or `2026-03-14T09:26`."""
    if not since:
        return None
    found = SINCE.match(since)
    if found:
        return clock.now() - timedelta(**{UNITS[found[2]]: int(found[1])})
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        stop(f"--since is 90min, 12h, 7d or a date such as 2026-03-14T09:26, not {since}.", WRONG)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _refuse_unknown(types: list[str], known: list[str], service: Service, verb: str) -> None:
    strange = sorted(set(types) - set(known))
    if strange:
        list_ = "\n  ".join(["", *sorted(known)])
        stop(f"{service.name} never {verb} {', '.join(strange)}. It {verb}:{list_}", WRONG)


def _aggregate(service: Service, about: str) -> str:
    return about if about.startswith("/") else f"/{service.name}/{about}"


def _watch(service: Service, count: int, patience: float) -> None:
    """Show how it goes until all is sent; a worker sends it, whether we look or not."""
    done, moved = 0, time.monotonic()
    with typer.progressbar(length=count, label="sent") as bar:
        while done < count and time.monotonic() - moved < patience:
            now_done = count - min(_left(service), count)
            if now_done > done:
                bar.update(now_done - done)
                done, moved = now_done, time.monotonic()
            else:
                time.sleep(LOOK)
    if done < count:
        typer.echo(
            f"{count - done} still wait. Is `{service.command} work` running? See `bus status`."
        )


def _left(service: Service) -> int:
    outbox = service.tables.outbox
    with service.transactions.read() as work:
        return finding.pile(work, outbox.seq, outbox.created_at, finding.is_replaying(outbox)).count
