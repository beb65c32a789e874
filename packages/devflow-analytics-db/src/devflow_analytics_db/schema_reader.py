"""Reads the structure of a database: what its tables, indexes and foreign keys are."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3


class TableStructure:
    """A table's columns, foreign keys and indexes, in a form that compares equal.

    However the ``CREATE`` statements were spelled, tables that behave alike in these respects are
    equal; ``CHECK`` constraints and triggers are not among them. A table that is not there has
    nothing of all this.
    """

    def __init__(
        self,
        columns: list[tuple[str, str, bool, str | None, int]],
        references: set[tuple[str, ...]],
        indexes: set[tuple[str, bool, tuple[str, ...]]],
    ) -> None:
        self.columns = columns
        """Name, type, NOT NULL, default, place in the primary key; in order."""
        self.references = references
        """Table, column there, column here, ON UPDATE, ON DELETE."""
        self.indexes = indexes
        """Name, whether unique, columns; but for those that SQLite makes by itself."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TableStructure) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # it compares by what it holds

    def __repr__(self) -> str:
        return f"TableStructure({self.columns}, {self.references}, {self.indexes})"

    def contains(self, other: TableStructure) -> bool:
        """Tell whether this table is like the other, indexes aside that it has besides."""
        return (
            self.columns == other.columns
            and self.references == other.references
            and self.indexes >= other.indexes
        )


def object_names(connection: sqlite3.Connection, kind: str = "*") -> set[str]:
    """Return the names of all tables, indexes, views and triggers, or those of a kind.

    SQLite's own are not among them.
    """
    rows = connection.execute(
        "SELECT name FROM sqlite_schema WHERE name NOT GLOB 'sqlite_*' AND type GLOB ?", (kind,)
    )
    return {name for (name,) in rows}


def table_structure(connection: sqlite3.Connection, table: str) -> TableStructure:
    """Return the structure of a table."""
    columns = [
        (name, kind.upper(), bool(required), default, key)
        for name, kind, required, default, key in connection.execute(
            'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_xinfo(?)', (table,)
        )
    ]
    references = connection.execute(
        'SELECT "table", "to", "from", on_update, on_delete FROM pragma_foreign_key_list(?)',
        (table,),
    ).fetchall()
    indexes = {
        (name, bool(unique), _index_columns(connection, name))
        for name, unique in connection.execute(
            "SELECT name, \"unique\" FROM pragma_index_list(?) WHERE origin = 'c'", (table,)
        ).fetchall()
    }
    return TableStructure(columns, set(references), indexes)


def _index_columns(connection: sqlite3.Connection, index: str) -> tuple[str, ...]:
    rows = connection.execute("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (index,))
    return tuple(name for (name,) in rows)
