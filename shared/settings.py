"""Every knob of a service, typed, with a default that works on a laptop.

`CATALOG_DATABASE_URL` speaks to one service, `QUINTET_DEBUG` to all; the first wins. Values also
come from `.env` and from files in /run/secrets (one per setting, named like the variable).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

LAPTOP_SECRET = "laptop-only-secret-change-me"  # noqa: S105 - refused outside debug, below
SECRETS = Path("/run/secrets")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class UnsafeSettings(ValueError):
    """These settings would be dangerous where they are used."""


class ServiceSettings(BaseSettings):
    """The knobs that all pieces have. A service adds its own and sets `name`."""

    model_config = SettingsConfigDict(extra="ignore", env_file=".env", frozen=True)

    name: ClassVar[str] = "service"

    debug: bool = Field(True, description="Laptop mode: default secrets allowed, long errors.")
    demo: bool = Field(False, description="Fill empty tables with demo data when `run` starts.")
    var: Path = Field(Path("var"), description="Folder for everything that is kept.")
    public_url: str = Field("http://127.0.0.1:8000", description="Where clients find the shop.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8001, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    database_url: str = Field("", description="SQLAlchemy URL; empty: a SQLite file in `var`.")
    bus_url: str = Field("", description="amqp://… or embedded:<file>; empty: a file in `var`.")
    secret_key: SecretStr = Field(
        SecretStr(LAPTOP_SECRET), description="Signs page sessions and cursors."
    )
    jwks_url: str = Field(
        "http://127.0.0.1:8001/oauth2/jwks", description="Where auth publishes its public keys."
    )
    log_style: Literal["console", "json"] = Field("console", description="How log lines look.")
    log_level: str = Field("INFO", description="Least level that is logged.")
    page_threads: int = Field(8, ge=1, description="Threads that render pages.")
    database_pool: int = Field(10, ge=1, description="Database connections kept open.")
    outbox_keep_days: int = Field(7, ge=0, description="How long sent events stay, for replay.")

    @property
    def secure(self) -> bool:
        """Whether clients reach us by https, so that cookies can be marked Secure."""
        return self.public_url.startswith("https://")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Own prefix before the platform's; environment before `.env` before secret files."""
        prefixes = (f"{cls.name.upper()}_", "QUINTET_")
        sources: list[PydanticBaseSettingsSource] = [init_settings]
        sources += [EnvSettingsSource(settings_cls, env_prefix=each) for each in prefixes]
        sources += [
            DotEnvSettingsSource(settings_cls, env_file=".env", env_prefix=each)
            for each in prefixes
        ]
        if SECRETS.is_dir():
            sources += [
                SecretsSettingsSource(settings_cls, secrets_dir=SECRETS, env_prefix=each)
                for each in prefixes
            ]
        return tuple(sources)

    @model_validator(mode="before")
    @classmethod
    def _fill_in_urls(cls, values: Any) -> Any:
        var = Path(values.get("var", "var")).absolute()
        values["var"] = var
        values["database_url"] = values.get("database_url") or f"sqlite:///{var}/{cls.name}.db"
        values["bus_url"] = values.get("bus_url") or f"embedded:{var}/bus.db"
        values["public_url"] = str(values.get("public_url", "http://127.0.0.1:8000")).rstrip("/")
        return values

    @model_validator(mode="after")
    def _refuse_laptop_secrets_in_the_open(self) -> ServiceSettings:
        exposed = not self.debug or self.host not in LOOPBACK
        if exposed and self.secret_key.get_secret_value() == LAPTOP_SECRET:
            raise UnsafeSettings(
                f"{self.name.upper()}_SECRET_KEY still has its laptop default. Set it to a random "
                "value (python -c 'import secrets; print(secrets.token_urlsafe(48))')."
            )
        return self
