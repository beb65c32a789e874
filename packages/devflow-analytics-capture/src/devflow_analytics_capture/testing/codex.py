"""Writes logs such as Codex writes: rollouts of its three generations."""

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

CALLS_OF_A_THREAD = 40
"""About so many."""

_HIDDEN = {"cmd": f"cat {SECRET}", "note": f'"type":"function_call" {SECRET}'}
_REST = f"Output:\n{SECRET}\nProcess exited with code 7\n"


def write_logs(home: Path, *, calls: int, seed: int = 0) -> Truth:
    """Write logs below a home directory, and return what is in them.

    Args:
        home: the directory; Codex's own is made in it.
        calls: about how many.
        seed: what chance begins with.
    """
    truth = Truth()
    maker = _Maker(home / ".codex", truth, random.Random(seed))  # noqa: S311  nothing to guess
    maker.write_first_generation()
    while truth.found < calls:
        maker.write_thread()
    return truth


class _Maker:
    """What all rollouts have in common: the clock, and the parent of the next fork."""

    def __init__(self, root: Path, truth: Truth, chance: random.Random) -> None:
        self.root = root
        self.truth = truth
        self.chance = chance
        self.now_ms = START_MS
        self.number = 0
        self.parent: tuple[str, list[str]] | None = None
        """A thread, and some of its lines."""

    def uuid(self) -> str:
        """Return a UUID of version 7, of now."""
        number = self.now_ms << 80 | 7 << 76 | 2 << 62 | self.chance.getrandbits(60)
        return str(UUID(int=number | self.chance.getrandbits(12) << 64))

    def path(self, thread: str) -> Path:
        """Return where a rollout belongs that is begun now."""
        made = datetime.fromtimestamp(self.now_ms / 1000, UTC)
        directory = self.root / "sessions" / made.strftime("%Y/%m/%d")
        directory.mkdir(parents=True, exist_ok=True)
        return directory / f"rollout-{made.strftime('%Y-%m-%dT%H-%M-%S')}-{thread}.jsonl"

    def write_first_generation(self) -> None:
        """Write a rollout without times."""
        thread = self.uuid()
        with self.path(thread).open("w") as file:
            file.write(json.dumps({"id": thread, "timestamp": "2025-06-01T09:00:00.000Z"}) + "\n")
            for number in range(3):
                call = {"type": "function_call", "name": "shell", "call_id": f"call_{number}"}
                file.write(json.dumps(call | {"arguments": json.dumps(_HIDDEN)}) + "\n")
                output = {"type": "function_call_output", "call_id": f"call_{number}"}
                file.write(json.dumps(output | {"output": SECRET}) + "\n")
                self.truth.untimed += 1

    def write_thread(self) -> None:
        """Write a rollout."""
        self.number += 1
        self.now_ms += 60_000
        thread = self.uuid()
        with self.path(thread).open("w", encoding="utf-8") as file:
            rollout = _Rollout(self, thread, file)
            rollout.begin()
            until = self.truth.found + CALLS_OF_A_THREAD
            while self.truth.found < until:
                rollout.turn()
            if self.number % 3 == 0:
                rollout.call("exec_command")
                self.truth.unanswered += 1
        if rollout.items or self.number % 4 == 0:
            return
        self.parent = thread, rollout.last


