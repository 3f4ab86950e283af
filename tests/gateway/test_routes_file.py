"""The routes file: what it may say, which route wins, and what is refused, with its line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import pytest

from gateway.proxy.routing.file import PACKAGED, Defaults, FileRefused, Loaded, load
from gateway.proxy.routing.route import Timeouts
from gateway.proxy.routing.table import Table
from gateway.refusals import Refused

DEFAULTS = Defaults(
    {name: [f"http://127.0.0.1:{at}"] for at, name in enumerate(("auth", "catalog", "shop"), 8001)}
)
OTHERS = """
[[routes]]
prefix = "/"
service = "catalog"
"""


@dataclass
class Asked:
    """As much of a request as a route depends on."""

    path: bytes
    host: bytes = b"shop.example"
    method: str = "GET"
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)


def loaded(folder: Path, text: str) -> Loaded:
    path = folder / "routes.toml"
    path.write_text(dedent(text))
    return load(path, DEFAULTS)


def refused(folder: Path, text: str) -> list[tuple[int, str]]:
    with pytest.raises(FileRefused) as caught:
        loaded(folder, text)
    return [(each.line, each.reason) for each in caught.value.problems]


def chosen(loaded: Loaded, asked: Asked) -> str:
    return Table(loaded.routes).find(asked).name


def test_the_packaged_file_is_in_order() -> None:
    table = Table(load(PACKAGED, DEFAULTS).routes)

    assert table.find(Asked(b"/api/shop/v1/cart")).service == "shop"
    assert table.find(Asked(b"/admin")).service == "auth"
    assert table.find(Asked(b"/products/mug")).service == "catalog"
    assert table.find(Asked(b"/admin/events/x")).service == "gateway"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (b"/a", "a"), (b"/a/", "a"), (b"/a/b/c", "ab"), (b"/a/bc", "a"), (b"/ab", "rest"),
        (b"/a/exact", "exact"), (b"/a/exact/x", "a"), (b"/%61/b", "ab"), (b"/", "rest"),
    ],
)  # fmt: skip
def test_the_longest_prefix_wins_and_an_exact_path_before_it(
    tmp_path: Path, path: bytes, name: str
) -> None:
    routes = loaded(
        tmp_path,
        """
        routes = [
            {name = "rest", prefix = "/", service = "catalog"},
            {name = "a", prefix = "/a", service = "catalog"},
            {name = "ab", prefix = "/a/b", service = "catalog"},
            {name = "exact", path = "/a/exact", service = "catalog"},
        ]
        """,
    )

    assert chosen(routes, Asked(path)) == name


@pytest.mark.parametrize(
    ("host", "name"),
    [
        (b"shop.example", "exact"), (b"SHOP.example:8000", "exact"), (b"shop.example.", "exact"),
        (b"de.eu.shop.example", "eu"), (b"fr.shop.example", "any-shop"), (b"example", "long"),
        (b"evilshop.example", "long"), (b"[::1]:80", "long"),
    ],
)  # fmt: skip
def test_a_host_that_is_named_wins_over_any_prefix(tmp_path: Path, host: bytes, name: str) -> None:
    routes = loaded(
        tmp_path,
        """
        routes = [
            {name = "long", prefix = "/a/b", service = "catalog"},
            {name = "any-shop", prefix = "/", service = "catalog", hosts = ["*.shop.example"]},
            {name = "eu", prefix = "/", service = "catalog", hosts = ["*.eu.shop.example"]},
            {name = "exact", prefix = "/", service = "catalog", hosts = ["shop.example"]},
        ]
        """,
    )

    assert chosen(routes, Asked(b"/a/b", host)) == name


def test_methods_and_header_fields_are_conditions_and_more_fields_win(tmp_path: Path) -> None:
    routes = loaded(
        tmp_path,
        """
        routes = [
            {name = "plain", prefix = "/a", service = "catalog"},
            {name = "post", prefix = "/a", service = "catalog", methods = ["POST"]},
            {name = "one", prefix = "/a", service = "catalog", headers = {x-beta = "1"}},
            {name = "two", prefix = "/a", service = "catalog", headers = {x-beta = "1", x-eu = "y"}},
        ]
        """,
    )
    beta, eu = (b"x-beta", b"1"), (b"x-eu", b"y")

    assert chosen(routes, Asked(b"/a")) == "plain"
    assert chosen(routes, Asked(b"/a", method="POST")) == "post"
    assert chosen(routes, Asked(b"/a", fields=[beta])) == "one"
    assert chosen(routes, Asked(b"/a", method="POST", fields=[beta])) == "one"
    assert chosen(routes, Asked(b"/a", fields=[eu, beta])) == "two"
    assert chosen(routes, Asked(b"/a", fields=[(b"x-beta", b"2")])) == "plain"


def test_what_no_route_covers_is_nowhere(tmp_path: Path) -> None:
    routes = loaded(tmp_path, 'routes = [{prefix = "/a", service = "shop", methods = ["POST"]}]')

    for asked in (Asked(b"/b"), Asked(b"/a"), Asked(b"/")):
        with pytest.raises(Refused) as caught:
            chosen(routes, asked)
        assert caught.value.status == 404


@pytest.mark.parametrize("path", [b"/internal", b"/%69nternal/v1", b"/a//b", b"/a/../b", b"*"])
def test_hidden_and_malformed_addresses_are_refused_every_time(path: bytes) -> None:
    table = Table(load(PACKAGED, DEFAULTS).routes)

    for _ in range(3):
        with pytest.raises(Refused):
            table.find(Asked(path))


def test_a_route_says_what_it_needs_and_the_rest_is_as_the_settings_say(tmp_path: Path) -> None:
    first, second = loaded(
        tmp_path,
        """
        [limits.slow]
        quota = 1

        [[routes]]
        prefix = "/api/shop"
        service = "shop"
        body = 5
        limits = ["slow"]
        cache = true
        retries = false
        [routes.timeouts]
        read = 1.5

        [[routes]]
        prefix = "/admin/shop"
        service = "shop"
        """,
    ).routes

    assert (first.body, first.timeouts) == (5, Timeouts(2.0, 1.5, 300.0))
    assert (first.limits, first.cache, first.retries) == (("slow",), True, False)
    assert (first.for_programs, first.admin) == (True, False)
    assert (second.body, second.admin, second.retries) == (DEFAULTS.page_body, True, True)


@pytest.mark.parametrize(
    ("wrong", "line", "reason"),
    [
        ('[[routes]]\nprefix = "/x"\nservice = "nobody"', 8, "there is no service nobody"),
        ('[[routes]]\nprefix = "/x"\nservice = "shop"\ncolour = "red"', 9, "colour"),
        ('[[routes]]\nprefix = "/x/"\nservice = "shop"', 7, "no address"),
        ('[[routes]]\nprefix = "/internal/x"\nservice = "shop"', 7, "never shown outside"),
        ('[[routes]]\nservice = "shop"', 7, "either a prefix or a path"),
        ('[[routes]]\nprefix = "/"\nservice = "shop"', 6, "ambiguous"),
        ('[[routes]]\nprefix = "/x"\nservice = "shop"\nhosts = ["A.b"]', 9, "no host"),
        ('[[routes]]\nprefix = "/x"\nservice = "shop"\nmethods = ["GO"]', 9, "none of"),
        ('[[routes]]\nprefix = "/x"\nservice = "shop"\ntimeouts = {read = 0}', 9, "greater than 0"),
        ('[[routes]]\nprefix = "/x"\nservice = "shop"\n[routes.timeouts]\nrad = 1', 10, "rad"),
        ('[[routes]]\nprefix = "/x"\nservice = "shop"\nbody = "1 MB"', 9, "valid integer"),
        ('[[routes]]\nprefix = "/x"\nservice = "shop"\ncors = "open"', 9, "no [cors.open]"),
        ('[discovery]\nlimits = ["few"]', 7, "no [limits.few]"),
        ('[[routes]]\nprefix = "/x"\nservice = "shop"\nlimits = ["few"]', 9, "no [limits.few]"),
        ('[services.shop]\nurls = ["http://a"]', 6, "from the settings"),
        ('[services.beta]\nurls = ["ftp://a"]', 7, "no address"),
        ('[[routes]]\nprefix = "/x"', 6, "Field required"),
        ("[[routes]]\nprefix = ", 7, "Invalid value"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_reason(
    tmp_path: Path, wrong: str, line: int, reason: str
) -> None:
    # `OTHERS` and an empty line come first, so that what is wrong begins on line 6.
    problems = refused(tmp_path, OTHERS + "\n" + wrong)

    assert [each for each, _ in problems] == [line]
    assert reason in problems[0][1]


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    split = 'splits = [{service = "beta", weight = 60.0}, {service = "shop", weight = 60.0}]'
    text = f'[[routes]]\nprefix = "/x"\nservice = "nobody"\n{split}\n' * 2

    reasons = " ".join(reason for _, reason in refused(tmp_path, text))

    assert reasons.count("no service nobody") == 2
    assert reasons.count("no service beta") == 2
    assert reasons.count("at most 100") == 2
    assert reasons.count("ambiguous") == 1


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="cannot be read"):
        load(tmp_path / "none.toml", DEFAULTS)


def test_a_flood_of_invented_addresses_is_bounded_and_forgets_nobody_for_long() -> None:
    table = Table(load(PACKAGED, DEFAULTS).routes, generation=100)
    usual = Asked(b"/cart")

    for number in range(1_000):
        table.find(Asked(b"/%d" % number))
        table.find(usual)
        table.find(Asked(b"/" + b"x" * 6_000))
    known = len(table._young) + len(table._old)

    assert known <= 200
    assert b"/cart" in table._young
    assert max(len(key) for key in table._young) < 600
