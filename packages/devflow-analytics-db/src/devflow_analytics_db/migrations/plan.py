"""What `migrate` would do to a file, found without touching it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass

from devflow_analytics_db.file import location
from devflow_analytics_db.file.connection import Connection, connect_in_memory
from devflow_analytics_db.file.faults import logging_errors, naming_faults
from devflow_analytics_db.migrations import LEDGER
from devflow_analytics_db.migrations.identity import reading
from devflow_analytics_db.migrations.route import PRAGMAS, Route, find_route
from devflow_analytics_db.result import Result


@dataclass(frozen=True, slots=True)
class Plan(Result):
    """What `migrate` would do to a database."""

    file: str
    """The database file, symbolic links followed."""
    schema_version: int
    """Its schema version now."""
    target: int
    """The schema version that it would have."""
    applied: tuple[int, ...]
    """The versions whose way up would be taken, in order."""
    undone: tuple[int, ...]
    """The versions whose way down would be taken, in order."""
    backs_up: bool
    """Whether a backup would be made first."""
    sql: str
    """The exact statements, as a script; empty if there is nothing to do."""

    def __str__(self) -> str:
        if not self.sql:
            return f"-- {self.file} is at schema version {self.target}: nothing to do."
        return f"-- {self.file}: schema version {self.schema_version} to {self.target}\n{self.sql}"


@logging_errors
def plan_migration(path: str | os.PathLike[str] | None = None, to: int | None = None) -> Plan:
    """Return what `migrate` would do, and change nothing.

    The statements are found by executing them in memory, on tables like those of the database but
    without their rows. So it is not tried whether the rows fit.

    Args:
        path: the database; without it the one of `default_path`.
        to: the version; without it the newest that this release knows.

    Raises:
        AnalyticsDbError: what `migrate` would raise, rows that do not fit aside.
    """
    file = location.resolve(path)
    with (
        naming_faults(file),
        reading(file) as (source, identity),
        closing(connect_in_memory()) as copy,
    ):
        route = find_route(source, file, identity, to)
        statements: list[str] = []
        if route.steps:
            _copy_schema(source, copy)
            statements = [*PRAGMAS, "BEGIN IMMEDIATE;", *_rehearse(copy, route), "COMMIT;"]
    return Plan(
        file,
        route.start,
        route.target,
        route.applied,
        route.undone,
        route.needs_backup,
        "".join(f"{statement}\n\n" for statement in statements),
    )


def _copy_schema(source: Connection, target: Connection) -> None:
    """Copy the schema, and the rows of the ledger, which the engine makes sure of."""
    target.execute("PRAGMA trusted_schema = OFF")  # which is the file's
    objects = source.execute(
        "SELECT type, name, sql FROM sqlite_schema"
        " WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*'"
        " ORDER BY type = 'trigger', type = 'index', rowid"
    ).fetchall()
    for kind, name, sql in objects:
        # A virtual table's module may be unknown here, and if known has made its own tables.
        with suppress(sqlite3.OperationalError):
            target.execute(sql)
            if kind == "table" and name == LEDGER:
                _copy_rows(source, target, name)


def _copy_rows(source: Connection, target: Connection, table: str) -> None:
    # all at once: with a cursor in the middle the connection could not be closed
    rows = source.execute(f"SELECT * FROM {table}").fetchall()
    for row in rows:
        target.execute(f"INSERT INTO {table} VALUES ({', '.join('?' for _ in row)})", row)


def _rehearse(copy: Connection, route: Route) -> list[str]:
    for statement in PRAGMAS:
        copy.execute(statement)
    copy.execute("BEGIN")
    return list(route.take(copy, rehearse=True))
