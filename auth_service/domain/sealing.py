"""Encryption at rest: what the database holds is of no use without the secret key."""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE = 12  # NIST SP 800-38D §8.2.1


class CannotOpen(ValueError):
    """This was sealed with another secret, or tampered with."""


def derived_key(secret: str, purpose: str) -> bytes:
    """A 256-bit key for one purpose; knowing it tells nothing about the keys of others."""
    return HKDF(SHA256(), 32, salt=None, info=f"quintet/{purpose}".encode()).derive(secret.encode())


def seal(key: bytes, text: str, *, label: str) -> str:
    """Encrypt `text`; it opens only under the same `label`."""
    nonce = os.urandom(NONCE)
    sealed = AESGCM(key).encrypt(nonce, text.encode(), label.encode())
    return urlsafe_b64encode(nonce + sealed).decode()


def unseal(key: bytes, sealed: str, *, label: str) -> str:
    """What was sealed under this label; raises CannotOpen."""
    try:
        raw = urlsafe_b64decode(sealed)
        return AESGCM(key).decrypt(raw[:NONCE], raw[NONCE:], label.encode()).decode()
    except (InvalidTag, ValueError):
        raise CannotOpen("sealed with another secret key") from None
