"""Print the schema that the migrations make, for `schema.sql`. Run by ``just schema``."""

from __future__ import annotations

from contextlib import closing

from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.migrations.current import CREATE_LEDGER
from devflow_analytics_db.migrations.migration import build


def dump() -> str:
    """Return every table, index, trigger and view, each with its table, in a stable order."""
    with closing(build(latest_version())) as connection:
        connection.execute(CREATE_LEDGER)
        objects = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"
            " ORDER BY tbl_name, type <> 'table', type, name"
        ).fetchall()
    head = f"-- Schema version {latest_version()}, as the migrations make it."
    return "".join([f"{head} Written by 'just schema'.\n", *(f"\n{sql};\n" for (sql,) in objects)])


if __name__ == "__main__":
    print(dump(), end="")
