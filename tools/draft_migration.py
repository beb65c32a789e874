"""Draft the next migration from the difference between the entities and the migrated schema.

Run by ``just migration NAME``; docs/migrations.md shows it at work. What is drafted has been run in
both directions on an empty database. Read it all the same: a column that was renamed looks like one
that was dropped and another that was added.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from compare_entities import between, create_script, describe, in_entities
from pony.orm import Database
from sqlite_utils import Database as SqliteUtils
from sqlite_utils.db import TransformError

from devflow_analytics_db.migrations import file_path, latest_version
from devflow_analytics_db.migrations.identity import SERVER_LEDGER
from devflow_analytics_db.migrations.migration import Migration, build
from devflow_analytics_db.schema.sql import canonical
from devflow_analytics_db.schema.structure import structure
from devflow_analytics_schema import define_entities

if TYPE_CHECKING:
    from collections.abc import Iterator

WITHOUT_ENTITY = {SERVER_LEDGER, "import_cursors", "import_exclusions", "import_floor"}
"""Tables that only migrations describe: a draft leaves them and their indexes alone."""

PYTHON_TYPES = {"TEXT": str, "INTEGER": int, "REAL": float, "BLOB": bytes}
"""sqlite-utils takes types in Python's words."""


class UndraftableError(Exception):
    """The entities ask for something that only the maintainer can decide, or write."""


class Column(NamedTuple):
    """A column as a table has it."""

    name: str
    type: str
    required: bool
    default: str | None
    references: str
    """As in a definition: ``REFERENCES sessions (id) ON DELETE CASCADE``, or nothing."""

    def __str__(self) -> str:
        words = [self.name, self.type]
        words += ["NOT NULL"] * self.required
        words += [f"DEFAULT {self.default}"] * (self.default is not None)
        return " ".join([*words, self.references]).strip()


class Drafter:
    """Turns one schema into another, statement by statement, and keeps the statements."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        wanted: sqlite3.Connection,
        *,
        defaults: dict[tuple[str, str], str] | None,
        version: int,
    ) -> None:
        self.connection = connection
        self.wanted = wanted
        self.defaults = defaults
        """Pony's defaults by table and column. Without them, defaults and names in the wanted
        schema are to be matched exactly."""
        self.suffix = f"{version:04}"
        self.statements: list[str] = []
        for pragma in ("foreign_keys = OFF", "legacy_alter_table = ON"):  # as the engine does
            connection.execute(f"PRAGMA {pragma}")

    def draft(self) -> list[str]:
        """Return the statements; the connection has the wanted schema then."""
        before, after = tables(self.connection), tables(self.wanted)
        self.drop_indexes()
        for table in after:
            if table in before:
                self.alter(table)
            else:
                self.run(after[table])
        for table in before:
            if table not in after:
                self.run(f"DROP TABLE {table}")
        self.create_indexes()
        return self.statements

    def drop_indexes(self) -> None:
        """Drop those that are not wanted; a rebuild makes those again that it finds."""
        named = self.defaults is None
        wanted = indexes(self.wanted, named=named)
        for definition, name in indexes(self.connection, named=named).items():
            if definition not in wanted:
                self.run(f"DROP INDEX {name}")

    def create_indexes(self) -> None:
        """Create those that are wanted and not there."""
        named = self.defaults is None
        there = indexes(self.connection, named=named)
        for definition, name in indexes(self.wanted, named=named).items():
            if definition not in there:
                (sql,) = self.wanted.execute(
                    "SELECT sql FROM sqlite_schema WHERE name = ?", (name,)
                ).fetchone()
                self.run(canonical(sql))

    def run(self, sql: str) -> None:
        """Execute a statement and keep it."""
        self.connection.execute(sql)
        self.statements.append(f"{sql.rstrip(';')};")

    def alter(self, table: str) -> None:
        """Bring one table to what is wanted, by a rebuild only where SQLite needs one."""
        before, after = columns(self.connection, table), columns(self.wanted, table)
        for name, column in after.items():
            if name not in before:
                self.run(f"ALTER TABLE {table} ADD COLUMN {self.with_default(table, column)}")
        dropped = before.keys() - after.keys()
        changed = {name for name in before.keys() & after.keys() if before[name] != after[name]}
        if self.defaults is not None:  # which Pony's own tables do not have
            changed = {
                name
                for name in changed
                if before[name]._replace(default=None) != after[name]._replace(default=None)
            }
        for name in sorted(changed):
            if after[name].required and not before[name].required:
                default = self.with_default(table, after[name]).default
                self.run(f"UPDATE {table} SET {name} = {default} WHERE {name} IS NULL")
        if changed:
            self.rebuild(table, dropped, {name: after[name] for name in changed})
            return
        for name in sorted(dropped):
            try:
                self.run(f"ALTER TABLE {table} DROP COLUMN {name}")
            except sqlite3.OperationalError:  # part of a key or a constraint
                self.rebuild(table, {name}, {})

    def rebuild(self, table: str, dropped: set[str], changed: dict[str, Column]) -> None:
        """Make the table anew: create, copy, drop, rename, indexes, triggers."""
        before = columns(self.connection, table)
        triggers = self.connection.execute(
            "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?", (table,)
        ).fetchall()
        statements = (
            SqliteUtils(self.connection)
            .table(table)
            .transform_sql(
                types={name: PYTHON_TYPES[column.type] for name, column in changed.items()},
                not_null={
                    name: column.required
                    for name, column in changed.items()
                    if column.required
                    != before[name].required  # a False that is not needed is True
                },
                defaults={  # or it would quote the numbers
                    name: float(column.default) if "." in column.default else int(column.default)
                    for name, column in (before | changed).items()
                    if column.default and column.default.replace(".", "").isdecimal()
                },
                drop=dropped,
                foreign_keys=SqliteUtils(self.wanted).table(table).foreign_keys,
                tmp_suffix=self.suffix,
            )
        )
        for statement in statements:
            if not statement.startswith("PRAGMA"):
                self.run(statement)
        for (sql,) in triggers:
            self.run(sql)

    def with_default(self, table: str, column: Column) -> Column:
        """Return the column with a default, if the rows that are there need one.

        Raises:
            UndraftableError: they do, and there is none.
        """
        if not column.required or column.default is not None:
            return column
        default = (self.defaults or {}).get((table, column.name))
        if default is None:
            raise UndraftableError(
                f"{table}.{column.name} is required, and the rows that are there have none. Give"
                " the attribute a default, or make it Optional."
            )
        return column._replace(default=default)


def tables(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the tables of entities by name, with their SQL."""
    found = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'sqlite_*'"
    )
    return {name: sql for name, sql in found if name not in WITHOUT_ENTITY}


