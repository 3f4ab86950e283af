"""The doorkeeper of the admin: staff only, same origin only, and strict orders for browsers."""

from __future__ import annotations

import secrets
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_admin.auth import AdminUser
from starlette_admin.auth.base import BaseAuthProvider

from shared.http import csrf
from shared.http.security import content_policy, security_headers
from shared.identity import ANONYMOUS, Principal

if TYPE_CHECKING:
    from jinja2 import Environment

    from shared.service import Service

STOP = "You may not do this"
SIGN_IN = "/account/sign-in"
# The panel's own scripts set styles on elements; scripts themselves still need a nonce.
LOOSER = {"style-src": ("'unsafe-inline'",)}


class StaffOnly(BaseAuthProvider):
    """Tells the panel whose name to show. Who gets in was decided by `Door` before."""

    async def authenticate(self, request: Request) -> AdminUser | None:
        """The verified caller, as the panel calls users."""
        caller: Principal = request.scope["state"]["caller"]
        return AdminUser(username=caller.name or caller.email)


class Door:
    """Stands in front of the whole panel."""

    def __init__(self, app: ASGIApp, service: Service, base: str, pages: Environment) -> None:
        self._app, self._service, self._base, self._pages = app, service, base, pages
        self._secure = service.settings.secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let staff in with a session that reads; tell the others where to go."""
        state = scope.setdefault("state", {})
        headers = Headers(scope=scope)
        state["csp_nonce"] = secrets.token_urlsafe(16)
        new_token = self._remember_token(state, headers)
        marked = self._marked(send, state["csp_nonce"], new_token)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, marked)
            return
        with self._service.database.reader() as session:
            state["session"] = session
            await self._app(scope, receive, marked)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        caller = scope["state"].setdefault("caller", ANONYMOUS)
        if scope["path"].startswith(f"{self._base}/static/"):
            return None
        if not caller.signed_in:
            return self._to_sign_in(scope)
        if not (caller.staff or caller.superuser):
            return self._page("This part of the shop is for staff.")
        if scope["method"] not in csrf.SAFE_METHODS:
            host = headers.get("host", "")
            if csrf.same_origin(dict(headers), host) is False:
                return self._page("This was sent from another site, so we did not act on it.")
        return None

    def _to_sign_in(self, scope: Scope) -> Response:
        if scope["method"] not in csrf.SAFE_METHODS:
            return JSONResponse({"msg": "Your session has ended. Sign in again."}, 401)
        query = scope.get("query_string", b"").decode("latin-1")
        then = scope["path"] + (f"?{query}" if query else "")
        return RedirectResponse(f"{SIGN_IN}?next={quote(then, safe='/')}", 303)

    def _page(self, words: str) -> Response:
        page = self._pages.get_template("stop.html").render(status=403, title=STOP, words=words)
        return Response(page, 403, media_type="text/html")

    def _remember_token(self, state: dict[str, object], headers: Headers) -> str | None:
        """The sign-out form is a page's form: it needs the token that pages check."""
        jar: SimpleCookie = SimpleCookie()
        jar.load(headers.get("cookie", ""))
        name = csrf.cookie_name(self._secure)
        known = jar[name].value if name in jar else None
        token = known or csrf.new_token()
        state["page_csrf_token"] = csrf.mask(token)
        return None if known else token

    def _marked(self, send: Send, nonce: str, new_token: str | None) -> Send:
        policy = content_policy(nonce=nonce, also=LOOSER)

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._keep_cookies_apart(message)
                headers = MutableHeaders(scope=message)
                for name, value in security_headers(https=self._secure).items():
                    headers.setdefault(name, value)
                headers["Content-Security-Policy"] = policy
                headers.setdefault("Cache-Control", "private, no-cache")
                if new_token:
                    headers.append("Set-Cookie", self._token_cookie(new_token))
            await send(message)

        return send_marked

    def _keep_cookies_apart(self, message: Message) -> None:
        """The panel's cookies are signed per service: each admin keeps them to its own path."""
        path = f"Path={self._base}".encode()
        message["headers"] = [
            (name, value.replace(b"Path=/", path))
            if name.lower() == b"set-cookie" and value.startswith(b"starlette_admin_")
            else (name, value)
            for name, value in message["headers"]
        ]

    def _token_cookie(self, token: str) -> str:
        secure = "; Secure" if self._secure else ""
        return f"{csrf.cookie_name(self._secure)}={token}; Path=/; HttpOnly; SameSite=Lax{secure}"
