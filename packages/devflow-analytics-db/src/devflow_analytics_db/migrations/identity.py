"""Which program a file belongs to, and at which schema version; and opening it to read."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from devflow_analytics_db.errors import (
    AnalyticsDbError,
    CorruptDatabaseError,
    DatabaseNotFoundError,
    IncompatibleSchemaError,
    NotAnAnalyticsDatabaseError,
    TamperedMigrationError,
)
from devflow_analytics_db.file.disk import pages_before_crash, require_database
from devflow_analytics_db.file.faults import (
    ANOTHER_FILE,
    base_code,
    cannot_read,
    from_sqlite,
    gone,
    is_of_the_statement,
    naming_faults,
)
from devflow_analytics_db.file.opening import has_journal, open_for_reading, open_immutable
from devflow_analytics_db.file.transaction import writing
from devflow_analytics_db.log import log
from devflow_analytics_db.migrations import (
    APPLICATION_ID,
    LEDGER,
    application_id,
    latest_version,
    ledger,
    schema_version,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devflow_analytics_db.file.connection import Connection

LOOKS = 5
"""How often to look at a file with a crashed transaction, which others may be rolling back."""

SERVER_LEDGER = "__drizzle_migrations"
SERVER_TABLES = ("sessions", "tool_calls")


class Identity:
    """What a file is that is ours, is empty, or can be taken over."""

    __slots__ = ("crashed", "made_by_server", "version")

    def __init__(self, version: int, *, made_by_server: bool = False) -> None:
        self.version = version
        """Its schema version; 0 for an empty file."""
        self.made_by_server = made_by_server
        """DevFlow's own server made it, and this package has not touched it yet."""
        self.crashed = False
        """A transaction is to be rolled back before anything that only reads can read it."""


def identify_file(file: str, timeout_ms: int | None = None) -> Identity:
    """Identify a file without changing it.

    Raises:
        CorruptDatabaseError: it is damaged, or a crash left it in a state that tells nothing.
        IncompatibleSchemaError: newer code made it, and wants no older code to write to it.
        NotAnAnalyticsDatabaseError: it is another program's.
        TamperedMigrationError: its ledger is not what leads to its schema version.
    """
    if not has_journal(file):
        try:
            return _look_through(open_immutable(file))
        except (sqlite3.Error, UnicodeDecodeError, AnalyticsDbError):
            pass  # perhaps only because somebody was writing
    verdict: AnalyticsDbError | None = None
    for _ in range(LOOKS):
        try:
            return _look_through(open_for_reading(file, timeout_ms))
        except sqlite3.OperationalError as fault:
            if base_code(fault) not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
                raise
        pages = pages_before_crash(file)
        if pages is None:
            continue  # another process has rolled the journal back
        try:
            found = _judge_crashed(file, pages)
        except AnalyticsDbError as error:
            verdict = error  # again, perhaps only because somebody was writing
        else:
            found.crashed = True
            return found
    if verdict is not None:
        raise verdict
    return _look_through(open_immutable(file))  # it may be read, and not written


def known_version(file: str) -> int | None:
    """Return the schema version of a file of ours or DevFlow's; None if it is no use as it is.

    Raises:
        CorruptDatabaseError, sqlite3.Error: it is damaged, and does not show whose it is; or this
            SQLite cannot read its schema.
        NotAnAnalyticsDatabaseError: it is another program's.
    """
    try:
        return identify_file(file).version
    except (IncompatibleSchemaError, TamperedMigrationError):
        return None
    except sqlite3.DatabaseError as fault:
        damaged = base_code(fault) == sqlite3.SQLITE_CORRUPT and cannot_read(fault) is None
        if damaged and _is_marked(file):
            return None
        raise


def _is_marked(file: str) -> bool:
    """Tell whether the header says that a file is ours, whatever comes after."""
    connection = open_immutable(file)
    try:
        connection.execute("PRAGMA writable_schema = ON")  # overlooks what is wrong with tables
        return application_id(connection) == APPLICATION_ID
    except sqlite3.Error:
        return False
    finally:
        connection.close()


def _judge_crashed(file: str, pages: int) -> Identity:
    """Identify a file that a crash left with a rollback journal, which only a writer may roll back.

    That is for us to do if even the state of the crash shows that the file is ours or DevFlow's,
    or if there was nothing in it before.
    """
    if pages == 0:
        return Identity(0)
    connection = open_immutable(file)
    try:
        # Lets SQLite overlook that the file is shorter than its header says, as in mid-commit.
        connection.execute("PRAGMA writable_schema = ON")
        if application_id(connection) == APPLICATION_ID:
            return Identity(schema_version(connection))
        found = _look_through(connection)
    except (sqlite3.Error, UnicodeDecodeError) as fault:
        raise _undecided(file) from fault
    finally:
        connection.close()
    if found.version == 0:
        raise _undecided(file)
    return found


def _undecided(file: str) -> CorruptDatabaseError:
    return CorruptDatabaseError(
        f"A crash left {file} in the middle of a write, and it does not show whose file it is. It"
        " was left as it is.",
        file,
        "Open it once with the program that it belongs to.",
    )


def _look_through(connection: Connection) -> Identity:
    """Identify a file from one state of it; closes the connection."""
    try:
        connection.execute("BEGIN")
        return identify(connection)
    finally:
        connection.close()


