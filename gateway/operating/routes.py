"""`/admin/gateway/`: the live page of the gateway for operators, its JSON twin, and its buttons."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from gateway.operating import pages
from gateway.operating.dashboard import dashboard
from gateway.operating.forms import Forms
from gateway.operating.operators import LOOK, STEER, Answer, Judged, Operators
from gateway.operating.overview import overview, twin
from gateway.operating.parts import Parts
from gateway.operating.steer import failed, steer
from gateway.proxy.identity.challenges import permission_missing, sign_in_needed
from gateway.refusals import Refused, identity_unavailable
from shared.logging import get

GET = ["GET", "HEAD"]
HOME = "/admin/gateway/"
TWIN = "/admin/gateway.json"
HEADERS = {"content-security-policy": pages.POLICY, "cache-control": "private, no-store"}
AWAY = (
    "Auth does not say who you are, and to guess would be unsafe. The gateway itself works; on the "
    "machine, /internal/gateway.json on its internal port tells the same as this page."
)

log = get("gateway.operating")


class Notices(dict[str, str]):
    """What each operator has just done, until their page says so. Never taken from an address."""


def gateway_page(parts: Parts, operators: Operators, forms: Forms) -> APIRouter:
    """The page, its twin and what its buttons do."""
    router, notices = APIRouter(include_in_schema=False), Notices()
    _add_static(router)

    @router.api_route("/admin/gateway", methods=GET)
    async def without_slash() -> Response:
        return RedirectResponse(HOME, 307)

    @router.api_route(HOME, methods=GET)
    async def state(request: Request) -> Response:
        judged = await operators.may_look(request)
        if judged.answer is not Answer.YES:
            return await _refusal(request, judged, LOOK)
        return await _page(parts, forms, request, judged, notices)

    @router.api_route(TWIN, methods=GET)
    async def read_twin(request: Request) -> Response:
        judged = await operators.may_look(request)
        if judged.answer is not Answer.YES:
            raise _problem(judged, LOOK)
        return JSONResponse(twin(parts), headers=HEADERS)

    _add_buttons(router, parts, operators, forms, notices)
    return router


def _add_buttons(
    router: APIRouter, parts: Parts, operators: Operators, forms: Forms, notices: Notices
) -> None:
    @router.post("/admin/gateway/{action:path}")
    async def act(request: Request, action: str) -> Response:
        judged = await operators.may_steer(request)
        if judged.answer is not Answer.YES:
            return await _refusal(request, judged, STEER)
        sent = await forms.read(request)
        if sent is None:
            raise HTTPException(403, "This was not sent from our page. Load it again.")
        done = steer(parts.steering, action, sent)
        if done is None:
            raise HTTPException(404)
        assert judged.operator is not None
        who = judged.operator.name
        log.info("operator acted", action=action, group=sent.get("group", ""), by=who, did=done)
        if "authorization" in request.headers:  # a program, which follows no redirect to a page
            return JSONResponse({"did": done}, 409 if failed(done) else 200)
        notices[judged.operator.id] = done
        return RedirectResponse(HOME, 303)


async def _page(
    parts: Parts, forms: Forms, request: Request, judged: Judged, notices: Notices
) -> Response:
    """Read on the loop, where nothing changes meanwhile; drawn in a thread, since it takes long."""
    assert judged.operator is not None
    token, cookie = forms.token(request)
    told, history = overview(parts), parts.history.frozen()
    who = {
        "may_steer": judged.operator.may(STEER),
        "can_steer": parts.steering is not None,
        "csrf_token": token,
        "notice": notices.pop(judged.operator.id, ""),
    }

    def drawn() -> str:
        return pages.page("gateway", here="gateway", **who, **dashboard(history, told))

    answer = HTMLResponse(await asyncio.to_thread(drawn), headers=HEADERS)
    if cookie is not None:
        answer.headers.append("set-cookie", cookie)
    return answer


def _problem(judged: Judged, permission: str) -> Refused:
    """What programs are told: a problem, and for whoever is not known a challenge."""
    if judged.answer is Answer.UNKNOWN:
        return sign_in_needed()
    if judged.answer is Answer.NO:
        return permission_missing(permission)
    return identity_unavailable()


async def _refusal(request: Request, judged: Judged, permission: str) -> Response:
    """What people are told. Whoever brings a token, or does not ask for a page, is a program."""
    if "authorization" in request.headers or "text/html" not in request.headers.get("accept", ""):
        raise _problem(judged, permission)
    if judged.answer is Answer.UNKNOWN:
        return RedirectResponse(f"/account/sign-in?next={quote(HOME, safe='/')}", 303)
    words = f"It needs the permission {permission}. Somebody who runs the shop can grant it."
    title = "You may not see this" if permission == LOOK else "You may not do this"
    if judged.answer is Answer.AWAY:
        title, words = "We cannot check who you are", AWAY
    status = 403 if judged.answer is Answer.NO else 503
    page = await asyncio.to_thread(pages.page, "stop", here="gateway", title=title, words=words)
    return HTMLResponse(page, status, headers=HEADERS)


def _add_static(router: APIRouter) -> None:
    @router.api_route("/admin/gateway/static/{name}", methods=GET)
    async def static_file(name: str) -> Response:
        if name not in pages.STATIC:
            raise HTTPException(404)
        headers = {"cache-control": "public, max-age=3600"}
        return Response(pages.static(name), media_type=pages.STATIC[name], headers=headers)
