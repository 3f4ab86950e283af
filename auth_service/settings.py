"""Every knob of auth."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """auth's knobs; AUTH_… in the environment."""

    name: ClassVar[str] = "auth"

    port: int = Field(8001, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    audiences: tuple[str, ...] = Field(
        ("auth", "catalog", "shop"), description="Services that API tokens are good for."
    )
    trusted_proxies: tuple[str, ...] = Field(
        ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),
        description="Networks whose X-Forwarded-For we believe: the gateway's.",
    )
    access_minutes: int = Field(15, ge=1, le=60, description="Life of an API access token.")
    session_days: int = Field(30, ge=1, le=365, description="Longest life of a session.")
    session_idle_days: int = Field(14, ge=1, le=365, description="Unused, it ends after this.")
    password_score: int = Field(
        2, ge=0, le=4, description="Least strength of a new password (zxcvbn, 0 to 4)."
    )
    hash_memory_kib: int = Field(
        19 * 1024, ge=64, description="Memory of one Argon2id hash; OWASP: not below 19456."
    )
    hashes_at_once: int = Field(2, ge=1, description="Password hashes computed side by side.")
    hashes_waiting: int = Field(32, ge=0, description="How many more may wait before we say 503.")
