"""How a page says no: each kind of refusal has its status, its words, and a way on."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from urllib.parse import quote

from flask import Flask, Response, current_app, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, InternalServerError

from shared import context, deadline
from shared.errors import Refusal, Unauthenticated
from shared.http.problems import headers_of, status_of

SIGN_IN = "/account/sign-in"
TITLES = {
    400: "We could not read that",
    401: "Please sign in first",
    403: "You may not do this",
    404: "This page is not here",
    405: "That does not work here",
    409: "Something has changed meanwhile",
    410: "This page is gone",
    412: "Someone else was faster",
    413: "That is too large",
    422: "That does not look right",
    429: "That was a bit much",
    503: "We will be back in a moment",
    504: "That took too long",
}
LOST = "The address may be mistyped, or what was here has gone."


@dataclass(frozen=True, slots=True)
class Trouble:
    """What the error page shows."""

    status: int
    title: str
    detail: str
    request_id: str
    trace: str = ""


def install(app: Flask) -> None:
    """Answer refusals, HTTP errors and bugs with a page of ours."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(InternalServerError, _bug)


def sign_in_url(then: str) -> str:
    """The sign-in page, which afterwards leads to the path `then`."""
    return f"{SIGN_IN}?next={quote(then, safe='/')}"


def _refused(refusal: Refusal) -> ResponseReturnValue:
    if isinstance(refusal, Unauthenticated) and request.method in {"GET", "HEAD"}:
        return redirect(sign_in_url(request.full_path.removesuffix("?")), 303)
    response = _page(status_of(refusal), str(refusal))
    response.headers.update(headers_of(refusal))
    return response


def _http_error(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if error.response is not None or status < 400:
        return error.get_response()
    response = _page(status, LOST if status == 404 else error.description or "")
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _bug(error: InternalServerError) -> ResponseReturnValue:
    if deadline.spent():  # what we waited for was given up because of that
        return _page(504, "The time for this was over before it was done.")
    cause = error.original_exception
    shown = current_app.debug and cause is not None
    trace = "".join(traceback.format_exception(cause)) if shown else ""
    return _page(500, "It is our mistake, not yours. We have written it down.", trace=trace)


def _page(status: int, detail: str, *, trace: str = "") -> Response:
    title = TITLES.get(status, "Something went wrong")
    trouble = Trouble(status, title, detail, context.current().correlation, trace)
    return make_response(render_template("quintet/error.html", trouble=trouble), status)
