"""The outbox as the relay sees it: what is due, what went, and what is held back.

Every change names the state it found (`attempts`, `round`, still unsent): a relay that lost its
lease in the middle of a batch, or whose event was asked for again meanwhile, changes nothing.
"""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import TextClause, bindparam, text

from shared.bus.protocol import Outcome
from shared.database import UtcTime
from shared.logging import get
from shared.outbox import HOLDS_BACK, WAITS
from shared.relaying.desk import Desk
from shared.service import Service

log = get(__name__)

PAGE = 200  # rows of one look
FIRST_WAIT, LONGEST_WAIT = 0.5, 20.0  # seconds before a refused event is tried again

_COLUMNS = "o.seq, o.id, o.type, o.aggregate, o.body, o.attempts, o.round"
_LOOK = f"""
SELECT {_COLUMNS} FROM outbox o {{by_index}}
WHERE {{waits}} AND o.seq > :after {{more}}
  AND (o.available_at IS NULL OR o.available_at <= {{now}})
  AND NOT EXISTS (
    SELECT 1 FROM outbox e WHERE {{holds_back}} AND e.aggregate = o.aggregate AND e.seq < o.seq
      AND (e.stuck_at IS NOT NULL OR e.available_at > {{now}}) {{whose}})
ORDER BY o.seq LIMIT {PAGE}
"""  # noqa: S608 - made of constants
_LATE = """
SELECT o.aggregate, max(o.seq) FROM outbox o
WHERE {waits} AND o.round {round} AND o.seq <= :after AND o.aggregate IN :aggregates
GROUP BY o.aggregate
"""
# Said in a way that no index serves: without statistics a planner would take the index of all that
# waits, and read it once for every wave. The rows are found by their numbers.
_SAME = "(published_at IS NULL) IS TRUE AND attempts = :attempts AND round = :round"
# A replay does not renew how long an event is kept: inboxes count from the first time, and what is
# sent again after they have forgotten it would take effect again.
_MARK = f"""
UPDATE outbox SET error = '', published_at = CASE WHEN round > 0 THEN created_at ELSE {{now}} END
WHERE {_SAME} AND seq """  # noqa: S608
_HOLD_BACK = f"""
UPDATE outbox SET attempts = attempts + 1, error = :error, available_at = :until, stuck_at = :stuck
WHERE {_SAME} AND seq = :seq
"""  # noqa: S608


class Waiting(NamedTuple):
    """An outbox row that is to be sent."""

    seq: int
    id: str
    type: str
    aggregate: str
    body: str
    attempts: int = 0
    round: int = 0


