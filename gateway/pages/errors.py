"""The gateway's own answers: a problem for programs, a plain page for people."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from gateway.refusals import Fields, Refused
from shared.http import problems
from shared.http.security import security_headers

_PAGE = (files("gateway") / "pages" / "error.html").read_text("utf-8")

WORDS = {
    404: "We looked, but there is no such page.",
    413: "That was too much at once. Please send a smaller file.",
    429: "That was a bit much at once. Please wait a moment and try again.",
    502: "A part of the shop is not answering. Nothing you did; please try again in a moment.",
    503: "We are very busy right now. Please try again in a moment.",
    504: "A part of the shop is taking too long. Please try again in a moment.",
}


class Errors:
    """Writes refusals in the form that the client can read."""

    def __init__(self, *, https: bool) -> None:
        policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'"
        self.security: Fields = tuple(
            (name.lower().encode(), value.encode())
            for name, value in (
                *security_headers(https=https).items(),
                ("Content-Security-Policy", policy + "; frame-ancestors 'none'"),
                ("Cache-Control", "no-store"),
            )
        )

    def answer(self, refused: Refused, request_id: str, *, page: bool) -> tuple[Fields, bytes]:
        """The header fields and the body."""
        if page:
            kind, body = b"text/html; charset=utf-8", self._page(refused, request_id)
        else:
            kind, body = b"application/problem+json", problem(refused, request_id)
        fields = (
            (b"content-type", kind),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id.encode()),
            *self.security,
            *refused.headers,
        )
        return fields, body

    def _page(self, refused: Refused, request_id: str) -> bytes:
        text = WORDS.get(refused.status, str(refused))
        return (
            _PAGE.replace("{status}", str(refused.status))
            .replace("{title}", escape(refused.title))
            .replace("{text}", escape(text))
            .replace("{request_id}", escape(request_id))
            .encode()
        )


def problem(refused: Refused, request_id: str) -> bytes:
    """The refusal as RFC 9457 problem details."""
    body = problems.problem(refused.status, str(refused), code=refused.code)
    return problems.encoded({**body, "request_id": request_id, **refused.members})
