"""Which announcements are believed, and how far."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.events.consumed import AnyReplicaAnnounced
from gateway.proxy.discovery import joining
from gateway.proxy.discovery.joining import Discovery
from gateway.proxy.routing.keeper import Keeper
from gateway.proxy.upstream.clusters import Clusters
from gateway.proxy.upstream.pool import Address, PoolLimits
from gateway.proxy.upstream.replica import Judging
from tests.gateway.test_replicas import Time
from tests.gateway.test_routes_file import DEFAULTS, Asked

ROUTES = """
[discovery]
allow = {allow}

[[routes]]
prefix = "/"
service = "catalog"

[[routes]]
prefix = "/api/shop"
service = "shop"

[[routes]]
path = "/admin/news"
service = "auth"
"""


class Ground:
    """Discovery with all that it moves, and no bus."""

    def __init__(self, folder: Path, allow: str = '["*"]') -> None:
        self.time = Time()
        self.file = folder / "routes.toml"
        self.file.write_text(ROUTES.replace("{allow}", allow))
        self.keeper = Keeper(self.file, DEFAULTS, self.time)
        self.clusters = Clusters(PoolLimits(), Judging(), self.time)
        self.clusters.configure(self.keeper.loaded.services)
        self.discovery = Discovery(self.clusters, self.keeper, DEFAULTS, self.time)

    def hear(self, publisher: str, url: str = "http://10.0.0.9:80", **more: Any) -> bool:
        """Whether it was believed."""
        refused = self.discovery.refused
        usual: dict[str, Any] = {
            "service": publisher, "replica": url, "url": url, "state": "serving", "release": "",
            "count": 1, "every": 30.0, "prefixes": [f"/api/{publisher}", f"/{publisher}"],
        }  # fmt: skip
        self.discovery.hear(publisher, AnyReplicaAnnounced(**(usual | more)))
        return self.discovery.refused == refused

    def states(self, service: str) -> dict[str, str]:
        cluster = self.clusters.get(service)
        return {each.address.url: each.state for each in cluster.replicas} if cluster else {}

    def served_by(self, path: bytes) -> str:
        return self.keeper.find(Asked(path)).service


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def test_nobody_may_speak_for_another_service(ground: Ground) -> None:
    assert not ground.hear("news", service="auth")
    assert ground.states("auth") == {"http://127.0.0.1:8001": "fit"}


@pytest.mark.parametrize(
    "url",
    [
        "ftp://10.0.0.9:80", "http://", "http://10.0.0.9:80/path", "http://me@10.0.0.9:80",
        "http://10.0.0.9:80?x=1", "http://10.0.0.9:99999", "10.0.0.9:80", "http://a b:80",
        "http://evil\r\nhost: x", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_an_address_is_a_host_and_a_port_and_no_more(ground: Ground, url: str) -> None:
    assert not ground.hear("catalog", url)
    assert len(ground.states("catalog")) == 1


@pytest.mark.parametrize(
    "name", ["gateway", "quintet", "internal", "shared", "api", "admin", "X", "a/b", ".."]
)
def test_some_names_no_service_may_have(ground: Ground, name: str) -> None:
    assert not ground.hear(name)
    assert name not in ground.clusters


def test_the_routes_file_says_who_may_join(tmp_path: Path) -> None:
    ground = Ground(tmp_path, allow='["catalog"]')

    assert ground.hear("catalog")
    assert not ground.hear("news")
    assert not ground.hear("shop")


def test_a_new_service_gets_only_what_is_its_own_and_free(ground: Ground) -> None:
    wanted = ["/api/news", "/admin/news", "/news", "/api/shop", "/", "/api", "/news/x", "news"]
    ground.hear("news", prefixes=wanted)

    assert ground.served_by(b"/api/news/1") == "news"
    assert ground.served_by(b"/news") == "news"
    assert ground.served_by(b"/admin/news") == "auth"
    assert ground.served_by(b"/api/shop/v1") == "shop"
    assert ground.served_by(b"/api") == "catalog"
    joined = [each for each in ground.keeper.table.routes if each.service == "news"]
    assert sorted(each.prefix for each in joined) == ["/api/news", "/news"]


def test_a_known_service_claims_nothing(ground: Ground) -> None:
    ground.hear("shop", prefixes=["/", "/shop"])

    assert ground.served_by(b"/shop") == "catalog"


def test_an_admin_route_of_a_new_service_is_one(ground: Ground) -> None:
    ground.hear("letters", prefixes=["/admin/letters", "/static/letters"])

    assert ground.keeper.find(Asked(b"/admin/letters/x")).admin
    assert ground.keeper.find(Asked(b"/static/letters/x")).same_for_all


def test_a_file_that_takes_an_address_takes_it_from_who_joined(ground: Ground) -> None:
    ground.hear("news")

    more = '\n[[routes]]\nprefix = "/news"\nservice = "auth"\n'
    ground.file.write_text(ROUTES.replace("{allow}", '["*"]') + more)
    assert ground.keeper.look()

    assert ground.served_by(b"/news") == "auth"
    assert ground.served_by(b"/api/news") == "news"


def test_what_was_said_earlier_and_heard_later_changes_nothing(ground: Ground) -> None:
    ground.hear("catalog", count=3, state="serving")
    ground.hear("catalog", count=5, state="draining")
    ground.hear("catalog", count=4, state="serving")

    assert ground.states("catalog")["http://10.0.0.9:80"] == "draining"


def test_who_leaves_before_we_knew_them_is_not_let_in(ground: Ground) -> None:
    ground.hear("catalog", state="draining")
    ground.hear("catalog", state="gone")
    ground.hear("news", state="gone")

    assert len(ground.states("catalog")) == 1
    assert "news" not in ground.clusters


def test_silence_and_failing_checks_together_end_a_replica_one_alone_does_not(
    ground: Ground,
) -> None:
    for number in (1, 2):
        ground.hear("catalog", f"http://10.0.0.{number}:80")
    cluster = ground.clusters["catalog"]
    quiet, dead = cluster.replicas[1:]
    for replica in (quiet, dead):
        cluster.checked(replica, passed=True)
    for _ in range(3):
        cluster.checked(dead, passed=False)

    ground.time.now += 80
    ground.discovery.look()
    assert len(cluster.replicas) == 3
    ground.time.now += 11
    ground.discovery.look()

    assert ground.states("catalog") == {
        "http://127.0.0.1:8002": "fit", "http://10.0.0.1:80": "fit",
    }  # fmt: skip


def test_a_configured_replica_that_fell_silent_is_what_checks_say_again(ground: Ground) -> None:
    url = "http://127.0.0.1:8002"
    ground.hear("catalog", url)
    ground.hear("catalog", url, count=2, state="gone")
    assert ground.states("catalog") == {url: "gone"}

    ground.time.now += 91
    ground.discovery.look()

    assert ground.states("catalog") == {url: "fit"}


def test_a_replica_that_says_the_name_of_its_settings_is_where_that_name_leads(
    ground: Ground,
) -> None:
    name, home = Address("catalog", 8002), Address("10.0.0.7", 8002)
    ground.clusters.configure({"catalog": ["http://catalog:8002"]})
    ground.clusters.resolved(name, [home])

    assert ground.hear("catalog", "http://catalog:8002", state="draining")
    assert ground.states("catalog") == {home.url: "draining"}

    ground.clusters.resolved(name, [Address("10.0.0.9", 8002)])  # a new container
    assert ground.states("catalog") == {"http://10.0.0.9:8002": "fit"}

    ground.clusters.resolved(name, [home, Address("10.0.0.8", 8002)])
    assert not ground.hear("catalog", "http://catalog:8002", count=2)  # which of them?


def test_a_replica_that_joined_stays_when_the_settings_no_longer_name_it(ground: Ground) -> None:
    ground.hear("catalog", "http://10.0.0.9:80")
    both = {"catalog": ["http://127.0.0.1:8002", "http://10.0.0.9:80"]}
    ground.clusters.configure(both)
    assert len(ground.states("catalog")) == 2

    ground.clusters.configure({"catalog": ["http://127.0.0.1:8002"]})

    assert len(ground.states("catalog")) == 2


def test_replicas_and_services_are_bounded(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "MOST_REPLICAS", 5)
    monkeypatch.setattr(joining, "MOST_SERVICES", 5)

    for number in range(20):
        ground.hear("catalog", f"http://10.0.0.{number}:80")
        ground.hear(f"news{number}")

    assert len(ground.states("catalog")) == 5
    assert len(ground.clusters) == 5


def test_an_announcement_that_comes_again_is_a_sign_of_life(ground: Ground) -> None:
    ground.hear("catalog")
    replica = ground.clusters["catalog"].replicas[1]
    for _ in range(5):
        ground.time.now += 80
        ground.hear("catalog")
        ground.discovery.look()

    assert replica in ground.clusters["catalog"].replicas
    figures = [value for _, _, _, _, value in ground.discovery.samples()]
    assert figures == [6, 0]
