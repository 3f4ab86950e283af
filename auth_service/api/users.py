"""Accounts as JSON."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from auth_service.api.deps import DeskDep, IfMatch, SealedKeyDep, VisitDep
from auth_service.api.schemas import (
    AccountChangeIn,
    AccountOut,
    FarewellIn,
    NewUserIn,
    PasswordChangeIn,
    ProfileIn,
    UserOut,
)
from auth_service.db.users import permissions_of, user_by_id, users_after
from auth_service.domain.cookies import no_session_cookie
from auth_service.domain.errors import EmailTaken
from auth_service.domain.permissions import CHANGE_USER, VIEW_USER
from auth_service.domain.throttling import registration_gates
from auth_service.usecases.leaving import erase_account
from auth_service.usecases.staff import AccountChange, change_account
from auth_service.usecases.throttling import counted
from auth_service.usecases.users import change_password, examine, register, rename
from shared.http.deps import ReadDep, SignedIn, WorkDep, needs
from shared.http.etags import check_if_match, etag_of
from shared.http.paging import Cursor, Limit, Page, decode_cursor, encode_cursor, page_of
from shared.identity import Principal

router = APIRouter(prefix="/v1/users", tags=["users"])


@router.post("", status_code=201, response_model=UserOut)
def register_user(desk: DeskDep, visit: VisitDep, key: SealedKeyDep, body: NewUserIn) -> Response:
    """Make an account. 409 (field `email`) when the address has one already."""
    with counted(desk.transactions, registration_gates(visit.ip), EmailTaken):
        newcomer = examine(desk, email=body.email, name=body.name, password=body.password)
        with desk.transactions.begin() as work:
            return key.once(
                work,
                "registration",
                lambda: UserOut.of(register(work, newcomer)),
                location=lambda made: f"/api/auth/v1/users/{made.id}",
            )


@router.get("/me")
def read_me(work: ReadDep, caller: SignedIn, response: Response) -> UserOut:
    """Read your own account."""
    user = user_by_id(work, caller.id)
    response.headers["etag"] = etag_of(user.version)
    return UserOut.of(user, permissions_of(work, user))


@router.patch("/me")
def change_me(
    work: WorkDep, caller: SignedIn, body: ProfileIn, response: Response, if_match: IfMatch = None
) -> UserOut:
    """Change your own name."""
    user = rename(work, caller.id, body.name)
    check_if_match(if_match, user.version - 1)  # too late is early enough: all is rolled back
    response.headers["etag"] = etag_of(user.version)
    return UserOut.of(user, permissions_of(work, user))


@router.post("/me/password", status_code=204)
def change_my_password(
    desk: DeskDep, visit: VisitDep, caller: SignedIn, body: PasswordChangeIn
) -> None:
    """Take another password. All your other sessions end."""
    change_password(desk, caller, current=body.current, new=body.password, visit=visit)


@router.post("/me/erasure", status_code=204)
def erase_me(
    desk: DeskDep, visit: VisitDep, caller: SignedIn, body: FarewellIn, response: Response
) -> None:
    """Leave for good: your account is removed here, and forgotten by the other services."""
    erase_account(desk, caller, body.password, visit)
    response.set_cookie(**no_session_cookie(desk.policy))


@router.get("")
def list_users(
    work: ReadDep,
    caller: Annotated[Principal, needs(VIEW_USER)],
    q: Annotated[str, Query(max_length=254, description="Beginning of the e-mail address.")] = "",
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Page[AccountOut]:
    """List accounts, oldest first. Needs `auth.view_user`."""
    after = decode_cursor(cursor, str)
    rows = users_after(work, _uuid(after[0]) if after else None, limit, search=q)
    kept, following = page_of(rows, limit, lambda last: encode_cursor(str(last.id)))
    return Page(items=[AccountOut.of(user) for user in kept], next=following)


@router.get("/{user_id}")
def read_user(work: ReadDep, caller: SignedIn, user_id: UUID, response: Response) -> AccountOut:
    """Read an account: your own, or with `auth.view_user` anybody's."""
    if user_id != caller.id:
        caller.must(VIEW_USER)
    user = user_by_id(work, user_id)
    response.headers["etag"] = etag_of(user.version)
    return AccountOut.of(user)


@router.patch("/{user_id}")
def change_user(
    work: WorkDep,
    caller: Annotated[Principal, needs(CHANGE_USER)],
    user_id: UUID,
    body: AccountChangeIn,
    response: Response,
    if_match: IfMatch = None,
) -> AccountOut:
    """Change what an account is and may do. Needs `auth.change_user`; closing ends its sessions."""
    change = AccountChange(**body.model_dump())
    user = change_account(work, user_id, change, by=caller)
    check_if_match(if_match, user.version - 1)
    response.headers["etag"] = etag_of(user.version)
    return AccountOut.of(user)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        decode_cursor("?", str)  # refuses, in the words for every cursor that is not ours
        raise
