"""What other programs need to trust, question and revoke our tokens.

/.well-known/… and /oauth2/…: only what works is listed.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Response

from auth_service.api.deps import DeskDep
from auth_service.usecases.desk import Desk
from auth_service.usecases.introspection import describe, revoke
from shared.http.caching import kept_by_gateway
from shared.http.deps import SignedIn

KEYS = "auth-keys"  # the gateway forgets this group when it hears that keys were rotated

oauth = APIRouter(tags=["oauth2"])
well_known = APIRouter(tags=["oauth2"])
Token = Annotated[str, Form(max_length=16_384)]
Hint = Annotated[str, Form(max_length=100, description="Not needed: we find out ourselves.")]


@oauth.get("/jwks")
def read_jwks(desk: DeskDep, response: Response) -> dict[str, Any]:
    """The public keys that verify our tokens (RFC 7517)."""
    response.headers["cache-control"] = "public, max-age=300"
    response.headers.update(kept_by_gateway([KEYS], seconds=300))
    return desk.keyring.public()


@oauth.post("/revoke", status_code=200)
def revoke_token(desk: DeskDep, token: Token, token_type_hint: Hint = "") -> dict[str, Any]:
    """End the session of a token (RFC 7009). Whoever holds it may; unknown ones are a 200, too."""
    with desk.transactions.begin() as work:
        revoke(work, desk, token)
    return {}


@oauth.post("/introspect", status_code=200)
def introspect_token(
    desk: DeskDep, caller: SignedIn, token: Token, token_type_hint: Hint = ""
) -> dict[str, Any]:
    """What a token is good for (RFC 7662): of your own session, or with `auth.view_session` any."""
    with desk.transactions.read() as work:
        return describe(work, desk, token, by=caller)


@well_known.get("/oauth-authorization-server")
def read_server_metadata(desk: DeskDep, response: Response) -> dict[str, Any]:
    """What this authorization server can do (RFC 8414)."""
    response.headers["cache-control"] = "public, max-age=3600"
    return _metadata(desk)


@well_known.get("/openid-configuration")
def read_openid_configuration(desk: DeskDep, response: Response) -> dict[str, Any]:
    """The same, where OpenID Connect clients look for it."""
    response.headers["cache-control"] = "public, max-age=3600"
    return _metadata(desk) | {"subject_types_supported": ["public"]}


def _metadata(desk: Desk) -> dict[str, Any]:
    issuer = desk.policy.issuer
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/oauth2/jwks",
        "revocation_endpoint": f"{issuer}/oauth2/revoke",
        "revocation_endpoint_auth_methods_supported": ["none"],
        "introspection_endpoint": f"{issuer}/oauth2/introspect",
        "introspection_endpoint_auth_methods_supported": ["Bearer"],
        "response_types_supported": [],
        "grant_types_supported": [],
        "service_documentation": f"{issuer}/docs",
    }