def indexes(connection: sqlite3.Connection, *, named: bool) -> dict[str, str]:
    """Return the names of the indexes by what they are, and by their names too if these count."""
    return {
        f"{part.name if named else ''} {definition}": part.name
        for part, definition in structure(connection).items()
        if part.kind == "index" and part.table not in WITHOUT_ENTITY
    }


def columns(connection: sqlite3.Connection, table: str) -> dict[str, Column]:
    """Return the columns of a table by name."""
    references = {
        column: f"REFERENCES {parent} ({key}) ON DELETE {on_delete}"
        for parent, column, key, on_delete in connection.execute(
            'SELECT "table", "from", "to", on_delete FROM pragma_foreign_key_list(?)', (table,)
        )
    }
    return {
        name: Column(name, kind.upper(), bool(required), default, references.get(name, ""))
        for name, kind, required, default in connection.execute(
            'SELECT name, type, "notnull", dflt_value FROM pragma_table_info(?)', (table,)
        )
    }


def new_database() -> Database:
    """Return a Pony database with the entities, bound to nothing yet."""
    database = Database()
    define_entities(database)
    return database


def made_by_entities(database: Database) -> sqlite3.Connection:
    """Return a database in memory with the tables that Pony would make, but STRICT."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in create_script(database).split(";\n"):
        unquoted = statement.strip().replace('"', "")
        connection.execute(f"{unquoted} STRICT" if unquoted[:12] == "CREATE TABLE" else unquoted)
    return connection


def defaults_of(database: Database) -> dict[tuple[str, str], str]:
    """Return the constant defaults of the attributes, as SQL, by table and column."""
    found = {}
    for entity in database.entities.values():
        for attribute in entity._attrs_:
            default = attribute.default
            if isinstance(default, (str, int, float)):
                literal = repr(default) if not isinstance(default, bool) else str(int(default))
                if isinstance(default, str):
                    literal = "'{}'".format(default.replace("'", "''"))
                for column in attribute.columns:
                    found[entity._table_, column] = literal
    return found


def draft(version: int, name: str) -> str:
    """Return the text of a migration to what the entities describe.

    Raises:
        UndraftableError: there is nothing to do, or something to decide first.
    """
    database = new_database()
    with (
        closing(build(version - 1)) as connection,
        closing(build(version - 1)) as before,
        closing(made_by_entities(database)) as wanted,
    ):
        defaults = defaults_of(database)
        up = Drafter(connection, wanted, defaults=defaults, version=version).draft()
        down = Drafter(connection, before, defaults=None, version=version).draft()
    if not up:
        raise UndraftableError("the migrations make what the entities describe.")
    body = "\n\n".join(["-- migrate:up", *up, "-- migrate:down", *down]) + "\n"
    header = "-- Say here what this is for, and why it is done in this way.\n"
    if Migration(f"{version:04}_{name}.sql", body).only_adds:
        header += f"--\n-- compatible-with: {version - 1}\n"
    return f"{header}\n{body}"


def left_over(migration: Migration) -> Iterator[str]:
    """Yield what a migration does not do: up to the entities, and down to what was before."""
    with closing(build(migration.version - 1)) as connection:
        before = structure(connection)
        for statement in migration.up:
            connection.execute(statement)
        yield from in_entities(describe(new_database()), structure(connection))
        for statement in migration.down:
            connection.execute(statement)
        yield from between(structure(connection), before)


def main(name: str) -> None:
    """Write the draft, and say what it leaves to do."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        sys.exit(f"{name!r} is no name for a migration. Say what it does, as in add_projects.")
    version = latest_version() + 1
    path = Path(file_path(f"{version:04}_{name}.sql"))
    try:
        text = draft(version, name)
    except (UndraftableError, TransformError, sqlite3.Error) as error:
        sys.exit(f"Nothing was drafted: {error}")
    path.write_text(text, encoding="utf-8")
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    print(f"Drafted {shown}. Read it, then run 'uv run just docs' and 'uv run just test'.")
    for difference in left_over(Migration(path.name, text)):
        print(f"It leaves to be written by hand: {difference}")


if __name__ == "__main__":
    main(sys.argv[1])
