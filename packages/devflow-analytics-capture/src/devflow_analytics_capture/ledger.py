"""What an import writes, and what it looks up before: which calls are known, left out or new."""

from __future__ import annotations

import json
import sqlite3
import time
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from devflow_analytics_capture.logs.cursor import (
    forget_cursors,
    load_cursors,
    load_state,
    save_cursor,
)
from devflow_analytics_capture.matching import recorded_otherwise
from devflow_analytics_db import (
    DatabaseNotFoundError,
    busy_timeout_ms,
    create_analytics_db,
    open_readonly,
)
from devflow_analytics_recorder import write_calls

if TYPE_CHECKING:
    from devflow_analytics_capture.logs.cursor import Cursor
    from devflow_analytics_db import Connection
    from devflow_analytics_recorder import ObservedCall

LOCK_TIMEOUT_MS = 30_000
"""How long an import waits for another process's write at a time."""

WITH_DETAILS = 3
"""The schema version that brought who saw a call."""

WITH_IMPORTS = 4
"""The one that brought what an import remembers."""

_KNOWN = """
SELECT value FROM json_each(?) WHERE EXISTS (SELECT 1 FROM tool_calls WHERE id = value)
"""

_EXCLUDED = """
SELECT call_id, (SELECT id FROM tool_calls WHERE id = recorded_as) FROM import_exclusions
WHERE call_id IN (SELECT value FROM json_each(?))
"""


class Batch(NamedTuple):
    """What is committed at once."""

    client: str
    """The agent that logged it."""
    names: tuple[str, ...]
    """How the names begin by which it introduces itself to servers."""
    calls: list[ObservedCall]
    """In the order in which they were found."""
    cursors: list[Cursor]
    """Of the logs in which they were found."""
    joins_names: bool = False
    """Whether the agent logs a server and its tool as one name."""


class _Found:
    """What a database of any schema version says of calls; nothing, if there is none."""

    def __init__(self, connection: Connection | None) -> None:
        self._connection = connection
        self._version = connection.schema_version or 0 if connection else 0

    def floor(self) -> int:
        """Return from when on calls are imported, in Unix seconds."""
        query = "SELECT max(not_before) FROM import_floor"
        return max((time for (time,) in self._rows(WITH_IMPORTS, query) if time), default=0)

    def known(self, calls: list[ObservedCall]) -> set[str]:
        """Return the keys of those that are there."""
        return {key for (key,) in self._rows(1, _KNOWN, json.dumps([call.id for call in calls]))}

    def recorded(self, calls: list[ObservedCall], batch: Batch, taken: set[str]) -> dict[str, str]:
        """Return which of them were recorded by another key, and by which."""
        if self._connection is None or self._version < WITH_DETAILS:
            return {}
        return recorded_otherwise(
            self._connection, calls, batch.names, taken, joins_names=batch.joins_names
        )

    def taken(self) -> set[str]:
        """Return the rows that calls of logs were found to be, by their keys."""
        query = "SELECT recorded_as FROM import_exclusions WHERE recorded_as IS NOT NULL"
        return {key for (key,) in self._rows(WITH_IMPORTS, query)}

    def excluded(self, calls: list[ObservedCall]) -> dict[str, str | None]:
        """Return those that are not to be imported, and as what each was recorded, if it was."""
        keys = json.dumps([call.id for call in calls])
        return dict(self._rows(WITH_IMPORTS, _EXCLUDED, keys))

    def cursors(self, client: str) -> dict[tuple[int, int], Cursor]:
        """Return how far the logs of an agent were read, by device and inode."""
        if self._connection is None or self._version < WITH_IMPORTS:
            return {}
        return load_cursors(self._connection, client)

    def state(self, client: str, cursor: Cursor) -> str:
        """Return what an importer has to know to go on reading a log, as JSON."""
        return load_state(self._connection, client, cursor) if self._connection else ""

    def _rows(self, since_version: int, query: str, *values: str) -> list[tuple[Any, ...]]:
        if self._connection is None or self._version < since_version:
            return []
        return self._connection.execute(query, values).fetchall()


class Ledger(ABC):
    """Where calls go. Each commit counts what became of them.

    ``added``: new; ``known``: there already, or twice in what was found; ``recorded``: a server
    or proxy recorded the same call; ``excluded``: deleted before, or left out then; ``too_old``:
    from before the day from which on calls are imported.
    """

    def __init__(self, file: str, since: int) -> None:
        """Say what not to write.

        Args:
            file: the database.
            since: calls from before are left out, in Unix seconds.
        """
        self.file = file
        """The database."""
        self._since = since
        self._taken: set[str] | None = None
        """The rows that calls of logs were found to be, by their keys, once that was looked up."""

    @abstractmethod
    def cursors(self, client: str) -> dict[tuple[int, int], Cursor]:
        """Return how far the logs of an agent were read, by device and inode."""

    @abstractmethod
    def state(self, client: str, cursor: Cursor) -> str:
        """Return what an importer has to know to go on reading a log, as JSON."""

    @abstractmethod
    def commit(self, batch: Batch) -> Counter[str]:
        """Write calls and cursors, all or nothing; return what became of the calls.

        Raises:
            AnalyticsDbError: nothing could be written.
        """

    @abstractmethod
    def finish(self, client: str, seen: set[tuple[int, int]]) -> None:
        """Say which logs of an agent there are, at the end.

        Raises:
            AnalyticsDbError: nothing could be written.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the database."""

    def _select(
        self, found: _Found, batch: Batch, counts: Counter[str]
    ) -> tuple[list[ObservedCall], dict[str, str]]:
        """Return those that may be written, in the order of time, and those recorded otherwise.

        All that may not be written are counted.
        """
        oldest = max(self._since, found.floor())
        recent = [call for call in batch.calls if call.timestamp >= oldest]
        recent.sort(key=lambda call: call.timestamp)
        counts["too_old"] += len(batch.calls) - len(recent)
        known = found.known(recent)
        excluded = found.excluded(recent)
        new = [
            call
            for call in recent
            if (call.server is not None or batch.joins_names)
            and call.id not in known
            and call.id not in excluded
        ]
        if self._taken is None:
            self._taken = found.taken()
        recorded = found.recorded(new, batch, self._taken) if new else {}
        kept = []
        for call in recent:
            if call.id in known:
                kept.append(call)
            elif call.id in recorded or excluded.get(call.id) is not None:
                counts["recorded"] += 1
            elif call.id in excluded:
                counts["excluded"] += 1
            else:
                kept.append(call)
        return kept, recorded

    def _has_taken(self, recorded: dict[str, str]) -> None:
        """Remember which rows calls were found to be, once that is committed."""
        if self._taken is not None:
            self._taken.update(recorded.values())


