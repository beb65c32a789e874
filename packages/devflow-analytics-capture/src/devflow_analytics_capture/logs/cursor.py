"""How far a log was read, so that the next import goes on there."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from devflow_analytics_capture.logs.log import Fingerprint, Resume

if TYPE_CHECKING:
    import sqlite3

    from devflow_analytics_capture.logs.log import Log

HEAD_BYTES = 4096
"""Of the beginning of a log, so much tells whether it is still the same."""

TAIL_BYTES = 256
"""And so much before the position."""

_HASH_BYTES = 16

WAITING_FIELDS = 7
"""How many values there are of a call that waits for its result."""

NEVER_NS = -1
"""The time of change of a log that was not read to its end: it always has to be read."""

_COLUMNS = (
    *("client", "device", "inode", "size", "modified_ns", "position", "head", "tail"),
    *("since", "unanswered", "state", "seen_at"),
)

_SAVE = f"""
INSERT INTO import_cursors ({", ".join(_COLUMNS)}) VALUES ({", ".join("?" for _ in _COLUMNS)})
ON CONFLICT (client, device, inode) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[3:])}
"""


class Cursor(NamedTuple):
    """How far a log was read, and in which state it was then."""

    fingerprint: Fingerprint
    position: int = 0
    """In bytes."""
    head: bytes = b""
    """A hash of what it begins with."""
    tail: bytes = b""
    """A hash of what stands before the position."""
    since: int = 0
    """Calls from before that time, in Unix seconds, were passed over."""
    unanswered: int = 0
    """How many calls had no result yet."""
    state: str = "{}"
    """What `Calls.state` gave, as JSON."""

    def is_current(self, log: Log, since: int) -> bool:
        """Tell whether there is nothing new in a log, nor anything that was passed over."""
        return self.fingerprint == log.fingerprint and self.since <= since

    def loaded_state(self) -> dict[str, Any] | None:
        """Return what `Calls.state` gave; None if it is damaged."""
        try:
            state = json.loads(self.state)
            waiting, context = state["waiting"], state["context"]
            is_whole = isinstance(context, dict) and all(
                len(begun) == WAITING_FIELDS for begun in waiting.values()
            )
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return None
        return state if is_whole else None

    def can_go_on(self, log: Log, descriptor: int, since: int) -> bool:
        """Tell whether reading a log goes on at the position, with the state.

        A log that grows was replaced by another if it did not grow, or if what was read of it is
        not what it was; then its beginning counts anew.
        """
        if self.since > since:
            return False
        if log.resume is not Resume.AT_POSITION:
            return log.resume is Resume.BY_STATE
        was_read_to_its_end = self.fingerprint.modified_ns != NEVER_NS
        if not 0 <= self.position <= self.fingerprint.size <= log.fingerprint.size:
            return False
        if was_read_to_its_end and log.fingerprint.size == self.fingerprint.size:
            return False
        return hashes(descriptor, self.position) == (self.head, self.tail)


def hashes(descriptor: int, position: int) -> tuple[bytes, bytes]:
    """Return the hashes of what a file begins with, and of what stands before a position.

    Raises:
        OSError: it cannot be read.
    """
    from hashlib import sha256  # noqa: PLC0415  it takes 5 ms, and often no log is read

    head = os.pread(descriptor, min(HEAD_BYTES, position), 0)
    start = max(0, position - TAIL_BYTES)
    tail = os.pread(descriptor, position - start, start)
    return sha256(head).digest()[:_HASH_BYTES], sha256(tail).digest()[:_HASH_BYTES]


def load_cursors(connection: sqlite3.Connection, client: str) -> dict[tuple[int, int], Cursor]:
    """Return the cursors of an agent's logs, by device and inode, without their states.

    There may be many of these, and only those of logs that are read are needed: see `load_state`.
    """
    query = f"SELECT {', '.join(_COLUMNS[1:-2])} FROM import_cursors WHERE client = ?"
    return {
        (row[0], row[1]): Cursor(Fingerprint(*row[:4]), *row[4:])
        for row in connection.execute(query, (client,))
    }


def load_state(connection: sqlite3.Connection, client: str, cursor: Cursor) -> str:
    """Return the state of a cursor, as JSON; nothing if it is gone."""
    query = "SELECT state FROM import_cursors WHERE client = ? AND device = ? AND inode = ?"
    found = connection.execute(query, (client, *cursor.fingerprint[:2])).fetchone()
    return str(found[0]) if found else ""


def save_cursor(connection: sqlite3.Connection, client: str, cursor: Cursor, now: int) -> None:
    """Write a cursor, in the transaction of the calls that were found before it.

    Args:
        connection: one that is in a transaction.
        client: the agent.
        cursor: the cursor.
        now: Unix time, seconds.
    """
    connection.execute(_SAVE, (client, *cursor.fingerprint, *cursor[1:], now))


def forget_cursors(
    connection: sqlite3.Connection, client: str, seen: set[tuple[int, int]], now: int
) -> None:
    """Delete the cursors of logs that no import has found for `KEPT_SECONDS`."""
    found = json.dumps(list(seen))
    logs = "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"
    connection.execute(
        f"UPDATE import_cursors SET seen_at = ?"
        f" WHERE client = ? AND seen_at < ? AND (device, inode) IN {logs}",
        (now, client, now - FRESH_SECONDS, found),
    )
    connection.execute(
        "DELETE FROM import_cursors WHERE client = ? AND seen_at < ?", (client, now - KEPT_SECONDS)
    )


FRESH_SECONDS = 7 * 86_400
"""How old the time may be at which a log was last found, before it is written again."""

KEPT_SECONDS = 90 * 86_400
"""How long the cursor of a log that is gone is kept: its disk may come back."""
