"""What we say: the events that wait for the bus, and those that it has."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from starlette_admin.fields import IntegerField, StringField

from shared import outbox_upkeep
from shared.eventplane.permissions import MANAGE
from shared.eventplane.wording import counted
from shared.http.admin.actions import Asked, bulk_action, row_action
from shared.http.admin.bus.screens import AGAIN, BusView, exact, moment, of_every_event
from shared.work import Work


class OutboxView(BusView):
    """What is written and not sent yet; what the bus refused too often comes first."""

    key = "outbox"
    menu_label = "Outbox"
    display_name = "Event to send"
    icon = "fa fa-paper-plane"
    fields = [
        *of_every_event(
            "id",
            moment("created_at", "Said"),
            moment("stuck_at", "Stuck since"),
            IntegerField("attempts", label="Tries"),
            StringField("error", label="What the bus said"),
        ),
        exact("body", "The event"),
    ]
    sortable_fields = ["seq", "type", "created_at", "stuck_at", "attempts"]

    def shown(self) -> ColumnElement[bool]:
        """Not sent."""
        return self.model.published_at.is_(None)  # type: ignore[no-any-return]

    def first(self) -> tuple[Any, ...]:
        """Stuck ones, then the oldest."""
        return (self.model.stuck_at.is_(None), self.model.seq)

    @bulk_action("Try again", permission=MANAGE, confirm=AGAIN)
    def try_these_again(self, work: Work, ids: list[int], asked: Asked) -> str:
        """Let the relay take the ticked ones again, with a clean slate."""
        return self._again(work, ids)

    @row_action("Try again", permission=MANAGE, confirm="Try this event again now?")
    def try_again(self, work: Work, ids: list[int], asked: Asked) -> str:
        """Let the relay take this one again, with a clean slate."""
        return self._again(work, ids)

    def _again(self, work: Work, ids: list[int]) -> str:
        done = outbox_upkeep.try_again(work, self.model, seqs=ids)
        if not done:
            return "None of them is stuck or held back: the relay sends them by itself."
        return f"{counted(done, 'event')} will be sent again at once."


class SentView(BusView):
    """What we said and the bus has; kept for replays."""

    key = "sent"
    menu_label = "Sent events"
    display_name = "Sent event"
    icon = "fa fa-check"
    fields = [
        *of_every_event(
            "id",
            moment("created_at", "Said"),
            moment("published_at", "Sent"),
            IntegerField("attempts", label="Tries"),
        ),
        exact("body", "The event"),
    ]
    sortable_fields = ["seq", "type", "created_at", "published_at"]

    def shown(self) -> ColumnElement[bool]:
        """Sent."""
        return self.model.published_at.is_not(None)  # type: ignore[no-any-return]

    def first(self) -> tuple[Any, ...]:
        """The newest."""
        return (self.model.seq.desc(),)
