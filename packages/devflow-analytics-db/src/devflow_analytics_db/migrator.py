"""Brings a file's schema up to date: everything pending in one transaction, or nothing of it."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter

from devflow_analytics_db import ledger, location
from devflow_analytics_db.connection import (
    MIGRATION_TIMEOUT_MS,
    busy_timeout_ms,
    configure,
    open_existing,
)
from devflow_analytics_db.errors import MigrationError
from devflow_analytics_db.faults import base_code
from devflow_analytics_db.identity import APPLICATION_ID, Identity, identify
from devflow_analytics_db.log import log
from devflow_analytics_db.migration import Migration, load_migrations
from devflow_analytics_db.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

US = f"devflow-analytics-db {__version__}"
SERVER = "DevFlow server"


class Upgrade:
    """What `upgrade` found and did."""

    __slots__ = ("applied", "before")

    def __init__(self, before: Identity, applied: tuple[int, ...]) -> None:
        self.before = before
        """What the file was under the lock."""
        self.applied = applied
        """The versions applied, in order."""


def upgrade(file: str) -> Upgrade:
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
        connection.execute("BEGIN")
        identify(connection, file)  # another program's file is not put into WAL mode
        connection.execute("ROLLBACK")
        configure(connection, timeout_ms)
        # A table that others refer to can be rebuilt only so: without its rows' references being
        # followed (a setting that a transaction ignores), and without views being rewritten.
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA legacy_alter_table = ON")
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = _apply_pending(connection, file, migrations)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    finally:
        connection.close()
    return result


def _apply_pending(
    connection: sqlite3.Connection, file: str, migrations: Sequence[Migration]
) -> Upgrade:
    # Under the lock: what was seen without it may be out of date.
    before = identify(connection, file)
    if before.version and not before.servers:
        ledger.require_unchanged(connection, file, migrations)
    location.keep_private(file)  # not before it is known to be ours
    pending = migrations[before.version :]
    if not pending:
        return Upgrade(before, ())

    ledger.create(connection)
    if before.servers:
        ledger.append(connection, migrations[0], seconds=0, applied_by=SERVER)
    violations = _foreign_key_violations(connection)
    for migration in pending:
        log("info", "migration %s of %s: started", migration, file)
        seconds = _apply(connection, file, migration)
        ledger.append(connection, migration, seconds=seconds, applied_by=US)
        log("info", "migration %s of %s: applied in %.1f ms", migration, file, 1000 * seconds)
    new_violations = _foreign_key_violations(connection) - violations
    if new_violations:
        raise MigrationError(
            f"Migrating {file} would leave {new_violations.total()} rows that refer to a row that"
            " is not there. The file is as it was. This is a fault worth reporting."
        )
    log("info", "schema of %s checked: no reference was broken", file)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {pending[-1].version}")
    return Upgrade(before, tuple(migration.version for migration in pending))


def _apply(connection: sqlite3.Connection, file: str, migration: Migration) -> float:
    """Run a migration's statements; return the seconds it took."""
    start = time.perf_counter()
    try:
        for statement in migration.up:
            connection.execute(statement)
    except sqlite3.Error as fault:
        if base_code(fault) not in (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR):
            raise
        raise MigrationError(
            f"Migration {migration} does not fit the rows of {file}: {fault}. The file is as it"
            " was. Correct or remove those rows, then try again."
        ) from fault
    return time.perf_counter() - start


def _foreign_key_violations(connection: sqlite3.Connection) -> Counter[tuple[str, str]]:
    """Count the rows that refer to a row that is not there, by table and parent table.

    Counted, since a rebuilt table may have given its rows other numbers.
    """
    rows = connection.execute('SELECT "table", parent FROM pragma_foreign_key_check')
    return Counter((table, parent) for table, parent in rows)
