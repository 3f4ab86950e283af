"""Tokens are verified as RFC 9068 section 4 says, and keys outlive a short absence of auth."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from shared.errors import Unavailable
from shared.service import Service
from shared.testing import public_keys, signing_key, token_for
from shared.tokens import KeySource, TokenRefused, TokenVerifier


def verifier_with(source: KeySource, service: Service) -> TokenVerifier:
    return TokenVerifier(source, issuer=service.settings.public_url, audience=service.name)


def test_a_token_signed_by_auth_is_who_it_says(service: Service) -> None:
    verifier = verifier_with(KeySource(public_keys), service)

    principal = verifier.verify(token_for(service, permissions=["tally.count"], staff=True))

    assert principal.may("tally.count")
    assert principal.staff
    assert not principal.superuser


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(service: Service) -> None:
    payload = token_for(service).split(".")[1]
    header = _encoded(b'{"alg":"HS256","typ":"at+jwt","kid":"test-key"}')
    pem = signing_key().as_pem(private=False)
    seal = hmac.new(pem, f"{header}.{payload}".encode(), hashlib.sha256).digest()
    forged = f"{header}.{payload}.{_encoded(seal)}"

    with pytest.raises(TokenRefused):
        verifier_with(KeySource(public_keys), service).verify(forged)


def test_a_token_of_another_type_is_no_access_token(service: Service) -> None:
    claims = jwt.decode(token_for(service), signing_key()).claims
    header = {"alg": "RS256", "typ": "JWT", "kid": "test-key"}

    with pytest.raises(TokenRefused):
        verifier_with(KeySource(public_keys), service).verify(
            jwt.encode(header, claims, signing_key())
        )


def test_a_token_with_the_right_kid_and_a_wrong_key_is_refused(service: Service) -> None:
    claims = jwt.decode(token_for(service), signing_key()).claims
    stranger = RSAKey.generate_key(2048, {"kid": "test-key"})
    header = {"alg": "RS256", "typ": "at+jwt", "kid": "test-key"}

    with pytest.raises(TokenRefused):
        verifier_with(KeySource(public_keys), service).verify(jwt.encode(header, claims, stranger))


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "." * 10, "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_refused(service: Service, token: str) -> None:
    with pytest.raises(TokenRefused):
        verifier_with(KeySource(public_keys), service).verify(token)


def test_unknown_kids_do_not_make_us_ask_auth_each_time(service: Service) -> None:
    asked: list[int] = []

    def fetch() -> Mapping[str, Any]:
        asked.append(1)
        return public_keys()

    source = KeySource(fetch)
    for at in range(50):
        source.keys_for(f"unknown-{at}")

    assert len(asked) == 1


def test_without_any_key_yet_we_say_come_back_and_not_who_are_you(service: Service) -> None:
    def fetch() -> Mapping[str, Any]:
        raise httpx.ConnectError("auth is away")

    with pytest.raises(Unavailable):
        verifier_with(KeySource(fetch), service).verify(token_for(service))


def test_an_ended_sessions_tokens_are_forgotten(service: Service) -> None:
    verifier = verifier_with(KeySource(public_keys), service)
    token = token_for(service, sid="session-1")
    verifier.verify(token)

    verifier.forget_session("session-1")

    assert verifier.recall(token) is None


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
