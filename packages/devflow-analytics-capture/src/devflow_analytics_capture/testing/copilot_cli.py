"""Writes logs such as the Copilot CLI writes: the events of sessions."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from devflow_analytics_capture.testing.truth import SECRET, Truth

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TextIO

START_MS = 1_767_258_000_000
"""The first of January 2026, 9 o'clock."""

CALLS_OF_A_SESSION = 40
"""About so many."""

_DAMAGE = (*("",) * 40, '{"type":"tool.execution_start","da', "no JSON")
_HIDDEN = {"command": f"cat {SECRET}", "note": f'"type":"tool.execution_start" {SECRET}'}


def write_logs(home: Path, *, calls: int, seed: int = 0) -> Truth:
    """Write logs below a home directory, and return what is in them.

    Args:
        home: the directory; Copilot's own is made in it.
        calls: about how many.
        seed: what chance begins with.
    """
    truth, chance = Truth(), random.Random(seed)  # noqa: S311  nothing to guess
    now_ms, number = START_MS, 0
    whole: list[str] = []
    while truth.found < calls:
        number += 1
        session = str(UUID(int=chance.getrandbits(122), version=4))
        directory = home / ".copilot" / "session-state" / session
        directory.mkdir(parents=True)
        (directory / "workspace.yaml").write_text(f"id: {session}\nname: {SECRET}\n")
        path = directory / "events.jsonl"
        if number % 7 == 0:  # as in 2025
            path = directory.with_name(f"{session}.jsonl")
        with path.open("w", encoding="utf-8") as file:
            events = _Events(session, file, truth, chance, now_ms)
            if number % 5 == 0:  # another program goes on with the last one
                file.writelines(whole)
                truth.copies += len(whole) // 2
            events.begin()
            until = truth.found + CALLS_OF_A_SESSION
            while truth.found < until:
                events.turn()
            if number % 3 == 0:
                events.start("bash")
                truth.unanswered += 1
            now_ms, whole = events.now_ms + 60_000, events.whole
    return truth


