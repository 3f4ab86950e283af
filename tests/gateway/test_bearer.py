"""Bearer tokens at the door: what is good passes, all else is a 401 that tells nothing."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey

from tests.gateway.conftest import Services
from tests.gateway.signing import Auth, bearer, claims, jwks, key, token
from tests.gateway.stage import RunningGateway, connect, get, status_of, talk, wait_until

Open = Callable[..., RunningGateway]


@pytest.fixture
def fresh(open_gateway: Open) -> RunningGateway:
    """A gateway that knows no keys yet."""
    return open_gateway()


@pytest.fixture
def auth(services: Services) -> Auth:
    return Auth(services.auth)


def status(gateway: RunningGateway, written: str) -> int:
    return get(f"{gateway.url}/cart", authorization=f"Bearer {written}").status_code


def encoded(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_a_good_token_passes_and_auth_is_asked_for_its_keys_once(
    fresh: RunningGateway, services: Services, auth: Auth
) -> None:
    mine, yours = bearer(), bearer()

    statuses = {get(f"{fresh.url}/cart", **each).status_code for each in (mine, yours, mine)}

    assert statuses == {200}
    assert auth.asked == 1
    assert services.shop.seen[0].one("authorization") == mine["authorization"]


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_the_name_of_the_scheme_may_be_written_in_any_case(
    fresh: RunningGateway, auth: Auth, scheme: str
) -> None:  # RFC 9110, section 11.1
    assert get(f"{fresh.url}/cart", authorization=f"{scheme} {token()}").status_code == 200


def garbage() -> list[tuple[str, str]]:
    """Tokens that could never be ours (RFC 8725 says why to refuse most of them)."""
    good, body = token(), claims()
    head, payload, signature = good.split(".")
    public = json.dumps(jwks(key())["keys"][0]).encode()
    rs = {"alg": "RS256", "typ": "at+jwt", "kid": "first"}
    hs = jws.serialize_compact({**rs, "alg": "HS256"}, json.dumps(body), OctKey.import_key(public))
    own = RSAKey.generate_key(2048, {"kid": "first"})
    return [
        ("word", "mine"),
        ("two parts", f"{head}.{payload}"),
        ("five parts", f"{good}.a.b"),
        ("alg none", f"{encoded({**rs, 'alg': 'none'})}.{payload}."),
        ("alg None", f"{encoded({**rs, 'alg': 'None'})}.{payload}.{signature}"),
        ("no alg", f"{encoded({'typ': 'at+jwt', 'kid': 'first'})}.{payload}.{signature}"),
        ("HS256 with the public key as secret", hs),
        ("signed by somebody else", token(own)),
        ("a key brought along", token(own, header={"jwk": own.as_dict(private=False)})),
        ("a key pointed to", token(own, header={"jku": "http://127.0.0.1:1/jwks"})),
        ("a certificate pointed to", token(own, header={"x5u": "http://127.0.0.1:1/cert"})),
        ("payload changed", f"{head}.{encoded({**body, 'superuser': True})}.{signature}"),
        ("signature cut", good[:-4]),
        ("signature of another", f"{head}.{payload}.{token().rpartition('.')[2]}"),
        ("padded", f"{good}=="),
        ("spelt otherwise", f"{head}.{payload}.{signature}\u00b7"),
        ("no JSON", f"{encoded(b'{')}.{payload}.{signature}"),
        ("a list", f"{encoded([1])}.{payload}.{signature}"),
        ("deeply nested", f"{encoded(b'[' * 4000)}.{payload}.{signature}"),
        ("very long", f"{head}.{'A' * 9000}.{signature}"),
    ]


def test_the_word_bearer_alone_is_no_token(fresh: RunningGateway, auth: Auth) -> None:
    raw = b"GET /cart HTTP/1.1\r\nhost: a\r\nauthorization: Bearer%b\r\n\r\n"

    assert status_of(talk(fresh.port, raw % b"")) == 401
    assert status_of(talk(fresh.port, raw % b" ")) == 401


def test_what_is_no_token_of_ours_is_refused_and_nobody_is_asked(
    fresh: RunningGateway, services: Services, auth: Auth
) -> None:
    assert status(fresh, token()) == 200
    services.shop.seen.clear()

    statuses = {
        name: httpx.get(
            f"{fresh.url}/cart", headers=[(b"authorization", b"Bearer " + each.encode("latin-1"))]
        ).status_code
        for name, each in garbage()
    }

    assert set(statuses.values()) == {401}, statuses
    assert services.shop.seen == []
    assert auth.asked == 1


NOW = time.time()


def shown(said: dict[str, Any]) -> str:
    """The same words in every process: times as seconds from now."""
    return str({key: round(v - NOW) if isinstance(v, float) else v for key, v in said.items()})


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"typ": "JWT"}, {}),  # an ID token: RFC 8725, section 3.11
        ({"typ": None}, {}),
        ({"typ": "logout+jwt"}, {}),
        ({"crit": ["b64"], "b64": True}, {}),  # RFC 7515, section 4.1.11
        ({"kid": 7}, {}),
        ({}, {"iss": "http://evil.example"}),
        ({}, {"iss": None}),
        ({}, {"aud": "elsewhere"}),
        ({}, {"aud": []}),
        ({}, {"aud": None}),
        ({}, {"aud": {"shop": 1}}),
        ({}, {"sub": None}),
        ({}, {"sub": ""}),
        ({}, {"exp": None}),
        ({}, {"exp": NOW - 31}),
        ({}, {"exp": "tomorrow"}),
        ({}, {"exp": True}),
        ({}, {"exp": NOW + 30 * 86_400}),  # lives longer than any revocation is remembered
        ({}, {"nbf": NOW + 600}),
        ({}, {"nbf": "now"}),
    ],
    ids=shown,
)
def test_well_signed_tokens_must_say_the_right_things(
    gateway: RunningGateway, auth: Auth, header: dict[str, Any], said: dict[str, Any]
) -> None:  # RFC 9068, section 4
    head = {"alg": "RS256", "typ": "at+jwt", "kid": "first"} | header
    wanted = {name: value for name, value in head.items() if value is not None}
    signing_input = f"{encoded(wanted)}.{encoded(claims(**said))}"
    made = signed(signing_input)

    assert status(gateway, made) == 401


def signed(signing_input: str) -> str:
    """A signature over whatever it is, as no library would make it."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    private: Any = key().private_key
    signature = private.sign(signing_input.encode(), PKCS1v15(), SHA256())
    return f"{signing_input}.{encoded(signature)}"


