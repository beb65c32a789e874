"""Connections, and what becomes of them where a process forks.

SQLite's locks belong to the process that took them (POSIX advisory locks): a forked child has
none. But it inherits SQLite's belief that it holds them, in each connection that is open at the
fork and in all that SQLite keeps of the file, which every later connection to it shares. The last
other process to close the file then removes the log under the child, and what the child commits
afterwards is lost without an error
(https://www.sqlite.org/howtocorrupt.html#_carrying_an_open_database_across_a_fork_).

So connections that are idle are closed before a fork, whichever thread used them last. Those in
use stay open for the parent. In the child, nothing touches them again, not even to close them, as
that would write to memory that the parent shares; each later use there is an error.
"""

from __future__ import annotations

import _thread
import os
import sqlite3
import stat
import sys
from _weakref import ref

from devflow_analytics_db.errors import OpenedBeforeForkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, NoReturn

    Inode = tuple[int, int]
    """Device and number of a file: what SQLite knows it by."""


class Cursor(sqlite3.Cursor):
    """A cursor of a `Connection`."""


class Connection(sqlite3.Connection):
    """A connection to a file that exists, in autocommit mode; a forked child cannot use it."""

    def __init__(
        self, file: str, query: str, timeout_ms: int, *, check_same_thread: bool = True
    ) -> None:
        """Open a file.

        Args:
            file: its absolute path.
            query: how, such as ``mode=rw`` (https://www.sqlite.org/uri.html).
            timeout_ms: how long to wait for another connection's write.
            check_same_thread: whether only this thread may use it.

        Raises:
            OpenedBeforeForkError: the file was open when this process was forked.
            sqlite3.Error: it cannot be opened.
        """
        self.file = file
        """The absolute path of the file."""
        self.timeout_ms = timeout_ms
        """How long it waits for another connection's write, in milliseconds."""
        self.schema_version: int | None = None
        """What the file was at when it was opened; None if that was not looked at."""
        require_opened_after_fork(file)
        self.inode = inode(file)
        """What was there just before it was opened."""
        self.thread = _thread.get_ident() if check_same_thread else None
        """Who uses it; None if that may be any thread."""
        self.writer: int | None = None
        """The thread that last began a transaction of Pony's with it."""
        self.closed = False
        """Whether `close` was called."""
        self._pins: list[object] = []
        # before SQLite opens anything: another thread may fork meanwhile
        _open.add(ref(self, _open.discard))
        escaped = file.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        super().__init__(
            f"file://{escaped}?{query}",
            timeout=timeout_ms / 1000,
            isolation_level=None,
            check_same_thread=check_same_thread,
            uri=True,
        )
        # Python's collector does not see what SQLite refers to: `_disable` needs that.
        self.create_function("devflow_pins", 0, self._pins.__len__)

    def is_in_place(self) -> bool:
        """Tell whether the file that was opened is still what its path leads to."""
        return self.inode == inode(self.file)

    def close(self) -> None:
        """Close the connection; calling it again does nothing."""
        super().close()
        self.closed = True
        _open.discard(ref(self))

    # sqlite3 would make cursors of its own class, which a child could not be kept from using.

    if not TYPE_CHECKING:  # where sqlite3's own say it better

        def cursor(self, factory=Cursor):  # noqa: ANN001, ANN201, D102
            if factory is not Cursor and not issubclass(factory, Cursor):
                raise TypeError(
                    f"{factory!r} is not a subclass of {Cursor.__qualname__} of {__name__}"
                )
            return super().cursor(factory)

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:  # noqa: ANN401
        """Execute a statement, as `sqlite3.Connection.execute` does."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:  # noqa: ANN401
        """Execute a statement for each row, as `sqlite3.Connection.executemany` does."""
        return self.cursor().executemany(sql, parameters)

    def executescript(self, sql: str, /) -> sqlite3.Cursor:
        """Execute a script, as `sqlite3.Connection.executescript` does."""
        return self.cursor().executescript(sql)


def connect_in_memory() -> Connection:
    """Return a new database in memory, in autocommit mode.

    A thread that is inside SQLite at a fork is as dangerous to the child whatever it has open.
    """
    return Connection("/:memory:", "mode=memory", 0)


class IdleConnections:
    """Open connections to a file that nobody uses at the moment, for whoever needs one next.

    They are opened with ``check_same_thread=False``: each is used by one thread at a time.
    """

    def __init__(self) -> None:
        self._connections: list[Connection] = []
        _idle.add(ref(self, _idle.discard))

    def take(self) -> Connection | None:
        """Return one of them, for the caller alone; None if there is none."""
        try:  # in one step, as other threads do the same
            return self._connections.pop()
        except IndexError:
            return None

    def put(self, connection: Connection) -> None:
        """Take a connection back that has no transaction open."""
        self._connections.append(connection)

    def close(self) -> None:
        """Close all that are idle now."""
        while (connection := self.take()) is not None:
            connection.close()


class _Forked:
    """What a forked child may not use, as its parent had it open at the fork."""

    inodes: frozenset[Inode] = frozenset()
    """The files that were open, by whomever."""

    everything = False
    """Another thread may have been inside SQLite, or was importing what is needed here."""


_open: set[ref[Connection]] = set()
_idle: set[ref[IdleConnections]] = set()
_held: list[object] = []
"""Keeps what a child inherits from being deleted as its other threads are taken apart."""
_known = {"what this process may use"}
"""Empty in a child until it knows that."""


def require_opened_after_fork(file: str) -> None:
    """Make sure that a file may be opened in this process.

    Raises:
        OpenedBeforeForkError: it was open when this process was forked from another.
    """
    if not _known or _Forked.everything or (_Forked.inodes and inode(file) in _Forked.inodes):
        raise opened_before_fork(file)


def inode(file: str) -> Inode | None:
    """Return by what SQLite knows a file; None if there is none."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def opened_before_fork(file: str) -> OpenedBeforeForkError:
    """Return the error for a file that a forked child may not use."""
    return OpenedBeforeForkError(
        f"{file} was in use when this process was forked, so SQLite's locks on it do not work here"
        " and rows could be lost. Nothing was read or written.",
        file,
        "Open the database after the fork, or start processes by 'spawn'"
        " (multiprocessing.set_start_method).",
    )


