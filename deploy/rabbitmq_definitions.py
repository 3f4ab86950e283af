"""What RabbitMQ loads when it starts: everything that must exist, and who may do what with it.

Made from `shared.bus.topology` and from what each service hears, so that a service needs no right
to make anything (QUINTET_BUS_DECLARE=false): it checks, and says what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from shared.bus.topology import EVENTS, Topology, common, dead_name, echo_name, of_queue, queue_name
from shared.replay_requests import SnapshotRequested

VHOST = "quintet"
GATEWAY = "gateway"
OPERATOR = "topology"  # whose address goes with `bus topology apply --bus-url`
OWN_QUEUES = r"amq\.gen.*"  # a listener's queue, or where probes come out: gone with its owner
OF_ALL = r"quintet\.(replay|snapshot)\."


def definitions(hears: Mapping[str, Sequence[str]], gateway_hears: Sequence[str]) -> dict[str, Any]:
    """The document, for services and the types that each of them hears; without passwords."""
    wanted = common()
    for service, types in hears.items():
        wanted += of_queue(service, sorted(types))
    names = [*hears, GATEWAY, OPERATOR]
    return {
        "vhosts": [{"name": VHOST}],
        "users": [{"name": f"quintet_{name}", "tags": []} for name in names],
        "permissions": [
            *(_permission(service, *_rights_of(service)) for service in hears),
            _permission(GATEWAY, OWN_QUEUES, *[f"{_exactly(EVENTS)}|{OWN_QUEUES}"] * 2),
            _permission(OPERATOR, *[rf"quintet\..*|{OWN_QUEUES}"] * 3),
        ],
        "topic_permissions": [
            *(_may_say(name, rf"{name}\.|{OF_ALL}|.*\.probe\.{name}$") for name in hears),
            _may_say(
                # It says nothing but "tell me which replicas there are", and hears what it needs.
                GATEWAY,
                _exactly(SnapshotRequested.TYPE) + "$",
                hear=rf"^({'|'.join(map(_exactly, sorted(gateway_hears)))})(\.#)?$",
            ),
            _may_say(OPERATOR, r".*\.probe\."),
        ],
        **_declared(wanted),
    }


def _rights_of(service: str) -> tuple[str, str, str]:
    """Configure, write, read: say events, hear the own queue, and probe the way to it."""
    own = [_exactly(name) for name in (queue_name(service), dead_name(service), echo_name(service))]
    return OWN_QUEUES, f"{_exactly(EVENTS)}|{OWN_QUEUES}", "|".join([*own, OWN_QUEUES])


def _permission(name: str, configure: str, write: str, read: str) -> dict[str, str]:
    rights = {"configure": configure, "write": write, "read": read}
    whole = {right: f"^({pattern})$" for right, pattern in rights.items()}
    return {"user": f"quintet_{name}", "vhost": VHOST, **whole}


def _may_say(name: str, pattern: str, *, hear: str = ".*") -> dict[str, str]:
    user = f"quintet_{name}"
    return {
        "user": user, "vhost": VHOST, "exchange": EVENTS, "write": f"^({pattern})", "read": hear,
    }  # fmt: skip


def _declared(wanted: Topology) -> dict[str, Any]:
    lasting = {"vhost": VHOST, "durable": True}
    return {
        "exchanges": [
            {
                "name": exchange.name, "type": exchange.kind, "internal": False, **lasting,
                "auto_delete": exchange.auto_delete, "arguments": dict(exchange.arguments),
            }
            for exchange in wanted.exchanges
        ],
        "queues": [{**asdict(queue), "auto_delete": False, **lasting} for queue in wanted.queues],
        "bindings": [
            {
                "source": binding.source, "vhost": VHOST, "destination": binding.target,
                "destination_type": "exchange" if binding.to_exchange else "queue",
                "routing_key": binding.key, "arguments": {},
            }
            for binding in wanted.bindings
        ],
    }  # fmt: skip


def _exactly(name: str) -> str:
    return name.replace(".", r"\.").replace("*", r"\*")
