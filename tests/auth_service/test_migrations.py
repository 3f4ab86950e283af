"""Migrations and models say the same, up and down."""

from __future__ import annotations

from sqlalchemy import inspect

from shared import migrations
from shared.service import Service


def test_the_migrations_lead_to_what_the_models_say(service: Service) -> None:
    from alembic import command

    command.check(migrations.config_of(service))

    assert migrations.up_to_date(service)


def test_the_first_migration_can_be_undone(service: Service) -> None:
    from alembic import command

    command.downgrade(migrations.config_of(service), "base")

    assert set(inspect(service.database.engine).get_table_names()) <= {"alembic_version"}
