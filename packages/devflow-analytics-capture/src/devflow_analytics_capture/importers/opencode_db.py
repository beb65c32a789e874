"""opencode's database, read as any reader reads it: nothing is written, and no file is made.

Only names and numbers are asked for: what a call was about stays in SQLite. There is no index by
the time of change, so that finding what has changed is one pass over a table, page by page.
"""

from __future__ import annotations

import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any, NamedTuple

from devflow_analytics_capture.importers.importer import UNKNOWN_AGENT, UnreadableLogError
from devflow_analytics_capture.importers.opencode_calls import Tool
from devflow_analytics_capture.logs.calls import Conversation

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = 1_000
"""How many rows are looked at in one transaction."""

TIMEOUT_S = 2.0
"""How long to wait for a lock, in seconds; in WAL mode there is none to wait for."""

_OF_A_PART = (
    *("$.callID", "$.tool", "$.state.status", "$.state.time.start", "$.state.time.end"),
    *("$.state.metadata.exit", "$.state.metadata.interrupted"),
)
_OF_A_CONTENT = (
    *("$.id", "$.name", "$.state.status", "$.time.ran", "$.time.completed"),
    *("$.state.structured.exit", "$.state.structured.interrupted"),
)


class Table(NamedTuple):
    """A table in which calls are."""

    name: str
    rows: str
    """What tells which of its rows may hold calls, in SQL."""
    query: str
    """What gives the calls of some of its rows."""


class Page(NamedTuple):
    """What is found in one transaction."""

    last_row: int
    newest: int
    """The newest time of change, in Unix milliseconds."""
    calls: list[tuple[int, Tool | None, Conversation, str | None]]
    """Each with its row and the type of its subagent; no `Tool` where there is no JSON."""


def _extract(column: str, paths: Iterable[str]) -> str:
    names = ", ".join(f"'{path}'" for path in paths)
    return f"json_extract({column}, {names})"


def _agent(message: str) -> str:
    agent = f"iif(json_valid({message}), json_extract({message}, '$.agent'), NULL)"
    return f"iif(session.parent_id IS NULL, NULL, coalesce({agent}, '{UNKNOWN_AGENT}'))"


_PARTS = Table(
    "part",
    "true",
    f"""
SELECT part.rowid, part.session_id, session.version, session.directory,
    {_agent("message.data")},
    iif(json_valid(part.data), {_extract("part.data", _OF_A_PART)}, NULL),
    iif(json_valid(part.data), substr(json_extract(part.data, '$.state.error'), 1, 200), NULL),
    part.time_created
FROM part
    LEFT JOIN session ON session.id = part.session_id
    LEFT JOIN message ON message.id = part.message_id
WHERE part.rowid > :after AND part.rowid <= :until AND part.time_updated >= :since
    AND instr(part.data, '"type":"tool"')
    AND iif(json_valid(part.data), json_extract(part.data, '$.type') = 'tool', true)
ORDER BY part.rowid
""",
)


def _messages(sessions: str) -> Table:
    """Return the table of version 2.

    Args:
        sessions: the one that belongs to it.
    """
    return Table(
        "session_message",
        "type = 'assistant'",
        f"""
SELECT message.rowid, message.session_id, session.version, session.directory,
    {_agent("message.data")},
    {_extract("content.value", _OF_A_CONTENT)},
    substr(coalesce(json_extract(content.value, '$.state.error.message'),
        json_extract(content.value, '$.state.error')), 1, 200),
    json_extract(content.value, '$.time.created')
FROM session_message AS message
    LEFT JOIN {sessions} AS session ON session.id = message.session_id
    JOIN json_each(iif(json_valid(message.data), message.data, '{{}}'), '$.content') AS content
WHERE message.rowid > :after AND message.rowid <= :until AND message.time_updated >= :since
    AND message.type = 'assistant' AND instr(message.data, '"type":"tool"')
    AND content.type = 'object' AND json_extract(content.value, '$.type') = 'tool'
UNION ALL
SELECT rowid, session_id, NULL, NULL, NULL, NULL, NULL, NULL FROM session_message
WHERE rowid > :after AND rowid <= :until AND time_updated >= :since
    AND type = 'assistant' AND NOT json_valid(data)
ORDER BY 1
""",
    )


