"""The routes file: read whole, checked whole, and either good or refused with line and reason."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from gateway.proxy.edge.cors import CorsPolicy
from gateway.proxy.limits.policy import BadPolicy, LimitPolicy
from gateway.proxy.routing.lines import Place, line_of
from gateway.proxy.routing.route import GATEWAY, Route, Split, Timeouts
from gateway.proxy.routing.spec import FileSpec, RouteSpec
from gateway.proxy.upstream.pool import address_of

PACKAGED = Path(__file__).parents[2] / "routes.toml"

_FOR_PROGRAMS = ("/api", "/oauth2", "/.well-known")
_SAME_FOR_ALL = ("/static", "/media", "/.well-known")


class Problem(NamedTuple):
    """One thing that is wrong with a file; line 0 when nobody can say where."""

    line: int
    reason: str


class FileRefused(Exception):
    """The file cannot be taken; nothing of it is."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = tuple(problems)
        lines = (f"{path}:{each.line}: {each.reason}" for each in self.problems)
        super().__init__("\n".join(lines))


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the settings say, for routes that say nothing else."""

    services: Mapping[str, Sequence[str]]  # the addresses of each
    timeouts: Timeouts = Timeouts()
    api_body: int = 1024 * 1024
    page_body: int = 12 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file that was taken."""

    path: Path
    spec: FileSpec
    routes: tuple[Route, ...]
    services: Mapping[str, tuple[str, ...]]  # those of the settings and those of the file

    @property
    def limits(self) -> dict[str, LimitPolicy]:
        """`[limits.NAME]`."""
        return {name: LimitPolicy.of(name, said) for name, said in self.spec.limits.items()}

    @property
    def cors(self) -> Mapping[str, CorsPolicy]:
        """`[cors.NAME]`."""
        return self.spec.cors

    def may_announce(self, service: str) -> bool:
        """Whether replicas of this service may join over the bus."""
        allowed = self.spec.discovery.allow
        return "*" in allowed or service in allowed


def load(path: Path, defaults: Defaults) -> Loaded:
    """Read a routes file; raises FileRefused with every problem that was found."""
    try:
        text = path.read_text(encoding="utf-8")
        spec = FileSpec.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise FileRefused(path, [Problem(_line_in(error, text), str(error))]) from error
    except ValidationError as error:
        raise FileRefused(path, list(_shape_problems(error, text))) from error
    except (OSError, UnicodeDecodeError) as error:
        raise FileRefused(path, [Problem(0, f"it cannot be read: {error}")]) from error
    services = {name: tuple(urls) for name, urls in defaults.services.items()}
    services |= {name: tuple(each.urls) for name, each in spec.services.items()}
    problems = [Problem(line_of(text, where), why) for where, why in _problems(spec, defaults)]
    if problems:
        raise FileRefused(path, problems)
    routes = tuple(compiled(each, defaults) for each in spec.routes)
    return Loaded(path, spec, routes, services)


def compiled(spec: RouteSpec, defaults: Defaults) -> Route:
    """The route that a table of the file describes."""
    address = spec.path or spec.prefix or "/"
    programs = address.startswith(_FOR_PROGRAMS) or spec.path is not None
    if spec.for_programs is not None:
        programs = spec.for_programs
    usual, own = defaults.timeouts, spec.timeouts
    body = defaults.api_body if programs else defaults.page_body
    return Route(
        name=spec.name or address,
        prefix=address,
        service=spec.service,
        exact=spec.path is not None,
        hosts=tuple(spec.hosts),
        methods=frozenset(spec.methods),
        headers=tuple((name.encode(), value.encode()) for name, value in spec.headers.items()),
        splits=tuple(Split(each.service, each.weight) for each in spec.splits),
        timeouts=Timeouts(
            own.connect or usual.connect, own.read or usual.read, own.total or usual.total
        ),
        body=body if spec.body is None else spec.body,
        files=spec.files if spec.files is not None else max(spec.body or 0, defaults.page_body),
        limits=tuple(spec.limits),
        cors=spec.cors,
        # Kept answers would mix the two sides of a canary.
        cache=spec.cache and not spec.splits,
        admin=address.startswith("/admin") if spec.admin is None else spec.admin,
        retries=spec.retries,
        for_programs=programs,
        same_for_all=(
            address.startswith(_SAME_FOR_ALL) if spec.same_for_all is None else spec.same_for_all
        ),
        plain=not spec.methods and not spec.headers,
    )


