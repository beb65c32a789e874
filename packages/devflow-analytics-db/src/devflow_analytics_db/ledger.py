"""The ledger: a table in the file that says which migrations were applied to it, and by whom."""

from __future__ import annotations

import time

from devflow_analytics_db.errors import IncompatibleSchemaError, TamperedMigrationError
from devflow_analytics_db.schema_reader import object_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from devflow_analytics_db.migration import Migration

TABLE = "devflow_migrations"

_CREATE = f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL, -- SHA-256 of the normalised SQL
    compatible_with INTEGER NOT NULL, -- the oldest schema version whose code may still write
    applied_at INTEGER NOT NULL, -- Unix time, seconds
    duration_ms INTEGER NOT NULL,
    applied_by TEXT NOT NULL
) STRICT
"""


def create(connection: sqlite3.Connection) -> None:
    """Make the ledger, if it is not there."""
    connection.execute(_CREATE)


def read(connection: sqlite3.Connection) -> dict[int, str]:
    """Return the versions that were applied, in order, each with its checksum."""
    return dict(connection.execute(f"SELECT version, checksum FROM {TABLE} ORDER BY version"))


def append(
    connection: sqlite3.Connection, migration: Migration, *, seconds: float, applied_by: str
) -> None:
    """Enter a migration that was just applied, in the transaction that applied it."""
    connection.execute(
        f"INSERT INTO {TABLE} VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            migration.version,
            migration.name,
            migration.checksum,
            migration.compatible_with,
            int(time.time()),
            round(1000 * seconds),
            applied_by,
        ),
    )


def require_complete(connection: sqlite3.Connection, file: str, version: int) -> None:
    """Make sure that a file at a schema version lists all the migrations that lead there.

    Raises:
        TamperedMigrationError: the ledger is missing, or lists others.
    """
    there = TABLE in object_names(connection, "table")
    listed = list(read(connection)) if there else []
    if listed != list(range(1, version + 1)):
        raise TamperedMigrationError(
            f"{file} is at schema version {version}, but its ledger lists other migrations than 1"
            f" to {version}: {', '.join(map(str, listed)) or 'none'}. It was left as it is."
            " Put back a copy of the file from before that."
        )


def require_unchanged(
    connection: sqlite3.Connection, file: str, migrations: Sequence[Migration]
) -> None:
    """Make sure that what was applied to a file is what this package would have applied.

    Raises:
        TamperedMigrationError: a migration was changed after it was applied.
    """
    applied = read(connection).values()
    for checksum, known in zip(applied, migrations, strict=False):  # one may be newer
        if checksum != known.checksum:
            raise TamperedMigrationError(
                f"Migration {known} was changed after it was applied to {file}: the ledger there"
                f" has checksum {checksum[:12]}, this installation {known.checksum[:12]}."
                " The file was left as it is. Reinstall devflow-analytics-db from a release."
            )


def require_compatible(connection: sqlite3.Connection, file: str, version: int, known: int) -> None:
    """Make sure that code which knows the schema up to ``known`` may write to a newer file.

    Raises:
        IncompatibleSchemaError: a migration that was applied to it does not allow that.
    """
    (needed,) = connection.execute(
        f"SELECT max(compatible_with) FROM {TABLE} WHERE version > ?", (known,)
    ).fetchone()
    if needed is None or needed > known:
        raise IncompatibleSchemaError(
            f"{file} is at schema version {version} and may be written only by releases that know"
            f" version {needed or version}; this one knows {known}. It was left as it is. Upgrade"
            " devflow-analytics-db."
        )