class Database(Ledger):
    """The analytics database."""

    def __init__(self, file: str, since: int) -> None:
        """Open it, or make it.

        Raises:
            AnalyticsDbError: as `devflow_analytics_db.create_analytics_db` does.
        """
        super().__init__(file, since)
        self._db = create_analytics_db(file)

    def cursors(self, client: str) -> dict[tuple[int, int], Cursor]:
        """Return how far the logs of an agent were read."""
        with closing(self._db.connect()) as connection:
            return _Found(connection).cursors(client)

    def state(self, client: str, cursor: Cursor) -> str:
        """Return what an importer has to know to go on reading a log."""
        with closing(self._db.connect()) as connection:
            return _Found(connection).state(client, cursor)

    def commit(self, batch: Batch) -> Counter[str]:
        """Write calls and cursors."""
        counts: Counter[str] = Counter()
        now = int(time.time())
        with closing(self._db.connect()) as connection:  # before others have to wait
            kept, recorded = self._select(_Found(connection), batch, counts)
        with self._db.transaction(timeout_ms=_lock_timeout_ms()) as connection:
            deleted = _Found(connection).excluded(kept)  # while it waited for the lock
            first, again = _without_copies([call for call in kept if call.id not in deleted])
            counts["added"] += write_calls(connection, first)
            if again:  # each may know more; its session has no call of them
                write_calls(connection, again)
            connection.executemany(
                "INSERT OR IGNORE INTO import_exclusions (call_id, timestamp, recorded_as)"
                " VALUES (?, ?, ?)",
                [
                    (call.id, call.timestamp, recorded[call.id])
                    for call in batch.calls
                    if call.id in recorded
                ],
            )
            for cursor in batch.cursors:
                save_cursor(connection, batch.client, cursor, now)
        counts["known"] += len(kept) - counts["added"]
        self._has_taken(recorded)
        return counts

    def finish(self, client: str, seen: set[tuple[int, int]]) -> None:
        """Forget the cursors of logs that are long gone."""
        with self._db.transaction(timeout_ms=_lock_timeout_ms()) as connection:
            forget_cursors(connection, client, seen, int(time.time()))

    def close(self) -> None:
        """Close the database."""
        self._db.close()


class Rehearsal(Ledger):
    """What `Database` would do, with nothing written: the database need not even exist."""

    def __init__(self, file: str, since: int) -> None:
        """Open it to read.

        Raises:
            AnalyticsDbError: as `devflow_analytics_db.open_readonly` does, unless it is missing.
        """
        super().__init__(file, since)
        try:
            self._open = open_readonly(file)
            self._connection: Connection | None = self._open.__enter__()
        except DatabaseNotFoundError:
            self._connection = None
        self._found = _Found(self._connection)
        self._seen = sqlite3.connect("")  # a file that vanishes, if it grows
        self._seen.execute("CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID")

    def cursors(self, client: str) -> dict[tuple[int, int], Cursor]:
        """Return how far the logs of an agent were read."""
        return self._found.cursors(client)

    def state(self, client: str, cursor: Cursor) -> str:
        """Return what an importer has to know to go on reading a log."""
        return self._found.state(client, cursor)

    def commit(self, batch: Batch) -> Counter[str]:
        """Count what would become of calls."""
        counts: Counter[str] = Counter()
        kept, recorded = self._select(self._found, batch, counts)
        self._has_taken(recorded)
        known = self._found.known(kept)
        fresh = [(call.id,) for call in kept if call.id not in known]
        before = self._seen.total_changes
        self._seen.executemany("INSERT OR IGNORE INTO seen VALUES (?)", fresh)
        counts["added"] += self._seen.total_changes - before
        counts["known"] += len(kept) - counts["added"]
        return counts

    def finish(self, client: str, seen: set[tuple[int, int]]) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Close the database."""
        self._seen.close()
        if self._connection is not None:
            self._open.__exit__(None, None, None)


def _ended_ms(call: ObservedCall) -> int:
    return int((call.started_ms or 0) + call.duration_ms)


def _lock_timeout_ms() -> int:
    """Return how long to wait for another's write: as the environment says, or longer."""
    return busy_timeout_ms(LOCK_TIMEOUT_MS)


def read_cursors(connection: Connection, client: str) -> dict[tuple[int, int], Cursor]:
    """Return how far the logs of an agent were read; nothing from a database without that."""
    return _Found(connection).cursors(client)


def _without_copies(
    calls: list[ObservedCall],
) -> tuple[list[ObservedCall], list[ObservedCall]]:
    """Return each call once, and the others: the session that has it first keeps it."""
    first: dict[str, ObservedCall] = {}
    again = [call for call in calls if first.setdefault(call.id, call) is not call]
    return list(first.values()), again
