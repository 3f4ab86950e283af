"""nginx takes its configuration, when there is an nginx to ask."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "nginx"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")


@pytest.mark.skipif(NGINX is None, reason="no nginx here")
def test_nginx_finds_nothing_wrong_with_its_configuration(tmp_path: Path) -> None:
    for file in FOLDER.glob("*.conf"):
        # The names of the compose network mean nothing here, and older releases cannot look up
        # names again while they run.
        text = file.read_text().replace("/etc/nginx/quintet", str(tmp_path))
        text = text.replace("gateway:8000 resolve", "127.0.0.1:8000")
        (tmp_path / file.name).write_text(text)

    found = subprocess.run(
        [str(NGINX), "-t", "-c", str(tmp_path / "nginx.conf")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 0, found.stderr


def test_events_are_passed_on_as_they_come() -> None:
    site = (FOLDER / "site.conf").read_text()

    events = site[site.index("location ~ ^/api/.+/events$") :]

    assert "proxy_buffering off;" in events[: events.index("}")]
