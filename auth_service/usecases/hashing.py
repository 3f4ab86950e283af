"""Password hashes: Argon2id, a few at a time, the same work whether or not there is an account."""

from __future__ import annotations

import os
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from prometheus_client import Counter

from auth_service.domain.errors import HasherBusy
from auth_service.domain.passwords import one_form

ROUNDS, LANES = 2, 1  # with 19 MiB, as OWASP's Password Storage Cheat Sheet has it
COMPUTED = Counter("auth_password_hashes", "Password hashes computed.")


class Hasher:
    """Computes hashes `at_once` side by side; `waiting` more queue up, the rest is refused.

    Each one takes 19 MiB and a core for some 20 ms: without a bound, a flood of sign-ins would
    take the memory and the processor of everybody else.
    """

    def __init__(self, *, at_once: int, waiting: int, memory_kib: int) -> None:
        self._argon = PasswordHasher(ROUNDS, memory_kib, LANES)
        self._turns = threading.BoundedSemaphore(at_once)
        self._room = threading.BoundedSemaphore(at_once + waiting)
        self._nobodys = _hash_that_fits_nothing(memory_kib)

    def hash(self, password: str) -> str:
        """The hash to store."""
        with self._turn():
            return self._argon.hash(one_form(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether the password is right. Without a stored hash: just as slow, and never right."""
        with self._turn():
            try:
                return self._argon.verify(stored or self._nobodys, one_form(password))
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than those of today."""
        return self._argon.check_needs_rehash(stored)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._room.acquire(blocking=False):
            raise HasherBusy
        try:
            with self._turns:
                COMPUTED.inc()
                yield
        finally:
            self._room.release()


def _hash_that_fits_nothing(memory_kib: int) -> str:
    salt, hashed = (b64encode(os.urandom(size)).rstrip(b"=").decode() for size in (16, 32))
    return f"$argon2id$v=19$m={memory_kib},t={ROUNDS},p={LANES}${salt}${hashed}"
