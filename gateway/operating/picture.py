"""The live map: clients, the gateway, the services and their replicas, with what flows between.

Drawn twice, once for wide screens and once for narrow ones; the style sheet shows one of them.
States are told by colour, by the shape of the line, and in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log10

from gateway.operating.shapes import BAD, BUSY, CALM, Overview, ReplicaSeen, ServiceSeen, Traffic
from gateway.operating.wording import percent, rate, took


@dataclass(frozen=True, slots=True)
class Node:
    """A box. `x` and `y` are its upper left corner; words are cut to fit."""

    kind: str
    name: str
    words: tuple[str, ...]
    state: str
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Half way down."""
        return self.y + self.height / 2

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.x + self.width


@dataclass(frozen=True, slots=True)
class Flow:
    """A line between two boxes; `pace` 0 to 3 is how busy it is."""

    path: str
    state: str
    stroke: float
    pace: int
    label: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Map:
    """All boxes and lines."""

    width: int
    height: int
    nodes: tuple[Node, ...]
    flows: tuple[Flow, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Where things go: the left edge and width of each column, heights, and gaps."""

    width: int
    columns: tuple[tuple[float, float], ...]  # clients, gateway, services, replicas
    service_height: float
    replica_height: float
    gap: float
    top: float


WIDE = Frame(1000, ((12, 150), (262, 176), (538, 190), (792, 196)), 74, 34, 18, 14)
TALL = Frame(360, ((20, 150), (190, 150), (20, 150), (190, 162)), 72, 36, 16, 116)
SMALL = 4  # between replicas


def wide(told: Overview) -> Map:
    """Left to right."""
    frame = WIDE
    places, height = _places(told, frame)
    (cx, cw), (gx, gw) = frame.columns[:2]
    centre = height / 2
    clients = Node("clients", "clients", _clients(told), CALM, cx, centre - 37, cw, 74)
    gateway = _gateway(told, gx, centre - 55, gw, 110)
    nodes, flows = [clients, gateway], [_across(clients, gateway, told.traffic, CALM)]
    for service, box, replicas in places:
        nodes += [box, *(node for _, node in replicas)]
        flows.append(_across(gateway, box, service.traffic, box.state))
        flows += [_across(box, node, each.traffic, node.state) for each, node in replicas]
    return Map(frame.width, int(height), tuple(nodes), tuple(flows), _told(nodes))


def tall(told: Overview) -> Map:
    """Top to bottom, for a phone: the services hang on a line at the left."""
    frame = TALL
    places, height = _places(told, frame)
    (cx, cw), (gx, gw) = frame.columns[:2]
    clients = Node("clients", "clients", _clients(told), CALM, cx, 8, cw - 20, 74)
    gateway = _gateway(told, gx, 4, gw + 12, 90)
    nodes, flows = [clients, gateway], [_across(clients, gateway, told.traffic, CALM)]
    for service, box, replicas in places:
        nodes += [box, *(node for _, node in replicas)]
        flows.append(_hanging(gateway, box, service.traffic))
        flows += [_across(box, node, each.traffic, node.state) for each, node in replicas]
    return Map(frame.width, int(height), tuple(nodes), tuple(flows), _told(nodes))


Place = tuple[ServiceSeen, Node, list[tuple[ReplicaSeen, Node]]]


def _places(told: Overview, frame: Frame) -> tuple[list[Place], float]:
    """Each service with its replicas beside it, one below the other; and how high that gets."""
    (sx, sw), (rx, rw) = frame.columns[2:]
    y, found = frame.top, list[Place]()
    for service in told.services:
        row = frame.replica_height + SMALL
        room = max(frame.service_height, len(service.replicas) * row - SMALL)
        start = y + (room - (len(service.replicas) * row - SMALL)) / 2
        box = Node(
            "service", service.name, _service(service), service.state,
            sx, y + (room - frame.service_height) / 2, sw, frame.service_height,
        )  # fmt: skip
        replicas = [
            (each, Node("replica", each.name, _replica(each), each.state,
                        rx, start + at * row, rw, frame.replica_height))
            for at, each in enumerate(service.replicas)
        ]  # fmt: skip
        found.append((service, box, replicas))
        y += room + frame.gap
    return found, max(y - frame.gap + 14, frame.top + 130)


def _gateway(told: Overview, x: float, y: float, width: float, height: float) -> Node:
    words = [f"{told.in_flight} in flight", f"loop {took(told.process.loop_lag)} late"]
    if told.cache is not None:
        words.append(f"cache {percent(told.cache.hit_ratio)} hits")
    if told.limits is not None and told.limits.policies and height > 100:
        words.append(f"{len(told.limits.now)} limited now")
    state = BAD if told.hears_events is False or told.process.loop_lag > 0.25 else CALM
    return Node("gateway", "gateway", tuple(words), state, x, y, width, height)


def _clients(told: Overview) -> tuple[str, ...]:
    open_now = "" if told.connections is None else f"{told.connections} connected"
    return tuple(filter(None, (open_now, f"p95 {took(told.traffic.p95)}")))


def _service(service: ServiceSeen) -> tuple[str, ...]:
    passed = service.traffic
    return (service.words, f"p95 {took(passed.p95)}, {percent(passed.failing)} fail")


def _replica(replica: ReplicaSeen) -> tuple[str, ...]:
    return (replica.words,)


def _across(start: Node, end: Node, passed: Traffic, state: str) -> Flow:
    """A curve from the right edge of one box to the left edge of the next."""
    x1, y1, x2, y2 = start.right + 2, start.middle, end.x - 3, end.middle
    half = (x2 - x1) / 2
    path = f"M{x1:.1f} {y1:.1f}C{x1 + half:.1f} {y1:.1f} {x2 - half:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    label = "" if end.kind == "replica" or x2 - x1 < 60 else f"{rate(passed.per_second)}/s"
    return _flow(path, passed, state, label, x1 + half, (y1 + y2) / 2)


def _hanging(start: Node, end: Node, passed: Traffic) -> Flow:
    x, y = 8.0, start.y + start.height + 8
    path = (
        f"M{start.x + 20:.1f} {start.y + start.height:.1f}V{y:.1f}H{x}V{end.middle:.1f}H{end.x - 3}"
    )
    return _flow(path, passed, end.state, "", 0, 0)


def _flow(path: str, passed: Traffic, state: str, label: str, x: float, y: float) -> Flow:
    if state == CALM and passed.failing > 0:
        state = BUSY if passed.failing < 0.05 else BAD
    strength = log10(1 + passed.per_second)
    pace = 0 if passed.per_second < 0.02 else min(3, 1 + int(strength))
    return Flow(path, state, round(1.5 + 1.3 * strength, 2), pace, label, round(x, 1), round(y, 1))


def _told(nodes: list[Node]) -> str:
    """The map for those who do not see it."""
    return " ".join(f"{node.name}: {', '.join(node.words)}." for node in nodes)
