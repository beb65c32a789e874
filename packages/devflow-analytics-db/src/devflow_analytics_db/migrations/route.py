"""The way from a file's schema version to another, as the statements that would take it there."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager

from devflow_analytics_db import __version__
from devflow_analytics_db.errors import (
    ConfigurationError,
    IncompatibleSchemaError,
    MigrationError,
)
from devflow_analytics_db.file.faults import base_code
from devflow_analytics_db.migrations import ledger
from devflow_analytics_db.migrations.identity import APPLICATION_ID
from devflow_analytics_db.migrations.migration import Migration, build, load_migrations, names_made
from devflow_analytics_db.schema.structure import column_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from devflow_analytics_db.migrations.identity import Identity

APPLIED_BY_US = f"devflow-analytics-db {__version__}"
APPLIED_BY_SERVER = "DevFlow server"


class Step:
    """One migration, up or down."""

    def __init__(self, migration: Migration, *, down: bool) -> None:
        self.migration = migration
        self.down = down

    def __str__(self) -> str:
        return f"{self.migration}{' (down)' if self.down else ''}"

    def statements(self, connection: sqlite3.Connection) -> Iterator[str]:
        """Yield what is to be executed on the connection, each statement before the next is asked.

        After the migration's own statements come those that put back the user's indexes and
        triggers, which went when their table was rebuilt.
        """
        attached = _indexes_and_triggers(connection)
        yield from self.migration.down if self.down else self.migration.up
        lost = attached.keys() - _indexes_and_triggers(connection).keys()
        if lost:
            for key in sorted(lost - names_made(self.migration.version)):
                yield f"{attached[key]}\n;"  # on a line of its own: a comment may come last

    def record(self, seconds: float) -> str:
        """Return the statement that keeps the ledger."""
        if self.down:
            return ledger.delete_sql(self.migration)
        return ledger.insert_sql(self.migration, seconds=seconds, applied_by=APPLIED_BY_US)


class Route:
    """The steps from one schema version to another."""

    def __init__(self, start: int, target: int, *, adopts: bool) -> None:
        migrations = load_migrations()
        self.start = start
        self.target = target
        self.adopts = adopts and start < target
        """DevFlow's server made the file, and the steps take it over."""
        self.steps = [
            *(Step(migration, down=False) for migration in migrations[start:target]),
            *(Step(migration, down=True) for migration in reversed(migrations[target:start])),
        ]
        self.applied = tuple(range(start + 1, target + 1))
        self.undone = tuple(range(start, target, -1))

    @property
    def needs_backup(self) -> bool:
        """Something would be rebuilt or dropped that may hold rows."""
        return self.start > 0 and any(
            step.down or not step.migration.only_adds for step in self.steps
        )

    def before(self) -> Iterator[str]:
        """Yield the statements before the first step."""
        yield ledger.CREATE
        if self.adopts:
            baseline = load_migrations()[0]
            yield ledger.insert_sql(baseline, seconds=0, applied_by=APPLIED_BY_SERVER)

    def after(self) -> Iterator[str]:
        """Yield the statements after the last step."""
        yield f"PRAGMA application_id = {APPLICATION_ID};"
        yield f"PRAGMA user_version = {self.target};"


def find_route(
    connection: sqlite3.Connection, file: str, identity: Identity, to: int | None
) -> Route:
    """Return the route from what a file is to a version, by default the newest.

    Raises:
        ConfigurationError: there is no such version.
        IncompatibleSchemaError: the file is newer than this release, which does not know its way.
        TamperedMigrationError: a migration was changed after it was applied to the file.
    """
    migrations = load_migrations()
    start, known = identity.version, len(migrations)
    if to is not None and not 1 <= to <= known:
        raise ConfigurationError(
            f"There is no schema version {to}: this release knows 1 to {known}. Choose one of"
            " these, or upgrade devflow-analytics-db."
        )
    if start > known:
        if to is not None:
            raise IncompatibleSchemaError(
                f"{file} is at schema version {start}, and this release knows only those up to"
                f" {known}, so not the way to {to}. Nothing was changed. Use the newer release."
            )
        return Route(start, start, adopts=False)
    if start and not identity.made_by_server:
        ledger.require_unchanged(connection, file, migrations)
    return Route(start, known if to is None else to, adopts=identity.made_by_server)


@contextmanager
def naming_step(file: str, step: Step) -> Iterator[None]:
    """Raise what SQLite has against a step as a `MigrationError` that names it."""
    try:
        yield
    except sqlite3.Error as fault:
        if base_code(fault) == sqlite3.SQLITE_CONSTRAINT:
            raise MigrationError(
                f"Rows of {file} do not fit migration {step}: {fault}. They are as they were."
                f" Correct or remove them (the rule is in {step.migration.path}), then try again."
            ) from fault
        if base_code(fault) == sqlite3.SQLITE_ERROR:
            raise MigrationError(
                f"Something in {file} is in the way of migration {step}: {fault}. Its rows are as"
                f" they were. Compare it with {step.migration.path}, then try again."
            ) from fault
        raise


@contextmanager
def keeping_ledger(file: str) -> Iterator[None]:
    """Raise what SQLite has against an entry in the ledger as a `MigrationError` that says so."""
    try:
        yield
    except sqlite3.Error as fault:
        if base_code(fault) in (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR):
            raise ledger.not_kept(file, fault) from fault
        raise


def users_columns(connection: sqlite3.Connection, version: int) -> set[tuple[str, str]]:
    """Return the columns, each after its table, that the migrations up to a version do not make."""
    with closing(build(version)) as made:
        return column_names(connection) - column_names(made)


def require_columns(
    connection: sqlite3.Connection, columns: set[tuple[str, str]], file: str
) -> None:
    """Make sure that columns of the user's own are still there.

    Raises:
        MigrationError: one was lost when its table was rebuilt.
    """
    for table, column in sorted(columns - column_names(connection)):
        raise MigrationError(
            f"Migrating {file} would lose the column {table}.{column}, which no migration made."
            " Nothing was done. Move what it holds into a table of your own, and drop it."
        )


def _indexes_and_triggers(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """Return the SQL of all indexes and triggers: what goes when its table is rebuilt.

    By type and name, as a trigger may have the name of something else.
    """
    return {
        (kind, name): sql
        for kind, name, sql in connection.execute(
            "SELECT type, name, sql FROM sqlite_schema"
            " WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
        )
    }
