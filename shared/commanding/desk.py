"""Where a command sits: the service and its bus at hand, and what goes wrong said in words."""

from __future__ import annotations

import getpass
import logging
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import typer
from sqlalchemy.exc import DBAPIError

from shared import migrations
from shared.bus import connect
from shared.bus.protocol import Bus
from shared.errors import Refusal
from shared.logging import set_up
from shared.service import Service

CreateService = Callable[[], Service]

ATTENTION, WRONG, AWAY = 1, 2, 3  # exit codes


class Desk:
    """Opens the service for one command."""

    def __init__(self, create_service: CreateService) -> None:
        self._create = create_service

    @contextmanager
    def service(self) -> Iterator[Service]:
        """The service; a database that is away and refusals end the command with what to do."""
        try:
            service = self._create()
        except ValueError as error:
            stop(f"Settings: {error}", WRONG)
        _log_to_stderr(service)
        try:
            yield service
        except Refusal as refusal:
            stop(str(refusal), ATTENTION)
        except DBAPIError as error:
            _explain(service, error)
        finally:
            service.close()

    @contextmanager
    def bus(self, service: Service, purpose: str, url: str = "") -> Iterator[Bus]:
        """The bus, as the service or at another address; one that is away ends the command."""
        bus = connect(url or service.settings.bus_url, client=f"{service.name}-{purpose}")
        try:
            if not bus.healthy():
                stop(f"The bus cannot be reached at {where(service)}. {HOLD_ON}", AWAY)
            yield bus
        finally:
            bus.close()


HOLD_ON = (
    "Nothing is lost meanwhile: events wait in the outbox, and are sent when it is back. "
    "Is it running, and is QUINTET_BUS_URL right?"
)


def where(service: Service) -> str:
    """The bus's address, without the password in it."""
    address = service.settings.bus_url
    scheme, found, rest = address.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if found else address


def stop(words: str, code: int) -> NoReturn:
    """End the command with these words."""
    typer.echo(words, err=True)
    raise typer.Exit(code)


def me() -> str:
    """Who gives this command, for the record."""
    with suppress(Exception):
        return f"{getpass.getuser()}@{socket.gethostname()}"[:120]
    return "command line"


def sure(question: str, *, yes: bool) -> None:
    """Go on only if somebody said yes, on the command line or when asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        stop(f"{question} There is nobody here to ask: --yes says so beforehand.", WRONG)
    if not typer.confirm(question):
        stop("Nothing was done.", ATTENTION)


def _explain(service: Service, error: DBAPIError) -> NoReturn:
    if not service.database.answers():
        at = service.database.url.render_as_string(hide_password=True)
        setting = f"{service.name.upper()}_DATABASE_URL"
        stop(f"The database cannot be reached at {at}. Is it running, is {setting} right?", AWAY)
    if not migrations.up_to_date(service):
        stop(f"The database lacks migrations. Run `{service.command} migrate` first.", AWAY)
    raise error


def _log_to_stderr(service: Service) -> None:
    """What the command says is for pipes; what happens on the way is for eyes."""
    set_up(service.name, style=service.settings.log_style, level="WARNING")
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)
