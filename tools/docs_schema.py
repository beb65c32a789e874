"""What the documentation says of the tables: ``schema.sql``, and the tables of docs/schema.md."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING

from devflow_analytics_db.migrations import CREATE_LEDGER, latest_version
from devflow_analytics_db.migrations.migration import build

if TYPE_CHECKING:
    import sqlite3

UNDESCRIBED = "**to be described**"
"""Stands where only a person can say what is meant; a test finds it."""


def newest() -> closing[sqlite3.Connection]:
    """Return a database in memory that is as the migrations make it."""
    connection = build(latest_version())
    connection.execute(CREATE_LEDGER)
    return closing(connection)


def schema_sql() -> str:
    """Return every table, index, trigger and view, each with its table, in a stable order."""
    with newest() as connection:
        objects = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"
            " ORDER BY tbl_name, type <> 'table', type, name"
        ).fetchall()
    head = f"-- Schema version {latest_version()}, as the migrations make it."
    return "".join([f"{head} Written by 'just docs'.\n", *(f"\n{sql};\n" for (sql,) in objects)])


def described(present: str) -> dict[str, str]:
    """Return what a table says of each name in its first column, in its last."""
    return dict(re.findall(r"^\| `(\w+)` \|.*\| (.+?) \|$", present, re.MULTILINE))


def columns(table: str, present: str) -> str:
    """Return a table's columns and their types; what they mean stays as it is."""
    meanings = described(present)
    with newest() as connection:
        found = connection.execute(
            'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)', (table,)
        ).fetchall()
    lines = [f"| `{table}` | type | meaning |", "| --- | --- | --- |"]
    for name, kind, not_null, default, key in found:
        words = [kind, "primary key" if key else "not null" if not_null else ""]
        words.append("" if default is None else f"default {default}")
        shown = ", ".join(filter(None, words))
        lines.append(f"| `{name}` | {shown} | {meanings.get(name, UNDESCRIBED)} |")
    return "\n".join(lines)


def indexes(present: str) -> str:
    """Return every index and its columns; which questions it answers stays as it is."""
    answers = described(present)
    with newest() as connection:
        found = connection.execute(
            "SELECT i.name, i.tbl_name, group_concat(c.name, ', ')"
            " FROM sqlite_schema i, pragma_index_info(i.name) c"
            " WHERE i.type = 'index' AND i.sql IS NOT NULL GROUP BY i.name"
        ).fetchall()
    order = [*answers, *sorted({name for name, *_ in found} - answers.keys())]
    rows = sorted(found, key=lambda row: order.index(row[0]))
    lines = ["| index | on | answers |", "| --- | --- | --- |"]
    lines += [
        f"| `{name}` | `{table} ({on})` | {answers.get(name, UNDESCRIBED)} |"
        for name, table, on in rows
    ]
    return "\n".join(lines)
