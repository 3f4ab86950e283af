"""The forms of operators: what they sent, if it was surely sent from our own page.

The double submit of all pages of the platform (a token in a cookie, a masked copy in the form),
after the browser's own word about where the request comes from.
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from shared.http import csrf

LONGEST = 8 * 1024  # bytes of a form
KIND = "application/x-www-form-urlencoded"


class Forms:
    """Knows the cookie's name, which depends on whether the site is on https."""

    def __init__(self, *, secure: bool) -> None:
        self._name = csrf.cookie_name(secure)
        self._secure = "; Secure" if secure else ""

    def token(self, request: Request) -> tuple[str, str | None]:
        """The token for a form, and the cookie to set if the browser has none yet."""
        known = self._cookie(request)
        token = known or csrf.new_token()
        cookie = f"{self._name}={token}; Path=/; HttpOnly; SameSite=Lax{self._secure}"
        return csrf.mask(token), None if known else cookie

    async def read(self, request: Request) -> dict[str, str] | None:
        """The fields that were sent, by form or in the address; None unless from our own page.

        Callers who bring a token of their own are programs: nobody can make a browser send it.
        Raises HTTPException for a body that is no form.
        """
        form = await form_of(request)
        sent = {**request.query_params, **form}
        if "authorization" in request.headers and "cookie" not in request.headers:
            return sent
        host = request.headers.get("host", "")
        if csrf.same_origin(dict(request.headers), host) is False:
            return None
        good = csrf.matches(self._cookie(request), form.get(csrf.FIELD))
        return sent if good else None

    def _cookie(self, request: Request) -> str | None:
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(request.headers.get("cookie", ""))
        except CookieError:
            return None
        return jar[self._name].value if self._name in jar else None


async def form_of(request: Request) -> dict[str, str]:
    """The fields of the form that was sent, if there is one.

    Raises HTTPException for a body that is no form: what it names must not be passed over, since
    to forget less is asked for by naming more.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST:
            raise HTTPException(413, f"A form may have at most {LONGEST} bytes.")
    if body and not request.headers.get("content-type", "").startswith(KIND):
        raise HTTPException(415, f"Fields are sent as {KIND}.")
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20
        )
    except ValueError as error:
        raise HTTPException(400, "A form may have at most 20 fields.") from error
    return dict(pairs)
