"""What auth's routes may ask for besides what every service has."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Header, Request

from auth_service.domain.visits import Visit
from auth_service.usecases.desk import Desk
from shared.http.deps import Keyed, KeyedDep


def desk_of(request: Request) -> Desk:
    """The desk of this process."""
    desk: Desk = request.app.state.desk
    return desk


DeskDep = Annotated[Desk, Depends(desk_of)]


def visit_of(request: Request, desk: DeskDep) -> Visit:
    """From where and with what the caller comes."""
    return Visit.through(
        desk.policy.trusted_proxies,
        request.client.host if request.client else "",
        request.headers.get("x-forwarded-for", ""),
        request.headers.get("user-agent", ""),
    )


VisitDep = Annotated[Visit, Depends(visit_of)]


def sealed_key(keyed: KeyedDep, desk: DeskDep) -> Keyed:
    """The Idempotency-Key, with a digest that tells nothing about a password in the body.

    A plain SHA-256 of a body could be searched for its password far faster than Argon2id.
    """
    sealed = hmac.new(desk.fingerprint_secret, keyed.fingerprint.encode(), "sha256").hexdigest()
    return replace(keyed, fingerprint=sealed)


SealedKeyDep = Annotated[Keyed, Depends(sealed_key)]
IfMatch = Annotated[str | None, Header(description="The ETag of the version you have seen.")]
