"""How a view asks one service: in the caller's name, through the gate, within a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request

from gateway.proxy.edge.headers import Head
from gateway.proxy.flight import Flight
from gateway.proxy.identity.on_behalf import OnBehalf
from gateway.proxy.identity.tokens import IdentityUnavailable
from gateway.proxy.resilience.admission import Gates, Outcome
from gateway.proxy.routing.route import Route
from gateway.proxy.upstream.cluster import Cluster
from gateway.proxy.upstream.connection import Fields
from gateway.proxy.upstream.fetch import Answer, FetchFailed, fetch
from gateway.proxy.upstream.pool import OutOfFiles, PoolFull
from gateway.refusals import (
    Refused,
    identity_unavailable,
    out_of_files,
    upstream_broken,
    upstream_full,
    upstream_slow,
)
from shared import deadline

NO_ANSWERS = frozenset({502, 503, 504})


@dataclass(frozen=True, eq=False, slots=True)
class Errand:
    """One question of a view at the gate of a service."""

    route: Route
    head: Head


class Asker:
    """Asks services over the gateway's own connections, in the name of the caller.

    Each question passes the gate of its service, as a forwarded request does: one that is in
    trouble, or has too much to do, is not asked.
    """

    def __init__(self, pools: Mapping[str, Cluster], on_behalf: OnBehalf, gates: Gates) -> None:
        self._pools = pools
        self._on_behalf = on_behalf
        self._gates = gates

    async def ask(self, request: Request, service: str, path: str, ends: float) -> Answer:
        """The service's answer; raises Refused if there is none before the clock says `ends`."""
        if service not in self._pools:
            raise upstream_broken(service)
        flight: Flight = request.state.flight
        gate, errand = self._gates[service], Errand(flight.route, flight.head)
        try:
            async with asyncio.timeout(ends - time.monotonic()):
                fields = await self._fields(request, service)
                if not gate.enter(errand):
                    await gate.wait(errand)
        except IdentityUnavailable as error:
            raise identity_unavailable() from error
        except TimeoutError as error:
            raise upstream_slow(service) from error
        outcome, began = Outcome.NEITHER, time.monotonic()
        try:
            answer = await self._fetch(service, path, fields, ends - began)
            outcome = Outcome.BAD if answer.status in NO_ANSWERS else Outcome.GOOD
        except FetchFailed as error:
            outcome = Outcome.NEITHER if isinstance(error.__cause__, PoolFull) else Outcome.BAD
            raise _refused(service, error.__cause__) from error
        finally:
            gate.leave(errand, outcome, time.monotonic() - began)
        return answer

    async def _fetch(self, service: str, path: str, fields: Fields, seconds: float) -> Answer:
        left = (deadline.FIELD.encode(), b"%d" % max(1, int(seconds * 1000)))
        cluster = self._pools[service]
        path = f"/api/{service}{path}"
        return await fetch(cluster, path, seconds=seconds, fields=[*fields, left])

    async def _fields(self, request: Request, service: str) -> Fields:
        """Who asks, and in which request; nothing else of what came is passed on."""
        headers = request.headers
        cookie = headers.get("cookie")
        given = headers.get("authorization")
        authorization = await self._on_behalf.authorization(service, given, cookie)
        cart = self._on_behalf.cart(cookie)
        fields: Fields = [(b"x-request-id", request.state.request_id.encode())]
        if authorization is not None:
            fields.append((b"authorization", authorization))
        if cart is not None:
            fields.append((b"cookie", cart))
        fields += [
            (name.encode(), headers[name].encode("latin-1"))
            for name in ("x-cart-token", "traceparent", "accept-language")
            if name in headers
        ]
        return fields


def _refused(service: str, error: BaseException | None) -> Refused:
    if isinstance(error, TimeoutError):
        return upstream_slow(service)
    if isinstance(error, OutOfFiles):
        return out_of_files()
    if isinstance(error, PoolFull):
        return upstream_full(service)
    return upstream_broken(service)
