"""Every knob of the gateway, typed, with a default that works on a laptop."""

from __future__ import annotations

import secrets
from ipaddress import ip_network
from typing import ClassVar

from pydantic import Field, SecretStr, field_validator

from shared.settings import ServiceSettings

MIB = 1024 * 1024


def _random_secret() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(32))


class GatewaySettings(ServiceSettings):
    """`GATEWAY_…` in the environment. Addresses may list several instances, by commas."""

    name: ClassVar[str] = "gateway"

    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    # The gateway signs nothing, so it needs no secret that outlives the process.
    secret_key: SecretStr = Field(default_factory=_random_secret, description="Not used here.")

    auth_url: str = Field("http://127.0.0.1:8001", description="Where auth answers.")
    catalog_url: str = Field("http://127.0.0.1:8002", description="Where catalog answers.")
    shop_url: str = Field("http://127.0.0.1:8003", description="Where shop answers.")

    trusted_proxies: str = Field(
        "", description="Networks of load balancers whose X-Forwarded-* we believe, by commas."
    )
    access_log: bool = Field(True, description="Write a line per request.")
    hear_events: bool = Field(True, description="Forget sessions the moment they are revoked.")

    pool_size: int = Field(200, ge=1, description="Most connections to each service.")
    pool_queue: int = Field(1000, ge=0, description="Most requests that wait for a connection.")
    most_connections: int = Field(10_000, ge=1, description="Most client connections.")

    connect_timeout: float = Field(2.0, gt=0, description="Seconds to reach a service.")
    queue_timeout: float = Field(5.0, gt=0, description="Seconds to wait for a connection.")
    read_timeout: float = Field(30.0, gt=0, description="Seconds of silence from a service.")
    total_timeout: float = Field(300.0, gt=0, description="Seconds for a whole request.")
    body_timeout: float = Field(30.0, gt=0, description="Seconds of silence in a request body.")
    head_timeout: float = Field(15.0, gt=0, description="Seconds for the head of a request.")
    write_timeout: float = Field(60.0, gt=0, description="Seconds a client may not read.")
    event_timeout: float = Field(300.0, gt=0, description="Seconds of silence in event streams.")
    idle_timeout: float = Field(
        4.0, gt=0, description="Seconds to keep idle service connections; less than they do."
    )
    keep_alive: int = Field(
        75, ge=1, description="Seconds to keep idle client connections; more than nginx does (60)."
    )
    stop_timeout: int = Field(10, ge=0, description="Seconds to finish requests when stopping.")

    api_body: int = Field(MIB, ge=0, description="Longest body of API calls, in bytes.")
    page_body: int = Field(12 * MIB, ge=0, description="Longest body of pages and uploads.")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for network in _listed(value):
            ip_network(network, strict=False)
        return value

    def proxies(self) -> list[str]:
        """The networks of trusted proxies."""
        return _listed(self.trusted_proxies)

    def services(self) -> dict[str, list[str]]:
        """The addresses of each service."""
        return {
            "auth": _listed(self.auth_url),
            "catalog": _listed(self.catalog_url),
            "shop": _listed(self.shop_url),
        }


def _listed(value: str) -> list[str]:
    return [each.strip() for each in value.split(",") if each.strip()]
