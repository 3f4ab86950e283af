"""How we connect to RabbitMQ."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pika import URLParameters

# Found out, in this order: a frozen peer by the confirm timeout, a dead one by heartbeat, a
# broker short of memory or disk by `blocked`, one that never finishes the greeting by `stack`.
# Whatever else lets us stand still is found out by `Progress`.
DEFAULTS = {
    "heartbeat": 10,  # RabbitMQ gives up a silent consumer after two and a half of them
    "blocked_connection_timeout": 300,  # a new connection would not know of the need at first
    "stack_timeout": 5,
    "socket_timeout": 5,
    "connection_attempts": 1,
    "retry_delay": 0,
}


def parameters_of(url: str, name: str) -> Any:
    """How to connect: our defaults, unless the URL says otherwise, under our name."""
    # pika tells every failed attempt at length as an error; we say it once, in one line.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    parameters = URLParameters(url)
    said = parse_qs(urlsplit(url).query)
    for option, value in DEFAULTS.items():
        if option not in said:
            setattr(parameters, option, value)
    parameters.client_properties = {"connection_name": name}
    return parameters
