"""`/api/views`: all views, and how they answer when their main part is not to be had."""

from __future__ import annotations

from types import ModuleType

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute

from gateway.pages.errors import problem
from gateway.refusals import Refused
from gateway.views import home, orders, products
from gateway.views.answers import REFUSED
from gateway.views.asker import Asker
from gateway.views.parts import PASSED_ON, PRIVATE, Instead

VIEWS: tuple[ModuleType, ...] = (home, orders, products)


def add_views(control: FastAPI, asker: Asker) -> None:
    """Add all views to an application."""
    control.state.asker = asker
    views = APIRouter(
        prefix="/api/views",
        tags=["views"],
        responses={401: REFUSED},
        generate_unique_id_function=lambda route: route.name,
    )
    for module in VIEWS:
        views.include_router(module.router)
        for view in module.router.routes:
            if isinstance(view, APIRoute):  # GET implies HEAD: RFC 9110, section 9.3.2
                answer = view.endpoint
                views.add_api_route(view.path, answer, methods=["HEAD"], include_in_schema=False)
    control.include_router(views)
    control.add_exception_handler(Instead, _instead)
    control.add_exception_handler(Refused, _refused)


async def _instead(request: Request, error: Exception) -> Response:
    assert isinstance(error, Instead)
    answer = error.answer
    headers = {
        name.decode(): value.decode("latin-1")
        for name, value in answer.headers
        if name in PASSED_ON
    }
    return Response(answer.body, answer.status, headers | {"cache-control": PRIVATE})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    headers = {name.decode(): value.decode() for name, value in error.headers}
    body = problem(error, request.state.request_id)
    return Response(body, error.status, headers, media_type="application/problem+json")
