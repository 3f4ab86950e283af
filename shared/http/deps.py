"""What JSON routes may ask for in their signature: work, the caller, an idempotency key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from shared.errors import Invalid
from shared.http.access import Needs, caller_of, signed_in
from shared.http.api import Replayed, kept_answer
from shared.idempotency import Answer, KeyedRequest, claim, keep
from shared.identity import Principal
from shared.service import Service
from shared.work import Work


class IdempotencyKeyMissing(Invalid):
    """This request moves money or goods and must carry an Idempotency-Key."""


def service_of(request: Request) -> Service:
    """The service that answers this request."""
    service: Service = request.app.state.service
    return service


def begin_work(request: Request) -> Iterator[Work]:
    """One transaction for this request."""
    with service_of(request).transactions.begin() as work:
        yield work


def begin_reading(request: Request) -> Iterator[Work]:
    """A look at the data, without a write lock."""
    with service_of(request).transactions.read() as work:
        yield work


def needs(permission: str) -> Any:
    """`caller: Annotated[Principal, needs("catalog.change_price")]`: 401 or 403 without it."""
    return Depends(Needs(permission))


# scope="function": commit before the answer leaves, so that a 201 is never a lie.
WorkDep = Annotated[Work, Depends(begin_work, scope="function")]
ReadDep = Annotated[Work, Depends(begin_reading, scope="function")]
ServiceDep = Annotated[Service, Depends(service_of)]
Caller = Annotated[Principal, Depends(caller_of)]
SignedIn = Annotated[Principal, Depends(signed_in)]


@dataclass(frozen=True, slots=True)
class Keyed:
    """A mutation that may be repeated: with a key, the second time gets the first answer."""

    key: str | None
    fingerprint: str
    keys: Any

    def must_have_key(self) -> None:
        """Refuse a request without a key."""
        if not self.key:
            raise IdempotencyKeyMissing(
                "Send an Idempotency-Key header, so that a repeated request is harmless.",
                fields={"Idempotency-Key": "is required here; any unique text will do"},
            )

    def once(
        self,
        work: Work,
        caller: str,
        act: Callable[[], BaseModel],
        *,
        status: int = 201,
        location: Callable[[Any], str] | None = None,
    ) -> Response:
        """Run `act` unless this key was answered before for `caller`; keep what it answers.

        Raises Replayed (turned into the kept answer) or IdempotencyKeyReused.
        """
        request = KeyedRequest(caller, self.key, self.fingerprint) if self.key else None
        if request:
            kept = claim(work.session, self.keys, request)
            if kept:
                raise Replayed(kept)
        made = act()
        where = location(made) if location else ""
        answer = Answer(status, made.model_dump_json(), where)
        if request:
            keep(work.session, self.keys, request, answer)
        return kept_answer(answer)


async def keyed(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            max_length=255,
            description="Any unique text. A repeat with the same key gets the first answer.",
        ),
    ] = None,
) -> Keyed:
    """The request's Idempotency-Key, with a digest of all that the request says."""
    said = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    digest = hashlib.sha256(said + await request.body()).hexdigest()
    return Keyed(idempotency_key, digest, service_of(request).tables.keys)


KeyedDep = Annotated[Keyed, Depends(keyed)]
