"""How we say that a service must be left alone for a while, or that no time is left."""

from __future__ import annotations

from gateway.refusals import Refused, less_than_usual

SPENT = "deadline-spent"  # the code of what the client's own haste brought about


def resting(service: str, seconds: int) -> Refused:
    """The service failed so often that it is left alone; ask again in so many seconds."""
    return Refused(
        503,
        "upstream-resting",
        f"The {service} service is in trouble. Please try again in a moment.",
        headers=((b"retry-after", b"%d" % seconds),),
        proxy_error="destination_unavailable",
    )


def crowded(service: str) -> Refused:
    """The service has as much to do as it can bear."""
    return less_than_usual(
        "upstream-crowded",
        f"The {service} service has too much to do. Please try again.",
        seconds=1,
    )


def deadline_spent() -> Refused:
    """The time was over before anything was done: RFC 9110, section 15.6.5."""
    return Refused(
        504,
        SPENT,
        "There was no time left to do this.",
        proxy_error="http_response_timeout",
    )
