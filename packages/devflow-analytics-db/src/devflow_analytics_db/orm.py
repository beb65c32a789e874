"""Pony bound to a file: its connections, and its transactions without locks of its own.

Pony keeps a connection for each thread, and by locks of its own lets one thread of a process write
at a time. They wait without end: for a thread that hangs, for one that a fork left behind, or for
one that was interrupted before it released the lock. SQLite has threads wait as it has processes
wait, until the busy timeout is over. So Pony's locks are left out here.
"""

from __future__ import annotations

import _thread
import os
from _weakref import ref
from typing import TYPE_CHECKING

from pony.orm import Database
from pony.orm.core import local
from pony.orm.dbproviders.sqlite import SQLitePool, SQLiteProvider

from devflow_analytics_db.file.connection import IdleConnections, opened_before_fork
from devflow_analytics_schema import define_entities

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from devflow_analytics_db.file.connection import Connection
    from devflow_analytics_schema import Entities


def bind(
    file: str, connect: Callable[[], Connection], require: Callable[[Connection], None]
) -> tuple[Database, Entities]:
    """Return a Pony database with the entities, bound and mapped.

    Args:
        file: what is opened.
        connect: opens a connection that any thread may use.
        require: called in each transaction as it begins, which does not if this raises.
    """
    database = _Database(file)
    entities = define_entities(database)
    database.bind(_Provider, connect, require)
    # The tables are what the migrations made; Pony looking for them takes as long again.
    database.generate_mapping(check_tables=False)
    return database, entities


class _Database(Database):  # type: ignore[misc]  # Pony has no types
    """Pony's database, which knows of a session that is its parent process's."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self._file = file

    def _get_cache(self) -> Any:  # noqa: ANN401  Pony's own
        if _inherited and local.db_session is None:
            raise opened_before_fork(self._file)
        return super()._get_cache()


class _Pool:
    """Gives Pony a connection for each session."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._idle = IdleConnections()
        self._used: dict[int, ref[Connection]] = {}
        """By thread."""
        # Pony's own pool adds to a connection the SQL functions that its queries use.
        self._opener = SQLitePool(
            is_shared_memory_db=False,
            filename=None,
            create_db=True,
            factory=lambda *_, **__: connect(),
        )

    def connect(self) -> tuple[Connection, bool]:
        """Return a connection, and whether it is new."""
        this_thread = _thread.get_ident()
        used = self._used.pop(this_thread, None)
        lost = used and used()
        # A Ctrl-C kept Pony from ending its transaction, and something still refers to it. Another
        # thread may go on with it, if the session is that of a generator.
        if lost and lost.in_transaction and lost.writer == this_thread:
            lost.close()
        connection = self._idle.take()
        if connection is not None and not connection.is_in_place():
            connection.close()  # the file was replaced; what is there now is opened anew
            connection = None
        is_new = connection is None
        if connection is None:
            self._opener._connect()  # noqa: SLF001  it has no other way
            connection, self._opener.con = self._opener.con, None
        self._used[this_thread] = ref(connection)
        return connection, is_new

    def release(self, connection: Connection) -> None:
        """Take a connection back."""
        try:
            connection.rollback()
        except BaseException:
            self.drop(connection)
            raise
        self._used.pop(_thread.get_ident(), None)
        self._idle.put(connection)

    def drop(self, connection: Connection) -> None:
        """Close a connection that failed."""
        self._used.pop(_thread.get_ident(), None)
        connection.close()

    def disconnect(self) -> None:
        """Close what nobody uses."""
        self._idle.close()


class _Provider(SQLiteProvider):  # type: ignore[misc]  # Pony has no types
    """Pony's SQLite, with connections of ours and no locks."""

    def __init__(
        self,
        database: Database,
        connect: Callable[[], Connection],
        require: Callable[[Connection], None],
        **options: Any,  # noqa: ANN401  Pony's own
    ) -> None:
        self._pool = _Pool(connect)
        self._require = require
        super().__init__(database, filename="", **options)

    def get_pool(self, *_: object, **__: object) -> _Pool:
        return self._pool

    def acquire_lock(self) -> None:
        """Leave it to SQLite who waits for whom."""

    def release_lock(self) -> None:
        """Let go of nothing."""

    def set_transaction_mode(self, connection: Connection, cache: Any) -> None:  # noqa: ANN401
        connection.writer = _thread.get_ident()
        super().set_transaction_mode(connection, cache)
        if cache.in_transaction:
            self._require(connection)  # only now: it may have waited for who changed the file


_inherited: list[object] = []
"""The session in which this process was forked, if it was in one."""


def _leave_session() -> None:
    """Let a child be in no session of its parent's.

    Pony would take each of the child's own sessions for a part of that, and never commit it.
    """
    if local.db_context_counter:
        _inherited.append(local.db_session)
        local.db_context_counter, local.db_session = 0, None
        for database in [*local.db2cache]:
            if isinstance(database.provider, _Provider):
                del local.db2cache[database]


os.register_at_fork(after_in_child=_leave_session)
