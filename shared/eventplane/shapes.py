"""The shapes in which a service tells about its side of the bus: for `--json`, and over HTTP."""

from __future__ import annotations

from datetime import datetime

from shared.http.schemas import Out


class Pile(Out):
    """Events of one kind that lie somewhere: how many, and since when the oldest one does."""

    count: int
    since: datetime | None = None


class QueueSeen(Out):
    """Our queue on the bus. `problem` says why we could not look; the numbers are then 0."""

    messages: int = 0
    unacked: int | None = None  # handed out and not confirmed; RabbitMQ does not tell
    consumers: int = 0
    dead: int = 0
    problem: str = ""


class Attention(Out):
    """Something that somebody should look at, and what to do about it."""

    what: str
    do: str


class Overview(Out):
    """How one service's side of the bus is at this moment."""

    service: str
    at: datetime
    waiting: Pile
    replaying: Pile
    stuck: Pile
    parked: Pile
    dead: Pile
    queue: QueueSeen
    says: list[str]
    hears: list[str]
    held_up: list[str] = []  # types with events that are stuck, parked or dead here
    last_said: datetime | None
    last_heard: datetime | None
    attention: list[Attention] = []


class Said(Out):
    """An event as its publisher keeps it; `sent_at` is when the bus confirmed it."""

    seq: int
    id: str
    type: str
    aggregate: str
    version: int
    correlation: str
    said_at: datetime
    sent_at: datetime | None
    stuck_at: datetime | None
    attempts: int
    round: int
    error: str


class Heard(Out):
    """An event that took effect here."""

    id: str
    type: str
    aggregate: str
    version: int
    heard_at: datetime


class Held(Out):
    """An event that failed here: it is tried again, or was given up at `dead_at`."""

    seq: int
    id: str
    type: str
    aggregate: str
    version: int
    correlation: str
    attempts: int
    error: str
    parked_at: datetime
    failed_at: datetime | None
    next_try_at: datetime
    dead_at: datetime | None
    settled_at: datetime | None
    settled_by: str
    settled_how: str


class Path(Out):
    """What one service knows of the events that one request set off."""

    service: str
    correlations: list[str]
    said: list[Said]
    heard: list[Heard]
    held: list[Held]
