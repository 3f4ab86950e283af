"""Accounts: made, renamed, given another password."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from sqlalchemy import update

from auth_service.db.models import User, UserSession
from auth_service.db.users import user_by_id
from auth_service.domain.errors import EmailTaken, NewcomerRefused, WrongPassword
from auth_service.domain.passwords import check_password
from auth_service.domain.people import tidy_email, tidy_name
from auth_service.domain.throttling import sign_in_gates
from auth_service.domain.visits import Visit
from auth_service.events.published import UserRegistered
from auth_service.usecases.desk import Desk
from auth_service.usecases.sessions import end_other_sessions, end_sessions
from auth_service.usecases.throttling import check_gates, count_failure
from shared import clock
from shared.database import insert_if_absent
from shared.errors import Refusal
from shared.identity import Principal
from shared.ids import new_id
from shared.work import Work

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who filled in the form rightly."""

    email: str
    name: str
    password_hash: str


def examine(desk: Desk, *, email: str, name: str, password: str) -> Newcomer:
    """Check what a newcomer entered, and hash the password; all that is wrong is said at once."""
    address = _or_refusal(lambda: tidy_email(email))
    full_name = _or_refusal(lambda: tidy_name(name))
    weak = _or_refusal(
        lambda: check_password(
            password, email=email, name=name, least_score=desk.policy.password_score
        )
    )
    refusals = [each for each in (address, full_name, weak) if isinstance(each, Refusal)]
    if refusals:
        raise _all_of(refusals)
    return Newcomer(str(address), str(full_name), desk.hasher.hash(password))


def register(work: Work, newcomer: Newcomer) -> User:
    """Make an account. Raises EmailTaken; of two who come together, one gets the address."""
    user_id = new_id()
    row = {
        "id": user_id,
        "email": newcomer.email,
        "name": newcomer.name,
        "password_hash": newcomer.password_hash,
        "is_active": True,
        "is_staff": False,
        "is_superuser": False,
        "version": 1,
        "created_at": clock.now(),
    }
    if not insert_if_absent(work.session, User.__table__, row):
        raise EmailTaken
    user = user_by_id(work, user_id)
    work.publish(
        UserRegistered(user_id=user.id, email=user.email, name=user.name, version=user.version)
    )
    return user


def rename(work: Work, user_id: UUID, name: str) -> User:
    """Let somebody be called otherwise."""
    user = user_by_id(work, user_id, lock=True)
    user.name = tidy_name(name)
    user.version += 1
    return user


def change_password(desk: Desk, who: Principal, *, current: str, new: str, visit: Visit) -> int:
    """Give an account another password; all other sessions end. Says how many did."""
    user = confirm_password(desk, who, current, visit)
    new_hash = hash_new_password(desk, user, new)
    with desk.transactions.begin() as work:
        _replace_hash(work, user.id, user.password_hash, new_hash)
        return end_other_sessions(work, user.id, keep=who.session_id)


def confirm_password(desk: Desk, who: Principal, current: str, visit: Visit) -> User:
    """The account of somebody who knows its password; raises WrongPassword.

    Wrong ones count like wrong sign-ins: a stolen session must not become a way to find the
    password out.
    """
    with desk.transactions.read() as work:
        user = user_by_id(work, who.id)
        gates = sign_in_gates(user.email, visit.ip)
        check_gates(work, gates)
    if desk.hasher.verify(user.password_hash, current):
        return user
    with desk.transactions.begin() as work:
        count_failure(work, gates)
    raise WrongPassword


def hash_new_password(desk: Desk, user: User, password: str) -> str:
    """The hash of a password that will do for this user; raises PasswordUnusable."""
    check_password(
        password, email=user.email, name=user.name, least_score=desk.policy.password_score
    )
    return desk.hasher.hash(password)


def set_password(work: Work, user_id: UUID, password_hash: str) -> None:
    """Give an account another password from the command line; all its sessions end."""
    user = user_by_id(work, user_id, lock=True)
    user.password_hash = password_hash
    user.version += 1
    end_sessions(work, UserSession.user_id == user_id)


def _replace_hash(work: Work, user_id: UUID, old: str, new: str) -> None:
    changed = work.session.execute(
        update(User)
        .where(User.id == user_id, User.is_active, User.password_hash == old)
        .values(password_hash=new, version=User.version + 1)
        .returning(User.id)
    ).first()
    if changed is None:
        raise WrongPassword


def _or_refusal(check: Callable[[], T]) -> T | Refusal:
    try:
        return check()
    except Refusal as refusal:
        return refusal


def _all_of(refusals: list[Refusal]) -> Refusal:
    if len(refusals) == 1:
        return refusals[0]
    fields = {name: text for each in refusals for name, text in each.fields.items()}
    return NewcomerRefused(f"Please correct: {', '.join(fields)}.", fields=fields)
