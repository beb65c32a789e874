"""The numbered migration files, parsed.

A file ``NNNN_name.sql`` has a section ``-- migrate:up`` and a section ``-- migrate:down``, each of
plain SQL. Its header may say ``-- compatible-with: N``: code that knows the schema only up to
version N may still write to a file that this migration was applied to. Left out, none may.
"""

from __future__ import annotations

from functools import cache

from devflow_analytics_db.errors import AnalyticsDbError
from devflow_analytics_db.file.connection import Connection, connect_in_memory
from devflow_analytics_db.migrations import file_names, file_path, read
from devflow_analytics_db.schema import sql

# The engine's transaction must hold everything a migration does; these would end it, have no
# effect in it, or reach outside of it.
FORBIDDEN = {
    *("BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"),
    *("ATTACH", "DETACH", "PRAGMA", "VACUUM"),
}


class Migration:
    """One step between two schema versions, as its file has it."""

    def __init__(self, file_name: str, text: str) -> None:
        """Parse the text of a migration file.

        Raises:
            AnalyticsDbError: it is not a migration, or its statements would leave the transaction.
        """
        self.file_name = file_name
        self.path = file_path(file_name)
        number, _, name = file_name.removesuffix(".sql").partition("_")
        if not (number.isdecimal() and name.replace("_", "").isalnum() and file_name.isascii()):
            raise AnalyticsDbError(
                f"{file_name} is not the name of a migration, such as 0003_add_project.sql: a"
                " number, and letters, digits and underscores.",
                self.path,
                "Rename it.",
            )
        self.version = int(number)
        """The schema version of a file that this was the last to be applied to."""
        self.name = name

        header, up, down = self._sections(text)
        self.up = tuple(map(self._allowed, sql.split_statements(up)))
        self.down = tuple(map(self._allowed, sql.split_statements(down)))
        self.compatible_with = self._compatible_with(header)
        """The oldest schema version whose code may write to the file afterwards."""

        self.checksum = sql.checksum(up)
        """SHA-256 of what is applied; comments, line ends and white space do not count."""
        self.only_adds = all(map(sql.only_adds, self.up))
        """Whether the way up neither rebuilds nor drops nor changes what is there."""

    def __repr__(self) -> str:
        return f"<Migration {self}>"

    def __str__(self) -> str:
        return f"{self.version} {self.name}"

    def _sections(self, text: str) -> tuple[str, str, str]:
        header, found_up, rest = text.partition("-- migrate:up\n")
        up, found_down, down = rest.partition("-- migrate:down\n")
        if not (found_up and found_down):
            raise AnalyticsDbError(
                f"{self.file_name} is not a migration: it needs a line '-- migrate:up' and, after"
                " it, a line '-- migrate:down'.",
                self.path,
            )
        return header, up, down

    def _allowed(self, statement: str) -> str:
        keyword = sql.keyword(statement)
        if keyword in FORBIDDEN:
            raise AnalyticsDbError(
                f"{self.file_name} may not contain {keyword}: a migration runs inside a"
                " transaction of the engine's.",
                self.path,
                "Remove the statement.",
            )
        return statement

    def _compatible_with(self, header: str) -> int:
        for line in header.splitlines():
            key, _, value = line.removeprefix("--").partition(":")
            if key.strip() == "compatible-with":
                return int(value)
        return self.version


@cache
def load_migrations() -> tuple[Migration, ...]:
    """Return all migrations in the order of their versions, which are 1, 2, 3 and so on.

    Raises:
        AnalyticsDbError: a file is not a migration, or a number is missing or used twice.
        InstallationError: a file cannot be read.
    """
    migrations = []
    for expected, name in enumerate(file_names(), start=1):
        migration = Migration(name, read(name))
        if migration.version != expected:
            raise AnalyticsDbError(
                f"Migration {name} should have the number {expected:04}: numbers follow each other"
                " without a gap.",
                migration.path,
                "Rename it, or reinstall devflow-analytics-db.",
            )
        migrations.append(migration)
    return tuple(migrations)


def build(version: int) -> Connection:
    """Return a new database in memory at a schema version, but without our ledger."""
    connection = connect_in_memory()
    for migration in load_migrations()[:version]:
        for statement in migration.up:
            connection.execute(statement)
    return connection


def names_made(version: int) -> set[tuple[str, str]]:
    """Return type and name of all that the migrations up to a version make, be it dropped again."""
    names: set[tuple[str, str]] = set()
    connection = build(0)
    try:
        for migration in load_migrations()[:version]:
            for statement in migration.up:
                connection.execute(statement)
                names |= set(connection.execute("SELECT type, name FROM sqlite_schema"))
    finally:
        connection.close()
    return names
