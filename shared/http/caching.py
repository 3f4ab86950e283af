"""What we tell caches: everybody a little, our own gateway more, because it hears what changes.

`Cache-Control` is for browsers and for caches that we do not know. `Quintet-Cache-Control` (a
targeted field, RFC 9213) is for the gateway alone, and counts there only while it hears the bus.
`Cache-Groups` (RFC 9875) says which answers change together; events purge groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOR_GATEWAY = "Quintet-Cache-Control"
GROUPS = "Cache-Groups"
GROUP_INVALIDATION = "Cache-Group-Invalidation"

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_GROUPS = 128  # more than these the gateway does not follow, and then it keeps nothing


def kept_by_gateway(groups: Iterable[str], *, seconds: int, public: bool = True) -> dict[str, str]:
    """The fields that let the gateway keep an answer until one of its groups is purged.

    `seconds` bounds how long it may be wrong about what no event tells. `public`: it is the same
    for visitors who say who they are, so that they may get it too.
    """
    names = sorted(set(groups))
    if len(names) > MOST_GROUPS:
        return {}
    while_asking = max(1, seconds // 2)
    words = f"max-age={seconds}, stale-while-revalidate={while_asking}, stale-if-error=3600"
    return {
        FOR_GATEWAY: f"public, {words}" if public else words,
        GROUPS: group_list(names),
    }


def group_list(names: Iterable[str]) -> str:
    """Names of groups as a List of Strings: RFC 9651, section 3.3.3."""
    return ", ".join(f'"{_escaped(name)}"' for name in names)


def _escaped(name: str) -> str:
    if not (name.isascii() and name.isprintable()):
        raise ValueError(f"{name!r} cannot be the name of a group: printable ASCII only.")
    return name.replace("\\", "\\\\").replace('"', '\\"')


class ChangesTold:
    """A door whose answers to changes that worked name the groups that are untrue from now on.

    So whoever made a change sees it with their next request, events or no events. `groups` says
    which groups a change at a path concerns.
    """

    def __init__(self, app: ASGIApp, groups: Callable[[str], list[str]]) -> None:
        self._app = app
        self._groups = groups

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                names = self._groups(scope["path"])
                told = (GROUP_INVALIDATION.lower().encode(), group_list(names).encode())
                message["headers"] = [*message.get("headers", ()), *([told] if names else ())]
            await send(message)

        await self._app(scope, receive, tell)