def _before() -> None:
    for found in list(_idle):
        if (idle := found()) is not None:
            try:  # noqa: SIM105  contextlib is one more to import
                idle.close()
            except sqlite3.Error:
                pass  # and so it stays open, as one that is in use does
    in_use = _alive(_open)
    _held.extend(in_use)
    if any(connection.thread != _thread.get_ident() for connection in in_use):
        _held.extend(_cursors())


def _in_parent() -> None:
    _held.clear()


def _in_child() -> None:
    """Find out what may not be used. A Ctrl-C may stop it, so it is called twice."""
    if _known:
        return
    inherited = _alive(_open)
    this_thread = _thread.get_ident()
    _Forked.everything |= any(connection.thread != this_thread for connection in inherited)
    _Forked.everything |= any(map(_is_half_imported, [*sys.modules]))
    _Forked.inodes |= _open_files(inherited)
    if inherited:
        cursors, classes = _cursors(frozen=True), _inherited_classes()
        for connection in inherited:
            _disable(connection, cursors, *classes)
    _open.clear()
    _held.clear()
    _known.add("what this process may use")


def _is_half_imported(name: str) -> bool:
    """Tell whether a thread was importing a module of ours or of Pony's, and never ends that here.

    To import it would mean to wait for that thread.
    """
    spec = getattr(sys.modules[name], "__spec__", None)
    ours = name.startswith(("devflow_analytics_", "pony."))
    return ours and getattr(spec, "_initializing", False)


