"""How large a body may be: judged by what it declares, and again by what really comes."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive


class TooLarge(HTTPException):
    """The body is larger than this address takes. (FastAPI lets only this kind pass its parser.)"""

    def __init__(self, detail: str) -> None:
        super().__init__(413, detail)


def declared_size(content_length: str | None, limit: int) -> None:
    """Refuse at once what announces itself as too large."""
    if content_length and content_length.isdigit() and int(content_length) > limit:
        raise TooLarge(f"The body has {content_length} bytes; at most {limit} are taken here.")


def counted(receive: Receive, limit: int) -> Receive:
    """Count what comes in, and refuse once it is more than `limit` bytes."""
    seen = 0

    async def receive_counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise TooLarge(f"The body has more than the {limit} bytes that are taken here.")
        return message

    return receive_counted
