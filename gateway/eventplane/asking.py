"""Asking every service the same question in the name of whoever asked us.

The gateway decides nothing here: each service verifies the token and checks its own permission.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from gateway.proxy.identity.on_behalf import OnBehalf
from gateway.proxy.identity.tokens import IdentityUnavailable
from gateway.proxy.upstream.cluster import Cluster
from gateway.proxy.upstream.fetch import FetchFailed, fetch

T = TypeVar("T", bound=BaseModel)

SECONDS = 4.0


class Said(Enum):
    """How a service answered."""

    TOLD = "told"
    UNKNOWN = "unknown"  # it does not know who is asking
    REFUSED = "refused"  # it does, and they may not see this
    AWAY = "away"  # no answer that we can use


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """What one service said; `told` is there only if it told something."""

    said: Said
    told: T | None = None


class Asking:
    """Asks the services with the identity of a request."""

    def __init__(self, pools: Mapping[str, Cluster], on_behalf: OnBehalf) -> None:
        self._pools = pools
        self._on_behalf = on_behalf

    async def everybody(self, request: Request, path: str, shape: type[T]) -> dict[str, Reply[T]]:
        """Each service's answer to `/api/<service><path>`, asked all at once."""
        names = list(self._pools)
        replies = await asyncio.gather(*(self.one(request, name, path, shape) for name in names))
        return dict(zip(names, replies, strict=True))

    async def one(self, request: Request, service: str, path: str, shape: type[T]) -> Reply[T]:
        """What one service answers."""
        authorization = await self.authorization(request, service)
        if isinstance(authorization, Said):
            return Reply(authorization)
        try:
            answer = await fetch(
                self._pools[service],
                f"/api/{service}{path}",
                seconds=SECONDS,
                fields=[(b"authorization", authorization)],
            )
            if answer.status == 200:
                return Reply(Said.TOLD, shape.model_validate_json(answer.body))
        except (FetchFailed, ValidationError):
            return Reply(Said.AWAY)
        known = {401: Said.UNKNOWN, 403: Said.REFUSED}
        return Reply(known.get(answer.status, Said.AWAY))

    async def authorization(self, request: Request, service: str) -> bytes | Said:
        """The caller's own token, or the one that stands for their session at this service.

        UNKNOWN if they have neither, AWAY if auth does not say what the session is worth.
        """
        headers = request.headers
        try:
            found = await self._on_behalf.authorization(
                service, headers.get("authorization"), headers.get("cookie")
            )
        except IdentityUnavailable:
            return Said.AWAY
        return found or Said.UNKNOWN