@contextmanager
def reading(file: str) -> Iterator[tuple[Connection, Identity]]:
    """Open a database for reading: in the ``with`` block there is one state of it.

    It gives the connection, and what the file is. Nothing is made or changed.

    Raises:
        DatabaseNotFoundError: it is missing or empty.
        AnalyticsDbError: as `identify_file`; or it cannot be read. What is wrong with a statement,
            and not with the file, is raised as `sqlite3.Error`.
    """
    require_database(file)
    with naming_faults(file):
        found = identify_file(file)
        if found.crashed and found.version == 0:
            raise DatabaseNotFoundError(
                f"{file} is empty: a crash interrupted the first write to it.",
                file,
                "Make it with `create_analytics_db()`.",
            )
        connection = open_for_reading(file)
    with closing(connection):
        with naming_faults(file):
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            found = identify(connection)
        connection.schema_version = found.version
        try:
            yield connection, found
        except sqlite3.Error as fault:
            if is_of_the_statement(fault):
                raise
            raise from_sqlite(fault, file) from fault


def claim(connection: Connection) -> None:
    """Mark an empty file as ours, before it is put into WAL mode.

    Otherwise another program could make its own database of it in between, and would find that in
    WAL mode.

    Raises:
        AnalyticsDbError: as `identify`; another program was faster.
    """
    with writing(connection):
        if identify(connection).version == 0 and application_id(connection) != APPLICATION_ID:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def identify(connection: Connection) -> Identity:
    """Tell what the file is: ours by its header and its ledger, or by what it holds.

    To be called inside a transaction: what another process commits between two of the reads would
    make the file look like nobody's.

    Raises:
        IncompatibleSchemaError: newer code made it, and wants no older code to write to it.
        TamperedMigrationError: it is ours by its header, and its ledger says otherwise.
        NotAnAnalyticsDatabaseError: it is another program's.
    """
    file, claimed = connection.file, application_id(connection)
    version = schema_version(connection)
    if claimed == APPLICATION_ID and version < 0:
        raise TamperedMigrationError(
            f"{file} is at schema version {version}, and there is no such version. It was left as"
            " it is.",
            file,
            ledger.RESTORE,
        )
    if claimed == APPLICATION_ID and version:
        ledger.require_complete(connection, version)
        known = latest_version()
        if version > known:
            ledger.require_compatible(connection, version, known)
            log("warning", "%s is newer than this release, which may still write to it", file)
        return Identity(version)
    if claimed not in (0, APPLICATION_ID):
        raise _foreign(file, f"its application id is {claimed:#010x}")
    if version:
        raise _foreign(file, f"its user version is {version}, without our application id")
    from devflow_analytics_db.schema.structure import object_names  # noqa: PLC0415  seldom needed

    names = object_names(connection) - {LEDGER} if claimed else object_names(connection)
    if not names:
        return Identity(0)
    if SERVER_LEDGER in names:
        return _identify_servers(connection, names)
    raise _foreign(file, f"it holds {', '.join(sorted(names)[:3])}")


def require_version(connection: Connection) -> int:
    """Make sure that a file which is no longer at a schema version may still be written to.

    Returns:
        Its schema version now.

    Raises:
        DatabaseGoneError: it is empty by now.
        IncompatibleSchemaError: a newer release changed it, and wants no older code to write to it.
        NotAnAnalyticsDatabaseError: it is another program's by now.
        TamperedMigrationError: its ledger is not what leads to its schema version.
    """
    begun = connection.in_transaction
    if not begun:
        connection.execute("BEGIN")  # which `identify` wants
    found = identify(connection)
    if not begun:
        connection.execute("COMMIT")
    if found.version == 0:
        raise gone(connection.file)
    return found.version


def _identify_servers(connection: Connection, names: set[str]) -> Identity:
    """Tell whether DevFlow's server made the file, in a release that is known here."""
    from devflow_analytics_db.migrations.migration import build  # noqa: PLC0415  seldom needed
    from devflow_analytics_db.schema.structure import extends, structure  # noqa: PLC0415  seldom needed

    baseline = build(1)
    try:
        differing = [
            table
            for table in (SERVER_LEDGER, *SERVER_TABLES)
            if not extends(structure(connection, table), structure(baseline, table))
        ]
        known = _server_migrations(baseline)
    finally:
        baseline.close()
    if SERVER_LEDGER not in differing:
        applied = _server_migrations(connection)
        if not applied and names == {SERVER_LEDGER}:
            return Identity(0)  # the server was stopped before it made its tables
        if len(applied) > len(known):
            raise NotAnAnalyticsDatabaseError(
                f"{connection.file} was made by a release of DevFlow's server that this release"
                " does not know yet. It was left as it is.",
                connection.file,
                "Upgrade devflow-analytics-db.",
            )
        if applied != known:
            differing.append(SERVER_LEDGER)
    if not differing:
        return Identity(1, made_by_server=True)
    raise _foreign(
        connection.file, f"it is like one of DevFlow's server, but not in {', '.join(differing)}"
    )


def _server_migrations(connection: Connection) -> list[tuple[str, int]]:
    query = f'SELECT hash, created_at FROM "{SERVER_LEDGER}" ORDER BY created_at'
    return connection.execute(query).fetchall()


def _foreign(file: str, sign: str) -> NotAnAnalyticsDatabaseError:
    return NotAnAnalyticsDatabaseError(
        f"{file} is an SQLite database of another program: {sign}. It was left as it is.",
        file,
        f"Move it away, or {ANOTHER_FILE}.",
    )
