"""Everything that the databases and the bus say at one moment, read past the services."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pika.exceptions import AMQPError

from deploy.contracts import services as wired_services
from tests.faults.rig import Rig
from tests.system.platform import SERVICES

QUEUES = ("auth", "catalog", "shop")


class Said(NamedTuple):
    """An event in an outbox."""

    service: str
    id: str
    type: str
    aggregate: str
    version: int
    correlation: str
    causation: str
    traceparent: str
    sent: bool


class Heard(NamedTuple):
    """An event in an inbox. Those of one transaction have one time."""

    service: str
    id: str
    type: str
    aggregate: str
    version: int
    at: str


class Parked(NamedTuple):
    """An event that a consumer could not do."""

    service: str
    id: str
    dead: bool
    error: str


@dataclass
class Facts:
    """One moment."""

    said: list[Said] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    orders: list[Any] = field(default_factory=list)  # id, number, status, payment, total
    lines: list[Any] = field(default_factory=list)  # order, sku, quantity
    steps: dict[str, str] = field(default_factory=dict)  # step by order
    payments: list[Any] = field(default_factory=list)  # order, captured, refunded
    charges: list[Any] = field(default_factory=list)  # key, state, amount, refunded
    timeline: list[Any] = field(default_factory=list)  # order, what
    shelves: list[Any] = field(default_factory=list)  # sku, on hand, held
    movements: list[Any] = field(default_factory=list)  # sku, cause, on hand, held, order
    holds: list[Any] = field(default_factory=list)  # order, state
    offers: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # what the catalog offers
    copies: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # what the shop thinks of it
    waiting: dict[str, int] = field(default_factory=dict)  # messages in each queue
    consumers: dict[str, int] = field(default_factory=dict)


def subscriptions(rig: Rig) -> dict[str, set[str]]:
    """Which service hears which types, from the handlers themselves."""
    found = {}
    for service in wired_services(rig.folder / "wiring"):
        found[service.name] = set(service.handlers.types)
        service.close()
    return found


def read_facts(rig: Rig) -> Facts:
    """Look everywhere."""
    facts = Facts()
    for service in SERVICES:
        facts.said += _said(rig, service)
        facts.heard += _heard(rig, service)
        facts.parked += _parked(rig, service)
    _read_shop(rig, facts)
    _read_catalog(rig, facts)
    facts.waiting, facts.consumers = queue_depths(rig)
    return facts


def unrest(rig: Rig) -> str:
    """The first thing that shows the platform is not quiet yet; cheap enough to ask often."""
    for service in SERVICES:
        if rig.rows(service, "SELECT 1 FROM outbox WHERE published_at IS NULL LIMIT 1"):
            return f"{service} has events to send"
        if rig.rows(
            service,
            "SELECT 1 FROM parked_events WHERE dead_at IS NULL AND settled_at IS NULL LIMIT 1",
        ):
            return f"{service} has parked events"
    if rig.rows("shop", "SELECT 1 FROM checkouts WHERE step <> 'done' LIMIT 1"):
        return "checkouts are under way"
    try:
        waiting, _ = queue_depths(rig)
    except (AMQPError, sqlite3.Error) as error:
        return f"the bus cannot be looked at: {error!r}"
    return "messages wait in queues" if sum(waiting.values()) else ""


def queue_depths(rig: Rig) -> tuple[dict[str, int], dict[str, int]]:
    """Messages and consumers of each service's queue."""
    broker = rig.servers_used.broker
    if broker is None:
        return _embedded_depths(rig)
    waiting, consumers = {}, {}
    with broker.channel(rig.vhost) as channel:
        for queue in QUEUES:
            method = channel.queue_declare(f"quintet.{queue}", passive=True).method
            waiting[queue], consumers[queue] = method.message_count, method.consumer_count
    return waiting, consumers


