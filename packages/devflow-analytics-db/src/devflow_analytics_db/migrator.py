"""Brings a file's schema up to date: everything pending in one transaction, or nothing of it."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter

from devflow_analytics_db import files, ledger
from devflow_analytics_db.connection import (
    MIGRATION_TIMEOUT_MS,
    busy_timeout_ms,
    configure,
    open_existing,
)
from devflow_analytics_db.errors import MigrationError
from devflow_analytics_db.faults import base_code
from devflow_analytics_db.identity import APPLICATION_ID, application_id, identify
from devflow_analytics_db.log import log
from devflow_analytics_db.migration import Migration, load_migrations, names_made
from devflow_analytics_db.opening import Opening
from devflow_analytics_db.schema_reader import object_names
from devflow_analytics_db.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

APPLIED_BY_US = f"devflow-analytics-db {__version__}"
APPLIED_BY_SERVER = "DevFlow server"


def upgrade(file: str) -> Opening:
    """Apply every pending migration to a file that exists.

    Any number of processes may do so at once: the first to get the lock does the work, and the
    others, reading again once they have it, find it done.

    Raises:
        AnalyticsDbError, sqlite3.Error: nothing was applied.
    """
    migrations = load_migrations()
    timeout_ms = busy_timeout_ms(MIGRATION_TIMEOUT_MS)
    connection = open_existing(file, timeout_ms)
    try:
        _claim(connection, file)
        configure(connection, file, timeout_ms)
        # A table that others refer to can be rebuilt only so: without its rows' references being
        # followed (a setting that a transaction ignores), and without views being rewritten.
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA legacy_alter_table = ON")
        connection.execute("BEGIN IMMEDIATE")
        opening = _apply_pending(connection, file, migrations)
        connection.execute("COMMIT")
    finally:
        connection.close()  # which takes back what was not committed
    return opening


def _claim(connection: sqlite3.Connection, file: str) -> None:
    """Mark an empty file as ours, before it is put into WAL mode.

    Otherwise another program could make its own database of it in between, and would find that in
    WAL mode.
    """
    connection.execute("BEGIN IMMEDIATE")
    if identify(connection, file).version == 0 and application_id(connection) != APPLICATION_ID:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("COMMIT")


def _apply_pending(
    connection: sqlite3.Connection, file: str, migrations: Sequence[Migration]
) -> Opening:
    # Under the lock: what was seen without it may be out of date.
    before = identify(connection, file)
    if before.version and not before.made_by_server:
        ledger.require_unchanged(connection, file, migrations)
    files.keep_private(file)  # not before it is known to be ours
    pending = migrations[before.version :]
    if not pending:
        return Opening(before.version)

    ledger.create(connection)
    if before.made_by_server:
        ledger.append(connection, migrations[0], seconds=0, applied_by=APPLIED_BY_SERVER)
    violations = _foreign_key_violations(connection)
    for migration in pending:
        log("info", "migration %s of %s: started", migration, file)
        seconds = _apply(connection, file, migration, migrations)
        ledger.append(connection, migration, seconds=seconds, applied_by=APPLIED_BY_US)
        log("info", "migration %s of %s: applied in %.1f ms", migration, file, 1000 * seconds)
    new_violations = _foreign_key_violations(connection) - violations
    if new_violations:
        raise MigrationError(
            f"Migrating {file} would leave rows ({new_violations.total()}) that refer to a row"
            " that is not there. Its rows are as they were. This is a fault worth reporting."
        )
    log("info", "schema of %s checked: no reference was broken", file)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {pending[-1].version}")
    return Opening(
        pending[-1].version,
        created=before.version == 0,
        adopted=before.made_by_server,
        applied=tuple(migration.version for migration in pending),
    )


def _apply(
    connection: sqlite3.Connection,
    file: str,
    migration: Migration,
    migrations: Sequence[Migration],
) -> float:
    """Run a migration's statements, put back what is the user's; return the seconds it took."""
    start = time.perf_counter()
    attached = _indexes_and_triggers(connection)
    try:
        for statement in migration.up:
            connection.execute(statement)
        lost = attached.keys() - object_names(connection)
        if lost:
            for name in lost - names_made(migrations[: migration.version]):
                connection.execute(attached[name])
    except sqlite3.Error as fault:
        if base_code(fault) == sqlite3.SQLITE_CONSTRAINT:
            raise MigrationError(
                f"Rows of {file} do not fit migration {migration}: {fault}. They are as they were."
                f" Correct or remove them (the rule is in {migration.path}), then try again."
            ) from fault
        if base_code(fault) == sqlite3.SQLITE_ERROR:
            raise MigrationError(
                f"Something in {file} is in the way of migration {migration}: {fault}. Its rows"
                f" are as they were. Compare it with {migration.path}, then try again."
            ) from fault
        raise
    return time.perf_counter() - start


def _foreign_key_violations(connection: sqlite3.Connection) -> Counter[tuple[str, str]]:
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


def _indexes_and_triggers(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the SQL of all indexes and triggers by name: what goes when its table is rebuilt."""
    return dict(
        connection.execute(
            "SELECT name, sql FROM sqlite_schema"
            " WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
        )
    )
