"""Limits on the way of a real request: counted, told, refused, reloaded, never in the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from gateway.proxy.routing.file import PACKAGED
from gateway.proxy.routing.route import Route
from gateway.proxy.upstream.pool import address_of
from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, answer, get, says, wait_until
from tests.gateway.test_identity import ASK, knows

Open = Callable[..., RunningGateway]

ROUTES = """
[discovery]
limits = ["few"]

[limits.few]
quota = 3
window = 3600

[limits.mine]
quota = 2
window = 3600
key = "user"

[[routes]]
prefix = "/orders"
service = "shop"
limits = ["mine"]

[[routes]]
prefix = "/cart"
service = "shop"
limits = ["few"]

[cors.partners]
origins = ["https://partner.example"]

[[routes]]
prefix = "/shelf"
service = "catalog"
limits = ["few"]
cors = "partners"
cache = true

[[routes]]
path = "/healthz"
service = "gateway"

[[routes]]
prefix = "/api/views"
service = "gateway"
limits = ["few"]

[[routes]]
prefix = "/"
service = "catalog"
"""


@pytest.fixture
def routes(tmp_path: Path) -> Path:
    path = tmp_path / "routes.toml"
    path.write_text(ROUTES)
    return path


@pytest.fixture
def limited(open_gateway: Open, routes: Path) -> RunningGateway:
    return open_gateway(routes_file=str(routes), trusted_proxies="127.0.0.1/32")


def ask(gateway: RunningGateway, path: str = "/cart", **headers: str) -> httpx.Response:
    return get(gateway.url + path, **headers)


def test_each_answer_tells_what_is_left_and_the_last_one_refuses(
    limited: RunningGateway, services: Services
) -> None:
    answers = [ask(limited) for _ in range(4)]

    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    left = [each.headers["ratelimit"].partition(";pk")[0] for each in answers]
    assert left == ['"few";r=2;t=1200', '"few";r=1;t=1200', '"few";r=0;t=1200', '"few";r=0;t=1200']
    assert len({each.headers["ratelimit-policy"] for each in answers}) == 1
    assert len(services.shop.seen) == 3


def test_a_refusal_is_a_problem_for_programs_and_a_page_for_people(
    limited: RunningGateway,
) -> None:
    for _ in range(3):
        ask(limited)

    problem = ask(limited)
    page = ask(limited, accept="text/html")

    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["violated-policies"] == ["few"]
    assert 1190 <= int(problem.headers["retry-after"]) <= 1200
    assert problem.json()["request_id"] == problem.headers["x-request-id"]
    assert page.status_code == 429
    assert "wait a moment" in page.text


def test_what_has_no_limit_says_nothing_and_is_not_counted(limited: RunningGateway) -> None:
    others = [ask(limited, path) for path in ("/healthz", "/products") * 3]

    assert all("ratelimit" not in each.headers for each in others)
    assert ask(limited).headers["ratelimit"].startswith('"few";r=2;')


def test_what_the_gateway_answers_itself_is_limited_too(limited: RunningGateway) -> None:
    answers = [ask(limited, "/api/views/home") for _ in range(4)]

    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert answers[0].headers["ratelimit"].startswith('"few";r=2;')


def test_answers_of_services_that_fail_tell_it_too(
    limited: RunningGateway, services: Services
) -> None:
    services.shop.on("/cart", says(answer(b"oops", status="500 Oops")))
    failed = ask(limited)
    services.shop.on("/cart", says(b"no HTTP"))
    broken = ask(limited)

    assert (failed.status_code, broken.status_code) == (500, 502)
    assert failed.headers["ratelimit"].startswith('"few";r=2;')
    assert broken.headers["ratelimit"].startswith('"few";r=1;')


def test_clients_behind_our_own_proxy_are_told_apart_and_cannot_invent_themselves(
    limited: RunningGateway,
) -> None:
    def passes(forwarded: str) -> bool:
        return ask(limited, **{"x-forwarded-for": forwarded}).status_code == 200

    assert [passes("192.0.2.1") for _ in range(4)] == [True] * 3 + [False]
    assert passes("192.0.2.2")
    assert not passes("198.51.100.7, 192.0.2.1"), "what the client wrote itself does not count"


def test_without_a_proxy_of_ours_nobody_is_believed(open_gateway: Open, routes: Path) -> None:
    gateway = open_gateway(routes_file=str(routes))

    answers = [ask(gateway, **{"x-forwarded-for": f"192.0.2.{n}"}) for n in range(4)]

    assert answers[-1].status_code == 429


def test_a_user_has_one_limit_in_all_sessions_and_a_guest_beside_them_another(
    limited: RunningGateway, services: Services
) -> None:
    services.auth.on(ASK, knows("laptop", "phone"))

    def statuses(**headers: str) -> list[int]:
        return [ask(limited, "/orders", **headers).status_code for _ in range(2)]

    assert statuses(cookie="quintet_session=laptop") == [200, 200]
    assert statuses(cookie="quintet_session=phone") == [429, 429]
    assert statuses() == [200, 200]


def test_a_new_file_goes_on_from_what_was_counted(limited: RunningGateway, routes: Path) -> None:
    for _ in range(3):
        ask(limited)
    routes.write_text(ROUTES.replace("quota = 3", "quota = 6"))

    wait_until(lambda: "q=6" in ask(limited).headers["ratelimit-policy"])
    passed = sum(ask(limited).status_code == 200 for _ in range(9))

    assert passed <= 2


def test_figures_tell_who_was_refused_by_what(limited: RunningGateway) -> None:
    for _ in range(5):
        ask(limited)

    told = limited.app.limits

    assert told.refused == 2
    assert [(who, policy) for who, policy, _ in told.over()] == [("127.0.0.1", "few")]


def test_services_that_join_by_themselves_have_the_limits_for_that(
    limited: RunningGateway, services: Services
) -> None:
    reach = limited.app.reach
    reach.clusters.open("reviews").add(address_of(services.shop.url))
    reach.keeper.join("reviews", [Route(prefix="/api/reviews", service="reviews")])

    answers = [ask(limited, "/api/reviews/mug") for _ in range(4)]

    assert [each.status_code for each in answers] == [200, 200, 200, 429]


def test_the_question_before_a_request_from_another_site_is_not_counted(
    limited: RunningGateway,
) -> None:
    headers = {"origin": "https://partner.example", "access-control-request-method": "GET"}

    for _ in range(5):
        preflight = httpx.options(f"{limited.url}/shelf", headers=headers, trust_env=False)

    assert preflight.status_code in (200, 204)
    assert "ratelimit" not in preflight.headers
    assert ask(limited, "/shelf").headers["ratelimit"].startswith('"few";r=2;')


def test_an_answer_from_the_cache_tells_each_client_their_own_limit(
    limited: RunningGateway, services: Services
) -> None:
    raw = answer(b"mug", "cache-control: public, max-age=60", "content-type: text/plain")
    services.catalog.on("/shelf", says(raw))

    answers = [ask(limited, "/shelf", **{"x-forwarded-for": f"192.0.2.{n}"}) for n in (1, 2, 2)]

    assert len(services.catalog.seen) == 1
    told = [each.headers.get_list("ratelimit") for each in answers]
    assert [len(each) for each in told] == [1, 1, 1]
    assert [each[0].split(";")[1] for each in told] == ["r=2", "r=2", "r=1"]


def test_our_own_routes_limit_what_costs_most_the_most(client: httpx.Client) -> None:
    def policies(method: str, path: str) -> list[tuple[str, int]]:
        said = client.request(method, path).headers["ratelimit-policy"]
        items = [each.split(";") for each in said.split(", ")]
        return [(item[0].strip('"'), int(item[1].removeprefix("q="))) for item in items]

    browse = policies("GET", "/products")

    assert policies("GET", "/account/sign-in") == browse == [("browse", 1_800_000)]
    for path in ("/account/sign-in", "/api/auth/v1/tokens", "/api/auth/v1/sessions"):
        assert policies("POST", path) == [("sign-in", 1200)]
    assert policies("POST", "/api/auth/v1/users") == [("register", 1200)]
    assert policies("POST", "/oauth2/token") == [("token", 1200)]
    assert policies("POST", "/api/shop/v1/orders") == [("checkout", 24000)]
    assert "[limits.browse]" in PACKAGED.read_text()
