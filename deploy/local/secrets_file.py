"""Passwords that were made up here once and are kept in the data folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def kept_secret(path: Path, name: str) -> str:
    """The secret of this name; made up and written down (readable by us only) if it is new."""
    known = read_secrets(path)
    if name not in known:
        known[name] = secrets.token_urlsafe(24)
        lines = "".join(f"{key}={value}\n" for key, value in sorted(known.items()))
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(lines)
    return known[name]


def read_secrets(path: Path) -> dict[str, str]:
    """All of them, by name."""
    lines = path.read_text().splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines if "=" in line)
