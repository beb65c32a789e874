"""Records tool calls: a `Recorder` for a database, a `Session` for each client.

Nothing here raises into the program that records, waits for the database, or writes to its output.
"""

from __future__ import annotations

import math
import os
import time
import weakref
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Any, overload

from devflow_analytics_db import is_enabled, records_project, resolve_path
from devflow_analytics_recorder.call import Call
from devflow_analytics_recorder.ids import named_id
from devflow_analytics_recorder.keys import new_key
from devflow_analytics_recorder.line import VERSION, clean_name, number, quoted, session_part
from devflow_analytics_recorder.log import log
from devflow_analytics_recorder.writer import EXIT_SECONDS
from devflow_analytics_recorder.writers import release, writer_for
from devflow_analytics_schema import ErrorKind, ToolCallStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self, TypeVar

    from devflow_analytics_recorder.wrapped import Wrapped
    from devflow_analytics_recorder.writer import Writer
    from devflow_analytics_schema import ErrorKindLike, StatusLike

    Function = TypeVar("Function", bound=Callable[..., Any])

MARK = "DEVFLOW_ANALYTICS_WRAP"
"""The environment variable by which a proxy says that it started this server: see `wrapped`."""

STATUSES = frozenset(ToolCallStatus)
KINDS = frozenset((None, *ErrorKind))


class NoCallError(ValueError):
    """What is to be recorded is no call; its message quotes nothing of it."""


