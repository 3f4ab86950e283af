"""Where the processes of a service answer, and how they are: said over the bus for the gateway.

A process that answers HTTP says so when it can, regularly, before it stops taking requests, and
when it is gone. It writes to the outbox like everything else, so it needs no connection to the
bus. A gateway that starts asks for a snapshot, and whoever works the bus of the service answers
from the rows that are there: what was said in the last few minutes, and no more.
"""

from __future__ import annotations

import importlib.metadata
import random
import socket
import threading
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, delete, select

from shared.database import database_now
from shared.events import BadEnvelope, Envelope, Event, read_as
from shared.ids import new_id
from shared.logging import get
from shared.replay import Snapshot
from shared.service import Service
from shared.work import Work

State = Literal["serving", "draining", "gone"]

OF_ANY_SERVICE = "*.replica.announced.v1"  # what the gateway listens to, and asks for
MISSED = 3  # so many announcements may be missing before nobody believes in the replica
RETRY_SECONDS = 5.0
ANYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 - to be recognised, not to be listened on

log = get(__name__)


class ReplicaAnnounced(Event, key="service"):
    """What such an event says. Each service has a class of its own: only it may say its type."""

    service: Annotated[str, Field(examples=["catalog"])]
    replica: Annotated[str, Field(examples=["01a1fdca41e8709b80d68398e976b969"])]
    url: Annotated[str, Field(examples=["http://10.0.3.7:8002"])]
    state: State
    release: Annotated[str, Field(examples=["0.1.0"])]
    count: int  # 1, 2, 3, …: what a replica says later overtakes what it said before
    every: float  # seconds until it says so again; 0 if it will not
    prefixes: Annotated[list[str], Field(examples=[["/api/catalog", "/admin/catalog"]])]


class Announcer:
    """Announces one process of a service, from `start` to `leave`; a thread, mostly asleep."""

    def __init__(self, service: Service, event: type[ReplicaAnnounced], url: str) -> None:
        self._service = service
        self._event = event
        self._url = url
        self._every = service.settings.announce_every
        self._replica = new_id().hex
        self._count = 0
        self._state: State = "serving"
        self._news = threading.Event()
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)

    def start(self) -> None:
        """Say that we serve, now and regularly; returns at once."""
        self._thread.start()

    def drain(self) -> None:
        """Say that we are about to stop; returns at once."""
        self._state = "draining"
        self._news.set()

    def leave(self) -> None:
        """Say that we have stopped; waits until it is written, or cannot be."""
        self._state = "gone"
        self._news.set()
        self._thread.join(RETRY_SECONDS)

    def _run(self) -> None:
        while True:
            self._news.clear()
            state = self._state
            said = self._say(state)
            if state == "gone":
                return
            rest = self._every if said else min(RETRY_SECONDS, self._every)
            self._news.wait(rest * random.uniform(0.8, 1.0))  # noqa: S311 - not all at once

    def _say(self, state: State) -> bool:
        self._count += 1
        announcement = self._event(
            service=self._service.name,
            replica=self._replica,
            url=self._url,
            state=state,
            release=release_of(self._service),
            count=self._count,
            every=self._every,
            prefixes=prefixes_of(self._service.name),
        )
        try:
            with self._service.transactions.begin() as work:
                work.publish(announcement)
                _forget_old(work, self._service, self._event)
        except Exception as error:  # noqa: BLE001 - whatever it is, requests are served all the same
            log.warning("cannot announce ourselves", state=state, error=str(error))
            return False
        return True


def announcer_of(service: Service, port: int) -> Announcer | None:
    """Who announces this process, which listens on `port`; None if nobody is to."""
    event = event_of(service)
    if event is None or not service.settings.announce:
        return None
    return Announcer(service, event, url_of(service, port))


def event_of(service: Service) -> type[ReplicaAnnounced] | None:
    """The event by which this service announces its replicas, if it publishes one."""
    return next((each for each in service.published if issubclass(each, ReplicaAnnounced)), None)


def snapshot_of(service: Service) -> Snapshot | None:
    """How whoever works the bus of a service tells which replicas it has."""
    event = event_of(service)
    if event is None:
        return None

    def page(work: Work, after: str, limit: int) -> str:
        for announcement in present(work, service, event):
            work.publish(announcement)
        return ""

    return Snapshot("replicas", frozenset({event.TYPE, OF_ANY_SERVICE}), page)


def present(work: Work, service: Service, event: type[ReplicaAnnounced]) -> list[ReplicaAnnounced]:
    """The last word of each replica that has spoken lately and is not gone."""
    outbox = service.tables.outbox
    rows = work.session.execute(
        select(outbox.body)
        .where(*_ours(service, event), outbox.created_at >= _horizon(work, service))
        .order_by(outbox.seq)
    )
    latest: dict[str, ReplicaAnnounced] = {}
    for (body,) in rows:
        try:
            said = read_as(Envelope.from_json(body.encode()), event)
        except BadEnvelope:
            continue  # of another release
        before = latest.get(said.replica)
        if before is None or said.count >= before.count:
            latest[said.replica] = said
    return [each for each in latest.values() if each.state != "gone"]


def url_of(service: Service, port: int) -> str:
    """Where others reach this process: as the settings say, or else by our own address."""
    settings = service.settings
    if settings.announce_url:
        return settings.announce_url.rstrip("/")
    host = settings.host
    if host in ANYWHERE:
        host = _own_address()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def prefixes_of(name: str) -> list[str]:
    """The addresses that a service of this name may claim at the gateway, if they are free."""
    return [f"/{room}/{name}" for room in ("api", "admin", "static", "media")] + [f"/{name}"]


def release_of(service: Service) -> str:
    """The version of the service's package; empty where it is not installed as one."""
    try:
        return importlib.metadata.version(f"quintet-{service.name}-service")
    except importlib.metadata.PackageNotFoundError:
        return ""


def _own_address() -> str:
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "127.0.0.1"


def _ours(service: Service, event: type[ReplicaAnnounced]) -> tuple[ColumnElement[bool], ...]:
    """The rows of our announcements, found by the index of aggregates."""
    outbox = service.tables.outbox
    return outbox.aggregate == f"/{service.name}/{service.name}", outbox.type == event.TYPE


def _horizon(work: Work, service: Service) -> datetime:
    return database_now(work.session) - timedelta(seconds=service.settings.announce_every * MISSED)


def _forget_old(work: Work, service: Service, event: type[ReplicaAnnounced]) -> None:
    """Announcements are worth nothing when they are old: they must not fill the outbox."""
    outbox = service.tables.outbox
    sent = outbox.published_at.is_not(None)
    old = outbox.created_at < _horizon(work, service)
    work.session.execute(delete(outbox).where(*_ours(service, event), sent, old))
