"""What the gateway says when it will not, or cannot, pass a request on."""

from __future__ import annotations

from http import HTTPStatus

Fields = tuple[tuple[bytes, bytes], ...]


class Refused(Exception):
    """The gateway answers this request itself; `code` is for programs, the text for people."""

    def __init__(self, status: int, code: str, detail: str, *, headers: Fields = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.headers = headers

    @property
    def title(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase


def bad_request(code: str, detail: str) -> Refused:
    """The request itself is malformed, or could mean two things."""
    return Refused(400, code, detail)


def no_such_address() -> Refused:
    """Nothing lives there, at least nothing that may be seen from outside."""
    return Refused(404, "not-found", "There is nothing at this address.")


def body_too_large(limit: int) -> Refused:
    """The body is longer than this address takes."""
    return Refused(413, "body-too-large", f"The body may have at most {limit} bytes here.")


def upstream_broken(service: str) -> Refused:
    """The service could not be reached, or went away before it answered."""
    return Refused(502, "upstream-unreachable", f"The {service} service did not answer.")


def upstream_slow(service: str) -> Refused:
    """The service took too long."""
    return Refused(504, "upstream-timeout", f"The {service} service took too long to answer.")


def upstream_full(service: str) -> Refused:
    """Every connection to the service is in use."""
    return Refused(
        503,
        "upstream-busy",
        f"The {service} service is busy. Please try again.",
        headers=((b"retry-after", b"1"),),
    )


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
        headers=((b"connection", b"close"),),
    )


def internal_error() -> Refused:
    """A bug of ours."""
    return Refused(500, "internal-error", "Something went wrong on our side.")


def stopping() -> Refused:
    """We are being stopped, and this took longer than we wait."""
    return Refused(
        503,
        "stopping",
        "The server is being restarted. Please try again.",
        headers=((b"retry-after", b"1"), (b"connection", b"close")),
    )
