"""Door 4: commands. `python -m auth_service` lists them."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from auth_service.app import create_service, desk_of
from auth_service.db.models import User
from auth_service.db.users import user_by_email, users_after
from auth_service.domain.people import looked_up_email
from auth_service.settings import Settings
from auth_service.usecases.desk import Desk
from auth_service.usecases.keys import rotate_keys
from auth_service.usecases.staff import promote
from auth_service.usecases.users import examine, hash_new_password, register, set_password
from shared import migrations
from shared.commands import build_cli, say_where_logs_go
from shared.errors import Refusal
from shared.service import Service

cli = build_cli(lambda: create_service(Settings()), "auth: who you are and what you may do.")

Email = Annotated[str, typer.Option(envvar="QUINTET_SUPERUSER_EMAIL", help="Asked for if empty.")]
Secret = Annotated[
    str, typer.Option(envvar="QUINTET_SUPERUSER_PASSWORD", help="Asked for if empty.")
]
Name = Annotated[str, typer.Option(envvar="QUINTET_SUPERUSER_NAME", help="Asked for if empty.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before promoting somebody.")]


@cli.command()
def superuser(email: Email = "", password: Secret = "", name: Name = "", yes: Yes = False) -> None:
    """Make an account that may do everything, or promote one that exists."""
    service, desk = _ready()
    email = email or _ask("E-mail address", "--email")
    with service.transactions.read() as work:
        found = user_by_email(work, looked_up_email(email))
    try:
        if found is None:
            _make_superuser(desk, email, password, name)
        else:
            _promote(service, found, yes=yes)
    except Refusal as refusal:
        _stop(refusal)
    service.close()


@cli.command()
def password(
    email: Annotated[str, typer.Argument(help="Whose.")],
    password: Annotated[str, typer.Option(envvar="QUINTET_NEW_PASSWORD")] = "",
) -> None:
    """Give an account another password; all its sessions end."""
    service, desk = _ready()
    with service.transactions.read() as work:
        found = user_by_email(work, looked_up_email(email))
    if found is None:
        typer.echo(f"There is no account {email}.", err=True)
        raise typer.Exit(1)
    try:
        password = password or _ask("New password", "--password", hide=True)
        hashed = hash_new_password(desk, found, password)
        with service.transactions.begin() as work:
            set_password(work, found.id, hashed)
    except Refusal as refusal:
        _stop(refusal)
    typer.echo(f"{found.email} has a new password; all sessions are ended.")
    service.close()


@cli.command("rotate-keys")
def rotate(
    drop_old: Annotated[
        bool, typer.Option(help="A key has leaked: every token signed so far becomes worthless.")
    ] = False,
) -> None:
    """Sign with a new key from now on; tokens of the old one stay good while they live."""
    service, desk = _ready()
    fresh = desk.keyring.new_pair()
    with service.transactions.begin() as work:
        rotated = rotate_keys(work, desk.keyring, fresh, drop_old=drop_old)
    typer.echo(f"Signing with {rotated.active_kid}; {len(rotated.kids)} keys are published.")
    service.close()


@cli.command()
def users() -> None:
    """List everybody: address, name, what they are."""
    service, _ = _ready()
    last: User | None = None
    while True:
        with service.transactions.read() as work:
            found = users_after(work, last.id if last else None, 200)
        for user in found[:200]:
            typer.echo(f"{user.email:<40} {user.name:<30} {', '.join(_marks(user))}")
        if len(found) <= 200:
            break
        last = found[199]
    service.close()


def main() -> None:
    """Run a command."""
    cli()


def _ready() -> tuple[Service, Desk]:
    """The service on a migrated database: this may be the first command ever run here."""
    try:
        service = create_service(Settings())
    except ValueError as error:
        typer.echo(f"Settings: {error}", err=True)
        raise typer.Exit(2) from None
    say_where_logs_go(service.settings)
    if not migrations.up_to_date(service):
        migrations.migrate(service)
    return service, desk_of(service)


def _make_superuser(desk: Desk, email: str, password: str, name: str) -> None:
    name = name or (_ask("Name", "--name") if sys.stdin.isatty() else email.partition("@")[0])
    password = password or _ask("Password", "--password", hide=True)
    newcomer = examine(desk, email=email, name=name, password=password)
    with desk.transactions.begin() as work:
        promote(work, register(work, newcomer).id)
    typer.echo(f"{newcomer.email} is now a superuser.")


def _promote(service: Service, user: User, *, yes: bool) -> None:
    if user.is_superuser and user.is_active:
        typer.echo(f"{user.email} is a superuser already. (The password is as it was.)")
        return
    if not yes and not (sys.stdin.isatty() and typer.confirm(f"{user.email} exists. Promote?")):
        typer.echo(f"{user.email} exists and was not promoted; --yes does it.", err=True)
        raise typer.Exit(1)
    with service.transactions.begin() as work:
        promote(work, user.id)
    typer.echo(f"{user.email} is now a superuser. (The password is as it was.)")


def _ask(what: str, option: str, *, hide: bool = False) -> str:
    if not sys.stdin.isatty():
        typer.echo(f"Give {option}: there is nobody here to ask.", err=True)
        raise typer.Exit(2)
    return str(typer.prompt(what, hide_input=hide, confirmation_prompt=hide))


def _marks(user: User) -> list[str]:
    marks = {"superuser": user.is_superuser, "staff": user.is_staff, "closed": not user.is_active}
    return [name for name, has in marks.items() if has]


def _stop(refusal: Refusal) -> None:
    for text in refusal.fields.values() or [str(refusal)]:
        typer.echo(text, err=True)
    raise typer.Exit(1)
