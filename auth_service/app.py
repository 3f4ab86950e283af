"""auth, put together."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from a2wsgi import WSGIMiddleware
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp

from auth_service.api import groups, internal, oauth, sessions, tokens, users
from auth_service.api.doorkeeper import Doorkeeper
from auth_service.db.models import TABLES
from auth_service.domain.permissions import GATEWAY, OF_THE_GATEWAY, OURS
from auth_service.domain.policy import Policy
from auth_service.domain.sealing import derived_key
from auth_service.events.published import PUBLISHED
from auth_service.handlers.permissions import handlers
from auth_service.pages.app import create_site
from auth_service.settings import Settings
from auth_service.usecases.cleaning import clean_up
from auth_service.usecases.demo import fill_with_demo
from auth_service.usecases.desk import Desk
from auth_service.usecases.groups import note_permissions
from auth_service.usecases.hashing import Hasher
from auth_service.usecases.keys import Keyring
from shared.eventplane.api import bus_router
from shared.http.api import create_api
from shared.http.lazy import LazyAdmin
from shared.http.root import Root, create_root
from shared.jobs import Job, hourly
from shared.service import Service, assemble
from shared.tokens import KeySource

MIGRATIONS = Path(__file__).parent / "db" / "migrations"
ABOUT = "Accounts, sessions and tokens."


def create_service(settings: Settings) -> Service:
    """auth with its ears, its jobs and its doors."""
    service = assemble(settings, TABLES, MIGRATIONS)
    service.handlers = handlers
    service.published = PUBLISHED
    service.permissions = OURS
    service.on_start = [
        lambda work: note_permissions(work, service.name, OURS),
        lambda work: note_permissions(work, GATEWAY, OF_THE_GATEWAY),
    ]
    service.jobs = [Job("clean-up", hourly(lambda: clean_up(service.transactions)), every=600.0)]
    service.create_app = create_app
    service.fill_with_demo = lambda filled: fill_with_demo(desk_of(filled))
    return service


def desk_of(service: Service) -> Desk:
    """What letting people in takes, made from the settings of this service."""
    settings = service.settings
    assert isinstance(settings, Settings)
    secret = settings.secret_key.get_secret_value()
    return Desk(
        policy=_policy(settings),
        transactions=service.transactions,
        hasher=Hasher(
            at_once=settings.hashes_at_once,
            waiting=settings.hashes_waiting,
            memory_kib=settings.hash_memory_kib,
        ),
        keyring=Keyring(service.transactions, secret),
        refresh_secret=derived_key(secret, "refresh-tokens"),
        fingerprint_secret=derived_key(secret, "fingerprints"),
    )


def create_app(service: Service) -> Root:
    """auth's doors behind one front."""
    desk = desk_of(service)
    service.checks["signing keys"] = desk.keyring.problem
    service.key_source = service.key_source or own_keys(desk.keyring)
    api = create_api(
        service,
        [users.router, tokens.router, sessions.router, groups.router, bus_router("auth")],
        title="Quintet auth",
        prefix="/api/auth",
        about=ABOUT,
    )
    rest = {
        "/internal": create_api(
            service, [internal.router], title="Quintet auth, inside", prefix="/internal"
        ),
        "/oauth2": create_api(service, [oauth.oauth], title="Quintet OAuth", prefix="/oauth2"),
        "/.well-known": create_api(
            service, [oauth.well_known], title="Quintet metadata", prefix="/.well-known"
        ),
    }
    apis: dict[str, FastAPI] = {"/api/auth": api, **rest}
    for each in apis.values():
        each.state.desk = desk
    guarded = {prefix: Doorkeeper(each, desk, strict=True) for prefix, each in apis.items()}
    return create_root(
        service,
        apis=guarded,
        pages=Doorkeeper(_site(service, desk), desk, strict=False),
        admin=Doorkeeper(LazyAdmin(lambda: _admin(service)), desk, strict=False),
    )


def _site(service: Service, desk: Desk) -> ASGIApp:
    flask = cast(Any, create_site(service, desk))  # typed for another WSGI than a2wsgi's
    return cast(ASGIApp, WSGIMiddleware(flask, workers=service.settings.page_threads))


def _admin(service: Service) -> ASGIApp:
    from auth_service.pages.admin import create_people_admin  # slow, and seldom needed

    return create_people_admin(service)


def own_keys(keyring: Keyring) -> KeySource:
    """auth reads its own public keys where they are; no call over the network."""

    def fetch() -> dict[str, object]:
        try:
            return keyring.public()
        except SQLAlchemyError as error:
            raise ValueError(f"keys cannot be read: {error}") from error

    return KeySource(fetch)


def _policy(settings: Settings) -> Policy:
    return Policy(
        issuer=settings.public_url,
        audiences=settings.audiences,
        access_life=timedelta(minutes=settings.access_minutes),
        session_life=timedelta(days=settings.session_days),
        session_idle=timedelta(days=settings.session_idle_days),
        password_score=settings.password_score,
        trusted_proxies=settings.trusted_proxies,
    )
