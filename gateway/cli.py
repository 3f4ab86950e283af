"""The gateway's commands. `python -m gateway` lists them."""

from __future__ import annotations

import asyncio
import sys

import typer
from pydantic import ValidationError

from gateway.settings import GatewaySettings
from shared import logging

cli = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)


@cli.command()
def run() -> None:
    """Answer HTTP until SIGTERM or SIGINT; requests in flight are finished first."""
    from gateway.server import allow_many_files, collect_less_often, create_server

    settings = _settings()
    logging.set_up(settings.name, style=settings.log_style, level=settings.log_level)
    allow_many_files()
    logging.get("gateway").info("listening", address=f"http://{settings.host}:{settings.port}")
    server = create_server(settings)
    collect_less_often()
    server.run()


cli.command("serve", help="The same as `run`: the gateway has nothing to migrate or to work.")(run)


@cli.command()
def check() -> None:
    """Say whether the settings are in order and every service is ready; exit 1 if not."""
    services = asyncio.run(_readiness(_settings()))
    for name, said in services.items():
        typer.echo(f"{name}: {said['status']}", err=said["status"] != "ready")
    if any(said["status"] != "ready" for said in services.values()):
        raise typer.Exit(1)


@cli.command()
def routes() -> None:
    """Print which service answers which address."""
    from gateway.proxy.routes import TABLE

    addresses = _settings().services()
    for route in TABLE:
        address = ", ".join(addresses.get(route.service, ["(answers itself)"]))
        below = "" if route.exact else " and below"
        typer.echo(f"{route.prefix + below:<32} {route.service:<10} {address}")


async def _readiness(settings: GatewaySettings) -> dict[str, dict[str, object]]:
    from gateway.api.collecting import readiness
    from gateway.proxy.upstream.pool import Pool, PoolLimits

    pools = {name: Pool(name, urls, PoolLimits()) for name, urls in settings.services().items()}
    return await readiness(pools, seconds=3.0)


def _settings() -> GatewaySettings:
    try:
        return GatewaySettings()
    except ValidationError as error:
        typer.echo(f"Settings: {error}", err=True)
        sys.exit(2)


def main() -> None:
    """The entry point of `quintet-gateway` and `python -m gateway`."""
    cli()
