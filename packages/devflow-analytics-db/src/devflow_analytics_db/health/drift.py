"""Whether a file, the migrations and the Pony entities agree, and in what they do not."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Literal, NamedTuple

from devflow_analytics_db.errors import TamperedMigrationError
from devflow_analytics_db.file import disk, location
from devflow_analytics_db.file.connection import connect_in_memory
from devflow_analytics_db.file.faults import logging_errors, naming_faults
from devflow_analytics_db.file.opening import open_for_reading
from devflow_analytics_db.log import log
from devflow_analytics_db.migrations import latest_version, ledger
from devflow_analytics_db.migrations.current import CREATE_LEDGER
from devflow_analytics_db.migrations.identity import identify, identify_file
from devflow_analytics_db.migrations.migration import build, load_migrations
from devflow_analytics_db.schema.structure import Column, Part, Structure, structure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from pony.orm import Database

    from devflow_analytics_db.file.connection import Connection


class Difference(NamedTuple):
    """One thing that is not as it should be."""

    subject: str
    """What it is about, such as ``index session_id_idx``."""
    difference: str
    """In what it differs, such as ``is missing; it should be ON tool_calls (session_id).``"""
    severity: Literal["warn", "fail"] = "fail"
    """``warn`` where nothing is broken: an addition of the user's own, or another version."""

    def __str__(self) -> str:
        return f"{self.subject} {self.difference}"


@logging_errors
def check(path: str | os.PathLike[str] | None = None) -> tuple[Difference, ...]:
    """Compare a database with what the migrations make, and that with the Pony entities.

    Nothing is written. Tables, indexes, triggers and views of the user's own are differences, too;
    they do no harm, and they are kept when the schema changes.

    Args:
        path: the database; without it the one of `default_path`.

    Returns:
        The differences; none if all agree.

    Raises:
        DatabaseNotFoundError: there is no database.
        AnalyticsDbError: any other, as from `create_analytics_db`.
    """
    file = location.resolve(path)
    disk.require_database(file)
    with naming_faults(file):
        try:
            identify_file(file)
        except TamperedMigrationError as error:
            differences = [Difference("ledger", f"does not fit: {error}")]
        else:
            with closing(open_for_reading(file)) as connection:
                connection.execute("BEGIN")
                differences = list(_in_file(connection, file))
    with closing(build(latest_version())) as connection:
        differences += in_entities(_entities(), structure(connection))
    log("info", "schema of %s checked: %d differences", file, len(differences))
    return tuple(differences)


def _in_file(connection: Connection, file: str) -> Iterator[Difference]:
    identity = identify(connection)
    version, known = identity.version, latest_version()
    if version > known:
        yield Difference(
            "schema version",
            f"is {version}, and this release knows only those up to {known}: its tables cannot be"
            " compared. Use the newer release.",
            "warn",
        )
        return
    if version < known:
        yield Difference(
            "schema version",
            f"is {version}, and this release's is {known}. Run 'devflow-analytics migrate'.",
            "warn",
        )
    with closing(build(version)) as made:
        if version and not identity.made_by_server:
            made.execute(CREATE_LEDGER)
            for change in ledger.edited_migrations(ledger.read(connection), load_migrations()):
                yield Difference("ledger", f"does not fit. {change}.")
        yield from compare(structure(connection), structure(made))


def compare(actual: Structure, expected: Structure) -> Iterator[Difference]:
    """Yield in what a structure differs from what it should be."""
    for part, definition in _all_but_parts_of_missing(expected, actual):
        if part not in actual:
            yield Difference(str(part), f"is missing; it should be {definition}.")
        elif actual[part] != definition:
            yield Difference(str(part), f"is {actual[part]}; it should be {definition}.")
    for part, definition in _all_but_parts_of_missing(actual, expected):
        if part not in expected:
            yield Difference(str(part), f"comes from no migration; it is {definition}.", "warn")


def in_entities(described: Structure, made: Structure) -> Iterator[Difference]:
    """Yield in what entities, as `describe` gives them, differ from what the migrations make."""
    entities = {part.table for part in described}
    described = _as_pony_sees(described)
    made = _as_pony_sees({part: made[part] for part in made if part.table in entities})
    for part, definition in _all_but_parts_of_missing(described, made):
        if part not in made:
            yield Difference(
                str(part), f"is {definition} in the entities, and no migration makes it."
            )
        elif made[part] != definition:
            yield Difference(
                str(part),
                f"is {definition} in the entities, and {made[part]} in what migrations make.",
            )
    for part in made.keys() - described.keys():
        yield Difference(str(part), "is made by the migrations, and no entity has it.")


def _all_but_parts_of_missing(
    parts: Structure, others: Structure
) -> Iterator[tuple[Part, Column | str]]:
    """Yield the parts, but of a table that the others do not have only the table itself."""
    for part, definition in parts.items():
        table = Part("table", part.table, part.table)
        if part == table or table in others or table not in parts:
            yield part, definition


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


def create_script(database: Database) -> str:
    """Return the SQL by which Pony would make the tables of entities that are not bound yet."""
    # Waits where another thread is importing it; bind() would take what is there of it so far.
    import pony.orm.dbproviders.sqlite  # noqa: F401, PLC0415  brings Pony

    connections: list[sqlite3.Connection] = []

    @database.on_connect(provider="sqlite")  # type: ignore[untyped-decorator]  # Pony has no types
    def _keep(_: Database, connection: sqlite3.Connection) -> None:
        connections.append(connection)  # Pony never closes one to a database in memory

    database.bind(
        provider="sqlite", filename=":memory:", factory=lambda *_, **__: connect_in_memory()
    )
    try:
        database.generate_mapping(check_tables=False)
        return str(database.schema.generate_create_script())
    finally:
        for connection in connections:
            connection.close()


def describe(database: Database) -> Structure:
    """Return the structure that entities which are not bound yet describe."""
    with closing(connect_in_memory()) as connection:
        connection.executescript(create_script(database))
        return structure(connection)


def _entities() -> Structure:
    from pony.orm import Database  # noqa: PLC0415  brings Pony

    from devflow_analytics_schema import define_entities  # noqa: PLC0415  brings Pony

    database = Database()
    define_entities(database)
    return describe(database)
