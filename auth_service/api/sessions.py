"""Sessions as JSON: a browser's sign-in, and the list of where one is signed in."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response

from auth_service.api.deps import DeskDep, VisitDep
from auth_service.api.schemas import CredentialsIn, SessionOut, UserOut
from auth_service.db.models import User
from auth_service.db.sessions import sessions_of
from auth_service.domain.cookies import csrf_cookie, no_session_cookie, session_cookie
from auth_service.domain.errors import ForgedRequest
from auth_service.domain.tokens import BROWSER
from auth_service.usecases.sessions import end_own_session, end_replaced_session
from auth_service.usecases.signing_in import prove_password, sign_in
from shared.http import csrf
from shared.http.deps import Caller, ReadDep, SignedIn, WorkDep
from shared.http.paging import Page

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])


@router.post("", status_code=201)
def open_browser_session(
    desk: DeskDep,
    visit: VisitDep,
    caller: Caller,
    body: CredentialsIn,
    request: Request,
    response: Response,
) -> UserOut:
    """Sign in as a browser: the answer sets the session cookie, which scripts cannot read.

    The header `X-CSRF-Token` of the answer may be sent back with later changes.
    """
    if csrf.same_origin(request.headers, request.headers.get("host", "")) is False:
        raise ForgedRequest
    proof = prove_password(desk, body.email, body.password, visit)
    with desk.transactions.begin() as work:
        end_replaced_session(work, caller)
        opened = sign_in(work, desk, proof, BROWSER, visit)
        answer = UserOut.of(work.session.get_one(User, proof.user_id), opened.bearer.permissions)
    token = csrf.new_token()
    response.set_cookie(**session_cookie(desk.policy, opened.secret))
    response.set_cookie(**csrf_cookie(desk.policy, token))
    response.headers[csrf.HEADER] = csrf.mask(token)
    response.headers["cache-control"] = "no-store"
    return answer


@router.get("")
def list_sessions(work: ReadDep, desk: DeskDep, caller: SignedIn) -> Page[SessionOut]:
    """List where you are signed in, the last used first."""
    found = sessions_of(work, caller.id, desk.open_sessions())
    return Page(items=[SessionOut.of(each, caller.session_id) for each in found])


@router.delete("/current", status_code=204)
def sign_out(work: WorkDep, desk: DeskDep, caller: SignedIn, response: Response) -> None:
    """Sign out: this session ends, and the browser forgets its key."""
    end_own_session(work, caller.id, UUID(caller.session_id))
    response.set_cookie(**no_session_cookie(desk.policy))


@router.delete("/{session_id}", status_code=204)
def end_session(
    work: WorkDep, desk: DeskDep, caller: SignedIn, session_id: UUID, response: Response
) -> None:
    """Sign out elsewhere. 404 for a session that is not yours."""
    end_own_session(work, caller.id, session_id)
    if str(session_id) == caller.session_id:
        response.set_cookie(**no_session_cookie(desk.policy))
