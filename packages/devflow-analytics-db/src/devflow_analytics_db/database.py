"""The handle of an open analytics database, and the one way to get it."""

from __future__ import annotations

import os

from devflow_analytics_db.file import disk, location
from devflow_analytics_db.file.connection import Connection, require_opened_after_fork
from devflow_analytics_db.file.faults import denied, is_writable, logging_errors, naming_faults
from devflow_analytics_db.file.opening import busy_timeout_ms, configure, open_existing
from devflow_analytics_db.log import log
from devflow_analytics_db.migrations.changes import Changes
from devflow_analytics_db.migrations.identity import (
    APPLICATION_ID,
    application_id,
    identify,
    identify_file,
    require_version,
)
from devflow_analytics_db.migrations.migration import latest_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from pony.orm import Database

    from devflow_analytics_schema import Entities, Session, ToolCall


@logging_errors
def create_analytics_db(path: str | os.PathLike[str] | None = None) -> AnalyticsDb:
    """Open the analytics database, making it or bringing its schema up to date if need be.

    Safe to call from any number of processes and threads at once. If the file is current, nothing
    is written, and no lock is taken unless another process has it open. A file that DevFlow's own
    server made is taken over with all its rows, and the server can go on using it.

    Args:
        path: the file; without it ``DEVFLOW_ANALYTICS_DB_PATH``, and without that
            ``~/.devflow/analytics.db``. Its directory is made if only that is missing.

    Raises:
        AnalyticsDbError: one of those in `devflow_analytics_db.errors`; no row is lost.
    """
    file = location.resolve(path)
    require_opened_after_fork(file)
    latest = latest_version()  # before anything is made
    disk.make(file)
    with naming_faults(file):
        found = identify_file(file)
        if found.version >= latest and not found.crashed:
            if not is_writable(file):
                raise denied(file)  # now rather than at the first row
            disk.keep_private(file)
            log("info", "opened %s: schema version %d is current", file, found.version)
            return AnalyticsDb(file, Changes(file, found.version))

        from devflow_analytics_db.migrations.migrate import bring_to  # noqa: PLC0415  seldom needed

        changes = bring_to(file)
    how = "created" if changes.created else "opened"
    log("info", "%s %s: schema version %d", how, file, changes.schema_version)
    return AnalyticsDb(file, changes)


class AnalyticsDb:
    """An analytics database that is open, current and ready for reading and writing.

    Usable as a context manager, from several threads, and beside other handles in one process.
    It holds no connection itself until the entities are used; then Pony holds one for each thread.
    """

    def __init__(self, file: str, changes: Changes) -> None:
        self._file = file
        self._pony: list[tuple[Database, Entities]] = []
        self._version = changes.schema_version
        self.changes = changes
        """What opening it found and did."""

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
        """Return a new plain connection, configured like all of ours; closing it is the caller's.

        It is in autocommit mode (``isolation_level=None``) with foreign keys on, WAL,
        ``synchronous=NORMAL`` and the busy timeout. Begin a transaction that will write with
        ``BEGIN IMMEDIATE``: one that starts by reading fails at once if another process commits
        before it writes. What goes wrong later on it is raised as `sqlite3.Error`.

        Raises:
            AnalyticsDbError: the file cannot be opened any more.
        """
        return self._connect()

    def close(self) -> None:
        """Close the connections that no ``db_session`` is using. Calling it again does nothing."""
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
                bound = bind(self._file, self._connect_for_any_thread, self._require_writable)
            self._pony.append(bound)
            if self._pony[0] is not bound:
                bound[0].provider.disconnect()
        return self._pony[0]

    def _connect_for_any_thread(self) -> Connection:
        return self._connect(check_same_thread=False)

    def _connect(self, *, check_same_thread: bool = True) -> Connection:
        timeout_ms = busy_timeout_ms()
        with naming_faults(self._file):
            connection = open_existing(self._file, timeout_ms, check_same_thread=check_same_thread)
            try:
                # before anything is set, as by now the file may be another program's
                if application_id(connection) != APPLICATION_ID:
                    identify(connection, self._file)
                self._require_writable(connection)
                configure(connection, self._file, timeout_ms)
                connection.text_factory = str
            except BaseException:
                connection.close()
                raise
            return connection

    def _require_writable(self, connection: Connection) -> None:
        """Make sure that this release may write to what is in the file by now.

        Raises:
            AnalyticsDbError: another release or another program has changed it.
        """
        with naming_faults(self._file):
            self._version = require_version(connection, self._file, self._version)
