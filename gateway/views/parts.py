"""Asking for the parts of a view: at once, in one deadline, and never too many."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated, TypeVar

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ValidationError

from gateway.proxy.upstream.fetch import Answer
from gateway.refusals import (
    Refused,
    upstream_broken,
)
from gateway.views.answers import REASONS, Missing, Reason
from gateway.views.asker import Asker

T = TypeVar("T", bound=BaseModel)

SECONDS = 3.0  # for the whole view
AT_ONCE = 8  # questions of one view on their way
MOST = 40  # parts of one kind, such as the products of an order

PRIVATE = "private, no-store"
PASSED_ON = frozenset({b"content-type", b"www-authenticate", b"retry-after"})
FAREWELLS = frozenset({b"deprecation", b"sunset"})  # RFC 9745 and RFC 8594


class Instead(Exception):
    """The main part is not to be had: the view answers what its service answered."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Parts:
    """The parts of one view. `missing` tells which could not be had.

    The answer is for the caller only: no view is ever kept for somebody else. What a service says
    of the end of one of its operations becomes part of the answer.
    """

    def __init__(
        self, request: Request, response: Response, asker: Asker, seconds: float = SECONDS
    ) -> None:
        self.missing: list[Missing] = []
        response.headers["cache-control"] = PRIVATE
        self._request = request
        self._response = response
        self._asker = asker
        self._ends = time.monotonic() + seconds
        self._room = asyncio.Semaphore(AT_ONCE)

    async def main(self, service: str, path: str, shape: type[T]) -> T:
        """The part without which there is no view. Raises Instead, or Refused, if it fails."""
        answer = await self._ask(service, path)
        if answer.status != 200:
            raise Instead(answer)
        try:
            return shape.model_validate_json(answer.body)
        except ValidationError as error:
            raise upstream_broken(service) from error

    async def part(self, name: str, service: str, path: str, shape: type[T]) -> T | None:
        """A part that may be missing: then None, and `missing` says why."""
        try:
            answer = await self._ask(service, path)
            if answer.status == 200:
                return shape.model_validate_json(answer.body)
            self._miss(name, REASONS.get(answer.status, "failed"))
        except Refused as refused:
            self._miss(name, REASONS.get(refused.status, "failed"))
        except ValidationError:
            self._miss(name, "unreadable")
        return None

    async def each(
        self, name: str, service: str, paths: Mapping[str, str], shape: type[T]
    ) -> dict[str, T]:
        """Parts of one kind by key; those that are missing are not in it."""
        keys = list(paths)
        for key in keys[MOST:]:
            self._miss(f"{name}.{key}", "too-many")
        found = await asyncio.gather(
            *(self.part(f"{name}.{key}", service, paths[key], shape) for key in keys[:MOST])
        )
        return {key: each for key, each in zip(keys, found, strict=False) if each is not None}

    @property
    def has_cart(self) -> bool:
        """Whether the caller brings something that a cart could belong to."""
        headers = self._request.headers
        return any(name in headers for name in ("authorization", "cookie", "x-cart-token"))

    async def _ask(self, service: str, path: str) -> Answer:
        async with self._room:
            answer = await self._asker.ask(self._request, service, path, self._ends)
        for name, value in answer.headers:
            if name in FAREWELLS:
                self._response.headers[name.decode()] = value.decode("latin-1")
        return answer

    def _miss(self, part: str, reason: Reason) -> None:
        self.missing.append(Missing(part=part, reason=reason))


async def parts_of(request: Request, response: Response) -> Parts:
    """The parts for this request."""
    return Parts(request, response, request.app.state.asker)


PartsDep = Annotated[Parts, Depends(parts_of)]
