"""Every knob of the catalog, with a default that works on a laptop."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """The catalog's knobs: CATALOG_… in the environment."""

    name: ClassVar[str] = "catalog"

    port: int = Field(8002, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    hold_minutes: int = Field(15, ge=1, description="How long stock is held for an unpaid order.")
    cache_seconds: int = Field(
        2, ge=0, description="How long shared caches may keep product answers."
    )
    gateway_seconds: int = Field(
        60, ge=1, description="How long the gateway may keep product answers that no event purges."
    )
    picture_limit_mb: int = Field(10, ge=1, le=11, description="Largest picture that is taken.")
    keep_keys_hours: int = Field(24, ge=1, description="How long Idempotency-Keys are remembered.")

    media: Path | None = Field(None, description="Folder of pictures; none: `media` in `var`.")