def _cursors(*, frozen: bool = False) -> list[Cursor]:
    """Return all cursors; those only if asked that `gc.freeze` hides, as it does before a fork."""
    import gc  # noqa: PLC0415  seldom needed

    hides = frozen and gc.get_freeze_count() > 0
    if hides:
        gc.unfreeze()
    found = [one for one in gc.get_objects() if isinstance(one, Cursor)]
    if hides:
        gc.freeze()
    return found


def _alive(references: Iterable[ref[Connection]]) -> list[Connection]:
    return [one for found in list(references) if (one := found()) is not None]


def _open_files(inherited: list[Connection]) -> frozenset[Inode]:
    """Return what files are open in this process, as far as the system tells; at least ours."""
    for directory in ("/proc/self/fd", "/dev/fd"):
        try:
            names = os.listdir(directory)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        except OSError:  # without a free descriptor nothing is known
            _Forked.everything = True
            continue
        return frozenset(_regular_files(map(int, names)))
    return frozenset(one.inode for one in inherited if one.inode is not None)


def _regular_files(descriptors: Iterable[int]) -> Iterator[Inode]:
    for descriptor in descriptors:
        try:
            found = os.fstat(descriptor)
        except OSError:  # the one by which they were listed
            continue
        if stat.S_ISREG(found.st_mode):
            yield found.st_dev, found.st_ino


def _disable(
    connection: Connection,
    cursors: list[Cursor],
    of_connection: type[Connection],
    of_cursor: type[Cursor],
) -> None:
    """Let an inherited connection and its cursors do nothing any more, and never be deleted.

    Python deletes what is left when it ends. Of a connection, SQLite would then take back what the
    parent is writing, or wait for a thread that the child does not have. So each is given a
    reference that Python does not see, and so never takes away: one that SQLite holds.
    """
    connection._pins.append(connection)  # noqa: SLF001  this module's own
    connection.__class__ = of_connection
    for cursor in cursors:
        if getattr(cursor, "connection", None) is connection:
            connection._pins.append(cursor)  # noqa: SLF001  this module's own
            cursor.__class__ = of_cursor


def _refuse(used: Connection | Cursor, *_: object, **__: object) -> NoReturn:
    connection: Any = used if isinstance(used, Connection) else used.connection
    raise opened_before_fork(connection.file)


def _do_nothing(used: Connection | Cursor, *_: object) -> None:
    """End what is the parent's, and goes on there."""


def _methods(kind: type) -> Iterator[str]:
    """Yield the names of what calls SQLite."""
    for name in dir(kind):
        value = getattr(kind, name)
        if callable(value) and not isinstance(value, type) and not name.startswith("_"):
            yield name


def _inherited_classes() -> tuple[type[Connection], type[Cursor]]:
    """Return the classes of what the parent has open, which is of use to nobody in the child.

    Made when a child needs them, as nearly no process does.
    """
    refused = property(_refuse, _refuse)
    connection = type(
        "InheritedConnection",
        (Connection,),
        {
            **dict.fromkeys(_methods(sqlite3.Connection), _refuse),
            "isolation_level": refused,  # to set it may commit
            "autocommit": refused,
            "__call__": _refuse,
            "__enter__": _refuse,
            "__exit__": lambda *_: False,  # and end nothing
            "close": _do_nothing,
            "interrupt": _do_nothing,
            "rollback": _do_nothing,
        },
    )
    cursor = type(
        "InheritedCursor",
        (Cursor,),
        {
            **dict.fromkeys(_methods(sqlite3.Cursor), _refuse),
            "__next__": _refuse,
            "__iter__": _refuse,
            "close": _do_nothing,
        },
    )
    return connection, cursor


# written in C, and so done before a Ctrl-C can be heard
os.register_at_fork(after_in_child=_known.clear)
os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
os.register_at_fork(after_in_child=_in_child)
