"""Renders the operators' pages. Everything a service told us is escaped on its way into them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from shared.eventplane.wording import age, counted

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
STATIC = {"events.css": "text/css", "events.js": "text/javascript"}


def page(name: str, **what: Any) -> str:
    """The page `name`, with what it shows."""
    return environment().get_template(f"{name}.html").render(**what)


@cache
def static(name: str) -> bytes:
    """One of our two static files."""
    return (files("gateway") / "eventplane" / "static" / name).read_bytes()


@cache
def environment() -> Environment:
    """Where the templates live; the page of the gateway builds on it."""
    # Most gateways never show this page: the template engine is loaded with the first one.
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("gateway.eventplane", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(clock=_clock, after=_after)
    environment.globals.update(age=age, counted=counted, version=_version)
    return environment


def _clock(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%H:%M:%S.%f")[:-3]


def _after(moment: datetime, start: datetime) -> str:
    """How long after the start: `+4 ms`, `+1.25 s`, `+3 min`."""
    seconds = (moment - start).total_seconds()
    if abs(seconds) < 1:
        return f"{seconds * 1000:+.0f} ms"
    return f"{seconds:+.2f} s" if abs(seconds) < 120 else f"+{age(start, moment)}"


@cache
def _version(name: str) -> str:
    return sha256(static(name)).hexdigest()[:12]