@pytest.mark.parametrize(
    "said",
    [
        {"aud": "shop"},
        {"aud": ["elsewhere", "catalog"]},
        {"exp": NOW - 5},  # clocks differ a little
        {"nbf": NOW + 20},
        {"iat": NOW + 3600},  # not a validity test
        {"iat": None, "jti": None, "client_id": None, "scope": None, "sid": None},
    ],
    ids=shown,
)
def test_tokens_that_differ_only_where_they_may_pass(
    gateway: RunningGateway, auth: Auth, said: dict[str, Any]
) -> None:
    if "exp" in said:
        said = {"exp": time.time() - 5}
    assert status(gateway, token(**said)) == 200


def test_a_refusal_challenges_by_rfc_6750_and_tells_nothing(
    fresh: RunningGateway, auth: Auth
) -> None:  # section 3
    expired = get(f"{fresh.url}/api/shop/v1/cart", **bearer(exp=time.time() - 3600))
    forged = get(f"{fresh.url}/api/shop/v1/cart", authorization="Bearer a.b.c")

    told = [
        {name: value for name, value in each.json().items() if name != "request_id"}
        for each in (expired, forged)
    ]
    assert told[0] == told[1]
    for each in (expired, forged):
        assert each.status_code == 401
        assert each.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
        assert each.headers["content-type"] == "application/problem+json"


def test_an_expired_token_is_refused_although_it_was_good_before(
    fresh: RunningGateway, auth: Auth
) -> None:
    short = token(exp=time.time() - 29)  # within the leeway, for a second

    assert status(fresh, short) == 200
    wait_until(lambda: status(fresh, short) == 401)


def test_other_schemes_are_for_the_service_to_judge(
    fresh: RunningGateway, services: Services, auth: Auth
) -> None:
    assert get(f"{fresh.url}/cart", authorization="Basic YTpi").status_code == 200
    assert services.shop.seen[0].one("authorization") == "Basic YTpi"
    assert auth.asked == 0


def test_files_that_are_the_same_for_all_need_no_token_and_get_none(
    fresh: RunningGateway, services: Services, auth: Auth
) -> None:
    answer = get(f"{fresh.url}/static/shared/site.css", authorization="Bearer rubbish")

    assert answer.status_code == 200
    assert services.catalog.seen[0].all("authorization") == []


def test_keys_that_auth_cannot_give_are_no_reason_to_call_a_token_bad(
    fresh: RunningGateway, services: Services, auth: Auth
) -> None:
    auth.down = True

    answer = get(f"{fresh.url}/api/shop/v1/cart", **bearer())

    assert answer.status_code == 503
    assert answer.json()["type"].endswith("identity-unavailable")
    assert answer.headers["retry-after"]
    assert services.shop.seen == []


def test_verified_tokens_pass_while_auth_is_away(fresh: RunningGateway, auth: Auth) -> None:
    known, other = token(), token()
    assert status(fresh, known) == 200

    auth.down = True

    assert (status(fresh, known), status(fresh, other)) == (200, 200)


def test_a_flood_of_bad_tokens_is_not_looked_at_and_hinders_nobody_who_is_known(
    fresh: RunningGateway, services: Services, auth: Auth
) -> None:
    known, unknown = bearer(), bearer()
    assert get(f"{fresh.url}/cart", **known).status_code == 200
    bad = b"GET /cart HTTP/1.1\r\nhost: a\r\nauthorization: Bearer a.b.c\r\n\r\n"

    with connect(fresh.port) as flood:
        flood.sendall(bad * 400)
        wait_until(lambda: fresh.app.identity.floods.refused)
        beside = get(f"{fresh.url}/cart", **known).status_code

    assert beside == 200
    wait_until(lambda: get(f"{fresh.url}/cart", **unknown).status_code == 200)


def test_one_token_in_many_spellings_is_remembered_once(fresh: RunningGateway, auth: Auth) -> None:
    mine = token()

    for scheme in ("Bearer", "bearer", "BEARER", "bEARER", "Bearer ", "BeArEr"):
        assert get(f"{fresh.url}/cart", authorization=f"{scheme} {mine}").status_code == 200

    assert len(fresh.app.identity.bearer) == 2
