"""Door 4: the shop's commands."""

from __future__ import annotations

import typer

from shared.commands import build_cli
from shop_service.app import create_service, create_till
from shop_service.settings import Settings
from shop_service.usecases.reconcile import find_wrongs

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


def main() -> None:
    """Run the command line."""
    cli()
