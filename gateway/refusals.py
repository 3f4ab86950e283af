"""What the gateway says when it will not, or cannot, pass a request on."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

Fields = tuple[tuple[bytes, bytes], ...]

CLOSE: Fields = ((b"connection", b"close"),)


class Refused(Exception):
    """The gateway answers this request itself; `code` is for programs, the text for people.

    `proxy_error` says what went wrong in the words of RFC 9209, section 2.3, if one of them fits.
    """

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Fields = (), proxy_error: str = ""
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.headers = headers
        self.proxy_error = proxy_error
        # Further members of the problem document, RFC 9457, section 3.2; may name another type.
        self.members: Mapping[str, Any] = {}

    @property
    def title(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase


def bad_request(code: str, detail: str) -> Refused:
    """The request itself is malformed, or could mean two things.

    The connection ends: who knows where the next request would begin (RFC 9112, section 11.2).
    """
    return Refused(400, code, detail, headers=CLOSE)


def no_such_address() -> Refused:
    """Nothing lives there, at least nothing that may be seen from outside."""
    return Refused(404, "not-found", "There is nothing at this address.")


def body_too_large(limit: int) -> Refused:
    """The body is longer than this address takes."""
    return Refused(413, "body-too-large", f"The body may have at most {limit} bytes here.")


def upstream_broken(service: str) -> Refused:
    """The service could not be reached, or went away before it answered."""
    return Refused(
        502,
        "upstream-unreachable",
        f"The {service} service did not answer.",
        proxy_error="connection_terminated",
    )


def upstream_slow(service: str) -> Refused:
    """The service took too long."""
    return Refused(
        504,
        "upstream-timeout",
        f"The {service} service took too long to answer.",
        proxy_error="connection_read_timeout",
    )


def upstream_full(service: str) -> Refused:
    """Every connection to the service is in use."""
    return less_than_usual(
        "upstream-busy", f"The {service} service is busy. Please try again.", seconds=1
    )


def out_of_files() -> Refused:
    """We have as many connections as we can have; the service may have nothing to do."""
    return less_than_usual(
        "gateway-busy", "There is too much to do right now. Please try again.", seconds=1
    )


def less_than_usual(code: str, detail: str, *, seconds: int) -> Refused:
    """More was asked of us than we can do; whoever asked did nothing wrong.

    The problem type is that of draft-ietf-httpapi-ratelimit-headers, section 5.2.
    """
    refused = Refused(
        503,
        code,
        detail,
        headers=((b"retry-after", b"%d" % seconds),),
        proxy_error="connection_limit_reached",
    )
    refused.members = {
        "type": "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
        "title": "Temporary Reduced Capacity",
    }
    return refused


def identity_unavailable() -> Refused:
    """We cannot find out who is asking; guessing `nobody` would be worse than saying so."""
    return Refused(
        503,
        "identity-unavailable",
        "We cannot check who you are right now. Please try again.",
        headers=((b"retry-after", b"1"),),
    )


def client_slow() -> Refused:
    """The body stopped arriving."""
    return Refused(
        408,
        "body-timeout",
        "The body of the request did not arrive in time.",
        headers=CLOSE,
    )


def internal_error() -> Refused:
    """A bug of ours."""
    return Refused(
        500,
        "internal-error",
        "Something went wrong on our side.",
        proxy_error="proxy_internal_error",
    )


def stopping() -> Refused:
    """We are being stopped, and this took longer than we wait."""
    return Refused(
        503,
        "stopping",
        "The server is being restarted. Please try again.",
        headers=((b"retry-after", b"1"), *CLOSE),
    )
