"""Who may call an operation: checked here, and told in the OpenAPI document from the same source.

The gateway reads it there and refuses early whoever the service would refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from shared.identity import ANONYMOUS, Principal

PERMISSIONS = "x-permissions"  # in an operation: what its caller must hold, all of it

# How a client may say who it is. Browsers hold a session; the gateway makes it a token for us.
WAYS_IN: dict[str, Any] = {
    "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
    "session": {"type": "apiKey", "in": "cookie", "name": "quintet_session"},
}


async def caller_of(request: Request) -> Principal:
    """Whoever calls: verified by the root application, ANONYMOUS without a token."""
    caller: Principal = request.scope.get("state", {}).get("caller", ANONYMOUS)
    return caller


async def signed_in(caller: Annotated[Principal, Depends(caller_of)]) -> Principal:
    """A caller whom we know; 401 otherwise."""
    _ = caller.id
    return caller


@dataclass(frozen=True)
class Needs:
    """A dependency: a caller who holds this permission; 401 or 403 otherwise."""

    permission: str

    async def __call__(self, caller: Annotated[Principal, Depends(caller_of)]) -> Principal:
        """Check it."""
        caller.must(self.permission)
        return caller


class Api(FastAPI):
    """An API whose document says of every operation who may call it."""

    def openapi(self) -> dict[str, Any]:
        """The document, with the ways to sign in that its operations name."""
        document = super().openapi()
        document.setdefault("components", {})["securitySchemes"] = WAYS_IN
        return document


def describe_access(route: APIRoute) -> None:
    """Say in the route's OpenAPI who may call it, as its dependencies have it.

    `security` is empty where nobody asks who calls, and has `{}` among its ways where strangers
    are welcome, too; permissions are in `x-permissions`.
    """
    asked = list(_calls(route.dependant))
    permissions = sorted({each.permission for each in asked if isinstance(each, Needs)})
    ways: list[dict[str, list[str]]] = [{name: []} for name in WAYS_IN]
    if not permissions and signed_in not in asked:
        ways = [*ways, {}] if caller_of in asked else []
    said: dict[str, Any] = {"security": ways}
    if permissions:
        said[PERMISSIONS] = permissions
    route.openapi_extra = said | (route.openapi_extra or {})


def _calls(dependant: Dependant) -> Iterator[object]:
    for each in dependant.dependencies:
        yield each.call
        yield from _calls(each)
