"""Forged tokens are refused, whatever they try."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from auth_service.app import desk_of
from shared.service import Service
from shared.testing import Databases, client_of
from tests.auth_service.builders import HASH_MEMORY_KIB, a_user, tokens_of

ME = "/api/auth/v1/users/me"
NOBODY = "01a1fdca-41e8-709b-80d6-8398e976b969"


@functools.cache
def own_key() -> RSAKey:
    """A key that is not ours; making one takes a while."""
    return RSAKey.generate_key(2048)


@dataclass
class Forger:
    """Somebody with a good token of their own, our public keys, and a key of theirs."""

    good: str
    header: dict[str, Any]
    claims: dict[str, Any]
    public: dict[str, Any]
    own: RSAKey

    @classmethod
    def meets(cls, client: TestClient) -> Forger:
        """What a client can learn from us."""
        good = tokens_of(client)["access_token"]
        header, claims = (json.loads(_decoded(part)) for part in good.split(".")[:2])
        public = client.get("/oauth2/jwks").json()["keys"][0]
        return cls(good, header, claims, public, own_key())

    def signed(self, **header: Any) -> str:
        """With a key of their own."""
        said = {name: value for name, value in {**self.header, **header}.items() if value}
        return jwt.encode(said, {**self.claims, "superuser": True}, self.own)

    def raw(self, algorithm: str, secret: bytes) -> str:
        """Put together by hand."""
        parts = ({**self.header, "alg": algorithm}, self.claims)
        said = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
        signature = hmac.digest(secret, said.encode(), hashlib.sha256) if secret else b""
        return f"{said}.{_encoded(signature)}"

    def with_more_rights(self) -> str:
        """Other claims under the old signature."""
        header, _, signature = self.good.split(".")
        more = json.dumps({**self.claims, "superuser": True}).encode()
        return f"{header}.{_encoded(more)}.{signature}"

    def pem(self) -> bytes:
        """Our public key as a file."""
        return RSAKey.import_key(self.public).as_pem(private=False)


FORGERIES: dict[str, Callable[[Forger], str]] = {
    "no signature": lambda forger: forger.raw("none", b""),
    "no signature, in capitals": lambda forger: forger.raw("NONE", b""),
    "public key as secret": lambda forger: forger.raw("HS256", forger.pem()),
    "public jwk as secret": lambda forger: forger.raw("HS256", json.dumps(forger.public).encode()),
    "own key under our kid": lambda forger: forger.signed(),
    "own key in the header": lambda forger: forger.signed(jwk=forger.own.as_dict(private=False)),
    "own key at an address": lambda forger: forger.signed(jku="https://evil.example/jwks"),
    "unknown kid": lambda forger: forger.signed(kid="nobody"),
    "path as kid": lambda forger: forger.signed(kid="../../dev/null"),
    "no kid": lambda forger: forger.signed(kid=None),
    "more rights": lambda forger: forger.with_more_rights(),
    "cut short": lambda forger: forger.good[:-10],
    "nothing": lambda forger: "..",
    "not even dots": lambda forger: "token",
}

MISUSES: dict[str, dict[str, Any]] = {
    "for another service": {"aud": ["shop"]},
    "for nobody": {"aud": None},
    "from elsewhere": {"iss": "https://elsewhere.example"},
    "expired": {"exp": 1_700_000_000, "iat": 1_699_999_000},
    "without end": {"exp": None},
    "of another session": {"sid": NOBODY},
    "of no session": {"sid": "nonsense"},
    "of another user": {"sub": NOBODY},
    "of no user": {"sub": "nonsense"},
}


@pytest.fixture(scope="module")
def house(databases: Databases) -> Iterator[Service]:
    """One auth for all forgers: they change nothing."""
    with databases.service(hash_memory_kib=HASH_MEMORY_KIB) as found:
        found.key_source = None
        a_user(found)
        yield found


@pytest.fixture(scope="module")
def client(house: Service) -> TestClient:
    return client_of(house)


@pytest.fixture(scope="module")
def forger(client: TestClient) -> Forger:
    return Forger.meets(client)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_token_is_refused(client: TestClient, forger: Forger, name: str) -> None:
    token = FORGERIES[name](forger)

    assert _answer(client, token) == 401
    assert _answer(client, forger.good) == 200


@pytest.mark.parametrize("name", MISUSES)
def test_a_token_of_ours_is_refused_where_it_does_not_belong(
    house: Service, client: TestClient, forger: Forger, name: str
) -> None:
    claims = {**forger.claims, **MISUSES[name]}

    token = desk_of(house).keyring.sign(
        {key: value for key, value in claims.items() if value is not None}
    )

    assert _answer(client, token) == 401


@pytest.mark.parametrize("typ", ["JWT", "", "at+jws", "id+jwt"])
def test_a_token_of_another_type_is_refused(
    house: Service, client: TestClient, forger: Forger, typ: str
) -> None:
    key = desk_of(house).keyring._active_key()

    token = jwt.encode({"alg": "RS256", "typ": typ, "kid": str(key.kid)}, forger.claims, key)

    assert _answer(client, token) == 401


def test_a_flood_of_unknown_keys_does_not_lock_out_good_tokens(
    client: TestClient, forger: Forger
) -> None:
    answers = {_answer(client, forger.signed(kid=f"kid-{number}")) for number in range(20)}

    assert answers == {401}
    assert _answer(client, tokens_of(client)["access_token"]) == 200


def _answer(client: TestClient, token: str) -> int:
    return client.get(ME, headers={"authorization": f"Bearer {token}"}).status_code


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
