"""What belongs to the page being made: who asks for it, and the work it does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from flask import current_app, request

from shared.identity import ANONYMOUS, Principal

if TYPE_CHECKING:
    from shared.service import Service
    from shared.work import Work

EXTENSION = "quintet"
P = ParamSpec("P")
R = TypeVar("R")


def current_service() -> Service:
    """The service whose page this is."""
    return cast("Service", current_app.extensions[EXTENSION])


def begin() -> AbstractContextManager[Work]:
    """A transaction for this page: committed when the block ends well, undone when it does not."""
    return current_service().transactions.begin()


def read() -> AbstractContextManager[Work]:
    """A look at the data that takes no write lock."""
    return current_service().transactions.read()


def visitor() -> Principal:
    """Who asks for this page, as their token proved; ANONYMOUS for a guest."""
    caller = request.environ.get("quintet.caller")
    if caller is None:
        caller = request.environ.get("asgi.scope", {}).get("state", {}).get("caller")
    return caller if isinstance(caller, Principal) else ANONYMOUS


def sign_in_required(view: Callable[P, R]) -> Callable[P, R]:
    """Send guests to the sign-in page first; afterwards they come back."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        _ = visitor().id
        return view(*args, **kwargs)

    return guarded


def needs(permission: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only visitors in who hold `permission` (`service.verb_noun`)."""

    def guard(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            visitor().must(permission)
            return view(*args, **kwargs)

        return guarded

    return guard


def absolute_url(path: str) -> str:
    """The public address of a path: what search engines, mails and other sites must use."""
    return f"{current_service().settings.public_url}/{path.lstrip('/')}"


def on_https() -> bool:
    """Whether the public address of the site is on https."""
    return current_service().settings.secure
