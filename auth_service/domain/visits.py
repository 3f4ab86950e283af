"""From where, and with what, somebody comes to us."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network

LONGEST_AGENT = 300
BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"), ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"),
    ("Safari", "Safari"), ("curl/", "curl"), ("python-httpx", "A Python program"),
    ("Python", "A Python program"),
)  # fmt: skip
SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
    ("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Visit:
    """One caller's address and what their client calls itself."""

    ip: str = ""
    user_agent: str = ""

    @classmethod
    def through(
        cls, proxies: Sequence[str], peer: str, forwarded_for: str, user_agent: str
    ) -> Visit:
        """The visit behind our own proxies: the last address that none of them vouched for."""
        ip = peer
        for before in reversed([part.strip() for part in forwarded_for.split(",") if part.strip()]):
            if not _trusted(ip, tuple(proxies)) or not _is_address(before):
                break
            ip = before
        printable = "".join(letter for letter in user_agent if letter.isprintable())
        return cls(ip, printable[:LONGEST_AGENT])


def device(user_agent: str) -> str:
    """What a client calls itself, in words: "Firefox on Linux"."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    return f"{browser or 'A browser'} on {system}" if system else browser or "Unknown device"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def _trusted(ip: str, proxies: tuple[str, ...]) -> bool:
    return _is_address(ip) and any(ip_address(ip) in ip_network(each) for each in proxies)
