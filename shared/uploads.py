"""Files that people send: pictures are drawn anew, and everything is kept under its content's name.

What is stored has passed through our own encoder, so nothing that hides in a picture (scripts,
places, a second file) gets through. A key never changes its content: it may be cached for ever.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile

from PIL import Image, ImageOps

from shared.errors import Invalid

KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,100}\.[0-9a-f]{16}\.[a-z0-9]{2,5}\Z")
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MOST_PIXELS = 40_000_000
WIDEST = 1600
QUALITY = 82


class PictureUnreadable(Invalid):
    """The file is no picture of a kind that we take."""


class PictureTooLarge(Invalid):
    """The picture has more pixels than we are willing to unpack."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as we store it: WebP, upright, not larger than needed."""

    content: bytes
    width: int
    height: int


def picture_from(raw: bytes, *, most_pixels: int = MOST_PIXELS, widest: int = WIDEST) -> Picture:
    """Draw the picture anew; refuses what is none, or would be enormous once unpacked."""
    try:
        return _drawn_anew(raw, most_pixels, widest)
    except Invalid:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(most_pixels) from error
    except Exception as error:  # decoders meet broken files with every kind of exception
        raise PictureUnreadable(
            "This file is no picture that we can read. Send a JPEG, PNG, WebP or GIF.",
            fields={"file": "is no JPEG, PNG, WebP or GIF"},
        ) from error


class Files:
    """A folder of files named by their content."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, content: bytes, *, name: str, suffix: str) -> str:
        """Store it (once, however often it comes) and return its key."""
        stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80] or "file"
        key = f"{stem}.{sha256(content).hexdigest()[:16]}.{suffix}"
        path = self.folder / key
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            # A reader must never see half a file.
            with NamedTemporaryFile(dir=self.folder, delete=False) as file:
                file.write(content)
            Path(file.name).chmod(0o644)
            os.replace(file.name, path)  # noqa: PTH105 - atomic over an existing file everywhere
        return key

    def path_of(self, key: str) -> Path | None:
        """Where a file is; None if the key is not one of ours or nothing is there."""
        path = self.folder / key
        return path if KEY.match(key) and path.is_file() else None


def _drawn_anew(raw: bytes, most_pixels: int, widest: int) -> Picture:
    with Image.open(BytesIO(raw), formats=FORMATS) as opened:
        if opened.width * opened.height > most_pixels:
            raise _too_large(most_pixels)
        upright = ImageOps.exif_transpose(opened)
        upright.thumbnail((widest, widest))
        plain = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    out = BytesIO()
    plain.save(out, "WEBP", quality=QUALITY, method=4)
    return Picture(out.getvalue(), plain.width, plain.height)


def _too_large(most_pixels: int) -> PictureTooLarge:
    return PictureTooLarge(
        f"The picture has more than {most_pixels:,} pixels.",
        fields={"file": f"has more than {most_pixels:,} pixels"},
    )
