"""What we heard and could not do: parked events, and the dead letters among them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from starlette_admin.fields import IntegerField, StringField

from shared import dead_letters
from shared.eventplane import acting
from shared.eventplane.permissions import MANAGE
from shared.eventplane.wording import counted
from shared.http.admin.actions import Asked, bulk_action, row_action
from shared.http.admin.bus.screens import AGAIN, BusView, exact, moment, name_of, of_every_event
from shared.work import Work


class ParkedView(BusView):
    """What failed here and is tried again; later events of the same thing wait behind it."""

    key = "parked"
    menu_label = "Parked events"
    display_name = "Parked event"
    icon = "fa fa-clock"
    fields = [
        *of_every_event(
            "event_id",
            moment("parked_at", "First failed"),
            IntegerField("attempts", label="Tries"),
            exact("error", "What went wrong", listed=True),
            moment("failed_at", "Last failed"),
            moment("next_try_at", "Next try"),
        ),
        exact("headers", "Headers"),
        exact("body", "The event"),
    ]
    sortable_fields = ["seq", "type", "parked_at", "next_try_at", "attempts"]

    def shown(self) -> ColumnElement[bool]:
        """Still tried."""
        return dead_letters.is_waiting(self.model)

    @bulk_action("Try now", permission=MANAGE, confirm=AGAIN)
    def try_these_now(self, work: Work, ids: list[int], asked: Asked) -> str:
        """Do not wait for their next turn."""
        return self._now(work, ids)

    @row_action("Try now", permission=MANAGE, confirm="Try this event again now?")
    def try_now(self, work: Work, ids: list[int], asked: Asked) -> str:
        """Do not wait for its next turn."""
        return self._now(work, ids)

    def _now(self, work: Work, ids: list[int]) -> str:
        done = acting.try_now(work, self.model, ids)
        return f"{counted(done, 'event')} will be tried again within seconds."


class DeadView(BusView):
    """Dead letters: given up, and waiting for a person. Settled ones stay, and who did it."""

    key = "dead"
    menu_label = "Dead letters"
    display_name = "Dead letter"
    icon = "fa fa-skull"
    fields = [
        *of_every_event(
            "event_id",
            moment("dead_at", "Given up"),
            IntegerField("attempts", label="Tries"),
            StringField("settled_how", label="Settled"),
            exact("error", "What went wrong", listed=True),
            moment("parked_at", "First failed"),
            moment("failed_at", "Last failed"),
            moment("settled_at", "Settled at"),
            StringField("settled_by", label="Settled by"),
        ),
        exact("headers", "Headers"),
        exact("body", "The event"),
    ]
    exclude_fields_from_list = ["parked_at", "failed_at", "settled_at", "settled_by"]
    searchable_fields = ["type", "aggregate", "correlation", "error", "settled_by"]
    sortable_fields = ["seq", "type", "parked_at", "dead_at", "settled_at", "attempts"]

    def shown(self) -> ColumnElement[bool]:
        """Given up."""
        return self.model.dead_at.is_not(None)  # type: ignore[no-any-return]

    def first(self) -> tuple[Any, ...]:
        """Those nobody has dealt with, the newest first."""
        return (self.model.settled_at.is_not(None), self.model.seq.desc())

    @bulk_action("Redrive", permission=MANAGE, confirm="Handle these events once more?")
    def redrive_these(self, work: Work, ids: list[int], asked: Asked) -> str:
        """Let the ticked ones take effect after all, once each."""
        return self._redrive(work, ids, asked)

    @bulk_action("Drop", permission=MANAGE, confirm="Never handle these events?", danger=True)
    def drop_these(self, work: Work, ids: list[int], asked: Asked) -> str:
        """Settle the ticked ones without an effect."""
        return self._drop(work, ids, asked)

    @row_action("Redrive", permission=MANAGE, confirm="Handle this event once more?")
    def redrive(self, work: Work, ids: list[int], asked: Asked) -> str:
        """Let it take effect after all, once."""
        return self._redrive(work, ids, asked)

    @row_action("Drop", permission=MANAGE, confirm="Never handle this event?", danger=True)
    def drop(self, work: Work, ids: list[int], asked: Asked) -> str:
        """Settle it without an effect."""
        return self._drop(work, ids, asked)

    def _redrive(self, work: Work, ids: list[int], asked: Asked) -> str:
        done = dead_letters.redrive(
            work, self.model, seqs=ids, by=name_of(asked.by), keep_days=self.keep_days
        )
        return f"{counted(done, 'dead letter')} will be handled once more within seconds."

    def _drop(self, work: Work, ids: list[int], asked: Asked) -> str:
        done = dead_letters.drop(work, self.model, seqs=ids, by=name_of(asked.by))
        return f"{counted(done, 'dead letter')} dropped."
