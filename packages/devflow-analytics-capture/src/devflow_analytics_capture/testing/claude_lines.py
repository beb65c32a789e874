"""What Claude Code writes into its logs, version by version: the lines, and how calls end."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from devflow_analytics_capture.testing.truth import SECRET

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

Record = dict[str, Any]


class Version(NamedTuple):
    """What a version of Claude Code does that others do not."""

    number: str
    copies: str
    """What a session that continues another one's has in it: ``resume``, ``fork``, ``branch``."""
    subagents_beside: bool = False
    """Whether logs of subagents lie beside those of sessions, and not below."""
    repeats: bool = False
    """Whether it may write a line twice."""
    has_progress: bool = False
    """Whether it logs what runs, with the calls of subagents nested in it."""
    has_results_of_subagents: bool = True
    """Whether subagents' logs have the results as objects, too."""
    names_agents: str = ""
    """Where the type of a subagent stands: ``meta`` (a file beside), ``lines``."""
    names_denials: bool = False
    """Whether a denied call says so by itself, and not only in its text."""


VERSIONS = (
    Version("2.0.76", "resume", subagents_beside=True, repeats=True),
    Version("2.1.38", "branch", has_progress=True, has_results_of_subagents=False),
    Version("2.1.119", "fork", names_agents="meta"),
    Version("2.1.204", "branch", names_agents="meta", names_denials=True),
    Version("2.1.270", "fork", names_agents="lines", names_denials=True),
)


class Ending(NamedTuple):
    """How a call ends that does not succeed."""

    text: str
    """How its result begins."""
    columns: tuple[str, str | None, str | None, int | None] | None = None
    """``status``, ``error_kind``, ``error_type`` and ``error_code`` of its row; None if it was
    denied or interrupted, and is no row."""
    denial_kind: str | None = None
    """What versions that name denials call it."""


OF_MCP = (
    Ending("MCP error -32001: Request timed out", ("timeout", "protocol", "McpError", -32001)),
    Ending("MCP error -32000: Connection closed", ("error", "transport", "McpError", None)),
    Ending("MCP error -32602: Invalid arguments", ("error", "arguments", "McpError", -32602)),
    Ending("MCP error -32603: Internal error", ("error", "protocol", "McpError", -32603)),
    Ending("Not found: ", ("error", "tool", None, None)),
)
"""How calls of MCP servers fail."""

OF_COMMANDS = (
    Ending("Exit code 1\n", ("error", "tool", "ExitStatus", None)),
    Ending("Command timed out after 2m 0s", ("timeout", "tool", "Timeout", None)),
)
"""How commands fail."""

OF_ANY = (
    Ending(
        "<tool_use_error>InputValidationError: ",
        ("error", "arguments", "InputValidationError", None),
    ),
    Ending(
        "<tool_use_error>Error: No such tool available: ",
        ("error", "not_found", "NoSuchTool", None),
    ),
    Ending("<tool_use_error>File does not exist.", ("error", "tool", None, None)),
    Ending("<tool_use_error>String to replace not found", ("error", "tool", None, None)),
    Ending("The operation timed out.", ("timeout", "tool", "Timeout", None)),
)
"""How all others fail."""

REFUSED = (
    Ending(
        "The user doesn't want to proceed with this tool use. The tool use was rejected",
        denial_kind="user-rejected",
    ),
    Ending("The user doesn't want to take this action right now.", denial_kind="user-rejected"),
    Ending("User rejected tool use", denial_kind="user-rejected"),
    Ending("Permission to use Bash with command ", denial_kind="permission-rule"),
    Ending("Permission for this action has been denied.", denial_kind="automode-blocked"),
    Ending(
        "The server-side auto mode classifier gave no verdict", denial_kind="automode-unavailable"
    ),
    Ending("Claude requested permissions to write to ", denial_kind="permission-rule"),
    Ending("This command requires approval", denial_kind="permission-rule"),
    Ending("PreToolUse:Bash hook error: ", denial_kind="permission-rule"),
    Ending("[Request interrupted by user for tool use]", denial_kind="interrupted"),
    Ending("<tool_use_error>Sibling tool call errored", denial_kind="cancelled"),
    Ending("Cancelled: parallel tool call ", denial_kind="cancelled"),
)
"""How calls end that were denied or interrupted."""

TOOLS = (
    *("Bash", "Bash", "Bash", "Bash", "Read", "Read", "Read", "Edit", "Edit", "Write"),
    *("Glob", "Grep", "WebFetch", "WebSearch", "AskUserQuestion", "TodoWrite", "Skill"),
    *("mcp__github__get_issue", "mcp__github__search__code", "mcp__files__read-file"),
    *("mcp__plugin_lint_eslint__check", "mcp__claude_ai_Calendar__list"),
)

SERVERS = {
    "mcp__github__get_issue": ("github", "get_issue"),
    "mcp__github__search__code": ("github", "search__code"),
    "mcp__files__read-file": ("files", "read-file"),
    "mcp__plugin_lint_eslint__check": ("plugin_lint_eslint", "check"),
    "mcp__claude_ai_Calendar__list": ("claude_ai_Calendar", "list"),
}
"""The servers and tools that the names of tools name."""


NOISE = dict(text=300, prompt=100, attachment=50, result=10, nulls=2, malformed=2, none=500)  # noqa: C408
"""What stands between calls, and how often in a thousand times."""

NULLS = b"\0" * 100 + b"\n"
"""A line that some file systems leave where a machine crashed."""

MALFORMED = (b'{"type":"user","mess\n', b'{"tool_use",}"tool_use"}\n', b"x\n")