def _embedded_depths(rig: Rig) -> tuple[dict[str, int], dict[str, int]]:
    with closing(sqlite3.connect(f"file:{rig.folder}/bus.db?mode=ro", uri=True)) as bus:
        waiting = dict(
            bus.execute(
                "SELECT q.name, COUNT(d.seq) FROM queues q LEFT JOIN deliveries d ON d.queue = q.id WHERE q.fleeting = 0 GROUP BY q.name"
            )
        )
        consumers = dict(
            bus.execute(
                "SELECT q.name, COUNT(s.id) FROM queues q LEFT JOIN sessions s ON s.queue = q.id WHERE q.fleeting = 0 GROUP BY q.name"
            )
        )
    kept = {name: count for name, count in waiting.items() if name in QUEUES}
    return kept, {name: consumers.get(name, 0) for name in kept}


def _said(rig: Rig, service: str) -> Iterator[Said]:
    rows = rig.rows(
        service,
        "SELECT id, type, aggregate, version, correlation, body, published_at FROM outbox ORDER BY seq",
    )
    for id_, type_, aggregate, version, correlation, body, published_at in rows:
        told = json.loads(str(body))
        yield Said(
            service, str(id_), str(type_), str(aggregate), int(str(version)), str(correlation),
            str(told.get("causationid", "")), str(told.get("traceparent", "")),
            published_at is not None,
        )  # fmt: skip


def _heard(rig: Rig, service: str) -> Iterator[Heard]:
    rows = rig.rows(
        service,
        "SELECT event_id, type, aggregate, version, received_at FROM inbox "
        "WHERE event_id NOT LIKE 'subscribed:%'",
    )
    for id_, type_, aggregate, version, at in rows:
        yield Heard(service, str(id_), str(type_), str(aggregate), int(str(version)), str(at))


def _parked(rig: Rig, service: str) -> Iterator[Parked]:
    rows = rig.rows(
        service, "SELECT event_id, dead_at, error FROM parked_events WHERE settled_at IS NULL"
    )
    for id_, dead_at, error in rows:
        yield Parked(service, str(id_), dead_at is not None, str(error))


def _read_shop(rig: Rig, facts: Facts) -> None:
    def rows(statement: str) -> list[tuple[Any, ...]]:
        return [(_plain(first), *rest) for first, *rest in rig.rows("shop", statement)]

    facts.orders = rows("SELECT id, number, status, payment_status, total_amount FROM orders")
    facts.lines = rows("SELECT order_id, sku, quantity FROM order_lines")
    facts.steps = dict(rows("SELECT order_id, step FROM checkouts"))
    facts.payments = rows("SELECT order_id, captured_amount, refunded_amount FROM payments")
    facts.charges = rows("SELECT key, state, amount, refunded FROM provider_charges")
    facts.timeline = rows("SELECT order_id, what FROM order_timeline")
    copies = rig.rows(
        "shop",
        "SELECT sku, name, price_amount, available, stock_version FROM known_products WHERE state = 'listed'",
    )
    facts.copies = {str(sku): tuple(rest) for sku, *rest in copies}


def _read_catalog(rig: Rig, facts: Facts) -> None:
    facts.shelves = rig.rows("catalog", "SELECT sku, on_hand, held FROM shelves")
    facts.movements = [
        (*rest, _plain(order))
        for *rest, order in rig.rows(
            "catalog",
            "SELECT sku, cause, on_hand_change, held_change, order_id FROM stock_movements",
        )
    ]
    facts.holds = [
        (_plain(order), state)
        for order, state in rig.rows("catalog", "SELECT order_id, state FROM holds")
    ]
    offers = rig.rows(
        "catalog",
        "SELECT p.sku, p.name, p.price_amount, s.on_hand - s.held, s.version FROM products p "
        "JOIN shelves s ON s.sku = p.sku WHERE p.state = 'published'",
    )
    facts.offers = {str(sku): tuple(rest) for sku, *rest in offers}


def _plain(id_: object) -> str:
    return str(id_).replace("-", "")
