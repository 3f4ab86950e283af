"""Every knob of the gateway, typed, with a default that works on a laptop."""

from __future__ import annotations

import secrets
from ipaddress import ip_network
from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator

from gateway.proxy.resilience.admission import AdmissionRules
from gateway.proxy.resilience.breaker import BreakerRules
from gateway.proxy.resilience.concurrency import LimitRules
from shared.settings import ServiceSettings

MIB = 1024 * 1024


def _random_secret() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(32))


class GatewaySettings(ServiceSettings):
    """`GATEWAY_…` in the environment. Addresses may list several instances, by commas."""

    name: ClassVar[str] = "gateway"
    # Knobs of services that turn nothing here: the gateway has no tables, pages or work of its own.
    UNUSED: ClassVar[frozenset[str]] = frozenset({
        "debug", "demo", "database_url", "database_pool", "database_idle_seconds", "secret_key",
        "work_port", "jwks_url", "page_threads", "failpoints", "clock_offset", "outbox_keep_days",
        "outbox_most_tries", "replay_per_second", "inbox_keep_days", "announce", "announce_url",
        "announce_every",
    })  # fmt: skip

    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    # The gateway signs nothing, so it needs no secret that outlives the process.
    secret_key: SecretStr = Field(default_factory=_random_secret, description="Not used here.")

    auth_url: str = Field("http://127.0.0.1:8001", description="Where auth answers.")
    catalog_url: str = Field("http://127.0.0.1:8002", description="Where catalog answers.")
    shop_url: str = Field("http://127.0.0.1:8003", description="Where shop answers.")

    routes_file: Path | None = Field(
        None, description="Which service answers which address; none: the table that comes with us."
    )
    check_every: float = Field(
        3.0, gt=0, description="Seconds between checks of a replica, where there are several."
    )
    eject_seconds: float = Field(
        5.0, gt=0, description="Seconds to pass over a replica that failed; longer each time."
    )
    slow_start: float = Field(
        10.0, gt=0, description="Seconds until a new replica gets as much as the others."
    )

    trusted_proxies: str = Field(
        "",
        description="Networks of load balancers whose Forwarded and X-Forwarded-* we believe, by "
        "commas.",
    )
    access_log: bool = Field(True, description="Write a line per request.")
    access_log_slow: float = Field(
        0.0, ge=0, description="Write a line only for what took so many seconds, or failed; 0: all."
    )
    access_log_share: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the good requests that get a line; failed ones all do.",
    )
    trace_share: float = Field(
        1.0, ge=0, le=1, description="Share of the traces that begin here that are sampled."
    )
    internal_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port for figures, readiness and steering, for the inside only; 0 takes a free "
        "one. Unset: the public port answers the first two, to callers on the same machine.",
    )
    internal_host: str = Field("127.0.0.1", description="Address of that port.")
    hear_events: bool = Field(True, description="Refuse sessions and keys once they are revoked.")

    # Who is asking
    longest_token: int = Field(
        3600, ge=60, description="Longest life of a token that we accept, in seconds."
    )
    oldest_keys: int = Field(
        7200, ge=60, description="Seconds to believe in auth's keys while it cannot be asked."
    )
    read_contracts: bool = Field(
        True, description="Refuse early what the services' OpenAPI says they would refuse."
    )

    pool_size: int = Field(200, ge=1, description="Most connections to each replica.")
    pool_queue: int = Field(1000, ge=0, description="Most requests that wait for a connection.")
    most_connections: int = Field(
        20_000, ge=1, description="Most client connections; fewer if open files allow no more."
    )
    most_streams: int = Field(
        0,
        ge=0,
        description="Most event streams and WebSockets at once; 0: all connections but one in 100.",
    )

    connect_timeout: float = Field(2.0, gt=0, description="Seconds to reach a service.")
    queue_timeout: float = Field(5.0, gt=0, description="Seconds to wait for a connection.")
    read_timeout: float = Field(30.0, gt=0, description="Seconds of silence from a service.")
    total_timeout: float = Field(300.0, gt=0, description="Seconds for a whole request.")
    body_timeout: float = Field(30.0, gt=0, description="Seconds of silence in a request body.")
    body_rate: float = Field(
        500.0, gt=0, description="Bytes per second that a body must bring in the long run."
    )
    head_timeout: float = Field(15.0, gt=0, description="Seconds for the head of a request.")
    write_timeout: float = Field(60.0, gt=0, description="Seconds a client may not read.")
    event_timeout: float = Field(300.0, gt=0, description="Seconds of silence in event streams.")
    idle_timeout: float = Field(
        4.0, gt=0, description="Seconds to keep idle service connections; less than they do."
    )
    keep_alive: int = Field(
        75, ge=1, description="Seconds to keep idle client connections; more than nginx does (60)."
    )
    reuse_port: bool = Field(
        False, description="Share the port, so that a new gateway can take over from an old one."
    )
    stop_timeout: int = Field(10, ge=0, description="Seconds to finish requests when stopping.")

    api_body: int = Field(MIB, ge=0, description="Longest body of API calls, in bytes.")
    page_body: int = Field(12 * MIB, ge=0, description="Longest body of pages and uploads.")

    # What gives way when a service is in trouble: docs/decisions/0023.
    retry_share: float = Field(
        0.2, ge=0, le=1, description="Retries per good request, in the long run; 0: none."
    )
    retry_burst: int = Field(10, ge=0, description="Most retries that are saved up.")
    breaker: bool = Field(True, description="Leave a service alone that mostly fails.")
    breaker_share: float = Field(
        0.5, gt=0, le=1, description="Share of failures that opens the breaker."
    )
    breaker_volume: int = Field(20, ge=1, description="Exchanges in 10 s below which it does not.")
    breaker_seconds: float = Field(
        1.0, gt=0, description="Seconds it stays open the first time; doubled up to 30."
    )
    adaptive: bool = Field(
        True, description="Let in only as many requests as a service can answer in usual time."
    )
    adaptive_least: int = Field(20, ge=1, description="Let at least so many in at once.")
    adaptive_most: int = Field(2000, ge=1, description="Let at most so many in at once.")
    adaptive_seconds: float = Field(
        0.1, gt=0, description="Nothing that takes less is held to be slow."
    )
    shed_queue: int = Field(1000, ge=0, description="Most requests that wait to be let in.")
    shed_timeout: float = Field(2.0, gt=0, description="Seconds they wait before they are told.")

    # How often one may ask; the limits themselves are in the routes file.
    limits_url: str = Field(
        "", description="Redis that counts for several gateways; empty: each counts for itself."
    )
    limits_timeout: float = Field(0.05, gt=0, description="Seconds to wait for that Redis.")
    limits_keys: int = Field(50_000, ge=100, description="Most keys that each limit remembers.")

    @field_validator("limits_url")
    @classmethod
    def _is_redis(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must be empty or begin with redis://, rediss:// or unix://")
        return value

    # The shared cache
    cache_bytes: int = Field(
        64 * MIB, ge=0, description="Most bytes of stored answers; 0 keeps none."
    )
    cache_entry_bytes: int = Field(MIB, ge=0, description="Longest answer that is kept, in bytes.")
    cache_variants: int = Field(16, ge=1, description="Most variants kept of one address.")
    cache_collapse_seconds: float = Field(
        5.0, gt=0, description="Longest wait for the answer to somebody else's same request."
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for network in _listed(value):
            ip_network(network, strict=False)
        return value

    def proxies(self) -> list[str]:
        """The networks of trusted proxies."""
        return _listed(self.trusted_proxies)

    def admission(self) -> AdmissionRules:
        """When a service is asked, and when it is left alone."""
        first = max(self.adaptive_least, min(400, self.adaptive_most))
        return AdmissionRules(
            BreakerRules(self.breaker_share, self.breaker_volume, self.breaker_seconds),
            LimitRules(
                least=self.adaptive_least,
                first=first,
                most=max(first, self.adaptive_most),
                good_enough=self.adaptive_seconds,
            ),
            breaking=self.breaker,
            limiting=self.adaptive,
            queue=self.shed_queue,
            queue_seconds=self.shed_timeout,
            retry_share=self.retry_share,
            retry_most=self.retry_burst if self.retry_share else 0,
            retry_floor=min(3, self.retry_burst) if self.retry_share else 0,
        )

    def services(self) -> dict[str, list[str]]:
        """The addresses of each service."""
        return {
            "auth": _listed(self.auth_url),
            "catalog": _listed(self.catalog_url),
            "shop": _listed(self.shop_url),
        }


def _listed(value: str) -> list[str]:
    return [each.strip() for each in value.split(",") if each.strip()]
