"""`make secrets`: a random secret for everything that needs one, in deploy/secrets/.

Writes only what is missing, so it can be run again at any time. To change a secret, delete its
file, run this again and tell the server that keeps it (see deploy/README.md).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import sys
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[1]
SERVICES = ("auth", "catalog", "shop")


def main(folder: Path = DEPLOY / "secrets") -> int:
    """Write what is missing and say how much that was."""
    folder.mkdir(exist_ok=True)
    # Containers run as users of their own and read single files that are mounted into them; the
    # closed folder keeps the other users of this machine out.
    folder.chmod(0o700)
    before = set(folder.iterdir())
    keep(folder, "postgres_password", new_password())
    for service in SERVICES:
        write_service_secrets(folder, service)
    for name in (*SERVICES, "gateway", "topology"):
        password = new_password()
        keep(folder, f"{name}_bus_url", f"amqp://quintet_{name}:{password}@rabbitmq:5672/quintet")
    write_rabbitmq_definitions(folder)
    written = set(folder.iterdir()) - before
    print(f"deploy/secrets: {len(written)} written, {len(before)} kept")
    return 0


def write_service_secrets(folder: Path, service: str) -> None:
    """The database password of a service, the address that holds it, and its signing key."""
    password = keep(folder, f"{service}_database_password", new_password())
    role = f"quintet_{service}"
    url = f"postgresql+psycopg://{role}:{password}@postgres:5432/{role}"
    keep(folder, f"{service}_database_url", url)
    keep(folder, f"{service}_secret_key", new_password())


def write_rabbitmq_definitions(folder: Path) -> None:
    """The users and permissions of RabbitMQ, each user with the hash of its password."""
    definitions = json.loads((DEPLOY / "rabbitmq" / "definitions.json").read_text())
    for user in definitions["users"]:
        name = user["name"].removeprefix("quintet_")
        url = (folder / f"{name}_bus_url").read_text()
        user |= hashed(url.split("@")[0].rpartition(":")[2])
    (folder / "rabbitmq_definitions.json").write_text(json.dumps(definitions, indent=2))


def keep(folder: Path, name: str, value: str) -> str:
    """Write this secret unless there is one; returns the one that holds."""
    file = folder / name
    if not file.exists():
        file.write_text(value)
        file.chmod(0o644)
    return file.read_text()


def hashed(password: str) -> dict[str, str]:
    """A password as RabbitMQ keeps it: four bytes of salt, then SHA-256 of salt and password."""
    salt = secrets.token_bytes(4)
    digest = hashlib.sha256(salt + password.encode()).digest()
    return {
        "password_hash": base64.b64encode(salt + digest).decode(),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
    }


def new_password() -> str:
    """256 random bits that need no quoting anywhere."""
    return secrets.token_urlsafe(32)


if __name__ == "__main__":
    sys.exit(main())
