"""Writes logs such as opencode writes: a database of versions 1 and 2, or files as before."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from devflow_analytics_capture.testing.truth import SECRET, Truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

START_MS = 1_767_258_000_000
"""The first of January 2026, 9 o'clock."""

CALLS_OF_A_SESSION = 30
"""About so many."""

SCHEMA = """
CREATE TABLE session (id TEXT PRIMARY KEY, parent_id TEXT, slug TEXT NOT NULL,
    directory TEXT NOT NULL, title TEXT NOT NULL, version TEXT NOT NULL,
    time_created INTEGER NOT NULL, time_updated INTEGER NOT NULL);
CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT NOT NULL,
    time_created INTEGER NOT NULL, time_updated INTEGER NOT NULL, data TEXT NOT NULL);
CREATE TABLE part (id TEXT PRIMARY KEY, message_id TEXT NOT NULL, session_id TEXT NOT NULL,
    time_created INTEGER NOT NULL, time_updated INTEGER NOT NULL, data TEXT NOT NULL);
CREATE INDEX part_session_idx ON part (session_id);
"""
"""Of version 1, as far as it matters."""

SCHEMA_2 = """
CREATE TABLE session_v2 (id TEXT PRIMARY KEY, parent_id TEXT, fork_session_id TEXT,
    slug TEXT NOT NULL, directory TEXT NOT NULL, title TEXT, version TEXT NOT NULL,
    time_created INTEGER NOT NULL, time_updated INTEGER NOT NULL);
CREATE TABLE session_message (id TEXT PRIMARY KEY, session_id TEXT NOT NULL, type TEXT NOT NULL,
    seq INTEGER NOT NULL, time_created INTEGER NOT NULL, time_updated INTEGER NOT NULL,
    data TEXT NOT NULL);
"""
"""What version 2 adds."""


