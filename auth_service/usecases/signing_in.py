"""Let somebody in who knows the password; say the same to all who do not."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import update

from auth_service.db.models import User
from auth_service.db.users import user_by_email
from auth_service.domain.errors import SignInRefused
from auth_service.domain.people import looked_up_email
from auth_service.domain.throttling import Gate, sign_in_gates
from auth_service.domain.visits import Visit
from auth_service.usecases.desk import Desk
from auth_service.usecases.sessions import Opened, open_session
from auth_service.usecases.throttling import check_gates, count_failure, forgive
from shared import clock
from shared.work import Work


@dataclass(frozen=True, slots=True)
class Proof:
    """That somebody knew the password which belongs to `proven_hash`."""

    user_id: UUID
    proven_hash: str
    hash_to_keep: str
    gates: tuple[Gate, Gate]


def prove_password(desk: Desk, email: str, password: str, visit: Visit) -> Proof:
    """Check a password. Unknown address, wrong password, closed account: the same work and answer.

    Raises SignInRefused or, after too many wrong tries, TooManyTries.
    """
    address = looked_up_email(email)
    gates = sign_in_gates(address, visit.ip)
    with desk.transactions.read() as work:
        check_gates(work, gates)
        user = user_by_email(work, address)
    right = desk.hasher.verify(user.password_hash if user else None, password)
    if user is None or not right or not user.is_active:
        with desk.transactions.begin() as work:
            count_failure(work, gates)
        raise SignInRefused
    keep = user.password_hash
    if desk.hasher.is_outdated(keep):
        keep = desk.hasher.hash(password)
    return Proof(user.id, user.password_hash, keep, gates)


def sign_in(work: Work, desk: Desk, proof: Proof, kind: str, visit: Visit) -> Opened:
    """Open a session for who proved the password.

    The account may have been closed, or its password changed, since the proof was made: one
    conditional UPDATE decides, and holds off whoever would close it now.
    """
    check_gates(work, proof.gates, lock=True)
    admitted = work.session.execute(
        update(User)
        .where(User.id == proof.user_id, User.is_active, User.password_hash == proof.proven_hash)
        .values(last_sign_in_at=clock.now(), password_hash=proof.hash_to_keep)
        .returning(User.id)
    ).first()
    if admitted is None:
        raise SignInRefused
    forgive(work, proof.gates[0])
    user = work.session.get_one(User, proof.user_id)
    return open_session(work, desk, user, kind, visit)
