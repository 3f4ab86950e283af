"""The gateway's commands. `python -m gateway` lists them."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import typer
from pydantic import ValidationError

from gateway.settings import GatewaySettings
from shared import logging

if TYPE_CHECKING:
    from gateway.proxy.routing.file import Loaded

cli = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)


@cli.command()
def run() -> None:
    """Answer HTTP until SIGTERM or SIGINT; requests in flight are finished first."""
    from gateway.server import allow_many_files, collect_less_often, create_server

    settings = _settings()
    _routes(settings)  # a bad file is told in words, not in a traceback
    logging.set_up(settings.name, style=settings.log_style, level=settings.log_level)
    allow_many_files()
    server = create_server(settings)
    logging.write_to(server.config.app.operations.outlet)  # type: ignore[union-attr]
    collect_less_often()
    server.run()


cli.command("serve", help="The same as `run`: the gateway has nothing to migrate or to work.")(run)


@cli.command()
def check() -> None:
    """Say whether settings and routes are in order and every service is ready; exit 1 if not."""
    settings = _settings()
    loaded = _routes(settings)
    typer.echo(f"routes: {len(loaded.routes)} in {loaded.path}")
    services = asyncio.run(_readiness(settings))
    for name, said in services.items():
        typer.echo(f"{name}: {said['status']}", err=said["status"] != "ready")
    if any(said["status"] != "ready" for said in services.values()):
        raise typer.Exit(1)


@cli.command()
def routes() -> None:
    """Print which service answers which address, by the routes file."""
    loaded = _routes(_settings())
    for route in loaded.routes:
        address = ", ".join(loaded.services.get(route.service, ["(answers itself)"]))
        below = "" if route.exact else " and below"
        also = f"  [{', '.join(route.words())}]" if any(route.words()) else ""
        typer.echo(f"{route.prefix + below:<32} {route.service:<10} {address}{also}")


def _routes(settings: GatewaySettings) -> Loaded:
    from gateway.proxy.reach import defaults_of
    from gateway.proxy.routing.file import PACKAGED, FileRefused, load

    try:
        return load(settings.routes_file or PACKAGED, defaults_of(settings))
    except FileRefused as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(2) from None


async def _readiness(settings: GatewaySettings) -> dict[str, dict[str, object]]:
    from gateway.api.collecting import readiness
    from gateway.proxy.upstream.cluster import cluster_at

    clusters = {name: cluster_at(name, urls) for name, urls in settings.services().items()}
    return await readiness(clusters, seconds=3.0)


def _settings() -> GatewaySettings:
    try:
        return GatewaySettings()
    except ValidationError as error:
        typer.echo(f"Settings: {error}", err=True)
        sys.exit(2)


def main() -> None:
    """The entry point of `quintet-gateway` and `python -m gateway`."""
    cli()