def write_logs(home: Path, *, calls: int, seed: int = 0) -> Truth:
    """Write a database below a home directory, and return what is in it.

    Half of the calls were made with version 1, half with version 2.

    Args:
        home: the directory; opencode's own is made in it.
        calls: about how many.
        seed: what chance begins with.
    """
    directory = home / ".local" / "share" / "opencode"
    directory.mkdir(parents=True)
    truth, chance = Truth(), random.Random(seed)  # noqa: S311  nothing to guess
    with closing(sqlite3.connect(directory / "opencode.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(SCHEMA + SCHEMA_2)
        maker: _Maker = _Version1(connection, truth, chance)
        while truth.found < calls // 2:
            maker.write_session()
        maker = _Version2(connection, truth, chance, maker.now_ms)
        while truth.found < calls:
            maker.write_session()
        connection.commit()
    return truth


def write_files(home: Path, *, calls: int, seed: int = 0) -> Truth:
    """Write files as versions before 1.2 did, and return what is in them.

    Args:
        home: the directory; opencode's own is made in it.
        calls: about how many.
        seed: what chance begins with.
    """
    storage = home / ".local" / "share" / "opencode" / "storage"
    truth, chance = Truth(), random.Random(seed)  # noqa: S311  nothing to guess
    maker = _Files(storage, truth, chance)
    while truth.found < calls:
        maker.write_session()
    return truth


class _Maker:
    """What all versions have in common: the clock, the ids, and which calls there are."""

    def __init__(self, truth: Truth, chance: random.Random, now_ms: int = START_MS) -> None:
        self.truth = truth
        self.chance = chance
        self.now_ms = now_ms
        self.number = 0
        self.session = ""
        self.agent: str | None = None

    def new_id(self, prefix: str) -> str:
        """Return a new id; later ones sort behind earlier ones."""
        self.number += 1
        return f"{prefix}_{self.now_ms:012x}{self.number:08x}{self.chance.getrandbits(48):012x}"

    def write_session(self) -> None:
        """Write a session."""
        self.now_ms += 60_000
        self.session = self.new_id("ses")
        is_sub = self.chance.random() < 0.2  # noqa: PLR2004  some
        self.agent = "explore" if is_sub else None
        self.put_session("ses_parent" if is_sub else None)
        until = self.truth.found + CALLS_OF_A_SESSION
        while self.truth.found < until:
            message = self.new_id("msg")
            tools = [self.tool() for _ in range(self.chance.randint(1, 3))]
            self.put_message(message, tools)
            self.now_ms += 1_000
        self.end_session()

    def tool(self) -> dict[str, Any]:
        """Return a call, and note what is to become of it."""
        state, columns = self.chance.choice(_STATES)
        name = "gh_get_issue" if self.chance.random() < 0.5 else "bash"  # noqa: PLR2004  half
        call_id = f"toolu_{self.chance.getrandbits(96):024x}"
        if columns and columns.get("error_type") == "InvalidTool":
            name = "invalid"
        began_ms = self.now_ms
        self.now_ms += self.chance.randint(0, 5_000)
        status = state["status"]
        if columns is not None:
            self.truth.rows[self.session, call_id] = {
                "tool_name": name,
                "server": None,
                "agent": self.agent,
                "status": "success",
                "error_kind": None,
                "error_type": None,
                "error_code": None,
                "timestamp": self.now_ms // 1000,
                "started_ms": began_ms,
                "duration_ms": float(self.now_ms - began_ms),
                "duration_kind": "wall",
                **columns,
            }
        elif status in {"pending", "running"}:
            self.truth.unanswered += 1
        else:
            self.truth.refused += 1
        hidden = {"input": {"command": SECRET, "note": '"type":"tool"'}, "output": SECRET}
        time = {"start": began_ms, "end": self.now_ms}
        if status == "running":
            del time["end"]
        more = {} if status == "pending" else {"time": time}
        return {"id": call_id, "name": name, "state": {**hidden, **state, **more}}

    def put_session(self, parent: str | None) -> None:
        """Write what is known of the session."""
        raise NotImplementedError

    def put_message(self, message: str, tools: list[dict[str, Any]]) -> None:
        """Write a message with calls."""
        raise NotImplementedError

    def end_session(self) -> None:
        """Write what comes after all calls of the session."""


class _Version1(_Maker):
    """A database of version 1."""

    def __init__(self, connection: sqlite3.Connection, truth: Truth, chance: random.Random) -> None:
        super().__init__(truth, chance)
        self.connection = connection

    def put(self, table: str, *values: object) -> None:
        """Insert a row."""
        marks = ", ".join("?" for _ in values)
        self.connection.execute(f"INSERT INTO {table} VALUES ({marks})", values)

    def put_session(self, parent: str | None) -> None:
        """Write what is known of the session."""
        at = (self.now_ms, self.now_ms)
        self.put("session", self.session, parent, "x", f"/home/{SECRET}", SECRET, "1.18.21", *at)

    def put_message(self, message: str, tools: list[dict[str, Any]]) -> None:
        """Write a message with calls."""
        at = (self.now_ms, self.now_ms)
        data = {"role": "assistant", "agent": self.agent, "path": {"cwd": SECRET}}
        self.put("message", message, self.session, *at, json.dumps(data))
        parts = [_part(tool) for tool in tools]
        text = {"type": "text", "text": json.dumps(parts[0], separators=(",", ":"))}
        for part in (text, *parts):
            content = json.dumps(part, separators=(",", ":"))
            self.put("part", self.new_id("prt"), message, self.session, *at, content)
        if self.chance.random() < 0.02:  # noqa: PLR2004  now and then
            broken = '{"type":"tool","callID":"x"'
            self.put("part", self.new_id("prt"), message, self.session, *at, broken)
            self.truth.malformed += 1

    def end_session(self) -> None:
        """Fork the session now and then: copy its parts, with new ids and the same calls."""
        if self.chance.random() < 0.8:  # noqa: PLR2004  now and then
            return
        rows = self.connection.execute(
            "SELECT data FROM part WHERE session_id = ? AND json_valid(data)"
            ' AND data LIKE \'%"status":"completed"%\' ORDER BY id',
            (self.session,),
        ).fetchall()
        self.now_ms += 1_000
        fork, at = self.new_id("ses"), (self.now_ms, self.now_ms)
        self.put("session", fork, None, "x", SECRET, SECRET, "1.18.21", *at)
        for (data,) in rows:
            self.put("part", self.new_id("prt"), "msg", fork, *at, data)
            self.truth.copies += json.loads(data)["type"] == "tool"


class _Version2(_Maker):
    """A database of version 2."""

    def __init__(
        self, connection: sqlite3.Connection, truth: Truth, chance: random.Random, now_ms: int
    ) -> None:
        super().__init__(truth, chance, now_ms)
        self.connection = connection
        self.put: Callable[..., None] = _Version1(connection, truth, chance).put

    def put_session(self, parent: str | None) -> None:
        """Write what is known of the session."""
        at = (self.now_ms, self.now_ms)
        directory = f"/home/{SECRET}"
        self.put("session_v2", self.session, parent, None, "x", directory, SECRET, "2.0.12", *at)

    def put_message(self, message: str, tools: list[dict[str, Any]]) -> None:
        """Write a message with calls."""
        content = [{"type": "text", "text": SECRET}, *map(_content, tools)]
        data = {"agent": self.agent, "model": {"id": "m"}, "content": content}
        if self.agent is None:
            data["agent"] = "build"
        at = (self.now_ms, self.now_ms)
        for kind, value in (("user", {"text": SECRET}), ("assistant", data)):
            text = json.dumps(value, separators=(",", ":"))
            row = (f"{message}{kind}", self.session, kind, self.number, *at, text)
            self.put("session_message", *row)


class _Files(_Maker):
    """Files of versions before 1.2."""

    def __init__(self, storage: Path, truth: Truth, chance: random.Random) -> None:
        super().__init__(truth, chance)
        self.storage = storage

    def put(self, value: object, *parts: str) -> None:
        """Write a file."""
        path = self.storage.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=2))

    def put_session(self, parent: str | None) -> None:
        """Write what is known of the session."""
        session = {"id": self.session, "directory": f"/home/{SECRET}", "version": "1.0.9"}
        if parent:
            session["parentID"] = parent
        self.put(session, "session", "global", f"{self.session}.json")

    def put_message(self, message: str, tools: list[dict[str, Any]]) -> None:
        """Write a message with calls."""
        data = {"id": message, "role": "assistant", "mode": self.agent or "build"}
        self.put(data, "message", self.session, f"{message}.json")
        ids = {"messageID": message, "sessionID": self.session}
        for part in ({"type": "text", "text": SECRET}, *map(_part, tools)):
            part_id = self.new_id("prt")
            self.put({"id": part_id, **ids, **part}, "part", message, f"{part_id}.json")


