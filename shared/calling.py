"""Asking somebody else by HTTP, in the name and in the time of whoever asked us.

The one place that knows which HTTP client we use. What is asked from here carries the request id,
the trace and what is left of the deadline, and waits no longer than that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared import context, deadline
from shared.lean import without

with without("pygments"):  # for its command line, which takes rich along
    import httpx

CallFailed = httpx.HTTPError  # no answer, or one that `raise_for_status` does not like
Answer = httpx.Response


class _OnTime(httpx.BaseTransport):
    """Says who asks and how long we wait, on every request, redirects included."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        deadline.must_not_be_spent()
        at_hand = context.current()
        request.headers.setdefault("x-request-id", at_hand.correlation)
        request.headers.setdefault("traceparent", at_hand.traceparent)
        left = deadline.left()
        if left is not None:
            request.headers[deadline.FIELD] = str(max(1, int(left * 1000)))
            waits: dict[str, float | None] = request.extensions.get("timeout", {})
            request.extensions["timeout"] = {
                name: left if seconds is None else min(seconds, left)
                for name, seconds in waits.items()
            }
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


def client(*, base_url: str = "", timeout: float, **options: Any) -> httpx.Client:
    """A client for several questions; `timeout` in seconds for each step of each of them.

    Its requests raise CallFailed, or DeadlineSpent without having asked.
    """
    transport = _OnTime(httpx.HTTPTransport())
    return httpx.Client(base_url=base_url, timeout=timeout, transport=transport, **options)


def get(url: str, *, timeout: float, **headers: str) -> Answer:
    """Ask one question; raises CallFailed or DeadlineSpent."""
    with client(timeout=timeout) as asking:
        return asking.get(url, headers=headers)


@contextmanager
def stream(url: str, *, timeout: float) -> Iterator[Answer]:
    """Read a long answer piece by piece; raises CallFailed or DeadlineSpent."""
    with client(timeout=timeout) as asking, asking.stream("GET", url) as answer:
        yield answer
