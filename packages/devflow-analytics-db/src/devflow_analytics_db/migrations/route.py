"""The steps from a file's schema version to another, and the code that executes them."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager

from devflow_analytics_db import __version__
from devflow_analytics_db.errors import (
    ConfigurationError,
    IncompatibleSchemaError,
    MigrationError,
)
from devflow_analytics_db.file.faults import base_code
from devflow_analytics_db.log import log
from devflow_analytics_db.migrations import APPLICATION_ID, CREATE_LEDGER, LEDGER, ledger
from devflow_analytics_db.migrations.migration import (
    Migration,
    build,
    load_migrations,
    names_made,
)
from devflow_analytics_db.schema.sql import adds_nulls
from devflow_analytics_db.schema.structure import (
    column_names,
    foreign_key_violations,
    indexes_and_triggers,
    row_counts,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from devflow_analytics_db.file.connection import Connection
    from devflow_analytics_db.migrations.identity import Identity

APPLIED_BY_US = f"devflow-analytics-db {__version__}"
APPLIED_BY_SERVER = "DevFlow server"

PRAGMAS = ("PRAGMA foreign_keys = OFF;", "PRAGMA legacy_alter_table = ON;")
"""What is set before the transaction begins.

A table that others refer to can be rebuilt only so: without its rows' references being followed (a
setting that a transaction ignores), and without views being rewritten.
"""


class Step:
    """One migration, up or down."""

    def __init__(self, migration: Migration, *, down: bool) -> None:
        self.migration = migration
        self.down = down

    def __str__(self) -> str:
        return f"{self.migration}{' (down)' if self.down else ''}"

    def statements(self, connection: Connection) -> Iterator[str]:
        """Yield what is to be executed on the connection, each statement before the next is asked.

        After the migration's own statements come those that put back the user's indexes and
        triggers, which went when their table was rebuilt.
        """
        attached = indexes_and_triggers(connection)
        yield from self.migration.down if self.down else self.migration.up
        lost = attached.keys() - indexes_and_triggers(connection).keys()
        if lost:
            for key in sorted(lost - names_made(self.migration.version)):
                yield f"{attached[key]}\n;"  # on a line of its own: a comment may come last

    def record_sql(self, seconds: float) -> str:
        """Return the statement that keeps the ledger."""
        if self.down:
            return ledger.delete_sql(self.migration)
        return ledger.insert_sql(self.migration, seconds=seconds, applied_by=APPLIED_BY_US)


class Route:
    """The steps from the schema version of a file to another."""

    def __init__(self, file: str, start: int, target: int, *, adopts: bool) -> None:
        migrations = load_migrations()
        self.file = file
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

    def take(self, connection: Connection, *, rehearse: bool = False) -> Iterator[str]:
        """Execute the statements that lead to the target, and yield each when it was executed.

        To be called inside a transaction, with `PRAGMAS`. Before the last statements it is made
        sure that no row, column or reference of the user's was lost, and that the ledger is right.

        Args:
            connection: to the file; or to a copy of its schema and its ledger.
            rehearse: nothing is logged, and no time measured.

        Raises:
            MigrationError: something in the file does not fit. The transaction is to be rolled
                back.
            sqlite3.Error: any other fault.
        """

        def execute(statement: str) -> str:
            if adds_nulls(statement):
                _add_nulls(connection, statement)
            else:
                connection.execute(statement)
            return statement

        if not self.steps:
            return
        with _naming_ledger(self.file):
            yield from map(execute, self._first())
        kept = _Kept(connection, self.file, self.start)
        for step in self.steps:
            if not rehearse:
                log("info", "migration %s of %s: started", step, self.file)
            start = time.perf_counter()
            with _naming_step(self.file, step):
                yield from map(execute, step.statements(connection))
            seconds = 0 if rehearse else time.perf_counter() - start
            with _naming_ledger(self.file):
                yield execute(step.record_sql(seconds))
            if not rehearse:
                deed, ms = "undone" if step.down else "applied", 1000 * seconds
                log("info", "migration %s of %s: %s in %.1f ms", step, self.file, deed, ms)
        ledger.require_kept(connection, self.file, load_migrations()[: self.target])
        kept.require(connection)
        yield from map(execute, self._last())

    def _first(self) -> Iterator[str]:
        yield CREATE_LEDGER
        if self.adopts:
            baseline = load_migrations()[0]
            yield ledger.insert_sql(baseline, seconds=0, applied_by=APPLIED_BY_SERVER)

    def _last(self) -> Iterator[str]:
        yield f"PRAGMA application_id = {APPLICATION_ID};"
        yield f"PRAGMA user_version = {self.target};"


def find_route(connection: Connection, file: str, identity: Identity, to: int | None) -> Route:
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
            f"There is no schema version {to}: this release knows 1 to {known}.",
            file,
            "Choose one of these, or upgrade devflow-analytics-db.",
        )
    if start > known:
        if to is not None:
            raise IncompatibleSchemaError(
                f"{file} is at schema version {start}. This release knows only those up to {known},"
                f" so it cannot go to {to}. Nothing was changed.",
                file,
                "Use the newer release.",
            )
        return Route(file, start, start, adopts=False)
    if start and not identity.made_by_server:
        ledger.require_unchanged(connection, migrations)
    target = known if to is None else to
    return Route(file, start, target, adopts=identity.made_by_server)


class _Kept:
    """What of a file's content must still be there when its schema has changed."""

    def __init__(self, connection: Connection, file: str, version: int) -> None:
        self._file = file
        self._is_new = version == 0
        if self._is_new:
            return
        self._rows = row_counts(connection)
        self._violations = foreign_key_violations(connection)
        with closing(build(version)) as made:
            self._columns = column_names(connection) - column_names(made)

    def require(self, connection: Connection) -> None:
        """Make sure of it.

        Raises:
            MigrationError: rows, a column of the user's own, or a reference would be lost.
        """
        if self._is_new:
            return
        for table, column in sorted(self._columns - column_names(connection)):
            raise MigrationError(
                f"Migrating {self._file} would lose the column {table}.{column}, which no migration"
                " made. Nothing was done.",
                self._file,
                "Move what it holds into a table of your own, and drop it.",
            )
        # Whatever took them: a mistake in a migration, or a trigger of the user's on the ledger.
        for table, count in row_counts(connection).items():
            if count < self._rows.get(table, 0) and table != LEDGER:
                raise MigrationError(
                    f"Migrating {self._file} would lose rows of {table}: of {self._rows[table]}"
                    f" there would be {count}. Nothing was done.",
                    self._file,
                    "If no trigger of yours deletes them, please report this as a bug.",
                )
        new_violations = foreign_key_violations(connection) - self._violations
        if new_violations:
            raise MigrationError(
                f"Migrating {self._file} would leave rows ({new_violations.total()}) that refer to"
                " a row that is not there. Its rows are as they were.",
                self._file,
                "Please report this as a bug.",
            )
        log("info", "schema of %s checked: no row was lost, and no reference broken", self._file)