class Rows:
    """One service's outbox. `again` looks at what was asked for again, else at what is live."""

    def __init__(self, service: Service, desk: Desk, *, again: bool = False) -> None:
        self._desk = desk
        self._most_tries = service.settings.outbox_most_tries
        on_postgresql = service.database.on_postgresql
        self._all, self._but, self._of = (
            _look(again, more, on_postgresql)
            for more in (
                "",
                "AND o.aggregate NOT IN :aggregates",
                "AND o.aggregate = :aggregate",
            )
        )
        round_ = "> 0" if again else "= 0"
        self._late = _timed(_LATE.format(waits=_of("o", WAITS), round=round_))
        self._mark = _timed(
            _MARK.format(now=_moment(on_postgresql))
            + ("= ANY(:seqs)" if on_postgresql else "IN (SELECT value FROM json_each(:seqs))")
        )
        self._hold_back = _timed(_HOLD_BACK, "until", "stuck")
        self._as_list = (lambda seqs: seqs) if on_postgresql else json.dumps

    def look(self, after: int, *, but: Collection[str] = ()) -> list[Waiting]:
        """The next page of what is due behind `after`, without what these aggregates said.

        What is held back, and what waits behind it, is skipped by the database.
        """
        if but:
            return self._rows(self._but, after=after, aggregates=sorted(but))
        return self._rows(self._all, after=after)

    def look_at(self, aggregate: str, after: int) -> list[Waiting]:
        """The next page of what one aggregate said."""
        return self._rows(self._of, after=after, aggregate=aggregate)

    def newest_until(self, last: int, aggregates: Collection[str]) -> dict[str, int]:
        """The newest unsent event of each of these, up to and with number `last`."""
        values = {"after": last, "aggregates": sorted(aggregates)}
        return {aggregate: seq for aggregate, seq in self._desk.read(self._late, values)}

    def mark(self, sent: Sequence[Waiting]) -> None:
        """Note what the bus has; what was asked for again while we sent it goes once more."""
        states: dict[tuple[int, int], list[int]] = {}
        for row in sent:
            states.setdefault((row.attempts, row.round), []).append(row.seq)
        for (attempts, round_), seqs in states.items():
            values = {"seqs": self._as_list(seqs), "attempts": attempts, "round": round_}
            self._desk.write(self._mark, values | {"now": self._desk.moment()})

    def hold_back(self, refused: Sequence[tuple[Waiting, Outcome]]) -> float:
        """Try these again later; what was refused too often is stuck. Seconds until the first."""
        now = self._desk.now()
        first, outcome = refused[0]
        log.warning(
            "the bus did not take events",
            count=len(refused),
            outcome=outcome.value,
            type=first.type,
            event_id=first.id,
            tries=first.attempts + 1,
        )
        waits = [_wait_after(row.attempts + 1) for row, _ in refused]
        values = [self._held(*each, wait, now) for each, wait in zip(refused, waits, strict=True)]
        self._desk.write(self._hold_back, values)
        return min(waits)

    def _rows(self, statement: TextClause, **values: Any) -> list[Waiting]:
        values["now"] = self._desk.moment()
        return [Waiting(*row) for row in self._desk.read(statement, values)]

    def _held(self, row: Waiting, outcome: Outcome, wait: float, now: datetime) -> dict[str, Any]:
        tries = row.attempts + 1
        # Silence is the broker's trouble: only a "no" is held against the event itself.
        is_stuck = tries >= self._most_tries and outcome is not Outcome.UNCONFIRMED
        if is_stuck:
            log.error(
                "event is stuck, and its aggregate with it",
                outcome=outcome.value,
                tries=tries,
                type=row.type,
                event_id=row.id,
                aggregate=row.aggregate,
            )
        return {
            "seq": row.seq,
            "attempts": row.attempts,
            "round": row.round,
            "error": f"the bus said {outcome.value}, {tries} times",
            "until": now + timedelta(seconds=wait),
            "stuck": now if is_stuck else None,
        }


def _wait_after(tries: int) -> float:
    longest = min(FIRST_WAIT * 2.0 ** min(tries - 1, 20), LONGEST_WAIT)
    return longest * random.uniform(0.75, 1.0)  # noqa: S311 - so that not all come at once


def _moment(on_postgresql: bool) -> str:
    # The database's own clock, unless a test says what time it is. SQLite has none.
    return "COALESCE(CAST(:now AS timestamptz), now())" if on_postgresql else ":now"


def _look(again: bool, more: str, on_postgresql: bool) -> TextClause:
    index = "ix_outbox_again" if again else "ix_outbox_waiting"
    statement = _LOOK.format(
        waits=_of("o", WAITS) + (" AND o.round > 0" if again else " AND o.round = 0"),
        holds_back=_of("e", HOLDS_BACK),
        # Old news that is held back must not hold back what is live.
        whose="" if again else "AND e.round = 0",
        more=more,
        # Without statistics SQLite takes the index of published_at, with all that is stuck in it.
        by_index="" if on_postgresql else f"INDEXED BY {index}",
        now=_moment(on_postgresql),
    )
    return _timed(statement)


def _of(alias: str, condition: str) -> str:
    for column in ("published_at", "stuck_at", "available_at"):
        condition = condition.replace(column, f"{alias}.{column}")
    return condition


def _timed(statement: str, *moments: str) -> TextClause:
    parameters = [bindparam(name, type_=UtcTime) for name in (*moments, "now")]
    if ":aggregates" in statement:
        parameters.append(bindparam("aggregates", expanding=True))
    return text(statement).bindparams(*(each for each in parameters if f":{each.key}" in statement))
