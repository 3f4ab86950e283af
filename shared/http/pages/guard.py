"""The guard at the door of every page: forms must be our own, and browsers get strict orders."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from markupsafe import Markup

from shared.errors import Forbidden
from shared.http import csrf
from shared.http.pages.current import on_https
from shared.http.security import content_policy, security_headers


class FormNotOurs(Forbidden):
    """What was sent did not come from one of our own pages, or the page was too old."""


def install(app: Flask) -> None:
    """Check what comes in and mark what goes out, for every page of `app`."""
    app.before_request(_refuse_forged_forms)
    app.after_request(_add_headers)
    app.after_request(_keep_csrf_cookie)


def csrf_token() -> str:
    """A masked token for a form of this page; sets the cookie it belongs to if there is none."""
    token = request.cookies.get(csrf.cookie_name(on_https())) or g.get("new_csrf_token")
    if not token:
        token = g.new_csrf_token = csrf.new_token()
    return csrf.mask(token)


def csrf_field() -> Markup:
    """The hidden input that every form with method="post" must hold."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(csrf.FIELD, csrf_token())


def csp_nonce() -> str:
    """The nonce that lets an inline script of this very response run."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def allow_source(directive: str, source: str) -> None:
    """Widen the content policy of this one response: allow_source("form-action", "https://…")."""
    g.setdefault("also_allowed", {}).setdefault(directive, []).append(source)


def safe_next(target: str | None, default: str = "/") -> str:
    """`target` if it is a plain path on this site, else `default`: nobody is sent elsewhere."""
    if not target or not target.startswith("/") or not target.isprintable() or " " in target:
        return default
    if target.startswith("//") or "\\" in target or "//" in target.partition("?")[0]:
        return default
    parts = urlsplit(target)
    return default if parts.scheme or parts.netloc else target


def _refuse_forged_forms() -> None:
    if request.method in csrf.SAFE_METHODS:
        return
    if csrf.same_origin(dict(request.headers), request.host) is False:
        raise FormNotOurs("This form was sent from another site, so we did not act on it.")
    submitted = request.headers.get(csrf.HEADER) or request.form.get(csrf.FIELD)
    if not csrf.matches(request.cookies.get(csrf.cookie_name(on_https())), submitted):
        raise FormNotOurs(
            "We could not tell that this form came from our own page. Go back, reload the page "
            "and send it again. If that does not help, allow cookies for this site."
        )


def _add_headers(response: Response) -> Response:
    for name, value in security_headers(https=on_https()).items():
        response.headers.setdefault(name, value)
    policy = content_policy(nonce=g.get("csp_nonce"), also=g.get("also_allowed"))
    response.headers.setdefault("Content-Security-Policy", policy)
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "private, no-cache"
        response.vary.add("Cookie")
    response.headers.pop("Date", None)  # the server says it, once: RFC 9110, section 6.6.1
    return response


def _keep_csrf_cookie(response: Response) -> Response:
    token = g.get("new_csrf_token")
    if token:
        name, secure = csrf.cookie_name(on_https()), on_https()
        response.set_cookie(name, token, secure=secure, httponly=True, samesite="Lax", path="/")
    return response
