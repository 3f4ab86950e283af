"""What the pages tell people to paste into the gateway works as it stands there."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from starlette.testclient import TestClient

from gateway.proxy.routing.file import PACKAGED, Loaded, load
from gateway.views import router
from tests.gateway.conftest import Services
from tests.gateway.stage import RunningGateway, get
from tests.gateway.telling import missing, product, tells
from tests.gateway.test_routes_file import DEFAULTS

Open = Callable[..., RunningGateway]
PAGES = Path(__file__).resolve().parents[2] / "docs" / "howto"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ADDRESS = re.compile(r"(?:prefix|path) = \S+")


def blocks(page: str, language: str) -> list[str]:
    """The blocks of code of one language on a page."""
    found: list[tuple[str, str]] = BLOCK.findall((PAGES / f"{page}.md").read_text())
    return [text for spoken, text in found if spoken == language]


def routes_of_pages() -> Iterator[tuple[str, str]]:
    for page in ("route-and-scale", "share-with-other-origins", "limit-requests"):
        yield from ((page, block) for block in blocks(page, "toml"))


@pytest.mark.parametrize(("page", "block"), [*routes_of_pages()])
def test_what_a_page_says_of_the_routes_file_can_be_pasted(
    tmp_path: Path, page: str, block: str
) -> None:
    loaded = pasted(tmp_path, block)

    assert len(loaded.routes) >= len(load(PACKAGED, DEFAULTS).routes), page


def test_the_view_of_the_page_is_whole(
    open_gateway: Open, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tells(services.catalog, "/api/catalog/v1/products/mug", product("mug"))
    tells(services.shop, "/api/shop/v1/cart", {"lines": [{"sku": "MUG", "quantity": 3}]})
    [text] = blocks("compose-a-view", "python")
    with program(tmp_path, "badges", text) as badges:
        monkeypatch.setattr(router, "VIEWS", (*router.VIEWS, badges))
        gateway = open_gateway()

        view = get(f"{gateway.url}/api/views/badges/mug")
        services.shop.scripts.clear()
        without_cart = get(f"{gateway.url}/api/views/badges/mug")

    assert view.json()["product"]["name"] == "mug today"
    assert view.json()["cart"] == {"lines": [{"sku": "MUG", "quantity": 3}]}
    assert missing(view) == {}
    assert without_cart.status_code == 200
    assert list(missing(without_cart)) == ["cart"]


def test_the_new_service_of_the_page_answers_where_the_gateway_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWS_VAR", str(tmp_path))
    news, joining = blocks("route-and-scale", "python")
    assert len([line for line in news.splitlines() if line.strip()]) <= 8

    with program(tmp_path, "news", news) as simple, program(tmp_path, "joining", joining) as own:
        service = own.create_service()
        for app in (simple.app, service.create_app(service)):
            client = TestClient(app, base_url="http://127.0.0.1:8000")
            assert client.get("/api/news/v1/headlines").json() == ["Mugs are back."]
            assert "/v1/headlines" in client.get("/api/news/openapi.json").json()["paths"]
        service.close()


def pasted(folder: Path, block: str) -> Loaded:
    """The packaged file with what a page says: routes that it repeats are those it changes."""
    repeated = [
        each for each in block.split("\n\n") if "[[routes]]" in each and "headers" not in each
    ]
    addresses = {ADDRESS.findall(each)[0] for each in repeated}
    kept = [
        each
        for each in PACKAGED.read_text().split("\n\n")
        if not each.startswith("[[routes]]")
        or "methods" in each
        or ADDRESS.findall(each)[0] not in addresses
    ]
    path = folder / "routes.toml"
    path.write_text("\n\n".join([*kept, block]))
    return load(path, DEFAULTS)


@contextmanager
def program(folder: Path, name: str, text: str) -> Iterator[ModuleType]:
    """A program of a page, saved and imported; forgotten afterwards."""
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        del sys.modules[name]
