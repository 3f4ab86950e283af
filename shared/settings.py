"""Every knob of a service, typed, with a default that works on a laptop.

`CATALOG_DATABASE_URL` speaks to one service, `QUINTET_DEBUG` to all; the first wins. Values also
come from `.env` and from files in /run/secrets (one per setting, named like the variable).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from shared import failpoints

LAPTOP_SECRET = "laptop-only-secret-change-me"  # noqa: S105 - refused outside debug, below
SECRETS = Path("/run/secrets")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class UnsafeSettings(ValueError):
    """These settings would be dangerous where they are used."""


class ServiceSettings(BaseSettings):
    """The knobs that all pieces have. A service adds its own and sets `name`."""

    # What is refused is named and not repeated: addresses have passwords, and logs have readers.
    model_config = SettingsConfigDict(
        extra="ignore", env_file=".env", frozen=True, hide_input_in_errors=True
    )

    name: ClassVar[str] = "service"

    debug: bool = Field(True, description="Laptop mode: default secrets allowed, long errors.")
    demo: bool = Field(False, description="Fill empty tables with demo data when `run` starts.")
    var: Path = Field(Path("var"), description="Folder for everything that is kept.")
    public_url: str = Field("http://127.0.0.1:8000", description="Where clients find the shop.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8001, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    database_url: str = Field("", description="SQLAlchemy URL; empty: a SQLite file in `var`.")
    bus_url: str = Field("", description="amqp://… or embedded:<file>; empty: a file in `var`.")
    bus_declare: bool = Field(
        True,
        description="Make queues and bindings; off: only check, `bus topology apply` makes them.",
    )
    secret_key: SecretStr = Field(
        SecretStr(LAPTOP_SECRET), description="Signs page sessions and cursors."
    )
    work_port: int = Field(
        0, ge=0, le=65535, description="Where `work` shows health and figures; 0: nowhere."
    )
    jwks_url: str = Field(
        "http://127.0.0.1:8001/oauth2/jwks", description="Where auth publishes its public keys."
    )
    log_style: Literal["console", "json"] = Field("console", description="How log lines look.")
    log_level: str = Field("INFO", description="Least level that is logged.")
    page_threads: int = Field(8, ge=1, description="Threads that render pages.")
    database_pool: int = Field(10, ge=1, description="Database connections kept open.")
    database_idle_seconds: float = Field(
        30.0,
        ge=0,
        description="PostgreSQL ends a transaction that does nothing for so long; 0: never.",
    )
    failpoints: str = Field(
        "", description="Fault tests only: name[@event]:kill|sleep:ms|raise[:nth],… on a laptop."
    )
    clock_offset: float = Field(
        0.0, description="Fault tests only: by how many seconds our clock is wrong, on a laptop."
    )
    outbox_keep_days: int = Field(7, ge=0, description="How long sent events stay, for replay.")
    outbox_most_tries: int = Field(
        64,
        ge=1,
        description="Refusals of an event, some 20 minutes of them, until somebody has to look.",
    )
    replay_per_second: float = Field(
        1000, gt=0, description="How fast kept events are sent again, behind all that is live."
    )
    announce: bool = Field(True, description="Tell the gateway over the bus where we answer.")
    announce_url: str = Field(
        "", description="Where others reach this process; empty: by its own address and port."
    )
    announce_every: float = Field(
        60.0, gt=0, description="Seconds between announcements of a process that serves."
    )
    drain_seconds: float = Field(
        1.0, ge=0, description="Seconds to go on serving after the signal to stop."
    )
    inbox_keep_days: int = Field(
        14, ge=1, description="How long we know which events took effect; longer than any replay."
    )

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

    @field_validator("failpoints")
    @classmethod
    def _know_all_fail_points(cls, text: str) -> str:
        failpoints.parse(text)
        return text

    @model_validator(mode="after")
    def _refuse_laptop_secrets_in_the_open(self) -> ServiceSettings:
        exposed = not self.debug or self.host not in LOOPBACK
        if exposed and self.secret_key.get_secret_value() == LAPTOP_SECRET:
            raise UnsafeSettings(
                f"{self.name.upper()}_SECRET_KEY still has its laptop default. Set it to a random "
                "value (python -c 'import secrets; print(secrets.token_urlsafe(48))')."
            )
        return self

    @model_validator(mode="after")
    def _refuse_faults_in_the_open(self) -> ServiceSettings:
        asked = [name for name in ("failpoints", "clock_offset") if getattr(self, name)]
        if asked and not self.debug:
            raise UnsafeSettings(
                f"{self.name.upper()}_{asked[0].upper()} makes this process fail on purpose. It is "
                "for fault tests on a laptop: take it away, or set debug."
            )
        return self

    @model_validator(mode="after")
    def _remember_longer_than_anybody_may_repeat(self) -> ServiceSettings:
        if self.inbox_keep_days <= self.outbox_keep_days:
            raise UnsafeSettings(
                f"{self.name.upper()}_INBOX_KEEP_DAYS ({self.inbox_keep_days}) must be more than "
                f"OUTBOX_KEEP_DAYS ({self.outbox_keep_days}): events that are sent again after the "
                "inbox forgot them would take effect twice."
            )
        return self