class _Events:
    """The events of a session that are being written."""

    def __init__(
        self, session: str, file: TextIO, truth: Truth, chance: random.Random, now_ms: int
    ) -> None:
        self.session = session
        self.file = file
        self.truth = truth
        self.chance = chance
        self.now_ms = now_ms
        self.agent: str | None = None
        self.whole: list[str] = []
        """Some calls, as they are copied."""

    def event(self, kind: str, /, **data: Any) -> str:  # noqa: ANN401
        """Write an event, and return its line."""
        made = datetime.fromtimestamp(self.now_ms / 1000, UTC)
        at = made.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.now_ms % 1000:03}Z"
        event: dict[str, Any] = {"type": kind, "data": data, "id": self.new_id(), "timestamp": at}
        if self.agent:
            event["agentId"] = self.agent
        line = json.dumps(event, separators=(",", ":"), ensure_ascii=False) + "\n"
        self.file.write(line)
        return line

    def new_id(self) -> str:
        """Return a new id."""
        return f"{self.chance.getrandbits(96):024x}"

    def begin(self) -> None:
        """Write what stands above all calls."""
        context = {"cwd": f"/home/{SECRET}", "repository": SECRET}
        self.event(
            "session.start", sessionId=self.session, copilotVersion="1.0.85", context=context
        )
        if self.chance.random() < 0.5:  # noqa: PLR2004  half of them
            self.event("session.resume", eventCount=9, context=context)
        for _ in range(5):
            call_id, began_ms = f"toolu_{self.new_id()}", self.now_ms
            start = {"toolCallId": call_id, "toolName": "view", "arguments": _HIDDEN}
            self.whole.append(self.event("tool.execution_start", **start))
            self.now_ms += 1
            self.whole.append(self.event("tool.execution_complete", toolCallId=call_id, **_OK))
            self.row(call_id, "view", began_ms)

    def turn(self) -> None:
        """Write noise, and calls, one or some at once, whose ends come as they may."""
        self.event("user.message", content=json.dumps(_HIDDEN))
        requests = [{"toolCallId": self.new_id(), "name": "view", "arguments": _HIDDEN}]
        self.event("assistant.message", content=SECRET, toolRequests=requests)
        damage = self.chance.choice(_DAMAGE)
        if damage:
            self.file.write(damage + "\n")
            self.truth.malformed += 1
        self.calls()
        if self.chance.random() < 0.1:  # noqa: PLR2004  now and then
            self.subagent()
        if self.chance.random() < 0.1:  # noqa: PLR2004  now and then
            self.start("bash")
            self.event("abort", reason="user initiated")
            self.truth.refused += 1

    def calls(self) -> None:
        """Write calls."""
        ends = [self.chance.choice(_CALLS)(self) for _ in range(self.chance.randint(1, 3))]
        self.chance.shuffle(ends)
        for end in ends:
            self.now_ms += self.chance.randint(1, 5_000)
            end()

    def subagent(self) -> None:
        """Write a call that starts a subagent, with the calls of that."""
        call_id, began_ms = self.start("task"), self.now_ms
        self.event("subagent.started", toolCallId=call_id, agentName="explorer")
        self.agent = call_id
        self.calls()
        self.agent = None
        self.now_ms += 1
        took = self.now_ms - began_ms
        self.event("subagent.completed", toolCallId=call_id, agentName="x", durationMs=took)
        self.complete(call_id, success=True, result={"content": SECRET})
        self.row(call_id, "task", began_ms, duration_kind="run")

    def start(self, tool: str, **more: Any) -> str:  # noqa: ANN401
        """Write the beginning of a call, and return its id."""
        call_id = f"toolu_{self.new_id()}"
        data = {"toolCallId": call_id, "toolName": tool, "arguments": _HIDDEN, **more}
        self.event("tool.execution_start", **data)
        return call_id

    def complete(self, call_id: str, **data: Any) -> None:  # noqa: ANN401
        """Write the end of a call."""
        self.event("tool.execution_complete", toolCallId=call_id, **data)

    def row(self, call_id: str, tool: str, began_ms: int, **columns: Any) -> None:  # noqa: ANN401
        """Note the row that a call must become, which ends now."""
        self.truth.rows[self.session, call_id] = {
            "tool_name": tool,
            "server": None,
            "agent": "explorer" if self.agent else None,
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


def _built_in(data: dict[str, Any], **columns: Any) -> Callable[[_Events], Callable[[], None]]:  # noqa: ANN401
    """Return what writes a call of a tool that is built in, with such an end."""

    def write(events: _Events) -> Callable[[], None]:
        call_id, began_ms = events.start("bash"), events.now_ms

        def end() -> None:
            events.complete(call_id, **data)
            events.row(call_id, "bash", began_ms, **columns)

        return end

    return write


def _mcp(data: dict[str, Any], **columns: Any) -> Callable[[_Events], Callable[[], None]]:  # noqa: ANN401
    """Return what writes a call of an MCP server, with such an end."""

    def write(events: _Events) -> Callable[[], None]:
        began_ms = events.now_ms
        call_id = events.start("gh-get_issue", mcpServerName="gh", mcpToolName="get_issue")

        def end() -> None:
            events.complete(call_id, **data)
            events.row(call_id, "get_issue", began_ms, server="gh", **columns)

        return end

    return write


def _denied(events: _Events) -> Callable[[], None]:
    call_id = events.start("bash")

    def end() -> None:
        denied = {"kind": "denied-interactively-by-user", "feedback": SECRET}
        events.event("permission.completed", requestId="r", toolCallId=call_id, result=denied)
        events.complete(call_id, success=False, error={"message": SECRET, "code": "denied"})
        events.truth.refused += 1

    return end


_OK = {"success": True, "result": {"content": SECRET, "detailedContent": SECRET}}
_CODE = -32602
_CALLS: tuple[Callable[[_Events], Callable[[], None]], ...] = (
    _built_in(_OK),
    _built_in(
        _OK | {"shellExecution": {"exitCode": 2}},
        status="error",
        error_kind="tool",
        error_type="ExitStatus",
    ),
    _built_in(
        {"success": False, "error": {"message": SECRET, "code": "failure"}},
        status="error",
        error_kind="tool",
    ),
    _built_in(
        {"success": False, "error": {"message": SECRET, "code": "timeout"}},
        status="timeout",
        error_kind="tool",
        error_type="Timeout",
    ),
    _mcp(_OK),
    _mcp(
        {"success": False, "error": {"message": f"MCP error {_CODE}: {SECRET}"}},
        status="error",
        error_kind="arguments",
        error_type="McpError",
        error_code=_CODE,
    ),
    _denied,
)
