"""What `migrate` would do to a file, found without touching it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from devflow_analytics_db.file import disk, location
from devflow_analytics_db.file.connection import connect_in_memory
from devflow_analytics_db.file.faults import logging_errors, naming_faults
from devflow_analytics_db.file.opening import open_for_reading
from devflow_analytics_db.migrations.identity import identify, identify_file
from devflow_analytics_db.migrations.route import (
    Route,
    find_route,
    keeping_ledger,
    naming_step,
    require_columns,
    users_columns,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Plan:
    """What `migrate` would do to a file."""

    __slots__ = ("applied", "backs_up", "path", "schema_version", "sql", "target", "undone")

    def __init__(self, file: str, route: Route, sql: str) -> None:
        self.path = Path(file)
        """The database file, symbolic links followed."""
        self.schema_version = route.start
        """The schema version of the file now."""
        self.target = route.target
        """The schema version that it would have."""
        self.applied = route.applied
        """The versions whose way up would be taken, in order."""
        self.undone = route.undone
        """The versions whose way down would be taken, in order."""
        self.backs_up = route.needs_backup
        """Whether a backup would be made first."""
        self.sql = sql
        """The exact statements, as a script; empty if there is nothing to do."""


@logging_errors
def plan_migration(path: str | os.PathLike[str] | None = None, to: int | None = None) -> Plan:
    """Return what `migrate` would do, and change nothing.

    The statements are found by taking the way for real, in memory, on tables like those of the
    file without their rows. That rows fit is so not tried.

    Args:
        path: the database; without it the one of `default_path`.
        to: the version; without it the newest that this release knows.

    Raises:
        AnalyticsDbError: what `migrate` would raise, rows that do not fit aside.
    """
    file = location.resolve(path)
    disk.require_database(file)
    with naming_faults(file):
        identify_file(file)
        with closing(open_for_reading(file)) as source, closing(_in_memory()) as rehearsal:
            source.execute("BEGIN")
            route = find_route(source, file, identify(source, file), to)
            _copy_schema(source, rehearsal)
            statements = list(_rehearse(rehearsal, file, route)) if route.steps else []
    return Plan(file, route, "".join(f"{statement}\n\n" for statement in statements))


def _in_memory() -> sqlite3.Connection:
    connection = connect_in_memory()
    connection.execute("PRAGMA trusted_schema = OFF")  # which is the file's
    return connection


def _copy_schema(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    objects = source.execute(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*'"
        " ORDER BY type = 'trigger', type = 'index', rowid"
    )
    for (sql,) in objects:
        # A virtual table's module may be unknown here, and if known has made its own tables.
        with suppress(sqlite3.OperationalError):
            target.execute(sql)


def _rehearse(connection: sqlite3.Connection, file: str, route: Route) -> Iterator[str]:
    """Take the route, and yield each statement when it was executed."""

    def execute(statement: str) -> str:
        connection.execute(statement)
        return statement

    yield execute("PRAGMA foreign_keys = OFF;")
    yield execute("PRAGMA legacy_alter_table = ON;")
    yield execute("BEGIN IMMEDIATE;")
    with keeping_ledger(file):
        yield from map(execute, route.before())
    columns = users_columns(connection, route.start)
    for step in route.steps:
        with naming_step(file, step):
            yield from map(execute, step.statements(connection))
        with keeping_ledger(file):
            yield execute(step.record(0))
    require_columns(connection, columns, file)
    yield from map(execute, route.after())
    yield execute("COMMIT;")
