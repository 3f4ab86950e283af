"""What belongs to the page being made: the desk, and from where the visitor comes."""

from __future__ import annotations

from typing import cast

from flask import current_app, redirect, request
from werkzeug.wrappers import Response

from auth_service.domain.cookies import csrf_cookie, session_cookie
from auth_service.domain.visits import Visit
from auth_service.usecases.desk import Desk
from auth_service.usecases.sessions import Opened
from shared.http import csrf
from shared.http.pages import safe_next

EXTENSION = "auth.desk"


def desk() -> Desk:
    """The desk of this process."""
    return cast("Desk", current_app.extensions[EXTENSION])


def visit() -> Visit:
    """From where, and with what, the visitor comes."""
    return Visit.through(
        desk().policy.trusted_proxies,
        request.remote_addr or "",
        request.headers.get("x-forwarded-for", ""),
        request.headers.get("user-agent", ""),
    )


def next_path() -> str:
    """Where the visitor wanted to go, if that is on this site; else their account."""
    return safe_next(request.args.get("next"), "/account")


def let_in(opened: Opened, target: str) -> Response:
    """Send the visitor on, with the key of the new session."""
    policy = desk().policy
    response = redirect(target, 303)
    response.set_cookie(**session_cookie(policy, opened.secret))
    response.set_cookie(**csrf_cookie(policy, csrf.new_token()))
    response.headers["Cache-Control"] = "no-store"
    return response