class _Rollout:
    """A rollout that is being written."""

    def __init__(self, maker: _Maker, thread: str, file: TextIO) -> None:
        self.maker, self.truth, self.chance = maker, maker.truth, maker.chance
        self.thread = thread
        self.file = file
        self.last: list[str] = []
        """Some lines, as a fork would copy them."""
        self.items = maker.number % 2 == 0
        """Whether it is of the newest generation."""
        self.agent = "explorer" if maker.number % 5 == 0 else None
        self.ordinal = 0

    def line(self, kind: str, payload: dict[str, Any], *, is_copied: bool = True) -> None:
        """Write a line."""
        made = datetime.fromtimestamp(self.maker.now_ms / 1000, UTC)
        at = made.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.maker.now_ms % 1000:03}Z"
        record: dict[str, Any] = {"timestamp": at}
        if self.items:
            record["ordinal"] = self.ordinal
            self.ordinal += 1
        text = json.dumps(
            record | {"type": kind, "payload": payload}, separators=(",", ":"), ensure_ascii=False
        )
        self.file.write(text + "\n")
        if is_copied and len(self.last) < 100:  # noqa: PLR2004  enough to copy
            self.last.append(text)

    def begin(self) -> None:
        """Write what stands above all calls; in a fork, a copy of its parent's lines too."""
        meta: dict[str, Any] = {"id": self.thread, "session_id": self.thread, "source": "cli"}
        meta |= {"cwd": f"/home/{SECRET}", "cli_version": "0.159.0" if self.items else "0.125.0"}
        meta |= {"git": {"repository_url": SECRET}, "base_instructions": {"text": SECRET}}
        if self.items:
            meta["history_mode"] = "paginated"
        if self.agent:
            meta["source"] = {"subagent": {"thread_spawn": {"agent_role": self.agent}}}
            meta["thread_source"] = "subagent"
        parent = None if self.items else self.maker.parent
        if parent:
            meta["forked_from_id"] = parent[0]
        self.line("session_meta", meta)
        for text in parent[1] if parent else ():
            copied = json.loads(text)
            self.line(copied["type"], copied["payload"], is_copied=False)

    def turn(self) -> None:
        """Write a turn: noise, and calls, one or some at once, whose results come as they may."""
        turn = {"turn_id": self.maker.uuid()}
        self.line("event_msg", {"type": "task_started", **turn})
        self.line("turn_context", {"cwd": f"/home/{SECRET}", **turn})
        self.line("event_msg", {"type": "user_message", "message": json.dumps(_HIDDEN)})
        old = {"type": "function_call", "name": "old", "call_id": "call_old", "arguments": SECRET}
        self.line("compacted", {"message": SECRET, "replacement_history": [old]}, is_copied=False)
        chosen = self.chance.choice(_DAMAGE)
        if chosen:
            self.file.write(chosen + "\n")
            self.truth.malformed += 1
        kinds = _OF_ITEMS if self.items else _OF_EVENTS
        ends = [self.chance.choice(kinds)(self) for _ in range(self.chance.randint(1, 3))]
        self.chance.shuffle(ends)
        for end in ends:
            self.maker.now_ms += self.chance.randint(1, 5_000)
            end()
        if self.chance.random() < 0.1:  # noqa: PLR2004  now and then
            for _ in range(2):
                self.call("exec_command")
            self.line("event_msg", {"type": "turn_aborted", "reason": "interrupted"})
            self.truth.refused += 2

    # What each call needs

    def call(self, name: str, namespace: str | None = None, **more: Any) -> str:  # noqa: ANN401
        """Write the beginning of a call, and return its id."""
        call_id = self.new_id("call_")
        kind = more.pop("kind", "function_call")
        payload = {"type": kind, "name": name, "arguments": json.dumps(_HIDDEN)}
        if namespace:
            payload["namespace"] = namespace
        self.line("response_item", payload | {"call_id": call_id} | more)
        return call_id

    def new_id(self, prefix: str) -> str:
        """Return a new id of a call."""
        return f"{prefix}{self.chance.getrandbits(96):024x}"

    def output(self, call_id: str, output: Any, kind: str = "function_call") -> None:  # noqa: ANN401
        """Write what the model is told of the end of a call."""
        payload = {"type": f"{kind}_output", "call_id": call_id, "output": output}
        self.line("response_item", payload)

    def event(self, kind: str, **payload: Any) -> None:  # noqa: ANN401
        """Write an event."""
        self.line("event_msg", {"type": kind, **payload})

    def row(self, call_id: str, tool: str, began_ms: int, **columns: Any) -> None:  # noqa: ANN401
        """Note the row that a call must become, which ends now.

        Args:
            call_id: its id.
            tool: its tool.
            began_ms: when it began.
            columns: what is not as in a success that was not measured.
        """
        ended_ms = self.maker.now_ms
        duration = columns.setdefault("duration_ms", float(ended_ms - began_ms))
        self.truth.rows[self.thread, call_id] = {
            "tool_name": tool,
            "server": None,
            "agent": self.agent,
            "status": "success",
            "error_kind": None,
            "error_type": None,
            "error_code": None,
            "timestamp": ended_ms // 1000,
            "started_ms": max(began_ms, int(ended_ms - duration)),
            "duration_kind": "wall",
            **columns,
        }


_DAMAGE = (
    *("",) * 40,
    '{"timestamp":"2026-01-01T09:00:00Z","type":"resp',
    "no JSON",
    '{"type":"function_call"}}',
)


def _command(head: str, **columns: Any) -> Callable[[_Rollout], Callable[[], None]]:  # noqa: ANN401
    """Return what writes a command whose output has such a head."""

    def write(rollout: _Rollout) -> Callable[[], None]:
        began_ms, call_id = rollout.maker.now_ms, rollout.call("exec_command")

        def end() -> None:
            rollout.output(call_id, head + _REST)
            rollout.row(call_id, "exec_command", began_ms, **columns)

        return end

    return write


def _mcp(result: dict[str, Any], **columns: Any) -> Callable[[_Rollout], Callable[[], None]]:  # noqa: ANN401
    """Return what writes an MCP call that ends so; without columns, it was denied."""

    def write(rollout: _Rollout) -> Callable[[], None]:
        began_ms, call_id = rollout.maker.now_ms, rollout.call("get_issue", "mcp__gh__")

        def end() -> None:
            invocation = {"server": "gh", "tool": "get_issue", "arguments": _HIDDEN}
            took = {"secs": 0, "nanos": 500_000}
            rollout.event(
                "mcp_tool_call_end",
                call_id=call_id,
                invocation=invocation,
                duration=took,
                result=result,
            )
            rollout.output(call_id, f"Wall time: 0.0005 seconds\n{_REST}")
            if columns:
                measured = {"duration_ms": 0.5, "duration_kind": "run", "server": "gh"}
                rollout.row(call_id, "get_issue", began_ms, **measured | columns)
            else:
                rollout.truth.refused += 1

        return end

    return write


