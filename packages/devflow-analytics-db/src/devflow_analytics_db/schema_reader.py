"""What a database names, and which of its references lead nowhere."""

from __future__ import annotations

import sqlite3
from collections import Counter

from devflow_analytics_db.faults import base_code


def object_names(connection: sqlite3.Connection, kind: str = "*") -> set[str]:
    """Return the names of all tables, indexes, views and triggers, or those of a kind.

    SQLite's own are not among them.
    """
    rows = connection.execute(
        "SELECT name FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*' AND type GLOB ?", (kind,)
    )
    return {name for (name,) in rows}


def column_names(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Return the names of all columns, each after its table's."""
    return {
        (table, column)
        for table in object_names(connection, "table")
        for (column,) in connection.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))
    }


def foreign_key_violations(connection: sqlite3.Connection) -> Counter[tuple[str, str]]:
    """Count the rows that refer to a row that is not there, by table and parent table.

    Counted, since a rebuilt table may have given its rows other numbers.
    """
    found: Counter[tuple[str, str]] = Counter()
    for table in sorted(object_names(connection, "table")):
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