class Recorder:
    """Records tool calls in the analytics database, whatever becomes of it or of this process.

    Making one opens nothing; the first call does. Several recorders of a process share what they
    need for the same database. Closing one is not necessary: a process that ends writes what it
    has, and what it cannot write, the next one does.

    In an MCP server that ``devflow-analytics wrap`` runs for the same database, the proxy sees each
    call on the wire: then what a program records itself is left to the proxy, so that no call is
    there twice.
    """

    def __init__(
        self, path: str | os.PathLike[str] | None = None, *, server: str | None = None
    ) -> None:
        """Say where to record. If that is nowhere, every method does nothing.

        It is nowhere if ``DEVFLOW_ANALYTICS_ENABLED`` is 0, or if the path can be no file's, which
        the log then says.

        Args:
            path: the database; without it ``DEVFLOW_ANALYTICS_DB_PATH``, and without that
                ``~/.devflow/analytics.db``. It is made if it is missing.
            server: the name of the MCP server whose tools are called.
        """
        self._server = server
        self._writer: Writer | None = None
        self._mark: Wrapped | None = None
        self._project: str | None = None
        self._has_refused = False
        self._has_left = False
        try:
            if is_enabled():
                new_key()  # brings what makes keys now, and not in the midst of a call
                self._project = os.path.basename(os.getcwd()) if records_project() else None
                resolved = str(resolve_path(path))
                self._mark = _read_mark(resolved)
                writer = writer_for(resolved)
                self._writer = writer
                # where nobody closes it: when the last of its sessions is gone as well
                self._release = weakref.finalize(self, release, writer)
                self._release.atexit = False
        except Exception as error:  # noqa: BLE001  nothing of ours may end the host
            log("warning", "no calls are recorded: %s", error)

    @property
    def enabled(self) -> bool:
        """Whether calls are recorded at all."""
        return self._writer is not None

    def session(
        self,
        *,
        client: str | None = None,
        client_version: str | None = None,
        key: tuple[str, str] | None = None,
    ) -> Session:
        """Return a session: the calls that one client makes, one conversation of an agent's.

        It is in the database from its first call on. A process that is forked has another one,
        unless it has a key.

        Args:
            client: the name of the program that calls, as it gives it: ``claude-code``.
            client_version: its version.
            key: what others know the session by, and what gave it that name, as in
                ``("claude-code", conversation)``. Whoever records it under the same key adds to
                the same session. The key itself is not kept: the session's id is cut from a hash.
        """
        return Session(self, self._server, client, client_version, key)

    def flush(self, timeout: float = EXIT_SECONDS) -> bool:
        """Wait until what was recorded is in the database; False if that takes too long.

        There is no need for it but to read what was just recorded: a recorded call is safe. It
        blocks; from asyncio, call it by ``asyncio.to_thread``.

        Args:
            timeout: in seconds.
        """
        return self._writer is None or self._writer.flush(min(timeout, TIMEOUT_MAX))

    def close(self, timeout: float = EXIT_SECONDS) -> None:
        """Write what waits, as far as there is time, and record nothing more. It blocks.

        Args:
            timeout: in seconds. What then still waits, the next process that records writes.
        """
        writer, self._writer = self._writer, None
        if writer is not None and self._release.detach():
            release(writer, min(timeout, TIMEOUT_MAX))

    def _refuse(self, error: Exception) -> None:
        """Say, of the first only, what was not recorded, and why."""
        if not self._has_refused:
            self._has_refused = True
            # The message of an error that is not ours may quote what we were given.
            reason = error.args[0] if type(error) is NoCallError else type(error).__name__
            log("warning", "a call was not recorded, and others may not be: %s", reason)

    def _proxy(self) -> Wrapped | None:
        """Return the mark of the proxy that sees what comes over stdio; None if there is none."""
        mark = self._mark
        return mark if mark is not None and mark.holds() else None

    def _leaves_to_proxy(self) -> bool:
        """Return whether a call by hand is left to the proxy, and say so of the first."""
        if self._proxy() is None:
            return False
        if not self._has_left:
            self._has_left = True
            log("debug", "calls are recorded by the proxy before this server, and not by itself")
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Session:
    """The calls of one client; `Recorder.session` makes it. It needs no end.

    Safe to use from any thread or task. Its `ended_at` in the database is the end of its last call.
    """

    def __init__(
        self,
        recorder: Recorder,
        server: str | None,
        client: str | None,
        client_version: str | None,
        key: tuple[str, str] | None,
    ) -> None:
        self._recorder = recorder
        self._server = server
        self._named_id: str | None = None
        self.client = client
        """The name of the program that calls."""
        self.client_version = client_version
        """Its version."""
        self._id = ""
        self._process = 0
        self._leaves = recorder._mark is not None  # noqa: SLF001  made for each other
        """Whether its calls may be a proxy's: those that the program makes known, and no server."""
        if recorder.enabled:
            try:
                self._server = clean_name(server)
                self.client, self.client_version = clean_name(client), clean_name(client_version)
                self._named_id = None if key is None else named_id(*key)
                self._begin()
            except Exception as error:  # noqa: BLE001  nothing of ours may end the host
                recorder._refuse(error)  # noqa: SLF001  made for each other

    @property
    def id(self) -> str:
        """Its key in the database: a UUID of version 8 if it has a key, else of version 7.

        Empty if nothing is recorded.
        """
        if self._id and self._process != os.getpid():
            self._begin()
        return self._id

    def call(self, tool: str, *, agent: str | None = None, native_id: str | None = None) -> Call:
        """Return a context manager that measures a call, and records it at its end.

        ::

            with session.call("search"):
                ...

        Args:
            tool: the tool's name.
            agent: the type of the subagent that calls; None for the main one.
            native_id: what the client calls this call. Whoever records it under the same name adds
                to the same row.
        """
        return Call(self, tool, agent=agent, native_id=native_id)

    def record(  # noqa: PLR0913  one a column
        self,
        tool: str,
        duration_ms: float,
        status: StatusLike = "success",
        *,
        error_type: str | None = None,
        error_kind: ErrorKindLike | None = None,
        error_code: int | None = None,
        started_ms: int | None = None,
        request_bytes: int | None = None,
        result_bytes: int | None = None,
        server: str | None = None,
        agent: str | None = None,
        native_id: str | None = None,
    ) -> None:
        """Record a call that has ended, for who measured it.

        Once this returns, the call is kept, however the process ends. It costs one write to a file
        and never raises; what is no call is not recorded, which the log says.

        Args:
            tool: the tool's name.
            duration_ms: how long it took, in milliseconds; neither negative nor infinite.
            status: how it ended.
            error_type: if it failed, the name of the exception's class, or a code; never a message.
            error_kind: if it failed, how.
            error_code: if it failed, a code of JSON-RPC or HTTP.
            started_ms: when it began, in Unix milliseconds; without it ``duration_ms`` ago.
            request_bytes: the size of its arguments. A number that cannot be one is left out.
            result_bytes: the size of its result.
            server: the name of the MCP server, if it is not the recorder's.
            agent: the type of the subagent that called; None for the main one.
            native_id: what the client calls this call, as for `call`.
        """
        try:
            writer = self._recorder._writer  # noqa: SLF001  made for each other
            if writer is None or not self._id:
                return
            if self._leaves and self._recorder._leaves_to_proxy():  # noqa: SLF001  the same
                return
            now_ms = time.time_ns() // 1_000_000
            duration_ms = float(duration_ms)
            _require_call(tool, duration_ms, status, error_kind)
            if status == "success":
                error_type = error_kind = error_code = None
            if self._process != os.getpid():
                self._begin()
            key = named_id(self.client or "", native_id) if native_id else new_key()
            if server is None:
                server = self._server
            if started_ms is None:
                started_ms = int(now_ms - duration_ms)
            # In the order of `line.FIELDS`. JSON by hand, as it takes a third of the time.
            line = (
                f'[{VERSION},"{key}",{quoted(tool)},{duration_ms!r},{quoted(status)},'
                f"{quoted(error_type)},{now_ms // 1000},{quoted(agent)},{quoted(error_kind)},"
                f"{number(error_code)},{number(request_bytes, 0)},{number(result_bytes, 0)},"
                f"{number(started_ms)},{quoted(server)}{self._end}"
            )
            writer.append(line.encode())
        except Exception as error:  # noqa: BLE001  nothing of ours may end the host's call
            self._recorder._refuse(error)  # noqa: SLF001  made for each other

    @overload
    def recorded(self, function: Function, /, *, name: str | None = None) -> Function: ...

    @overload
    def recorded(
        self, function: None = None, /, *, name: str | None = None
    ) -> Callable[[Function], Function]: ...

    def recorded(
        self, function: Function | None = None, /, *, name: str | None = None
    ) -> Function | Callable[[Function], Function]:
        """Record every call of a function, sync or async, as a tool call.

        ::

            @session.recorded
            def search(query: str) -> list[str]: ...

        Args:
            function: the function.
            name: the name of the tool; without it the function's own.

        Raises:
            TypeError: it is a generator function, whose calls end before its work begins: use
                `call` inside it. Or it is not called as it is: put this decorator below
                ``@classmethod`` and ``@staticmethod``.
        """
        if function is None:
            return lambda function: self.recorded(function, name=name)
        from devflow_analytics_recorder.decorating import decorated  # noqa: PLC0415  seldom needed

        own_name = str(getattr(function, "__name__", type(function).__name__))
        recorded: Function = decorated(self, function, name or own_name)
        return recorded

    def _begin(self) -> None:
        """Begin a session of this process."""
        self._id = self._named_id or new_key()
        self._end = session_part(
            self._id,
            "recorder",
            "run",
            int(time.time()),
            self.client,
            self.client_version,
            self._recorder._project,  # noqa: SLF001  made for each other
        )
        self._process = os.getpid()


def _read_mark(database: str) -> Wrapped | None:
    mark = os.environ.get(MARK)
    if not mark:
        return None
    from devflow_analytics_recorder import wrapped  # noqa: PLC0415  seldom needed

    return wrapped.read(mark, database)


def _require_call(
    tool: str | None, duration_ms: float, status: str, error_kind: str | None
) -> None:
    """Make sure that these are a call's.

    Raises:
        NoCallError: they are not.
    """
    if tool is None:
        raise NoCallError("it names no tool")
    if not 0 <= duration_ms < math.inf:
        raise NoCallError(f"it took {duration_ms} ms")
    if status not in STATUSES:
        raise NoCallError(f"its status is not one of {', '.join(sorted(STATUSES))}")
    if error_kind not in KINDS:
        kinds = ", ".join(sorted(kind for kind in KINDS if kind))
        raise NoCallError(f"its kind of error is not one of {kinds}")
