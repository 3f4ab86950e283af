"""Signing keys: made at first need, published before they are used, retired, forgotten."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey
from sqlalchemy import delete, update
from sqlalchemy.exc import DBAPIError

from auth_service.db.keys import ACTIVE, NEXT, RETIRED, all_keys, key_in_state, lock_keys_in_use
from auth_service.db.models import SigningKey
from auth_service.domain.errors import KeysUnreadable
from auth_service.domain.sealing import CannotOpen, derived_key, seal, unseal
from auth_service.events.published import KeysRotated
from shared import clock
from shared.database import insert_if_absent
from shared.logging import get
from shared.work import Transactions, Work

log = get(__name__)

ALGORITHM = "RS256"
BITS = 2048
# Seconds until a process notices that another one rotated the keys. What it signs until then with
# a key that was dropped is worth nothing.
LOOK_AGAIN_AFTER = 1.0


class Keyring:
    """Signs with the active key of this database; its private half is opened here and only here."""

    def __init__(self, transactions: Transactions, secret: str) -> None:
        self._transactions = transactions
        self._seal = derived_key(secret, "signing-keys")
        self._lock = threading.Lock()
        self._active: RSAKey | None = None
        self._looked_at = 0.0

    def sign(self, claims: dict[str, Any]) -> str:
        """A JWT access token (RFC 9068) with these claims."""
        key = self._active_key()
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": str(key.kid)}
        return jwt.encode(header, claims, key)

    def public(self) -> dict[str, Any]:
        """The JWKS: the public halves of all keys that may have signed something that lives."""
        self._active_key()
        with self._transactions.read() as work:
            return {"keys": [json.loads(row.public) for row in all_keys(work)]}

    def problem(self) -> str:
        """What keeps us from signing; "" when nothing does."""
        try:
            self._active_key()
        except KeysUnreadable as error:
            return str(error)
        except DBAPIError:
            return "cannot be read"
        return ""

    def new_pair(self) -> list[dict[str, Any]]:
        """Rows for an active and a next key. This is slow: do it outside a transaction."""
        return [self._new_key(state) for state in (ACTIVE, NEXT)]

    def _new_key(self, state: str) -> dict[str, Any]:
        """A row for a key that nobody has used yet."""
        key = RSAKey.generate_key(BITS, {"alg": ALGORITHM, "use": "sig"}, auto_kid=True)
        kid = str(key.kid)
        return {
            "kid": kid,
            "state": state,
            "public": json.dumps(key.as_dict(private=False), sort_keys=True),
            "sealed": seal(self._seal, json.dumps(key.as_dict(private=True)), label=kid),
            "created_at": clock.now(),
        }

    def can_open(self, row: SigningKey) -> bool:
        """Whether the key was sealed with our secret."""
        try:
            unseal(self._seal, row.sealed, label=row.kid)
        except CannotOpen:
            return False
        return True

    def forget(self) -> None:
        """Look at the database again before the next signature."""
        self._active = None

    def _active_key(self) -> RSAKey:
        key = self._active
        if key is not None and time.monotonic() - self._looked_at < LOOK_AGAIN_AFTER:
            return key
        with self._lock:
            self._active = self._opened(self._stored_or_made())
            self._looked_at = time.monotonic()
            return self._active

    def _stored_or_made(self) -> SigningKey:
        with self._transactions.read() as work:
            row = key_in_state(work, ACTIVE)
        if row is not None:
            return row
        made = self.new_pair()
        with self._transactions.begin() as work:
            for each in made:
                insert_if_absent(work.session, SigningKey.__table__, each)
        with self._transactions.read() as work:
            row = key_in_state(work, ACTIVE)
        assert row is not None
        return row

    def _opened(self, row: SigningKey) -> RSAKey:
        try:
            text = unseal(self._seal, row.sealed, label=row.kid)
        except CannotOpen:
            raise KeysUnreadable from None
        return RSAKey.import_key(json.loads(text))


def rotate_keys(
    work: Work, keyring: Keyring, fresh: list[dict[str, Any]], *, drop_old: bool = False
) -> KeysRotated:
    """Sign with the next key from now on, and publish another next one, from the `fresh` pair.

    Old keys still verify until they are purged; `drop_old` is for a key that has leaked: nothing
    is kept, and every token signed so far is worthless at once. Of two at once, one waits.
    """
    lock_keys_in_use(work)
    _retire(work, ACTIVE)
    following = key_in_state(work, NEXT)
    if following is not None and not drop_old and keyring.can_open(following):
        following.state = ACTIVE
        work.session.flush()
    else:
        _retire(work, NEXT)
        work.session.add(SigningKey(**fresh[0]))
    work.session.add(SigningKey(**fresh[1]))
    work.session.flush()
    if drop_old:
        work.session.execute(delete(SigningKey).where(SigningKey.state == RETIRED))
    rotated = _as_event(all_keys(work))
    work.publish(rotated)
    work.after_commit(keyring.forget)
    log.info("signing keys rotated", active=rotated.active_kid, dropped_old=drop_old)
    return rotated


def _retire(work: Work, state: str) -> None:
    work.session.execute(
        update(SigningKey)
        .where(SigningKey.state == state)
        .values(state=RETIRED, retired_at=clock.now())
    )


def _as_event(keys: Iterable[SigningKey]) -> KeysRotated:
    kids = {key.kid: key.state for key in keys}
    active = next(kid for kid, state in kids.items() if state == ACTIVE)
    return KeysRotated(active_kid=active, kids=list(kids), version=1)
