"""The table finds what a plain reading of the precedence rules finds, whatever the routes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.proxy.routing.route import Route
from gateway.proxy.routing.table import Table
from gateway.refusals import Refused
from tests.gateway.test_routes_file import Asked

WORDS = st.sampled_from(["a", "b", "ab"])
PATHS = st.lists(WORDS, max_size=3).map(lambda words: "/" + "/".join(words))
HOSTS = ["x.shop", "shop", "*.shop", "*.x.shop"]
FIELDS = [(b"x-one", b"1"), (b"x-two", b"2")]


@st.composite
def routes(draw: st.DrawFn) -> list[Route]:
    found = []
    for at in range(draw(st.integers(1, 7))):
        methods = frozenset(draw(st.sampled_from([(), (), ("GET",), ("POST", "GET")])))
        headers = tuple(draw(st.lists(st.sampled_from(FIELDS), max_size=2, unique=True)))
        found.append(
            Route(
                draw(PATHS),
                "shop",
                exact=draw(st.booleans()),
                name=str(at),
                hosts=tuple(draw(st.lists(st.sampled_from(HOSTS), max_size=2, unique=True))),
                methods=methods,
                headers=headers,
                plain=not methods and not headers,
            )
        )
    return found


@st.composite
def requests(draw: st.DrawFn) -> Asked:
    path = draw(PATHS) + draw(st.sampled_from(["", "/c"]))
    return Asked(
        path.replace("//", "/").encode(),
        draw(st.sampled_from([b"shop", b"x.shop", b"y.x.shop", b"z", b"X.Shop:80"])),
        draw(st.sampled_from(["GET", "POST", "PUT"])),
        draw(st.lists(st.sampled_from(FIELDS), max_size=2)),
    )


def naive(routes: list[Route], asked: Asked) -> str | None:
    """Every rule by itself, with no thought of speed."""
    host, path = asked.host.decode().lower().split(":")[0], asked.path.decode()

    def rank(route: Route) -> tuple[object, ...]:
        if host in route.hosts:
            closeness = (0, 0)
        elif route.hosts:
            closeness = (1, -max(len(each) for each in route.hosts if host.endswith(each[1:])))
        else:
            closeness = (2, 0)
        most = (-len(route.headers), not route.methods, int(route.name))
        return (*closeness, not route.exact, -len(route.prefix), *most)

    fitting = [
        route
        for route in routes
        if route.covers(path) and route.admits(host) and route.takes(asked.method, asked.fields)
    ]
    return min(fitting, key=rank).name if fitting else None


def found(table: Table, asked: Asked) -> str | None:
    try:
        return table.find(asked).name
    except Refused:
        return None


@settings(max_examples=80, deadline=None)
@given(routes(), st.lists(requests(), min_size=1, max_size=6))
def test_the_table_finds_what_the_rules_say(routes: list[Route], asked: list[Asked]) -> None:
    table = Table(routes, generation=3)

    for each in [*asked, *asked]:
        assert found(table, each) == naive(routes, each)
