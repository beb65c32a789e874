"""Brings a file's schema to a version: all the steps there in one transaction, or none of them."""

from __future__ import annotations

import os
import time

from devflow_analytics_db.errors import AnalyticsDbError, MigrationError
from devflow_analytics_db.file import disk, location
from devflow_analytics_db.file.faults import commit_did_not_happen, logging_errors, naming_faults
from devflow_analytics_db.file.opening import (
    MIGRATION_TIMEOUT_MS,
    begin,
    busy_timeout_ms,
    configure,
    open_existing,
)
from devflow_analytics_db.log import log
from devflow_analytics_db.migrations import ledger
from devflow_analytics_db.migrations.changes import Changes
from devflow_analytics_db.migrations.identity import claim, identify, identify_file
from devflow_analytics_db.migrations.migration import load_migrations
from devflow_analytics_db.migrations.route import (
    Route,
    find_route,
    keeping_ledger,
    naming_step,
    require_columns,
    users_columns,
)
from devflow_analytics_db.schema.structure import foreign_key_violations, row_counts

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path


@logging_errors
def migrate(
    path: str | os.PathLike[str] | None = None, to: int | None = None, *, allow_down: bool = False
) -> Changes:
    """Bring the schema of a database that exists to a version.

    Everything happens in one transaction, or nothing. Before anything is rebuilt or dropped, and
    before any way down, a backup is made in ``backups/`` beside the database; the last three of
    these are kept. `create_analytics_db` does the same by itself, up to the newest version.

    Args:
        path: the database; without it the one of `default_path`.
        to: the version; without it the newest that this release knows.
        allow_down: whether versions may be undone; what they added is dropped.

    Raises:
        ConfigurationError: this release knows no such version.
        DatabaseNotFoundError: there is no database.
        IncompatibleSchemaError: a newer release made it; this one does not know the way.
        MigrationError: rows do not fit, or a way down is needed and not allowed.
        AnalyticsDbError: any other, as from `create_analytics_db`; the file is as it was.
    """
    file = location.resolve(path)
    disk.require_database(file)
    with naming_faults(file):
        identify_file(file)
        return bring_to(file, to, allow_down=allow_down)


def bring_to(file: str, to: int | None = None, *, allow_down: bool = False) -> Changes:
    """Bring a file that may be one of ours to a version, by default the newest.

    Any number of processes may do so at once: the first to get the lock does the work, and the
    others, reading again once they have it, find it done.

    Raises:
        AnalyticsDbError, sqlite3.Error: nothing was changed.
    """
    timeout_ms = busy_timeout_ms(MIGRATION_TIMEOUT_MS)
    connection = open_existing(file, timeout_ms)
    backup = None
    try:
        claim(connection, file, timeout_ms)
        configure(connection, file, timeout_ms)
        # A table that others refer to can be rebuilt only so: without its rows' references being
        # followed (a setting that a transaction ignores), and without views being rewritten.
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA legacy_alter_table = ON")
        begin(connection, file, timeout_ms)
        # Under the lock: what was seen without it may be out of date.
        route = find_route(connection, file, identify(connection, file), to)
        _require_allowed(route, file, allow_down=allow_down)
        disk.keep_private(file)  # not before it is known to be ours
        if route.needs_backup:
            backup = _back_up(file)
        committing = False
        try:
            if route.steps:
                _walk(connection, file, route)
            committing = True
            connection.execute("COMMIT")
        except BaseException as fault:
            if backup is not None and (not committing or commit_did_not_happen(fault)):
                os.unlink(backup)  # the file itself is still what it is a copy of
            raise
    finally:
        connection.close()  # which takes back what was not committed
    if backup is not None:
        from devflow_analytics_db.backups.backup import forget_old  # noqa: PLC0415  seldom needed

        forget_old(file, backup)
    return Changes(
        file,
        route.target,
        created=route.start == 0,
        adopted=route.adopts,
        applied=route.applied,
        undone=route.undone,
        backup=backup,
    )


def _require_allowed(route: Route, file: str, *, allow_down: bool) -> None:
    if route.undone and not allow_down:
        raise MigrationError(
            f"Bringing {file} to schema version {route.target} means to undo"
            f" {', '.join(map(str, route.undone))}, which was not asked for. Nothing was done."
            " Allow the way down with --yes, or allow_down=True."
        )


def _back_up(file: str) -> Path:
    from devflow_analytics_db.backups.backup import back_up_before_migrating  # noqa: PLC0415  seldom needed

    try:
        return back_up_before_migrating(file)
    except AnalyticsDbError as error:
        raise type(error)(f"{error} Without a backup, nothing was migrated.") from error


def _walk(connection: sqlite3.Connection, file: str, route: Route) -> None:
    with keeping_ledger(file):
        for statement in route.before():
            connection.execute(statement)
    violations = foreign_key_violations(connection)
    rows = row_counts(connection)
    columns = users_columns(connection, route.start)
    for step in route.steps:
        log("info", "migration %s of %s: started", step, file)
        start = time.perf_counter()
        with naming_step(file, step):
            for statement in step.statements(connection):
                connection.execute(statement)
        seconds = time.perf_counter() - start
        with keeping_ledger(file):
            connection.execute(step.record(seconds))
        deed = "undone" if step.down else "applied"
        log("info", "migration %s of %s: %s in %.1f ms", step, file, deed, 1000 * seconds)
    ledger.require_kept(connection, file, load_migrations()[: route.target])
    require_columns(connection, columns, file)
    _require_rows(connection, rows, file)
    new_violations = foreign_key_violations(connection) - violations
    if new_violations:
        raise MigrationError(
            f"Migrating {file} would leave rows ({new_violations.total()}) that refer to a row"
            " that is not there. Its rows are as they were. This is a fault worth reporting."
        )
    log("info", "schema of %s checked: no row was lost, and no reference broken", file)
    for statement in route.after():
        connection.execute(statement)


def _require_rows(connection: sqlite3.Connection, rows: dict[str, int], file: str) -> None:
    """Make sure that tables which are still there have their rows still.

    Whatever took them: a mistake in a migration, or a trigger of the user's on the ledger.
    """
    for table, count in row_counts(connection).items():
        if count < rows.get(table, 0) and table != ledger.TABLE:
            raise MigrationError(
                f"Migrating {file} would lose rows of {table}: of {rows[table]} there would be"
                f" {count}. Nothing was done. If no trigger of yours deletes them, this is a fault"
                " worth reporting."
            )
