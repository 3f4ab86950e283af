"""Claim checks: what is too large for an event is kept as a file, and the event carries its claim.

A claim says where the content lies, how large it is and what it hashes to. Whoever fetches it gets
exactly that content or an error, whoever may have touched the file meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import IO

from pydantic import BaseModel, ConfigDict, Field

from shared import calling
from shared.uploads import Files

MOST = 64 * 1024 * 1024  # bytes; a receiver must be able to hold it
CHUNK = 64 * 1024

Open = Callable[[str], "Iterator[bytes]"]


class ClaimBroken(ValueError):
    """What lies there is not what was claimed, or nothing lies there. It may be tried again."""


class Claim(BaseModel):
    """A field of an event that stands for something large."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str = Field(description="The name under which the publisher keeps it.")
    url: str = Field("", description="Where others fetch it; empty: only who shares the storage.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int = Field(ge=0, le=MOST)
    media_type: str = "application/octet-stream"


def keep(
    files: Files, content: bytes, *, name: str, media_type: str, suffix: str, base_url: str = ""
) -> Claim:
    """Store the content before the event is said, and claim it.

    If the work fails afterwards a file is left over that nobody names; it harms nobody.
    """
    if len(content) > MOST:
        raise ValueError(f"{name} has {len(content):,} bytes; at most {MOST:,} can be claimed.")
    key = files.keep(content, name=name, suffix=suffix)
    return Claim(
        key=key,
        url=f"{base_url.rstrip('/')}/{key}" if base_url else "",
        sha256=sha256(content).hexdigest(),
        bytes=len(content),
        media_type=media_type,
    )


def redeem(claim: Claim, opened: Open) -> bytes:
    """The content, checked for size and hash; reads no byte more than was claimed.

    Raises ClaimBroken, which parks the event: a file that is late may come yet.
    """
    content = bytearray()
    for chunk in opened(claim.url or claim.key):
        content += chunk
        if len(content) > claim.bytes:
            raise ClaimBroken(f"{claim.key} is larger than the {claim.bytes:,} bytes claimed.")
    if len(content) < claim.bytes:
        raise ClaimBroken(f"{claim.key} has {len(content):,} of {claim.bytes:,} bytes claimed.")
    if sha256(content).hexdigest() != claim.sha256:
        raise ClaimBroken(f"{claim.key} is not the content that was claimed.")
    return bytes(content)


def from_files(files: Files) -> Open:
    """Fetch from a folder that publisher and receiver share."""

    def opened(place: str) -> Iterator[bytes]:
        key = place.rpartition("/")[2]
        path = files.path_of(key)
        if path is None:
            raise ClaimBroken(f"{key[:120]} is not there.")
        with path.open("rb") as file:
            yield from _chunks(file)

    return opened


def from_web(allowed: str, *, timeout: float = 10.0) -> Open:
    """Fetch by HTTP, only below the address `allowed`: an event must not choose whom we call."""
    inside = re.compile(re.escape(allowed.rstrip("/")) + r"/[A-Za-z0-9._/-]+\Z")

    def opened(place: str) -> Iterator[bytes]:
        if not inside.match(place) or ".." in place:
            raise ClaimBroken(f"{place[:120]!r} is not below {allowed}.")
        with _answer(place, timeout) as answer:
            yield from answer.iter_bytes(CHUNK)

    return opened


@contextmanager
def _answer(url: str, timeout: float) -> Iterator[calling.Answer]:
    try:
        with calling.stream(url, timeout=timeout) as answer:
            if answer.status_code != 200:
                raise ClaimBroken(f"{url} answered {answer.status_code}.")
            yield answer
    except calling.CallFailed as error:
        raise ClaimBroken(f"{url} could not be fetched: {error!r}") from error


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