class Begun(NamedTuple):
    """A call that has begun."""

    native_id: str
    name: str
    at_ms: int | None
    """None if its time is none."""
    line: int
    """The number of its line."""


class Call(NamedTuple):
    """A call as it stands in a log, for the copies of it."""

    native_id: str
    began_at: int
    """The number of its line."""
    ended_at: int | None
    """The number of the line of its result; None if that does not count."""
    row: dict[str, Any] | None
    """The row; None if it is none."""
    is_untimed: bool
    """Whether one of its times is none."""


class File:
    """A log that is being written."""

    def __init__(self, path: Path, base: Record, *, agent: str | None = None) -> None:
        """Begin it.

        Args:
            path: where.
            base: what all its records have in common.
            agent: the type of the subagent whose log it is, as far as it can be known.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.base = base
        self.agent = agent
        self.records: list[Record | bytes] = []
        """What was written, for copies."""
        self.calls: list[Call] = []
        self._file = path.open("wb")

    def write(self, record: Record | bytes) -> int:
        """Write a line, or what stands there instead; return its number."""
        self._file.write(record if isinstance(record, bytes) else line(record))
        self.records.append(record)
        return len(self.records) - 1

    def close(self, at_ms: int) -> None:
        """End it at a time."""
        self._file.close()
        os.utime(self.path, ns=(at_ms * 1_000_000, at_ms * 1_000_000))


class Text:
    """Makes up what is private: text of any length, with `SECRET` in it."""

    LENGTH = 2**18

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        words = ["def", "return", '"tool_use"', "ü", "\n", "\t", "\\d+", "{}", "…", "x = 1", SECRET]
        words += [f"{chance.randrange(16**9):x}" for _ in range(40)]
        pieces = " ".join(chance.choices(words, k=self.LENGTH // 8))
        self._pool = (pieces * 2)[: self.LENGTH]

    def of(self, mean: int) -> str:
        """Return a text so long on average: many are short, and a few very long."""
        length = min(int(mean * self._chance.paretovariate(1.5) / 3), 8 * self.LENGTH)
        start = self._chance.randrange(self.LENGTH // 2)
        text = self._pool[start : start + length]
        while len(text) < length:
            text += self._pool[: length - len(text)]
        return SECRET + text


def line(record: Record) -> bytes:
    """Return a record as it is written."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def iso(at_ms: int) -> str:
    """Return a time as it is written."""
    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03}Z"


def assistant(base: Record, blocks: list[Record], at_ms: int, number: int) -> Record:
    """Return the record of something that the model wrote."""
    return {
        "parentUuid": None,
        **base,
        "message": {
            "model": "claude-opus-4-6",
            "id": f"msg_{number:022}",
            "type": "message",
            "role": "assistant",
            "content": blocks,
            "stop_reason": "tool_use" if number % 3 else None,
            "usage": {"input_tokens": 3, "output_tokens": 9, "server_tool_use": {"requests": 0}},
        },
        "requestId": f"req_{number:022}",
        "type": "assistant",
        "uuid": f"{number:08x}-0000-4000-8000-000000000000",
        "timestamp": iso(at_ms),
    }


def user(base: Record, content: object, at_ms: int, number: int) -> Record:
    """Return the record of what a tool or a person answered."""
    return {
        "parentUuid": None,
        **base,
        "type": "user",
        "message": {"role": "user", "content": content},
        "uuid": f"{number:08x}-0000-4000-9000-000000000000",
        "timestamp": iso(at_ms),
    }


def progress(base: Record, nested: Record, at_ms: int, number: int) -> Record:
    """Return the record of something that runs, with a record of its own in it."""
    return {
        "parentUuid": None,
        **base,
        "type": "progress",
        "data": {"type": "agent_progress", "message": nested, "prompt": SECRET},
        "toolUseID": f"agent_msg_{number}",
        "uuid": f"{number:08x}-0000-4000-a000-000000000000",
        "timestamp": iso(at_ms),
    }


def result(tool: str, text: str, chance: Random) -> object:
    """Return what else is logged of a result that succeeded: its text again, and more."""
    if tool == "Bash":
        return {"stdout": text, "stderr": "", "interrupted": False, "isImage": False}
    if tool == "Read":
        return {"type": "text", "file": {"filePath": f"/{SECRET}", "content": text}}
    if tool in {"Edit", "Write"}:
        return {"filePath": f"/{SECRET}", "oldString": SECRET, "originalFile": text}
    if tool in SERVERS:
        blocks = [{"type": "tool_use", "id": f"toolu_{number}"} for number in range(2)]
        return chance.choice([text, [{"type": "text", "text": text}], {"durationMs": 1}, blocks])
    return {"content": text, "nested": {"durationMs": 5, "content": [{"type": "tool_use"}]}}


def noise(what: str, base: Record, text: str, at_ms: int, number: int) -> Record:
    """Return a record that is of no call, though it may look so.

    Args:
        what: one of `NOISE`.
        base: what all records of the log have in common.
        text: what stands in it.
        at_ms: when it is written.
        number: which one it is.
    """
    text = f'{SECRET} "tool_use" and "tool_result": {text}'
    if what == "prompt":
        return user(base, text, at_ms, number)
    if what == "attachment":
        tools = [{"type": "tool_use", "id": "toolu_no", "name": "Bash"}]
        attachment = {"type": "prompt_snapshot", "tools": tools, "prompt": text}
        return base | {"type": "attachment", "attachment": attachment}
    if what == "result":
        block = {"type": "tool_result", "tool_use_id": "toolu_unheard_of", "content": text}
        return user(base, [block], at_ms, number)
    return assistant(base, [{"type": "text", "text": text}], at_ms, number)
