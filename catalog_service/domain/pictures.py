"""Where pictures are found, and what they are called."""

from __future__ import annotations

from typing import Final

MEDIA: Final = "/media/catalog/"


def picture_path(key: str) -> str:
    """The public path of a picture; empty when there is none."""
    return MEDIA + key if key else ""
