"""What a database is made of, part by part, in a form that compares."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from devflow_analytics_db.file.faults import base_code
from devflow_analytics_db.schema.sql import canonical, checks

if TYPE_CHECKING:
    from collections.abc import Iterator


class Part(NamedTuple):
    """A table, or something that belongs to one."""

    kind: str
    """Table, column, foreign key, constraint, index, trigger or view, in lower case."""
    table: str
    name: str

    def __str__(self) -> str:
        if self.kind in {"column", "foreign key"}:
            return f"{self.kind} {self.table}.{self.name}"
        if self.kind == "constraint":
            return f"{self.kind} {self.name} of {self.table}"
        return f"{self.kind} {self.name}"


class Column(NamedTuple):
    """How a column is defined."""

    type: str
    required: bool = False
    default: str | None = None
    key: int = 0
    """Its place in the primary key, from 1; 0 if it has none."""
    generated: bool = False

    def __str__(self) -> str:
        words = [self.type or "of no type"]
        if self.required:
            words.append("NOT NULL")
        if self.default is not None:
            words.append(f"DEFAULT {self.default}")
        if self.key:
            words.append(f"PRIMARY KEY {self.key}")
        if self.generated:
            words.append("GENERATED")
        return " ".join(words)


Structure: TypeAlias = "dict[Part, Column | str]"
"""Each part with its definition."""


def structure(connection: sqlite3.Connection, *tables: str) -> Structure:
    """Return what a database is made of, or some tables of it.

    However the ``CREATE`` statements were spelled, what behaves alike is equal. The order of a
    table's columns does not count. SQLite's own tables are left out.
    """
    found: Structure = {}
    objects = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema"
        " WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*' ORDER BY rowid"
    ).fetchall()
    for kind, name, table, sql in objects:
        if tables and table not in tables:
            continue
        text = canonical(sql)
        if kind == "table" and not text.upper().startswith("CREATE VIRTUAL"):
            found.update(_table(connection, name, sql))
        else:
            unique = "UNIQUE " if text.upper().startswith("CREATE UNIQUE") else ""
            _, _, definition = text.partition(f" {name} ")
            found[Part(kind, table, name)] = unique + definition
    return found


def extends(table: Structure, known: Structure) -> bool:
    """Tell whether a table is the known one, with indexes and triggers besides at most."""
    more = table.keys() - known.keys()
    return known.items() <= table.items() and {part.kind for part in more} <= {"index", "trigger"}


def _table(
    connection: sqlite3.Connection, table: str, sql: str
) -> Iterator[tuple[Part, Column | str]]:
    found = connection.execute(
        "SELECT wr, strict FROM pragma_table_list(?) WHERE schema = 'main'", (table,)
    ).fetchone()
    if not found:
        yield Part("table", table, table), "by a name that is no UTF-8"
        return
    without_rowid, strict = found
    kind = "STRICT" if strict else "not STRICT"
    yield Part("table", table, table), f"{kind}, WITHOUT ROWID" if without_rowid else kind

    for name, declared, required, default, key, hidden in connection.execute(
        'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)', (table,)
    ):
        column = Column(declared.upper(), bool(required), default, key, bool(hidden))
        yield Part("column", table, name), column

    for parent, child, key, on_update, on_delete in connection.execute(
        'SELECT "table", "from", "to", on_update, on_delete FROM pragma_foreign_key_list(?)',
        (table,),
    ):
        target = f"to {parent}.{key}" if key else f"to {parent}"
        action = f"ON UPDATE {on_update} ON DELETE {on_delete}"
        yield Part("foreign key", table, child), f"{target} {action}"

    for (columns,) in connection.execute(
        "SELECT (SELECT group_concat(name, ', ') FROM pragma_index_info(list.name))"
        " FROM pragma_index_list(?) AS list WHERE origin = 'u'",
        (table,),
    ):
        yield Part("constraint", table, f"UNIQUE ({columns})"), "UNIQUE"
    for name, condition in checks(sql):
        yield Part("constraint", table, name or f"CHECK ({condition})"), f"CHECK ({condition})"


def object_names(connection: sqlite3.Connection) -> set[str]:
    """Return the names of all tables, indexes, views and triggers, but for SQLite's own."""
    query = "SELECT name FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*'"
    return {name for (name,) in connection.execute(query)}


def table_names(connection: sqlite3.Connection) -> set[str]:
    """Return the names of the tables that hold rows in the file.

    SQLite's own are not among them, nor virtual ones, whose module may be unknown here, nor those
    by a name that is no UTF-8, which cannot be spoken of.
    """
    query = (
        "SELECT name FROM sqlite_schema"
        " WHERE type = 'table' AND rootpage > 0 AND name NOT GLOB 'sqlite_*'"
    )
    return {name for (name,) in connection.execute(query) if "\ufffd" not in name}


def column_names(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Return the names of all columns, each after its table's."""
    return {
        (table, column)
        for table in table_names(connection)
        for (column,) in connection.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))
    }


def row_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Count the rows of each table that can be read here: one may need another program's collation.

    By the smallest index, or without any if that one needs it.
    """
    found = {}
    for table in table_names(connection):
        for how in ("", " NOT INDEXED"):
            try:
                query = f'SELECT count(*) FROM "{_escaped(table)}"{how}'
                (found[table],) = connection.execute(query).fetchone()
            except sqlite3.OperationalError as fault:
                if base_code(fault) != sqlite3.SQLITE_ERROR:
                    raise
            else:
                break
    return found


def foreign_key_violations(connection: sqlite3.Connection) -> Counter[tuple[str, str]]:
    """Count the rows that refer to a row that is not there, by table and parent table.

    Counted, since a rebuilt table may have given its rows other numbers.
    """
    found: Counter[tuple[str, str]] = Counter()
    for table in sorted(table_names(connection)):
        try:
            for (parent,) in connection.execute(
                "SELECT parent FROM pragma_foreign_key_check(?)", (table,)
            ):
                found[table, parent] += 1
        except sqlite3.OperationalError as fault:  # a reference that can never hold
            if base_code(fault) != sqlite3.SQLITE_ERROR:
                raise
            found[table, str(fault)] += 1
    return found


def _escaped(name: str) -> str:
    return name.replace('"', '""')


def indexes_and_triggers(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """Return the SQL of all indexes and triggers: what goes when its table is rebuilt.

    By type and name, as a trigger may have the name of something else.
    """
    return {
        (kind, name): sql
        for kind, name, sql in connection.execute(
            "SELECT type, name, sql FROM sqlite_schema"
            " WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
        )
    }
