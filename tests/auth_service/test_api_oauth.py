"""What other programs need to trust, question and revoke our tokens."""

from __future__ import annotations

from starlette.testclient import TestClient

from shared.service import Service
from shared.testing import sent_by
from tests.auth_service.builders import a_user, signed_in, tokens_of

PRIVATE_PARTS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def test_the_key_set_has_no_private_parts(client: TestClient) -> None:
    answer = client.get("/oauth2/jwks")

    keys = answer.json()["keys"]
    assert len(keys) == 2
    assert not any(PRIVATE_PARTS & set(key) for key in keys)
    assert "max-age" in answer.headers["cache-control"]


def test_metadata_lists_only_what_works(client: TestClient) -> None:
    for name in ("oauth-authorization-server", "openid-configuration"):
        found = client.get(f"/.well-known/{name}").json()

        assert found["issuer"] == "http://127.0.0.1:8000"
        assert "authorization_endpoint" not in found
        assert found["grant_types_supported"] == []
        for key, url in found.items():
            if key.endswith(("_endpoint", "_uri")):
                path = url.removeprefix(found["issuer"])
                answer = client.get(path) if key == "jwks_uri" else client.post(path)
                assert answer.status_code not in (404, 405), key


def test_a_token_can_be_questioned_by_its_own_bearer(service: Service, client: TestClient) -> None:
    user_id = a_user(service)
    tokens = tokens_of(client)
    me = {"authorization": f"Bearer {tokens['access_token']}"}

    access = client.post("/oauth2/introspect", data={"token": tokens["access_token"]}, headers=me)
    refresh = client.post("/oauth2/introspect", data={"token": tokens["refresh_token"]}, headers=me)
    nonsense = client.post("/oauth2/introspect", data={"token": "a.b.c"}, headers=me)

    assert (access.json()["active"], refresh.json()["active"]) == (True, True)
    assert access.json()["sub"] == str(user_id)
    assert access.json()["aud"] == ["auth", "catalog", "shop"]
    assert nonsense.json() == {"active": False}


def test_others_learn_nothing_about_a_token_unless_they_may_see_sessions(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    a_user(service, "eve@quintet.example")
    a_user(service, "clerk@quintet.example", permissions=["auth.view_session"])
    token = {"token": tokens_of(client)["access_token"]}

    def asked_by(email: str) -> object:
        headers = signed_in(client, email)
        return client.post("/oauth2/introspect", data=token, headers=headers).json()["active"]

    assert asked_by("eve@quintet.example") is False
    assert asked_by("clerk@quintet.example") is True
    assert client.post("/oauth2/introspect", data=token).status_code == 401


def test_whoever_holds_a_token_can_revoke_it(service: Service, client: TestClient) -> None:
    a_user(service)
    for name in ("access_token", "refresh_token"):
        tokens = tokens_of(client)

        answer = client.post("/oauth2/revoke", data={"token": tokens[name], "token_type_hint": "x"})

        me = {"authorization": f"Bearer {tokens['access_token']}"}
        assert answer.status_code == 200
        assert client.get("/api/auth/v1/users/me", headers=me).status_code == 401
    assert [event.type for event in sent_by(service)] == ["auth.session.revoked.v1"] * 2


def test_a_refresh_token_ends_its_session_although_a_refresh_was_faster(
    service: Service, client: TestClient
) -> None:
    a_user(service)
    token = tokens_of(client)["refresh_token"]
    refreshed = client.post("/api/auth/v1/tokens/refresh", json={"refresh_token": token}).json()

    client.post("/oauth2/revoke", data={"token": token})

    me = {"authorization": f"Bearer {refreshed['access_token']}"}
    assert client.get("/api/auth/v1/users/me", headers=me).status_code == 401
    assert [event.type for event in sent_by(service)] == ["auth.session.revoked.v1"]


def test_revoking_what_nobody_knows_is_no_error(client: TestClient) -> None:
    assert client.post("/oauth2/revoke", data={"token": "unknown"}).status_code == 200
    assert client.post("/oauth2/revoke", data={}).status_code == 422