class Database:
    """A database of opencode's, open for reading."""

    def __init__(self, path: str) -> None:
        """Open it.

        Raises:
            UnreadableLogError: SQLite cannot open it without writing.
        """
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._seen: tuple[int, ...] | None = None
        """In which state the file was, if nobody had it open; then it must stay so."""
        self._open()

    def close(self) -> None:
        """Close it."""
        if self._connection is not None:
            self._connection.close()

    def tables(self) -> list[Table]:
        """Return the tables in which calls are.

        Raises:
            UnreadableLogError: it cannot be read.
        """
        rows = self._ask("SELECT name FROM sqlite_schema WHERE type = 'table'")
        names = {name for (name,) in rows}
        tables = [_PARTS] if {"part", "session", "message"} <= names else []
        sessions = "session_v2" if "session_v2" in names else "session"
        if {"session_message", sessions} <= names:
            tables.append(_messages(sessions))
        return tables

    def last_row(self, table: Table) -> int:
        """Return the number of the last row of a table; 0 if it is empty.

        Raises:
            UnreadableLogError: it cannot be read.
        """
        ((last,),) = self._ask(f"SELECT coalesce(max(rowid), 0) FROM {table.name}")
        return int(last)

    def page(self, table: Table, after: int, since: int) -> Page | None:
        """Return the calls in the next rows that have changed; None if there are no more.

        Args:
            table: the table.
            after: the row behind which to begin.
            since: how old a change may be, in Unix milliseconds.

        Raises:
            UnreadableLogError: it cannot be read.
        """
        while True:
            ((last, newest),) = self._ask(
                f"SELECT max(rowid), max(time_updated) FROM (SELECT rowid, time_updated"
                f" FROM {table.name}"
                f" WHERE rowid > :after AND time_updated >= :since AND {table.rows}"
                f" ORDER BY rowid LIMIT {PAGE})",
                after=after,
                since=since,
            )
            rows = []
            if last is not None:
                rows = self._ask(table.query, after=after, until=last, since=since)
            if self._seen in {None, self._state()}:
                break
            self._open()  # somebody has begun to write
        if last is None:
            return None
        return Page(last, newest if isinstance(newest, int) else 0, [_call(*row) for row in rows])

    def _open(self) -> None:
        self.close()
        has_wal, has_index = (os.path.exists(self._path + end) for end in ("-wal", "-shm"))
        if has_wal and not has_index:
            raise UnreadableLogError("it has a -wal without a -shm: opencode mends that")
        is_idle = not has_wal
        self._seen = self._state() if is_idle else None
        mode = "mode=ro&immutable=1" if is_idle else "mode=ro"
        from urllib.parse import quote  # noqa: PLC0415  not where there is no opencode

        try:
            connection = sqlite3.connect(
                f"file:{quote(self._path)}?{mode}",
                uri=True,
                timeout=TIMEOUT_S,
                isolation_level=None,
            )
        except sqlite3.Error:
            raise UnreadableLogError("SQLite cannot open it") from None
        connection.text_factory = lambda text: text.decode(errors="replace")
        self._connection = connection

    def _state(self) -> tuple[int, ...]:
        found = os.stat(self._path)
        return found.st_size, found.st_mtime_ns, os.path.exists(self._path + "-wal")

    def _ask(self, question: str, **values: int) -> list[tuple[Any, ...]]:
        """Ask a question.

        Raises:
            UnreadableLogError: there is no answer.
        """
        assert self._connection is not None  # noqa: S101  for type checkers
        try:
            return self._connection.execute(question, values).fetchall()
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            locked = code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
            reason = "it is locked by another program" if locked else "SQLite cannot read it"
            raise UnreadableLogError(reason) from None


def _call(  # noqa: PLR0913, PLR0917  one a column
    row: int,
    session_id: object,
    version: object,
    directory: object,
    agent: object,
    values: str | None,
    error: object,
    made: object,
) -> tuple[int, Tool | None, Conversation, str | None]:
    """Return a call from what a query gives."""
    conversation = Conversation(_name(session_id) or "", _name(version), _name(directory))
    tool = None if values is None else Tool._make([*json.loads(values), error, made])
    return row, tool, conversation, _name(agent)


def _name(value: object) -> str | None:
    return value if isinstance(value, str) else None