def _patch(rollout: _Rollout) -> Callable[[], None]:
    kind = "custom_tool_call"
    call_id = rollout.call("apply_patch", kind=kind, input=SECRET)
    began_ms = rollout.maker.now_ms

    def end() -> None:
        rollout.event("patch_apply_end", call_id=call_id, success=True, status="completed")
        output = {"output": SECRET, "metadata": {"exit_code": 0, "duration_seconds": 0.0}}
        rollout.output(call_id, json.dumps(output), kind)
        rollout.row(call_id, "apply_patch", began_ms, duration_ms=0.0, duration_kind="run")

    return end


def _denied(rollout: _Rollout) -> Callable[[], None]:
    call_id = rollout.call("shell")

    def end() -> None:
        rollout.output(call_id, [{"type": "input_text", "text": "exec command rejected by user"}])
        rollout.truth.refused += 1

    return end


def _script(rollout: _Rollout) -> Callable[[], None]:
    """Write a script of the model's, with what it calls."""
    maker = rollout.maker
    call_id = rollout.call("exec", kind="custom_tool_call", input=SECRET)

    def item(
        kind: str,
        tool: str | None,
        columns: dict[str, Any],
        /,
        **fields: Any,  # noqa: ANN401
    ) -> None:
        began_ms = maker.now_ms
        maker.now_ms += rollout.chance.randint(1, 2_000)
        item_id = rollout.new_id("exec-")
        times = {"started_at_ms": began_ms, "completed_at_ms": maker.now_ms}
        rollout.event("item_completed", item={"type": kind, "id": item_id, **fields}, **times)
        if tool:
            rollout.row(item_id, tool, began_ms, **columns)

    def end() -> None:
        measured = {"duration_ms": 0.25, "duration_kind": "run"}
        took = {"duration": {"secs": 0, "nanos": 250_000}}
        hidden = {"command": [SECRET], "aggregated_output": SECRET}
        item("AgentMessage", None, {}, content=[{"type": "Text", "text": SECRET}])
        item("CommandExecution", "exec_command", measured, exit_code=0, **took, **hidden)
        bad = {"status": "error", "error_kind": "tool", "error_type": "ExitStatus"}
        item("CommandExecution", "exec_command", bad, exit_code=1, status="failed", **hidden)
        item("CommandExecution", None, {}, exit_code=-1, status="declined", **hidden)
        rollout.truth.refused += 1
        gh = {"server": "gh", "tool": "get_issue", "arguments": _HIDDEN}
        item("McpToolCall", "get_issue", measured | {"server": "gh"}, **gh, **took)
        failed = {"status": "error", "error_kind": "tool", "server": "gh"}
        item("McpToolCall", "get_issue", failed, status="failed", result={"isError": True}, **gh)
        item("FileChange", "apply_patch", {}, status="completed", changes={SECRET: {}})
        item("Extension", "web.search", {}, kind="web.search", query=SECRET)
        rollout.output(call_id, [{"text": f"Script completed\n{_REST}"}], "custom_tool_call")

    return end


def _direct_item(rollout: _Rollout) -> Callable[[], None]:
    """Write a call of the model's that stands three times."""
    call_id, began_ms = rollout.call("exec_command"), rollout.maker.now_ms

    def end() -> None:
        took = {"secs": 0, "nanos": 750_000}
        item = {"type": "CommandExecution", "id": call_id, "exit_code": 0, "duration": took}
        rollout.event("item_completed", item=item)
        rollout.output(call_id, f"Wall time: 0.0007 seconds\nProcess exited with code 0\n{_REST}")
        rollout.row(call_id, "exec_command", began_ms, duration_ms=0.75, duration_kind="run")

    return end


_ERROR = {"status": "error", "error_kind": "tool"}
_OF_EVENTS: tuple[Callable[[_Rollout], Callable[[], None]], ...] = (
    _command(
        "Chunk ID: a1b2c3\nWall time: 0.0010 seconds\nProcess running with session ID 5\n",
        duration_ms=1.0,
        duration_kind="run",
    ),
    _command(
        "Exit code: 2\nWall time: 0 seconds\n",
        duration_ms=0.0,
        duration_kind="run",
        error_type="ExitStatus",
        **_ERROR,
    ),
    _command("Exit code: 124\n", status="timeout", error_kind="tool", error_type="Timeout"),
    _command(
        "",
    ),
    _mcp(
        {"Ok": {"content": [{"type": "text", "text": SECRET}], "isError": False}}, status="success"
    ),
    _mcp({"Ok": {"content": [], "isError": True}}, **_ERROR),
    _mcp(
        {"Err": f"tool call error: timed out awaiting tools/call after 60s {SECRET}"},
        status="timeout",
        error_kind="protocol",
    ),
    _mcp(
        {"Err": f"tool call error: Mcp error: -32602: {SECRET}"},
        status="error",
        error_kind="arguments",
        error_type="McpError",
        error_code=-32602,
    ),
    _mcp({"Err": "user rejected MCP tool call"}),
    _patch,
    _denied,
)
_OF_ITEMS = (_script, _direct_item, _denied)
