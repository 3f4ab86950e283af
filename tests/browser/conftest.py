"""A real browser in front of a real platform."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.system.conftest import a_product, platform, shopper, staff
from tests.system.platform import Platform

__all__ = ["a_product", "platform", "shopper", "staff"]

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
QUIET = [
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-sandbox",
]  # fmt: skip
PHONE, DESKTOP = (375, 812), (1280, 900)
PICTURES = Path(os.environ.get("QUINTET_PICTURES", ""))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


class Visitor:
    """Somebody with a browser window, who notices when a page is broken."""

    def __init__(self, browser: Browser, url: str, size: tuple[int, int]) -> None:
        self.complaints: list[str] = []
        self._context = browser.new_context(
            base_url=url, viewport={"width": size[0], "height": size[1]}
        )
        self.page: Page = self._context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._watch(request.url, url))
        self._width = size[0]

    def go(self, path: str) -> Page:
        """Open a page and look whether it fits the window."""
        answer = self.page.goto(path)
        if answer is None or answer.status >= 400:
            self.complaints.append(f"{path}: {answer and answer.status}")
        self.look(path)
        return self.page

    def look(self, name: str) -> None:
        """Complain if one has to scroll sideways; keep a picture if asked to."""
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        if wide > self._width + 1:
            self.complaints.append(f"{name} is {wide} px wide in a window of {self._width}")
        if PICTURES.name:
            file = f"{self._width}-{name.strip('/').replace('/', '-') or 'home'}.png"
            self.page.screenshot(path=PICTURES / file, full_page=True)

    def close(self) -> None:
        """Close the window."""
        self._context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} ({self.page.url})")

    def _watch(self, address: str, home: str) -> None:
        if not address.startswith((home, "data:", "blob:")):
            self.complaints.append(f"asked another host: {address}")


@pytest.fixture(params=[PHONE, DESKTOP], ids=["phone", "desktop"])
def visitor(
    request: pytest.FixtureRequest, browser: Browser, platform: Platform
) -> Iterator[Visitor]:
    visitor = Visitor(browser, platform.url, request.param)
    yield visitor
    visitor.close()
