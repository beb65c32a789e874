from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from devflow_analytics_recorder import named_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Row: TypeAlias = dict[str, Any]
Rows: TypeAlias = list[Row]

OF_AGENTS = (
    *("CLAUDE_CONFIG_DIR", "CODEX_HOME", "COPILOT_HOME", "OPENCODE_DATA_DIR", "OPENCODE_DB"),
    *("GEMINI_CLI_HOME", "KILO_DB", "XDG_CONFIG_HOME", "XDG_DATA_HOME"),
    "CLAUDE_CODE_SESSION_ID",
)
"""Variables that say where an agent keeps its logs, or which conversation it has."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of the test's own; nothing here ever sees the real one."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in (*os.environ, *OF_AGENTS):
        if name.startswith("DEVFLOW_ANALYTICS_") or name in OF_AGENTS:
            monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def file(home: Path) -> Path:
    """Where the database of this home belongs; not made yet."""
    return home / ".devflow" / "analytics.db"


@pytest.fixture
def rows(file: Path) -> Callable[..., Rows]:
    """Ask a question of the database."""

    def ask(question: str, *values: object) -> Rows:
        with closing(sqlite3.connect(f"file:{file}?mode=rw", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            found = [dict(row) for row in connection.execute(question, values)]
            connection.commit()
            return found

    return ask


START_MS = 1_767_323_045_000
"""03:04:05 on the second of January 2026: when things begin in `ClaudeLog`."""

GET_ISSUE = "mcp__github__get_issue"


class ClaudeLog:
    """A log of Claude Code's; times are in milliseconds after `START_MS`."""

    def __init__(self, path: Path, session: str = "S", **fields: object) -> None:
        self.path = path
        self.fields = {"sessionId": session, "cwd": "/home/me/site", "version": "2.1.39", **fields}

    def call(
        self, native_id: str, at: float | None = 0, name: str = GET_ISSUE, **fields: object
    ) -> Row:
        """Return the line of a call; its arguments can be given as ``input``."""
        block = {"type": "tool_use", "id": native_id, "name": name, "input": {}}
        if "input" in fields:
            block["input"] = fields.pop("input")
        return self._line("assistant", [block], at, fields)

    def result(
        self, native_id: str, at: float | None = 1250, content: object = "fine", **fields: object
    ) -> Row:
        """Return the line of a result; it fails if ``is_error`` is given."""
        block = {"type": "tool_result", "tool_use_id": native_id, "content": content}
        if "is_error" in fields:
            block["is_error"] = fields.pop("is_error")
        return self._line("user", [block], at, fields)

    def write(self, *lines: Row | bytes) -> None:
        """Add lines; bytes as they are."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            for line in lines:
                file.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")

    def _line(self, kind: str, blocks: Rows, at: float | None, fields: dict[str, object]) -> Row:
        message = {"role": kind, "content": blocks}
        line = {"type": kind, **self.fields, "uuid": "u", "message": message}
        if at is not None:
            line["timestamp"] = iso(at)
        return line | fields


def iso(at: float) -> str:
    """Return a time as Claude Code writes it."""
    moment = datetime.fromtimestamp((START_MS + at) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def claude(home: Path) -> Callable[..., ClaudeLog]:
    """Name a log of Claude Code's: of a session, or of a subagent of it."""

    def log(session: str = "S", subagent: str = "", **fields: object) -> ClaudeLog:
        projects = home / ".claude" / "projects" / "-home-me-site"
        if subagent:
            fields = {"isSidechain": True, "agentId": subagent, **fields}
            return ClaudeLog(
                projects / session / "subagents" / f"agent-{subagent}.jsonl", session, **fields
            )
        return ClaudeLog(projects / f"{session}.jsonl", session, **fields)

    return log


@pytest.fixture
def calls(rows: Callable[..., Rows]) -> Callable[[], Rows]:
    """Return all rows of calls, in the order of their ends."""
    return lambda: rows("SELECT * FROM tool_calls ORDER BY timestamp, started_ms, id")


@pytest.fixture
def row() -> Callable[..., Row]:
    """Return the row that a call and its result in a `ClaudeLog` become, and what differs."""

    def expected(
        native_id: str, at: float = 0, duration_ms: float = 1250, session: str = "S", **known: Any
    ) -> Row:
        return {
            "id": named_id("claude-code", native_id),
            "tool_name": "get_issue",
            "duration_ms": float(duration_ms),
            "status": "success",
            "error_type": None,
            "timestamp": int(START_MS + at + duration_ms) // 1000,
            "session_id": named_id("claude-code", session),
            "server": "github",
            "agent": None,
            "source": "import",
            "error_kind": None,
            "error_code": None,
            "request_bytes": None,
            "result_bytes": None,
            "started_ms": int(START_MS + at),
            "duration_kind": "wall",
            **known,
        }

    return expected
