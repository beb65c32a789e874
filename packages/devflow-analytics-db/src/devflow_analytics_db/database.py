"""The handle of an open analytics database, and the one way to get it."""

from __future__ import annotations

import os
import sqlite3

from devflow_analytics_db.errors import AnalyticsDbError
from devflow_analytics_db.file import disk, is_writable, location
from devflow_analytics_db.file.connection import (
    Connection,
    IdleConnections,
    require_opened_after_fork,
)
from devflow_analytics_db.file.faults import (
    denied,
    from_sqlite,
    gone,
    is_of_the_statement,
    logging_errors,
    naming_faults,
)
from devflow_analytics_db.file.opening import configure, open_existing
from devflow_analytics_db.log import log
from devflow_analytics_db.migrations import (
    APPLICATION_ID,
    application_id,
    is_current,
    latest_version,
    schema_version,
)
from devflow_analytics_db.settings import busy_timeout_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from pony.orm import Database

    from devflow_analytics_db.migrations.migrate import Changes
    from devflow_analytics_schema import Entities, Session, ToolCall


@logging_errors
def create_analytics_db(
    path: str | os.PathLike[str] | None = None, *, timeout_ms: int | None = None
) -> AnalyticsDb:
    """Open the analytics database, making it or bringing its schema up to date if need be.

    Safe to call from any number of processes and threads at once. If the file is current, nothing
    is written, and no lock is taken unless another process has it open. A file that DevFlow's own
    server made is taken over with all its rows, and the server can go on using it.

    Args:
        path: the file; without it ``DEVFLOW_ANALYTICS_DB_PATH``, and without that
            ``~/.devflow/analytics.db``. Its directory is made if only that is missing.
        timeout_ms: how long to wait for another process that writes or migrates, in milliseconds;
            without it as long as the busy timeout says. What this one has to migrate takes as long
            as it takes.

    Raises:
        AnalyticsDbError: one of those in `devflow_analytics_db.errors`; no row is lost.
    """
    file = location.resolve(path)
    require_opened_after_fork(file)
    latest = latest_version()  # before anything is made
    disk.make(file)
    with naming_faults(file):
        if not is_current(file, latest, timeout_ms):
            from devflow_analytics_db.migrations.identity import (  # noqa: PLC0415  seldom needed
                identify_file,
            )

            found = identify_file(file, timeout_ms)
            if found.version < latest or found.crashed:
                return _bring_up_to_date(file, timeout_ms)
            latest = found.version
        if not is_writable(file):
            raise denied(file)  # now rather than at the first row
        disk.keep_private(file)
    log("info", "opened %s: schema version %d is current", file, latest)
    return AnalyticsDb(file, latest)


def _bring_up_to_date(file: str, timeout_ms: int | None) -> AnalyticsDb:
    from devflow_analytics_db.migrations.migrate import bring_to  # noqa: PLC0415  seldom needed

    changes = bring_to(file, timeout_ms=timeout_ms)
    how = "created" if changes.created else "opened"
    log("info", "%s %s: schema version %d", how, file, changes.schema_version)
    # another process may have been faster
    return AnalyticsDb(file, changes.schema_version, changes if changes.applied else None)


