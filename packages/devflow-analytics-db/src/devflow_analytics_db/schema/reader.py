"""What a database names, how many rows it has, and which of its references lead nowhere."""

from __future__ import annotations

import sqlite3
from collections import Counter

from devflow_analytics_db.file.faults import base_code


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
