"""Door 4: the shop's commands."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from shared.calling import CallFailed
from shared.commanding.desk import AWAY
from shared.commands import build_cli
from shared.service import Service
from shop_service.app import create_service, create_till
from shop_service.settings import Settings
from shop_service.usecases.rebuilding import ask_for_offer, differences
from shop_service.usecases.reconcile import find_wrongs
from shop_service.usecases.sagas import table_of, under_way

cli = build_cli(lambda: create_service(Settings()), "The shop: carts, orders and payments.")


@cli.command()
def reconcile() -> None:
    """Prove that orders, payments and the provider's books agree; exit 1 with a list if not."""
    settings = Settings()
    service = create_service(settings)
    wrongs = find_wrongs(service.transactions, create_till(service, settings).provider)
    service.close()
    for wrong in wrongs:
        typer.echo(wrong, err=True)
    if wrongs:
        raise typer.Exit(1)
    typer.echo("shop: the money is right")


@cli.command()
def sagas(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 100,
) -> None:
    """List the orders on their way, oldest first: step, age, when each acts next and gives up."""
    service = create_service(Settings())
    with service.transactions.read() as work:
        found = under_way(work, limit)
    service.close()
    if as_json:
        typer.echo(json.dumps([saga.as_dict() for saga in found], indent=2))
        return
    typer.echo("\n".join(table_of(found)) if found else "shop: no order is on its way")


@cli.command()
def rebuild_offer(
    check: Annotated[bool, typer.Option(help="Only compare; exit 1 if anything differs.")] = False,
) -> None:
    """Let the catalog tell the whole offer anew; the shop goes on selling meanwhile."""
    service = create_service(Settings())
    if check:
        _compare(service)
    else:
        with service.transactions.begin() as work:
            count = ask_for_offer(work)
        typer.echo(f"shop: asked the catalog for its offer; {count} products known so far")
    service.close()


def _compare(service: Service) -> None:
    at = service.settings.public_url
    try:
        differing = differences(service.transactions, at)
    except CallFailed as failed:
        typer.echo(f"The catalog's offer cannot be read at {at}: {failed}", err=True)
        typer.echo("Does the gateway answer there? SHOP_PUBLIC_URL names another place.", err=True)
        raise typer.Exit(AWAY) from None
    for line in differing:
        typer.echo(line, err=True)
    typer.echo(f"shop: {len(differing)} products differ from the catalog")
    if differing:
        raise typer.Exit(1)


def main() -> None:
    """Run the command line."""
    cli()
