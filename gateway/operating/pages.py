"""Renders the page of the gateway, in the frame and the style of the page of events."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from gateway.eventplane import pages as events
from gateway.operating import wording

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = events.POLICY
STATIC = {"gateway.css": "text/css"}


def page(name: str, **what: Any) -> str:
    """The page `name`, with what it shows."""
    return _environment().get_template(f"{name}.html").render(**what)


@cache
def static(name: str) -> bytes:
    """One of our static files."""
    return (files("gateway") / "operating" / "static" / name).read_bytes()


@cache
def _environment() -> Environment:
    from jinja2 import ChoiceLoader, PackageLoader

    shared = events.environment()
    ours = PackageLoader("gateway.operating", "templates")
    assert shared.loader is not None
    environment = shared.overlay(loader=ChoiceLoader([ours, shared.loader]))
    # An overlay shares these with the page of events, which has no use for our words.
    environment.filters = {
        **shared.filters,
        "took": wording.took,
        "rate": wording.rate,
        "percent": wording.percent,
        "size": wording.size,
        "span": wording.span,
    }
    environment.globals = {**shared.globals, "own_version": _version}
    return environment


@cache
def _version(name: str) -> str:
    return sha256(static(name)).hexdigest()[:12]
