"""`/admin/events/`: the state of the bus for operators, and the path of one order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from gateway.eventplane import pages, picture, timeline
from gateway.eventplane.asking import Asking, Reply, Said
from shared.eventplane.shapes import Overview, Path

GET = ["GET", "HEAD"]
HOME = "/admin/events/"
LONGEST_WORD = 200
HEADERS = {"content-security-policy": pages.POLICY, "cache-control": "private, no-store"}


def event_plane(asking: Asking) -> APIRouter:
    """The pages; they show what each service tells whoever asks."""
    router = APIRouter(prefix="/admin/events", include_in_schema=False)
    _add_static(router)

    @router.api_route("", methods=GET)
    async def without_slash() -> Response:
        return RedirectResponse(HOME, 307)

    @router.api_route("/", methods=GET)
    async def state(request: Request) -> Response:
        replies = await asking.everybody(request, "/v1/bus/overview", Overview)
        return await _refusal(request, replies) or await _html("state", **_state(replies))

    @router.api_route("/path", methods=GET)
    async def path(request: Request, of: str = "") -> Response:
        word = of.strip()[:LONGEST_WORD]
        if not word:
            return RedirectResponse(HOME, 303)
        replies = await _paths(asking, request, word)
        refusal = await _refusal(request, replies)
        if refusal is not None:
            return refusal
        overviews = await asking.everybody(request, "/v1/bus/overview", Overview)
        return await _html("path", **_path(word, replies, overviews))

    return router


async def _paths(asking: Asking, request: Request, word: str) -> dict[str, Reply[Path]]:
    """Every service's part. One of them may know what the word stands for: then we ask by that."""
    replies = await asking.everybody(request, f"/v1/bus/path/{quote(word, safe='')}", Path)
    found = [reply.told for reply in replies.values() if reply.told]
    correlations = dict.fromkeys(one for each in found for one in each.correlations if one != word)
    if not correlations:
        return replies
    words = quote(",".join(correlations), safe=",")
    return await asking.everybody(request, f"/v1/bus/path/{words}", Path)


def _state(replies: Mapping[str, Reply[Overview]]) -> dict[str, Any]:
    seen = {name: reply.told for name, reply in replies.items()}
    return {
        "now": datetime.now(UTC),
        "replies": replies,
        "boxes": picture.boxes(seen),
        "arrows": picture.arrows(seen),
        "calm": all(each is not None and not each.attention for each in seen.values()),
        "state_of": picture.state_of,
    }


def _path(
    word: str, replies: Mapping[str, Reply[Path]], overviews: Mapping[str, Reply[Overview]]
) -> dict[str, Any]:
    now = datetime.now(UTC)
    told = [reply.told for reply in replies.values() if reply.told]
    hearing = {
        name: reply.told
        for name, reply in overviews.items()
        if reply.told and replies[name].told is not None
    }
    return {
        "now": now,
        "word": word,
        "steps": timeline.steps_of(told, hearing, now),
        "correlations": list(dict.fromkeys(one for each in told for one in each.correlations)),
        "silent": {name: reply.said.value for name, reply in replies.items() if not reply.told},
    }


async def _refusal(request: Request, replies: Mapping[str, Reply[Any]]) -> Response | None:
    """None if anybody told us anything; else where to go, or why not."""
    said = {reply.said for reply in replies.values()}
    if Said.TOLD in said:
        return None
    if Said.REFUSED in said:
        return await _html("stop", 403, title="You may not see this", words=NEEDS)
    if Said.UNKNOWN in said:
        query = f"?{request.url.query}" if request.url.query else ""
        back = quote(request.url.path + query, safe="/")
        return RedirectResponse(f"/account/sign-in?next={back}", 303)
    return await _html("stop", 503, title="Nobody answers", words=AWAY)


NEEDS = "It needs a permission such as shop.view_bus. Somebody who runs the shop can grant it."
AWAY = "None of the services answered. The gateway itself works; look whether they run."


async def _html(name: str, status: int = 200, **what: Any) -> Response:
    """Drawn in a thread: the first page loads the template engine, and others must not wait."""
    page = await asyncio.to_thread(pages.page, name, **what)
    return HTMLResponse(page, status, headers=HEADERS)


def _add_static(router: APIRouter) -> None:
    @router.api_route("/static/{name}", methods=GET)
    async def static_file(name: str) -> Response:
        if name not in pages.STATIC:
            raise HTTPException(404)
        headers = {"cache-control": "public, max-age=3600"}
        return Response(pages.static(name), media_type=pages.STATIC[name], headers=headers)
