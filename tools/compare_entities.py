"""Compare the Pony entities with the tables that the migrations make.

Used by ``draft_migration.py`` and by the tests: what users have was compared before its release.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.migrations.migration import build
from devflow_analytics_db.schema.structure import Column, Part, Structure, structure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pony.orm import Database


def create_script(database: Database) -> str:
    """Return the SQL with which Pony would make the tables of entities that are not bound yet."""
    connections: list[sqlite3.Connection] = []

    @database.on_connect(provider="sqlite")  # type: ignore[untyped-decorator]  # Pony has no types
    def _keep(_: Database, connection: sqlite3.Connection) -> None:
        connections.append(connection)  # Pony never closes one to a database in memory

    database.bind(provider="sqlite", filename=":memory:")
    try:
        database.generate_mapping(check_tables=False)
        return str(database.schema.generate_create_script())
    finally:
        for connection in connections:
            connection.close()


def describe(database: Database) -> Structure:
    """Return the structure that entities which are not bound yet describe."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(create_script(database))
        return structure(connection)


def in_migrations() -> Structure:
    """Return the structure that the migrations make."""
    with closing(build(latest_version())) as connection:
        return structure(connection)


def in_entities(described: Structure, made: Structure) -> Iterator[str]:
    """Yield how entities, as `describe` gives them, differ from what the migrations make."""
    entities = {part.table for part in described}
    described = _as_pony_sees(described)
    made = _as_pony_sees({part: made[part] for part in made if part.table in entities})
    for part, definition in described.items():
        table = Part("table", part.table, part.table)
        if part not in made:
            if part == table or table in made:  # of a table that is missing, only the table
                yield f"{part} is {definition} in the entities, and no migration makes it."
        elif made[part] != definition:
            there = made[part]
            yield f"{part} is {definition} in the entities, and {there} in what migrations make."
    for part in made.keys() - described.keys():
        yield f"{part} is made by the migrations, and no entity has it."


def between(actual: Structure, expected: Structure) -> Iterator[str]:
    """Yield how one structure differs from another, part by part."""
    for part in sorted(actual.keys() | expected.keys()):
        if actual.get(part) != expected.get(part):
            found, wanted = actual.get(part, "missing"), expected.get(part, "not there")
            yield f"{part} is {found}; it should be {wanted}."


def _as_pony_sees(parts: Structure) -> Structure:
    """Return what an entity can say of a table.

    Pony has no words for STRICT, a default or a constraint, and names some indexes by itself.
    """
    seen: Structure = {}
    for part, definition in parts.items():
        if isinstance(definition, Column):
            seen[part] = definition._replace(default=None)
        elif part.kind == "foreign key":
            seen[part] = definition
        elif part.kind == "index":
            seen[part._replace(name=definition)] = "there"
        elif part.kind == "table":
            seen[part] = "there"
    return seen
