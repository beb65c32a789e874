"""Reads the structure of a database: what its tables, indexes and foreign keys are."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import TypeAlias

    Structure: TypeAlias = tuple[object, ...]


def object_names(connection: sqlite3.Connection) -> set[str]:
    """Return the names of all tables, indexes, views and triggers but SQLite's own."""
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*'")
    return {name for (name,) in rows}


def table_structure(connection: sqlite3.Connection, table: str) -> Structure:
    """Return a table's columns, foreign keys and indexes in a form that compares equal.

    However the ``CREATE`` statements were spelled, tables that behave alike in these respects
    have equal structures; ``CHECK`` constraints and triggers are not among them. A table that is
    not there has an empty structure.
    """
    columns = [
        (name, kind.upper(), bool(required), default, key)
        for name, kind, required, default, key in connection.execute(
            'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_xinfo(?)', (table,)
        )
    ]
    references = connection.execute(
        'SELECT "table", "from", "to", on_update, on_delete FROM pragma_foreign_key_list(?)',
        (table,),
    ).fetchall()
    indexes = [
        (name, unique, tuple(_index_columns(connection, name)))
        for name, unique in connection.execute(
            "SELECT name, \"unique\" FROM pragma_index_list(?) WHERE origin = 'c'", (table,)
        ).fetchall()
    ]
    return (tuple(columns), tuple(sorted(references)), tuple(sorted(indexes)))


def _index_columns(connection: sqlite3.Connection, index: str) -> list[str]:
    rows = connection.execute("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (index,))
    return [name for (name,) in rows]
