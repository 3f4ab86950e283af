"""What runs on a laptop: which process, on which port, told what."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = {
    "auth": "auth_service",
    "catalog": "catalog_service",
    "shop": "shop_service",
    "gateway": "gateway",
}
SERVICES = ("auth", "catalog", "shop")


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the shop."""

    name: str
    port: int
    environment: Mapping[str, str] = field(repr=False)

    @property
    def address(self) -> str:
        """Where this process answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def inner_port(self) -> int:
        """Where it says whether it is ready: its own port, unless it has one for the inside."""
        return int(self.environment.get(f"{self.name.upper()}_INTERNAL_PORT") or self.port)

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs one of its commands."""
        return [sys.executable, "-m", PACKAGES[self.name], *arguments]


def parts(port: int, var: Path, outside: Mapping[str, str]) -> list[Part]:
    """Every process in the order in which they become useful: the gateway last.

    `outside` is the environment of the person who runs us. It is passed on, and decides
    wherever the launcher has only a proposal (the demo data, the public address).
    """
    ports = {"gateway": port} | {name: port + 1 + at for at, name in enumerate(SERVICES)}
    addresses = {name: f"http://127.0.0.1:{number}" for name, number in ports.items()}
    proposals = {
        "QUINTET_DEMO": "1",
        "QUINTET_PUBLIC_URL": addresses["gateway"],
        "QUINTET_DRAIN_SECONDS": "0",  # all stop together: there is nobody to be told
    }
    environment = (
        proposals
        | dict(outside)
        | {
            "PYTHONUNBUFFERED": "1",
            "QUINTET_VAR": str(var.resolve()),
            "QUINTET_JWKS_URL": f"{addresses['auth']}/oauth2/jwks",
        }
        | {f"GATEWAY_{name.upper()}_URL": addresses[name] for name in SERVICES}
        | {f"{name.upper()}_PORT": str(number) for name, number in ports.items()}
    )
    return [Part(name, ports[name], environment) for name in PACKAGES]