def _add_nulls(connection: Connection, statement: str) -> None:
    """Execute what adds a column of nulls, in the same time for any number of rows.

    SQLite would read the whole table, for each such column, to see whether its rows satisfy the
    constraints (docs/decisions/0010-adding-columns.md). They do: a null has every type, and a CHECK
    that is null is satisfied.
    """
    connection.set_authorizer(
        lambda action, subject, *_: (
            sqlite3.SQLITE_IGNORE
            if (action, subject) == (sqlite3.SQLITE_PRAGMA, "quick_check")
            else sqlite3.SQLITE_OK
        )
    )
    try:
        connection.execute(statement)
    finally:
        connection.set_authorizer(None)


@contextmanager
def _naming_step(file: str, step: Step) -> Iterator[None]:
    """Raise what SQLite has against a step as a `MigrationError` that names it."""
    try:
        yield
    except sqlite3.Error as fault:
        if base_code(fault) == sqlite3.SQLITE_CONSTRAINT:
            raise MigrationError(
                f"Rows of {file} do not fit migration {step}: {fault}. They are as they were.",
                file,
                f"Correct or remove them (the rule is in {step.migration.path}), then try again.",
            ) from fault
        if base_code(fault) == sqlite3.SQLITE_ERROR:
            raise MigrationError(
                f"Something in {file} is in the way of migration {step}: {fault}. Its rows are as"
                " they were.",
                file,
                f"Compare it with {step.migration.path}, then try again.",
            ) from fault
        raise


@contextmanager
def _naming_ledger(file: str) -> Iterator[None]:
    """Raise what SQLite has against an entry in the ledger as a `MigrationError` that says so."""
    try:
        yield
    except sqlite3.Error as fault:
        if base_code(fault) in (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR):
            raise ledger.not_kept(file, fault) from fault
        raise
