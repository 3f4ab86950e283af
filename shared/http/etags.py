"""ETag and If-Match: nobody overwrites what they have not seen (RFC 9110 §8.8.3, §13.1)."""

from __future__ import annotations

from shared.errors import Stale


class ChangedMeanwhile(Stale):
    """The thing was changed after the caller looked at it."""


def etag_of(version: int) -> str:
    """The strong validator of a version."""
    return f'"v{version}"'


def check_if_match(header: str | None, version: int) -> None:
    """Refuse (412) unless the caller has seen this version; no header means they do not care."""
    if header is None or header.strip() == "*":
        return
    seen = {tag.strip() for tag in header.split(",")}
    if etag_of(version) not in seen:
        raise ChangedMeanwhile(
            "Somebody changed this after you looked. Load it again and repeat your change."
        )


def unchanged(if_none_match: str | None, version: int) -> bool:
    """Whether the caller's copy is still good, so that 304 will do (weak comparison)."""
    if if_none_match is None:
        return False
    seen = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag_of(version) in seen or "*" in seen
