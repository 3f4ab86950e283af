"""Tables of a program that has no migrations: what is missing is made, nothing else is touched.

Enough for a listener, whose tables only grow with this package; whoever changes or fills columns
of its own writes migrations, as the services do.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, Connection, MetaData, Table, inspect

from shared.database import Database


def missing(database: Database, metadata: MetaData) -> list[str]:
    """The tables and columns that the models have and the database does not."""
    with database.engine.connect() as connection:
        there = set(inspect(connection).get_table_names())
        lacking = [table.name for table in metadata.sorted_tables if table.name not in there]
        columns = _missing_columns(connection, metadata)
        return lacking + [f"{table.name}.{column.name}" for table, column in columns]


def make(database: Database, metadata: MetaData) -> None:
    """Make them. A column that comes later has a default or may be empty, or this fails."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    with database.engine.begin() as connection:
        change = Operations(MigrationContext.configure(connection))
        for table, column in list(_missing_columns(connection, metadata)):
            change.add_column(table.name, column)
        metadata.create_all(connection)
        for table in metadata.sorted_tables:
            known = {index["name"] for index in inspect(connection).get_indexes(table.name)}
            for index in sorted(table.indexes, key=lambda each: str(each.name)):
                if index.name not in known:
                    index.create(connection)


def _missing_columns(
    connection: Connection, metadata: MetaData
) -> Iterator[tuple[Table, Column[object]]]:
    inspector = inspect(connection)
    for table in metadata.sorted_tables:
        if inspector.has_table(table.name):
            known = {column["name"] for column in inspector.get_columns(table.name)}
            yield from ((table, each) for each in table.columns if each.name not in known)
