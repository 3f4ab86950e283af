"""What operators may do: take a replica out, let it in again, forget cached answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import unquote

from gateway.operating.parts import Refusing, Steering
from shared.eventplane.wording import counted

NOT_DONE = "Not done: "
NOT_HERE = "This gateway has nothing that could be steered."


def steer(steering: Steering | None, action: str, sent: Mapping[str, str]) -> str | None:
    """Do `action` with what was sent; says in words what was done, or why not.

    None if there is no such action. A replica is named by the field `replica`, or by the address:
    `replicas/<name>/drain`. Whoever names a group means that group, whatever the address says; an
    empty name is a mistake, and never everything.
    """
    parts = action.split("/")
    if parts[0] == "replicas" and parts[-1] in ("drain", "enable"):
        name = unquote("/".join(parts[1:-1])) or sent.get("replica", "")
        return _said(steering, lambda it: _replica(it, name, parts[-1]))
    if action == "cache/purge" and "group" not in sent:
        return _said(steering, lambda it: _purged(it.purge(None), "everything"))
    group = sent.get("group", "").strip()
    if action in ("cache/purge", "cache/purge-group"):
        if not group:
            return f"{NOT_DONE}name a group."
        return _said(steering, lambda it: _purged(it.purge(group), f"the group {group}"))
    return None


def failed(said: str) -> bool:
    """Whether these words say that nothing was done."""
    return said == NOT_HERE or said.startswith(NOT_DONE)


def _said(steering: Steering | None, act: Callable[[Steering], str]) -> str:
    if steering is None:
        return NOT_HERE
    try:
        return act(steering)
    except Refusing as refused:
        return NOT_DONE + str(refused)


def _replica(steering: Steering, name: str, what: str) -> str:
    if what == "drain":
        steering.drain(name)
        return f"{name} gets no more requests; those it has are finished."
    steering.enable(name)
    return f"{name} gets requests again."


def _purged(count: int, what: str) -> str:
    return f"Forgot {what}: {counted(count, 'cached answer')}."