def _line_in(error: tomllib.TOMLDecodeError, text: str) -> int:
    _, found, rest = str(error).rpartition("(at line ")
    return int(rest.partition(",")[0]) if found else len(text.splitlines())


def _shape_problems(error: ValidationError, text: str) -> Iterator[Problem]:
    for each in error.errors():
        place = each["loc"]
        words = " → ".join(str(word + 1 if isinstance(word, int) else word) for word in place)
        yield Problem(line_of(text, place), f"{words}: {each['msg'].removeprefix('Value error, ')}")


def _problems(spec: FileSpec, defaults: Defaults) -> Iterator[tuple[Place, str]]:
    """What each part alone cannot know."""
    yield from _bad_services(spec, defaults)
    for name, said in spec.limits.items():
        try:
            LimitPolicy.of(name, said)
        except BadPolicy as error:
            yield ("limits", name), str(error)
    for name in set(spec.discovery.limits) - set(spec.limits):
        yield ("discovery", "limits"), f"there is no [limits.{name}]"
    known = {*defaults.services, *spec.services}
    for at, route in enumerate(spec.routes):
        for key, why in _unknown(route, spec, known):
            yield ("routes", at, key), why
    yield from _twice(spec)


def _bad_services(spec: FileSpec, defaults: Defaults) -> Iterator[tuple[Place, str]]:
    for name, service in spec.services.items():
        if name in defaults.services or name == GATEWAY:
            yield ("services", name), f"{name} has its addresses from the settings"
        for url in service.urls:
            if _is_no_address(url):
                yield ("services", name, "urls"), f"{url!r} is no address like http://host:port"


def _unknown(route: RouteSpec, spec: FileSpec, known: set[str]) -> Iterator[tuple[str, str]]:
    if (route.prefix is None) == (route.path is None):
        yield "service", "a route has either a prefix or a path"
    if route.service not in known and route.service != GATEWAY:
        yield "service", f"there is no service {route.service}"
    yield from _bad_splits(route, known)
    for name in route.limits:
        if name not in spec.limits:
            yield "limits", f"there is no [limits.{name}]"
    if route.cors is not None and route.cors not in spec.cors:
        yield "cors", f"there is no [cors.{route.cors}]"


def _bad_splits(route: RouteSpec, known: set[str]) -> Iterator[tuple[str, str]]:
    for split in route.splits:
        if split.service not in known:
            yield "splits", f"there is no service {split.service}"
    if route.splits and route.service == GATEWAY:
        yield "splits", "what the gateway answers itself has no canary"
    if sum(split.weight for split in route.splits) > 100:
        yield "splits", "the weights are percent: together at most 100"


def _twice(spec: FileSpec) -> Iterator[tuple[Place, str]]:
    """Routes between which nothing but the order in the file would decide."""
    names: set[str] = set()
    for at, route in enumerate(spec.routes):
        if route.name is not None and route.name in names:
            yield ("routes", at, "name"), f"two routes are called {route.name}"
        names.add(route.name or "")
        for before, other in enumerate(spec.routes[:at]):
            if _means_the_same(route, other):
                address = route.path or route.prefix
                why = f"{address} is ambiguous: route {before + 1} asks for the same"
                yield ("routes", at), why


def _means_the_same(one: RouteSpec, other: RouteSpec) -> bool:
    return (
        (one.prefix, one.path, one.headers) == (other.prefix, other.path, other.headers)
        and (bool(one.methods) == bool(other.methods))
        and (not one.methods or not set(one.methods).isdisjoint(other.methods))
        and (bool(one.hosts) == bool(other.hosts))
        and (not one.hosts or not set(one.hosts).isdisjoint(other.hosts))
    )


def _is_no_address(url: str) -> bool:
    try:
        address_of(url)
    except ValueError:
        return True
    return False
