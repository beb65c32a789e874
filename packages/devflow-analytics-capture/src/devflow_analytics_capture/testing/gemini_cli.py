"""Writes logs as Gemini CLI does, of each generation of its format.

A truth's native ids are what the importer takes for such: the id of the session, NUL, and the id
that the log has, for two sessions may have the same one.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from devflow_analytics_capture.testing.truth import SECRET, Truth

if TYPE_CHECKING:
    from pathlib import Path

Format = Literal["document", "first lines", "lines"]
"""Of 2025, of April 2026 and of May 2026."""

FORMATS: tuple[Format, ...] = ("document", "first lines", "lines")

CALLS_A_SESSION = 50

FIRST_MS = 1_767_225_600_000
"""When the first session begins, in Unix milliseconds."""

AGENTS = ("codebase_investigator", "generalist", "reviewer")

BUILT_IN = ("read_file", "run_shell_command", "replace", "google_web_search")

SERVERS = {"github": ("get_issue", "list_pulls"), "jira-cloud": ("search",), "my_db": ("run_sql",)}

Row = dict[str, Any]

_DETAILS = (
    f'MCP tool \'x\' reported tool error for function call: {{"query":"{SECRET}"}} with response: '
)

_SAID: dict[str, tuple[str, Row | None]] = {
    "failure": (f"File not found: /home/{SECRET}/a.txt", {"error_kind": "tool"}),
    "answer": (
        _DETAILS + '[{"functionResponse":{"name":"x","response":{"content":[],"isError":true}}}]',
        {"error_kind": "tool"},
    ),
    "timeout": (
        _DETAILS + '[{"functionResponse":{"name":"x","response":{"error":'
        '{"message":"MCP error -32001: Request timed out","isError":true}}}}]',
        {
            "status": "timeout",
            "error_kind": "protocol",
            "error_type": "McpError",
            "error_code": -32001,
        },
    ),
    "closed": (
        "MCP error -32000: Connection closed",
        {"error_kind": "transport", "error_type": "McpError"},
    ),
    "internal": (
        f"MCP error -32603: {SECRET}",
        {"error_kind": "protocol", "error_type": "McpError", "error_code": -32603},
    ),
    "arguments": (
        f"params must have required property '{SECRET}'",
        {"error_kind": "arguments", "error_type": "InputValidationError"},
    ),
    "unknown tool": (
        f'Tool "{SECRET}" not found. Did you mean one of: "read_file"?',
        {"error_kind": "not_found", "error_type": "NoSuchTool"},
    ),
    "policy": (f"Tool execution denied by policy. {SECRET}", None),
}
"""What a call that failed says, and what its row has; None if it is none."""

_CANCELLED = (
    "[Operation Cancelled] Reason: User denied execution.",
    "[Operation Cancelled] Reason: User did not allow tool call",
    "[Operation Cancelled] User cancelled tool execution.",
)


def write_logs(home: Path, *, calls: int, seed: int = 0) -> Truth:
    """Write logs with so many calls below a home directory, and return the truth about them."""
    chance = random.Random(seed)  # noqa: S311  no secret
    truth = Truth()
    now_ms = FIRST_MS
    for number, left in enumerate(range(calls, 0, -CALLS_A_SESSION)):
        session = _Session(
            home / ".gemini" / "tmp" / f"project-{number % 3}" / "chats",
            truth,
            chance,
            now_ms,
            FORMATS[number % len(FORMATS)],
            is_resumed=number % 6 == 0,
        )
        session.write(min(left, CALLS_A_SESSION))
        now_ms = session.now_ms + 60_000
    return truth


@dataclass
class _Session:
    chats: Path
    truth: Truth
    chance: random.Random
    now_ms: int
    format: Format
    parent: str | None = None
    agent: str | None = None
    is_resumed: bool = False
    """Whether a document is written anew as lines."""
    lines: list[dict[str, Any]] = field(default_factory=list)
    id: str = ""
    turn: int = 0

    def __post_init__(self) -> None:
        self.id = self._uuid()

    def write(self, calls: int) -> None:
        """Write a log with so many calls."""
        before = len(self.truth.rows)
        head = {
            "sessionId": self.id,
            "projectHash": f"{self.chance.getrandbits(256):064x}",
            "startTime": _iso(self.now_ms),
            "lastUpdated": _iso(self.now_ms),
            "kind": "subagent" if self.parent else "main",
            "directories": [f"/home/{SECRET}"],
        }
        self._say("user", f'Use "toolCalls" and "projectHash", {SECRET}')
        while calls > 0:
            calls -= self._turn(min(calls, self.chance.randint(1, 4)))
        if self.format == "document":
            self._write_document(head)
        if self.format != "document" or self.is_resumed:
            self._write_lines(head)
        if self.format == "document" and self.is_resumed:
            self.truth.copies += len(self.truth.rows) - before

    def _turn(self, calls: int) -> int:
        """Make calls that run at the same time; return how many there are."""
        self.turn += 1
        self.now_ms += self.chance.randint(500, 5_000)
        is_early = self.format == "lines" or self._is(50)
        answered_ms = self.now_ms
        message = self._say("gemini", f"I am going to call. {SECRET}") if is_early else None
        made = [self._call(index, answered_ms, message) for index in range(calls)]
        self.now_ms = logged_ms = max(answered_ms + took_ms for _, took_ms, _ in made)
        if message is None:
            self.now_ms += 1
            message = self._say("gemini", "")
        else:
            message = {**message}
            self.lines.append(message)
        message["toolCalls"] = []
        for index, (call, _, row) in enumerate(made):
            call["timestamp"] = _iso(logged_ms + index // 3)
            message["toolCalls"].append(call)
            self._tell(call, row, logged_ms + index // 3)
        self.lines.append({**message, "tokens": {"input": 1, "total": 2}})  # it is logged again
        return calls

    def _call(
        self, index: int, answered_ms: int, message: dict[str, Any] | None
    ) -> tuple[dict[str, Any], int, Row | None]:
        """Return a call, how long it took at most, and what its row is to have."""
        row: Row = {"agent": self.agent, "source": "import", "duration_kind": "wall"}
        name, displayed, server, tool = self._tool()
        began_ms = answered_ms + self.chance.randint(1, 20)
        has_start = True
        if self.format == "document":
            native = f"{name}-{began_ms}-{self.chance.getrandbits(52):x}"
        elif self.format == "first lines":
            native = f"{name}_{began_ms}_{index}"
        else:
            native = f"{name}__{name}_{began_ms}_{index}"
        if self.agent or (not self.is_resumed and self._is(10)):
            native = f"{name}__{self.id}#{self.turn}-{index}"  # no time in it
            has_start, began_ms = message is not None, answered_ms
        status, said, known = self._end()
        took_ms = self.chance.choice((1, 20, 300, 4_000)) + began_ms - answered_ms
        call = {
            "id": native,
            "name": name,
            "args": {"secret": SECRET},
            "result": _result(native, name, said),
            "status": status,
            "displayName": displayed,
            "description": SECRET,
            "resultDisplay": said or {"fileDiff": SECRET},
            "renderOutputAsMarkdown": True,
        }
        if known is None or not has_start:
            kind = "refused" if known is None else "untimed"
            setattr(self.truth, kind, getattr(self.truth, kind) + 1)
            return call, took_ms, None
        row |= {"tool_name": tool, "server": server, "started_ms": began_ms}
        row |= {"status": "error" if known else "success", "error_kind": None}
        row |= {"error_type": None, "error_code": None}
        row |= known
        if self.agent is None and self.format == "lines" and status == "success":
            self._spawn(call, row)
        return call, took_ms, row

    def _spawn(self, call: dict[str, Any], row: Row) -> None:
        """Make a call one that started a subagent, now and then, and write the subagent's log."""
        if not self._is(5):
            return
        agent = self.chance.choice(AGENTS)
        nested = _Session(
            self.chats, self.truth, self.chance, self.now_ms, self.format, self.id, agent
        )
        nested.write(self.chance.randint(1, 5))
        call |= {"name": "invoke_agent", "displayName": "Invoke Agent", "agentId": nested.id}
        call["args"] = {"agent_name": agent, "prompt": SECRET}
        row |= {"tool_name": "invoke_agent", "server": None}

    def _tool(self) -> tuple[str, str, str | None, str]:
        """Return a tool's name for the model, that for people, its server, and its own name."""
        if self._is(50):
            name = self.chance.choice(BUILT_IN)
            return name, name.title().replace("_", ""), None, name
        server = self.chance.choice(list(SERVERS))
        tool = self.chance.choice(SERVERS[server])
        displayed = f"{tool} ({server} MCP Server)"
        if self.format == "document":
            clashes = self._is(20)
            return (f"{server}__{tool}" if clashes else tool), displayed, server, tool
        name = f"mcp_{server}_{tool}"
        is_gone = "_" not in server and self._is(20)  # the server, meanwhile
        return name, name if is_gone else displayed, server, tool

    def _end(self) -> tuple[str, str, Row | None]:
        """Return a status, what is said of it, and what the row has besides; None for none."""
        if self._is(80):
            return "success", "", {}
        if self._is(30):
            return "cancelled", self.chance.choice(_CANCELLED), None
        said, known = self.chance.choice(list(_SAID.values()))
        return "error", said, known

    def _tell(self, call: dict[str, Any], row: Row | None, logged_ms: int) -> None:
        if row is None:
            return
        row |= {"duration_ms": float(logged_ms - row["started_ms"]), "timestamp": logged_ms // 1000}
        self.truth.rows[self.parent or self.id, f"{self.id}\0{call['id']}"] = row

    def _say(self, kind: str, text: str) -> dict[str, Any]:
        message = {
            "id": self._uuid(),
            "timestamp": _iso(self.now_ms),
            "type": kind,
            "content": [{"text": text}],
            "model": "gemini-3-pro",
        }
        self.lines.append(message)
        return message

    def _write_document(self, head: dict[str, Any]) -> None:
        messages = {line["id"]: line for line in self.lines}  # the last of each
        self.chats.mkdir(parents=True, exist_ok=True)
        document = {**head, "messages": list(messages.values()), "summary": SECRET}
        self._path(".json").write_text(json.dumps(document, indent=2))

    def _write_lines(self, head: dict[str, Any]) -> None:
        path = self._path(".jsonl")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            file.write(json.dumps(head) + "\n")
            for number, line in enumerate(self.lines):
                file.write(json.dumps(line) + "\n")
                if self._is(2):
                    masked = {"$set": {"messages": self.lines[: number + 1], "summary": SECRET}}
                    file.write(json.dumps(masked) + "\n")
                    file.write(json.dumps({"$rewindTo": self.lines[number]["id"]}) + "\n")
                    file.write(f'{{"id": "{SECRET}", "toolCalls": [\n')
                    self.truth.malformed += 1

    def _path(self, suffix: str) -> Path:
        if self.parent:
            return self.chats / self.parent / f"{self.id}{suffix}"
        return self.chats / f"session-2026-01-01T00-00-{self.id[:8]}{suffix}"

    def _is(self, percent: int) -> bool:
        return self.chance.randrange(100) < percent

    def _uuid(self) -> str:
        digits = f"{self.chance.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def _result(native_id: str, name: str, said: str) -> list[dict[str, Any]]:
    response = {"error": said} if said else {"output": SECRET}
    return [{"functionResponse": {"id": native_id, "name": name, "response": response}}]


def _iso(unix_ms: int) -> str:
    moment = datetime.fromtimestamp(unix_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
