"""Templates: where they lie, and the words they may use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined

from shared import clock
from shared.http.pages.assets import Assets
from shared.http.pages.current import absolute_url, visitor
from shared.http.pages.guard import csp_nonce, csrf_field, csrf_token
from shared.http.pages.refusals import sign_in_url
from shared.money import Money

SHARED = Path(__file__).parents[1] / "templates"


def install(app: Flask, assets: Assets, *, service: str) -> None:
    """Look for templates in the service first, then here; teach them our words."""
    own = Path(app.root_path) / (app.template_folder or "templates")
    app.jinja_loader = ChoiceLoader([FileSystemLoader(own), FileSystemLoader(SHARED)])
    if app.debug:
        app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(money=money, date=date, moment=moment, plural=plural)
    app.jinja_env.globals.update(
        absolute_url=absolute_url,
        csp_nonce=csp_nonce,
        csrf_field=csrf_field,
        csrf_token=csrf_token,
        this_year=lambda: clock.now().year,
        service_name=service,
        sign_in_url=sign_in_url,
        static_url=assets.url,
    )
    app.context_processor(lambda: {"visitor": visitor()})


def money(value: Money | Mapping[str, Any]) -> str:
    """€12.50, from Money or from its JSON."""
    return str(value if isinstance(value, Money) else Money(value["amount"], value["currency"]))


def date(value: datetime) -> str:
    """21 November 2026."""
    return f"{value.day} {value:%B %Y}"


def moment(value: datetime) -> str:
    """21 Nov 2026, 10:11 UTC."""
    at = value.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def plural(count: int, one: str, many: str = "") -> str:
    """1 item, 3 items."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
