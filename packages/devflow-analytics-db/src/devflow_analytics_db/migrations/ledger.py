"""The ledger: a table in the file that says which migrations were applied to it, and by whom."""

from __future__ import annotations

import time

from devflow_analytics_db.errors import (
    IncompatibleSchemaError,
    MigrationError,
    TamperedMigrationError,
)
from devflow_analytics_db.migrations import (
    LEDGER,
    has_ledger_as_made,
    listed_versions,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from devflow_analytics_db.file.connection import Connection
    from devflow_analytics_db.migrations.migration import Migration

RESTORE = "Put back a backup from before that with `restore()`."

IS_ALIKE = """\
SELECT count(*) = 4
FROM pragma_table_list(:table) AS list, pragma_table_info(:table) AS info
WHERE list.schema = 'main' AND list.type = 'table' AND list.strict
    AND (info.pk OR info."notnull") AND (info.name, info.type) IN (
        VALUES ('version', 'INTEGER'), ('name', 'TEXT'), ('checksum', 'TEXT'),
            ('compatible_with', 'INTEGER')
    )"""
"""Tells whether a table is a ledger, with what is read from one; a newer one may have more."""


class Entry:
    """A migration, as the ledger of a file lists it."""

    __slots__ = ("checksum", "compatible_with", "name", "version")

    def __init__(self, version: int, name: str, checksum: str, compatible_with: int) -> None:
        self.version = version
        self.name = name
        self.checksum = checksum
        self.compatible_with = compatible_with

    def __str__(self) -> str:
        return f"{self.version} {self.name}"


def read(connection: Connection) -> list[Entry]:
    """Return what was applied to a file, in the order of the versions."""
    query = f"SELECT version, name, checksum, compatible_with FROM {LEDGER} ORDER BY version"
    return [Entry(*row) for row in connection.execute(query)]


def insert_sql(migration: Migration, *, seconds: float, applied_by: str) -> str:
    """Return the statement that enters a migration, for the transaction that applied it."""
    return (
        f"INSERT INTO {LEDGER} (version, name, checksum, compatible_with, applied_at, duration_ms,"
        f" applied_by) VALUES ({migration.version}, '{migration.name}', '{migration.checksum}',"
        f" {migration.compatible_with}, {int(time.time())}, {round(1000 * seconds)},"
        f" '{applied_by}');"
    )


def delete_sql(migration: Migration) -> str:
    """Return the statement that takes a migration out again, for the transaction that undid it."""
    return f"DELETE FROM {LEDGER} WHERE version = {migration.version};"


def require_kept(connection: Connection, file: str, migrations: Sequence[Migration]) -> None:
    """Make sure, before it is committed, that the ledger lists these migrations and no others.

    Raises:
        MigrationError: a trigger changed it, or something else has the name of the ledger.
    """
    expected = [(one.version, one.name, one.checksum) for one in migrations]
    if not _is_ours(connection) or expected != [
        (entry.version, entry.name, entry.checksum) for entry in read(connection)
    ]:
        raise not_kept(file, "it is not what was written to it")


def not_kept(file: str, reason: object) -> MigrationError:
    """Return the error for a ledger that cannot be kept."""
    return MigrationError(
        f"The ledger of {file} cannot be kept ({reason}): a trigger or an index of yours is on the"
        f" table {LEDGER}, or something else has that name. Nothing was done.",
        file,
        "Drop or rename that, then try again.",
    )


def require_complete(connection: Connection, version: int) -> None:
    """Make sure that a file at a schema version lists all the migrations that lead there.

    Raises:
        TamperedMigrationError: the ledger is missing, has another structure, or lists others.
    """
    if _is_ours(connection):
        listed = listed_versions(connection)
        expected = list(range(1, version + 1))
        if listed == expected:
            return
        missing = [f"does not list migration {one}" for one in expected if one not in listed]
        added = [f"also lists migration {one}" for one in listed if one not in expected]
        fault = " and ".join(missing + added)
    else:
        fault = f"is missing, or the table {LEDGER} is not what it was"
    raise TamperedMigrationError(
        f"{connection.file} is at schema version {version}, but its ledger {fault}. It was left as"
        " it is.",
        connection.file,
        RESTORE,
    )


def _is_ours(connection: Connection) -> bool:
    if has_ledger_as_made(connection):
        return True  # as nearly always, and in a tenth of the time
    (alike,) = connection.execute(IS_ALIKE, {"table": LEDGER}).fetchone()
    return bool(alike)


def require_unchanged(connection: Connection, migrations: Sequence[Migration]) -> None:
    """Make sure that what was applied to a file is what this package would have applied.

    Raises:
        TamperedMigrationError: a migration was changed after it was applied.
    """
    for fault in edited_migrations(read(connection), migrations):
        raise TamperedMigrationError(
            f"{fault}: the ledger is that of {connection.file}. The file was left as it is.",
            connection.file,
            "Reinstall devflow-analytics-db from a release.",
        )


def edited_migrations(applied: Sequence[Entry], migrations: Sequence[Migration]) -> Iterator[str]:
    """Say of each migration that was changed after it was applied to a file in what it differs."""
    for entry, known in zip(applied, migrations, strict=False):  # one may be newer
        if entry.name != known.name:
            yield f"The ledger has migration {entry} where this installation has {known}"
        elif entry.checksum != known.checksum:
            yield (
                f"Migration {known} was changed after it was applied: the ledger has checksum"
                f" {entry.checksum[:12]}, this installation {known.checksum[:12]}"
            )


def require_compatible(connection: Connection, version: int, known: int) -> None:
    """Make sure that code which knows the schema up to ``known`` may write to a newer file.

    Raises:
        IncompatibleSchemaError: a migration that was applied to it does not allow that.
    """
    (needed,) = connection.execute(
        f"SELECT max(compatible_with) FROM {LEDGER} WHERE version > ?", (known,)
    ).fetchone()
    if needed is None or needed > known:
        raise IncompatibleSchemaError(
            f"{connection.file} is at schema version {version} and may be written only by releases"
            f" that know version {needed or version}; this one knows {known}. It was left as it"
            " is.",
            connection.file,
            "Upgrade devflow-analytics-db.",
        )
