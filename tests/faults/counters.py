"""Whether the services' own figures say what the databases say, for processes that lived on."""

from __future__ import annotations

import http.client
import re
from typing import NamedTuple

from tests.faults.rig import BUS_SIDE, ROLES, Rig

FIGURE = re.compile(
    r'^(quintet_bus_(?:consumed|published)_total)\{outcome="(\w+)"\} ([\d.e+]+)$', re.MULTILINE
)
APPLIED = ("quintet_bus_consumed_total", "applied")
CONFIRMED = ("quintet_bus_published_total", "confirmed")


class _Seen(NamedTuple):
    pid: int
    applied: float
    confirmed: float
    inbox: int
    outbox: int


class Counters:
    """Compares what moved in the figures with what moved in the tables during one round."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._before = {name: _look(rig, name) for name in BUS_SIDE}

    def found(self) -> list[str]:
        """Where they differ. A service with several workers, or a restarted one, is not judged."""
        wrong = []
        for name, then in self._before.items():
            now = _look(self._rig, name)
            if then is None or now is None or then.pid != now.pid:
                continue
            applied, heard = now.applied - then.applied, now.inbox - then.inbox
            if applied != heard:
                wrong.append(f"I13: {name} counted {applied:.0f} events applied, its inbox {heard}")
            confirmed, said = now.confirmed - then.confirmed, now.outbox - then.outbox
            if confirmed < said:
                wrong.append(f"I13: {name} counted {confirmed:.0f} events sent, its outbox {said}")
        return wrong


def _look(rig: Rig, name: str) -> _Seen | None:
    if not rig.is_up(name):
        return None
    connection = http.client.HTTPConnection("127.0.0.1", rig.port_of(name), timeout=10)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    except OSError:
        return None
    finally:
        connection.close()
    figures = {(figure, outcome): float(value) for figure, outcome, value in FIGURE.findall(text)}
    service = ROLES[name][0]
    inbox = rig.rows(service, "SELECT count(*) FROM inbox WHERE event_id NOT LIKE 'subscribed:%'")
    outbox = rig.rows(service, "SELECT count(*) FROM outbox")
    return _Seen(
        rig.pid(name), figures.get(APPLIED, 0), figures.get(CONFIRMED, 0),
        int(str(inbox[0][0])), int(str(outbox[0][0])),
    )  # fmt: skip