def _part(tool: dict[str, Any]) -> dict[str, Any]:
    """Return a call as a part of a message."""
    return {"type": "tool", "callID": tool["id"], "tool": tool["name"], "state": tool["state"]}


def _content(tool: dict[str, Any]) -> dict[str, Any]:
    """Return a call as a piece of the content of a message of version 2."""
    state = dict(tool["state"])
    times = state.pop("time", {})
    if "metadata" in state:
        state["structured"] = state.pop("metadata")
    if "error" in state:
        state["error"] = {"type": "unknown", "message": state["error"]}
    time = {"created": times.get("start", START_MS), "ran": times.get("start")}
    time["completed"] = times.get("end")
    return {"type": "tool", "id": tool["id"], "name": tool["name"], "state": state, "time": time}


_STATES: tuple[tuple[dict[str, Any], dict[str, Any] | None], ...] = (
    ({"status": "completed", "metadata": {"exit": 0}}, {}),
    ({"status": "completed", "metadata": {}, "title": SECRET}, {}),
    (
        {"status": "completed", "metadata": {"exit": 2}},
        {"status": "error", "error_kind": "tool", "error_type": "ExitStatus"},
    ),
    (
        {"status": "completed", "metadata": {}},
        {"status": "error", "error_kind": "arguments", "error_type": "InvalidTool"},
    ),
    ({"status": "error", "error": SECRET}, {"status": "error", "error_kind": "tool"}),
    ({"status": "error", "error": "The user rejected permission to use this specific"}, None),
    ({"status": "error", "error": "Tool execution aborted"}, None),
    ({"status": "running"}, None),
    ({"status": "pending", "raw": SECRET}, None),
)
