"""Door 4: what can be done from a terminal."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from catalog_service.app import create_service, files_of
from catalog_service.db.models import Product
from catalog_service.db.search import index_products
from catalog_service.settings import Settings
from catalog_service.usecases.demo import fill_with_demo
from catalog_service.usecases.ledger import differing_shelves, rebuild_shelves
from catalog_service.usecases.seeding import seed as make_up
from catalog_service.usecases.stock import receive_stock
from shared.commands import build_cli, say_where_logs_go
from shared.errors import Refusal
from shared.service import Service

AT_ONCE = 500


def _service() -> Service:
    return create_service(Settings())


cli = build_cli(_service, "What we sell and how many are left.")


@cli.command()
def demo() -> None:
    """Fill an empty catalogue with the demonstration shop."""
    service = _ready()
    entered = fill_with_demo(service, files_of(service))
    typer.echo(f"{entered} products entered" if entered else "There are products already.")


@cli.command()
def seed(
    size: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many products.")] = 500,
) -> None:
    """Make up a large catalogue."""
    service = _ready()
    started = time.perf_counter()
    for entered in make_up(service, files_of(service), size):
        typer.echo(f"\r{entered:,} of {size:,} products", nl=False)
    typer.echo(f" in {time.perf_counter() - started:.1f} s")


@cli.command()
def receive(sku: str, quantity: int, note: str = "") -> None:
    """Goods have come in."""
    service = _ready()
    try:
        with service.transactions.begin() as work:
            shelf = receive_stock(work, sku, quantity, note=note, by="terminal")
    except Refusal as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{sku}: {shelf.on_hand} on hand, {shelf.held} held, {shelf.free} available")


@cli.command()
def rebuild_search() -> None:
    """Write the search index anew."""
    service = _ready()
    with service.transactions.read() as work:
        ids = [row.id for row in work.session.query(Product.id).order_by(Product.id)]
    for start in range(0, len(ids), AT_ONCE):
        with service.transactions.begin() as work:
            index_products(work, ids[start : start + AT_ONCE])
        typer.echo(f"\r{min(start + AT_ONCE, len(ids)):,} of {len(ids):,} products", nl=False)
    typer.echo()


@cli.command()
def rebuild_stock(
    check: Annotated[bool, typer.Option(help="Only say what differs; exit 1 if any.")] = False,
) -> None:
    """Make the shelves say what the ledger says."""
    service = _ready()
    with service.transactions.begin() as work:
        differing = differing_shelves(work)
        for sku, (says, should) in differing.items():
            typer.echo(f"{sku}: shelf {says}, ledger {should} (on hand, held)")
        if not check:
            rebuild_shelves(work)
    typer.echo(f"{len(differing)} shelves {'differ' if check else 'rebuilt'}")
    if check and differing:
        raise typer.Exit(1)


def _ready() -> Service:
    service = _service()
    say_where_logs_go(service.settings)
    return service


def main() -> None:
    """Run a command."""
    cli()
