"""What a routes file may say, typed: a word it does not know is refused, not ignored."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.proxy.edge.cors import CorsPolicy
from gateway.proxy.edge.guard import METHODS

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_HOST = re.compile(r"(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_FIELD = re.compile(r"[a-z0-9!#$%&'*+.^`|~-]+")


class Strict(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _is(pattern: re.Pattern[str], wanted: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(f"{value!r} is no {wanted}")
        return value

    return AfterValidator(check)


def _address(value: str) -> str:
    whole = value == "/" or not value.endswith("/")
    if not value.startswith("/") or "//" in value or not whole or re.search(r"[\s%?#\\;]", value):
        raise ValueError(f"{value!r} is no address like /api/shop, decoded and without a last /")
    if value == "/internal" or value.startswith("/internal/"):
        raise ValueError("what lies below /internal is never shown outside")
    return value


def _path(value: str) -> str:
    _address(value.removesuffix("/") or "/")
    return value


def _method(value: str) -> str:
    if value not in METHODS:
        raise ValueError(f"{value!r} is none of {', '.join(METHODS)}")
    return value


Name = Annotated[str, _is(_NAME, "name (lower-case letters, digits, - and _)")]
Host = Annotated[str, _is(_HOST, "host (lower case, no port) or *.suffix")]
FieldName = Annotated[str, _is(_FIELD, "name of a header field in lower case")]
Method = Annotated[str, AfterValidator(_method)]
Seconds = Annotated[float, Field(gt=0)]
Bytes = Annotated[int, Field(ge=0)]


class SplitSpec(Strict):
    """A canary: this share of the callers goes to another cluster."""

    service: Name
    weight: float = Field(ge=0, le=100)


class TimeoutSpec(Strict):
    """Seconds; what is not said is as the settings say."""

    connect: Seconds | None = None
    read: Seconds | None = None
    total: Seconds | None = None


class RouteSpec(Strict):
    """`[[routes]]`: `prefix` (this address and below) or `path` (this address alone)."""

    service: Name
    prefix: Annotated[str, AfterValidator(_address)] | None = None
    path: Annotated[str, AfterValidator(_path)] | None = None
    name: Name | None = None
    hosts: list[Host] = []
    methods: list[Method] = []
    headers: dict[FieldName, str] = {}
    splits: list[SplitSpec] = []
    timeouts: TimeoutSpec = TimeoutSpec()
    body: Bytes | None = None
    files: Bytes | None = None
    limits: list[str] = []
    cors: str | None = None
    cache: bool = False
    admin: bool | None = None
    retries: bool = True
    for_programs: bool | None = None
    same_for_all: bool | None = None


class ServiceSpec(Strict):
    """`[services.NAME]`: a cluster that the settings do not name."""

    urls: list[str] = Field(min_length=1)


class DiscoverySpec(Strict):
    """`[discovery]`: who may announce itself over the bus (`*` is everybody), and its limits."""

    allow: list[str] = ["*"]
    limits: list[str] = []


class FileSpec(Strict):
    """The whole file."""

    routes: list[RouteSpec] = Field(min_length=1)
    services: dict[Name, ServiceSpec] = {}
    limits: dict[Name, dict[str, Any]] = {}
    cors: dict[Name, CorsPolicy] = {}
    discovery: DiscoverySpec = DiscoverySpec()
