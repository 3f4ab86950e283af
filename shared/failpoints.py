"""Fail points: places where a fault test may stop, delay or break a process, on purpose.

`QUINTET_FAILPOINTS=relay.after_publish:kill:3,work.before_commit:sleep:200` kills the process when
it comes to the first place the third time, and makes every commit wait. With
`consumer.after_inbox@ID:kill` it dies whenever it comes there with that event. Settings that are
not for a laptop refuse it. Unarmed, a place costs one look at a global.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

POINTS = frozenset(
    {
        "work.before_commit",
        "work.after_commit",
        "relay.after_claim",
        "relay.after_publish",
        "relay.after_confirm",
        "consumer.after_inbox",
        "consumer.after_commit",
        "consumer.after_ack",
        "saga.after_reply",
        "saga.mid_compensation",
    }
)
EVERY_TIME = 0


class BadFailPoints(ValueError):
    """This is not `name[@id]:kill|sleep:ms|raise[:nth]`, or there is no such place."""


class Tripped(RuntimeError):
    """A fail point was told to raise."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens at one place: `kill`, `raise`, or `sleep` for some seconds."""

    act: str
    seconds: float = 0.0
    nth: int = EVERY_TIME


Plans = Mapping[str, Plan]

_armed: Plans | None = None
_counts: dict[str, int] = {}
_lock = threading.Lock()


def reached(name: str, of: str = "") -> None:
    """Say that execution has come to this place, with what. Does nothing unless a test armed it."""
    if _armed is not None:
        _act(_armed, name)
        if of:
            _act(_armed, f"{name}@{of}")


def parse(text: str) -> Plans:
    """The plans that a text describes; raises BadFailPoints, which says what is wrong with it."""
    return dict(_one(each) for each in text.replace(" ", "").split(",") if each)


def arm(text: str) -> None:
    """Arm this process; an empty text disarms it. Counting begins anew."""
    global _armed
    with _lock:
        _counts.clear()
        _armed = parse(text) or None


def _one(text: str) -> tuple[str, Plan]:
    name, _, rest = text.partition(":")
    act, *numbers = rest.split(":")
    if name.partition("@")[0] not in POINTS:
        known = ", ".join(sorted(POINTS))
        raise BadFailPoints(f"There is no fail point {name!r}; there are {known}.")
    try:
        if act == "sleep":
            milliseconds, *nth = numbers
            return name, Plan(act, int(milliseconds) / 1000, *map(int, nth))
        if act in ("kill", "raise") and len(numbers) < 2:
            return name, Plan(act, 0.0, *map(int, numbers))
    except (TypeError, ValueError):
        pass
    raise BadFailPoints(f"{text!r} is not name[@id]:kill|raise[:nth] or name[@id]:sleep:ms[:nth].")


def _act(plans: Plans, name: str) -> None:
    plan = plans.get(name)
    if plan is None:
        return
    with _lock:
        _counts[name] = count = _counts.get(name, 0) + 1
    if plan.nth not in (EVERY_TIME, count):
        return
    if plan.act == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if plan.act == "raise":
        raise Tripped(f"{name} was told to fail")
    time.sleep(plan.seconds)
