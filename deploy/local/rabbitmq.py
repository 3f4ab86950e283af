"""A virtual host of our own on a RabbitMQ that is already there."""

from __future__ import annotations

import shutil
import subprocess
from urllib.parse import urlsplit

import pika
from pika.exceptions import AMQPError

from deploy.local.refusal import CannotStart

DEFAULT_URL = "amqp://guest:guest@127.0.0.1/"
VHOST = "quintet"


def prepare_rabbitmq(url: str) -> str:
    """The URL of our virtual host; of the given one when we may not make our own."""
    if urlsplit(url).path not in ("", "/", "/%2F", "/%2f"):
        return _must_answer(url)
    server = urlsplit(url)._replace(path="").geturl()
    ours = f"{server}/{VHOST}"
    if _answers(ours):
        return ours
    given = _must_answer(f"{server}/%2F")
    return ours if _make_vhost(urlsplit(url).username or "guest") else given


def _make_vhost(user: str) -> bool:
    control = shutil.which("rabbitmqctl")
    if control is None:
        return False
    everything = (".*", ".*", ".*")
    commands = (["add_vhost", VHOST], ["set_permissions", "-p", VHOST, user, *everything])
    results = [
        subprocess.run([control, *command], capture_output=True, check=False, timeout=30)
        for command in commands
    ]
    return results[-1].returncode == 0


def _must_answer(url: str) -> str:
    if not _answers(url):
        at = urlsplit(url)
        raise CannotStart(
            f"No RabbitMQ for {at.username} at {at.hostname}:{at.port or 5672}{at.path}. "
            "Start one, or name yours: QUINTET_AMQP_URL=amqp://user:password@host/vhost"
        )
    return url


def _answers(url: str) -> bool:
    parameters = pika.URLParameters(url)
    parameters.connection_attempts = 1
    parameters.socket_timeout = parameters.blocked_connection_timeout = 3
    try:
        pika.BlockingConnection(parameters).close()
    except (AMQPError, OSError):
        return False
    return True