class AnalyticsDb:
    """An analytics database that is open, current and ready for reading and writing.

    Usable as a context manager, from several threads, and beside other handles in one process.
    It holds no connection until the first transaction.
    """

    def __init__(self, file: str, schema_version: int, changes: Changes | None = None) -> None:
        self._file = file
        self._pony: list[tuple[Database, Entities]] = []
        self._idle = IdleConnections()
        self.schema_version = schema_version
        """The schema version of the file when it was last looked at."""
        self.changes = changes
        """What opening it changed; None if it was current."""

    def __repr__(self) -> str:
        return f"<AnalyticsDb {self._file}>"

    def __fspath__(self) -> str:
        return self._file

    @property
    def path(self) -> Path:
        """The database file, symbolic links followed. The handle itself is path-like too."""
        from pathlib import Path  # noqa: PLC0415  docs/decisions/0003-imports.md

        return Path(self._file)

    @property
    def database(self) -> Database:
        """The Pony ``Database``, bound and mapped."""
        return self._bound()[0]

    @property
    def Session(self) -> type[Session]:  # noqa: N802  an entity class
        """The entity `devflow_analytics_schema.Session` of this database."""
        return self._bound()[1].Session

    @property
    def ToolCall(self) -> type[ToolCall]:  # noqa: N802  an entity class
        """The entity `devflow_analytics_schema.ToolCall` of this database."""
        return self._bound()[1].ToolCall

    def connect(self) -> Connection:
        """Return a new connection, configured like all of ours; closing it is the caller's.

        It is in autocommit mode (``isolation_level=None``) with foreign keys on, WAL,
        ``synchronous=NORMAL`` and the busy timeout. To write, `transaction` is the better way. What
        goes wrong later on it is raised as `sqlite3.Error`.

        Raises:
            AnalyticsDbError: the file cannot be opened any more.
        """
        return self._connect()

    def transaction(self, *, timeout_ms: int | None = None) -> Transaction:
        """Return a context manager that gives a connection inside a transaction for writing.

        ::

            with db.transaction() as connection:
                connection.execute("INSERT INTO sessions (id, started_at) VALUES (?, ?)", row)

        It begins with the lock for writing (``BEGIN IMMEDIATE``), for which it waits as long as the
        busy timeout says; Ctrl-C ends the wait. At the end of the ``with`` block it commits; if an
        exception leaves the block, it rolls back. Each block has a connection of its own, to be
        used only there. Opening it takes about 0.1 ms, so put many rows into one block. A second
        transaction inside a block would wait for the first until the timeout.

        Do not end the transaction within the block: not by COMMIT or ROLLBACK, nor by
        ``executescript()``, which commits.

        Args:
            timeout_ms: how long to wait for the lock, in milliseconds; without it as long as the
                busy timeout says.

        Raises:
            AnalyticsDbError: in entering, if the lock cannot be obtained, or the file was replaced
                or changed; in leaving, for what goes wrong with the file in the block, or if the
                transaction was ended there. What is wrong with a statement or its values stays
                `sqlite3.Error`.
        """

        def connect() -> Connection:
            return self._connect(timeout_ms, check_same_thread=False)

        return Transaction(self._idle, connect, self._require)

    def close(self) -> None:
        """Close the connections that are not in use. Calling it again does nothing."""
        self._idle.close()
        if self._pony:
            # Not database.disconnect(), which refuses inside a db_session.
            self._pony[0][0].provider.disconnect()

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """Pickle as the path, so that another process opens the file anew."""
        return create_analytics_db, (self._file,)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _bound(self) -> tuple[Database, Entities]:
        """Bind Pony at the first use: importing it takes longer than opening the database.

        Without a lock, which a fork in the middle would leave locked in the child. Threads that
        come at once each bind; all use what was appended first.
        """
        if not self._pony:
            require_opened_after_fork(self._file)  # before it could wait for an import
            from devflow_analytics_db.orm import bind  # noqa: PLC0415  brings Pony

            with naming_faults(self._file):
                bound = bind(self._file, self._connect_for_any_thread, self._require)
            self._pony.append(bound)
            if self._pony[0] is not bound:
                bound[0].provider.disconnect()
        return self._pony[0]

    def _connect_for_any_thread(self) -> Connection:
        return self._connect(check_same_thread=False)

    def _connect(
        self, timeout_ms: int | None = None, *, check_same_thread: bool = True
    ) -> Connection:
        if timeout_ms is None:
            timeout_ms = busy_timeout_ms()
        with naming_faults(self._file):
            connection = open_existing(self._file, timeout_ms, check_same_thread=check_same_thread)
            try:
                # before anything is set, as by now the file may be another program's
                self._require_version(connection)
                configure(connection)
                connection.text_factory = str
            except BaseException:
                connection.close()
                raise
            return connection

    def _require(self, connection: Connection) -> None:
        """Make sure that a connection's file is in its place, and may be written to.

        Raises:
            AnalyticsDbError: another release or another program has changed or replaced it.
        """
        if not connection.is_in_place():
            raise gone(self._file)
        with naming_faults(self._file):
            self._require_version(connection)

    def _require_version(self, connection: Connection) -> None:
        if (
            application_id(connection) != APPLICATION_ID
            or schema_version(connection) != self.schema_version
        ):
            from devflow_analytics_db.migrations.identity import (  # noqa: PLC0415  as above
                require_version,
            )

            self.schema_version = require_version(connection)
        connection.schema_version = self.schema_version


class Transaction:
    """What `AnalyticsDb.transaction` returns: a transaction on a connection of its own."""

    _connection: Connection | None = None
    """That of the block, while it runs."""

    def __init__(
        self,
        idle: IdleConnections,
        connect: Callable[[], Connection],
        require: Callable[[Connection], None],
    ) -> None:
        self._idle = idle
        self._connect = connect
        self._require = require

    @logging_errors
    def __enter__(self) -> Connection:
        if self._connection is not None:
            raise RuntimeError("This transaction has begun already. Call transaction() again.")
        from devflow_analytics_db.file.transaction import begin  # noqa: PLC0415  not to open

        connection = self._connection = self._connect()
        try:
            # Not before: with the last connection SQLite would write back and delete the WAL. And
            # not later: somebody may go on using one, and have begun something with it.
            self._idle.close()
            with naming_faults(connection.file):
                begin(connection)
            self._require(connection)  # only now: it may have waited for who changed the file
        except BaseException:
            connection.close()
            self._connection = None
            raise
        return connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end(fault)

    @logging_errors
    def _end(self, fault: BaseException | None) -> None:
        from devflow_analytics_db.file.transaction import end  # noqa: PLC0415  as above

        connection = self._connection
        if connection is None:
            return
        file = connection.file
        was_ended = connection.closed or not connection.in_transaction
        try:
            if not was_ended:
                with naming_faults(file):
                    end(connection, commit=fault is None)
        except BaseException:
            connection.close()
            self._connection = None
            raise
        if connection.closed or connection.in_transaction:  # as to roll it back failed
            connection.close()
        else:
            self._idle.put(connection)  # not to be used again, but to keep the WAL
        self._connection = None
        if isinstance(fault, sqlite3.Error) and not is_of_the_statement(fault):
            raise from_sqlite(fault, file) from fault
        if was_ended and fault is None:
            raise AnalyticsDbError(
                f"The transaction on {file} was ended within its block, so the block was not done"
                " as a whole.",
                file,
                "Leave COMMIT, ROLLBACK, close() and executescript(), which commits, out of the"
                " block.",
            )

    def __del__(self) -> None:
        """End what a Ctrl-C kept from ending, even if the connection still has a name."""
        if self._connection is not None:
            self._connection.close()
