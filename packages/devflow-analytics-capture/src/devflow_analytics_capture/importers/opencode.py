"""opencode: an SQLite database, and before 2026 a JSON file for each part of a message.

A call is a part of a message, or since version 2 a piece of its content, and is written again
whenever it changes: first it waits, then it runs, then it is done. The names of MCP tools are
``SERVER_TOOL``, which tools that are built in may look like, so no server is told.

This was read in opencode's own source, of versions 1.0 to 2.0.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from typing import TYPE_CHECKING, ClassVar, TypeVar

import msgspec

from devflow_analytics_capture import places
from devflow_analytics_capture.importers.importer import (
    UNKNOWN_AGENT,
    Importer,
    Progress,
    UnreadableLogError,
)
from devflow_analytics_capture.importers.opencode_calls import Tool, take
from devflow_analytics_capture.importers.opencode_db import Database
from devflow_analytics_capture.logs.calls import Conversation
from devflow_analytics_capture.logs.decoding import MalformedError, decode
from devflow_analytics_capture.logs.log import Fingerprint, Log, Resume, find_logs, fingerprint

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from devflow_analytics_capture.logs.calls import Calls

Fields = TypeVar("Fields")

OVERLAP_MS = 60_000
"""How far an import goes back behind the newest change that the last one saw: several programs
may write at once, and what is committed last need not be the newest."""

LARGEST_PART = 64 * 2**20
"""The largest JSON file that is read, in bytes."""


class _Time(msgspec.Struct):
    start: float | str | None = None
    end: float | str | None = None


class _Metadata(msgspec.Struct):
    exit: int | None = None
    interrupted: bool | None = None


class _State(msgspec.Struct):
    status: str | None = None
    time: _Time | None = None
    metadata: _Metadata | None = None
    error: str | None = None


class _Part(msgspec.Struct):
    type: str = ""
    session_id: str | None = msgspec.field(default=None, name="sessionID")
    call_id: str | None = msgspec.field(default=None, name="callID")
    tool: str | None = None
    state: _State | None = None


class _Session(msgspec.Struct):
    parent_id: str | None = msgspec.field(default=None, name="parentID")
    directory: str | None = None
    version: str | None = None


class _Message(msgspec.Struct):
    agent: str | None = None
    mode: str | None = None


_PART = msgspec.json.Decoder(_Part)
_SESSION = msgspec.json.Decoder(_Session)
_MESSAGE = msgspec.json.Decoder(_Message)


class OpenCode(Importer):
    """Reads what opencode logs."""

    client = "opencode"
    title = "opencode"
    joins_names = True
    databases: ClassVar = "opencode"
    """How the names of its databases begin."""

    def __init__(self) -> None:
        self._sessions: dict[str, str] | None = None
        """The files of sessions, by their ids, once they were looked for."""

    def logs(self) -> Iterator[Log]:
        """Yield the databases; where there is none, the parts, in the order of their making.

        Of what stands in files, opencode makes a database as soon as it is upgraded.
        """
        for root in places.opencode():
            found = [
                log
                for log in find_logs(root, (".db",), depth=0, resume=Resume.BY_STATE)
                if os.path.basename(log.path).startswith(self.databases)
            ]
            named = os.environ.get("OPENCODE_DB")
            if named:
                path = os.path.join(root, os.path.expanduser(named))
                directory, name = os.path.split(path)
                logs = find_logs(directory, (name,), depth=0, resume=Resume.BY_STATE)
                found += [log for log in logs if log.path == path and log not in found]
            yield from (_with_wal(log) for log in sorted(found))
            if not found:
                parts = os.path.join(root, "storage", "part")
                logs = find_logs(parts, (".json",), depth=1, resume=Resume.AT_START)
                yield from sorted(logs, key=lambda log: (os.path.basename(log.path), log.path))

    def read(self, log: Log, file: io.FileIO, position: int, calls: Calls) -> Iterator[Progress]:
        """Read a log, as `Importer.read` says. In a database, a position is none of bytes.

        Raises:
            UnreadableLogError: it is too large, or SQLite cannot read it.
        """
        if log.resume is Resume.BY_STATE:
            yield from _read_database(log, calls)
            return
        del position  # such a file is read at once
        if log.fingerprint.size > LARGEST_PART:
            raise UnreadableLogError("it is too large")
        malformed_at = None
        try:
            self._take_file(log, file.read(LARGEST_PART) or b"", calls)
        except MalformedError:
            malformed_at = 0
        yield Progress(log.fingerprint.size, malformed_at)

    def _take_file(self, log: Log, content: bytes, calls: Calls) -> None:
        """Take in a part from its file.

        Raises:
            MalformedError: it is none.
        """
        if b'"tool"' not in content:
            return
        part = decode(content, _PART)
        if part.type != "tool" or not part.session_id:
            return
        storage, message = log.path.rsplit("/", 3)[0], log.path.rsplit("/", 3)[2]
        session = _decoded(self._session_file(storage, part.session_id), _SESSION) or _Session()
        agent = None
        if session.parent_id:
            path = os.path.join(storage, "message", part.session_id, message + ".json")
            found = _decoded(path, _MESSAGE) or _Message()
            agent = found.agent or found.mode or UNKNOWN_AGENT
        state = part.state or _State()
        time, metadata = state.time or _Time(), state.metadata or _Metadata()
        tool = Tool(
            part.call_id,
            part.tool,
            state.status,
            time.start,
            time.end,
            metadata.exit,
            metadata.interrupted,
            state.error,
            log.fingerprint.modified_ns // 1_000_000,
        )
        conversation = Conversation(part.session_id, session.version, session.directory)
        if not take(tool, conversation, agent, calls):
            raise MalformedError

    def _session_file(self, storage: str, session_id: str) -> str:
        """Return the file of a session."""
        if self._sessions is None:
            logs = find_logs(os.path.join(storage, "session"), (".json",), depth=1)
            self._sessions = {os.path.basename(log.path)[:-5]: log.path for log in logs}
        return self._sessions.get(session_id, "")


def _with_wal(log: Log) -> Log:
    """Return a log whose fingerprint tells of what is not yet in the database itself, too."""
    found = log.fingerprint
    try:
        wal = fingerprint(os.stat(log.path + "-wal"))
    except OSError:
        return log
    newest = max(found.modified_ns, wal.modified_ns)
    return log._replace(
        fingerprint=Fingerprint(found.device, found.inode, found.size + wal.size, newest)
    )


def _decoded(path: str, decoder: msgspec.json.Decoder[Fields]) -> Fields | None:
    """Return the fields of a file; None if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return decode(file.read(LARGEST_PART), decoder)
    except (OSError, MalformedError):
        return None


def _read_database(log: Log, calls: Calls) -> Iterator[Progress]:
    """Read what has changed in a database since the last import."""
    with closing(Database(log.path)) as database:
        tables = database.tables()
        for number, table in enumerate(tables):
            share = log.fingerprint.size // len(tables)
            start, last = number * share, max(1, database.last_row(table))
            place = calls.context.setdefault(table.name, {"since": 0, "row": 0, "newest": 0})
            if not place["row"]:  # what changes from now on, the next pass finds
                place["began"] = time.time_ns() // 1_000_000
            while page := database.page(table, place["row"], place["since"]):
                bad = []
                for row, tool, conversation, agent in page.calls:
                    if tool is None or not take(tool, conversation, agent, calls):
                        bad.append(row)
                place["row"] = page.last_row
                place["newest"] = max(place["newest"], page.newest)
                reached = start + min(share, share * page.last_row // last)
                yield from (Progress(reached, row) for row in bad)
                yield Progress(reached)
            seen = min(place["newest"], place["began"])  # clocks may have been ahead
            place["since"], place["row"] = max(0, seen - OVERLAP_MS), 0
            yield Progress(start + share)
