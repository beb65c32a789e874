"""GitHub's Copilot CLI: a file of JSON lines for each session, one for each event.

A call is an event ``tool.execution_start``, and its end a ``tool.execution_complete``. Between the
two lies the time in which a person is asked. The format is not documented; this was read in the
schema that GitHub's Copilot SDK is made from, in issues, and in what other readers of it say.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from devflow_analytics_capture import places
from devflow_analytics_capture.importers.importer import UNKNOWN_AGENT, LineImporter
from devflow_analytics_capture.logs.calls import Conversation, Outcome
from devflow_analytics_capture.logs.decoding import MalformedError, decode, unix_ms
from devflow_analytics_capture.logs.log import find_logs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devflow_analytics_capture.logs.calls import Calls
    from devflow_analytics_capture.logs.log import Log

MOST_REMEMBERED = 100
"""How many subagents are remembered; more do not run at once."""

_NOT_RUN = frozenset(("denied", "rejected"))
"""The codes of calls that did not run."""

_DENIED = (
    "Permission denied",
    "Denied by ",
    "The user rejected",
    "User rejected",
    "The user denied",
    "Tool execution was interrupted",
    "The tool execution was interrupted",
)
"""How the messages begin of calls that did not run, or were given up, where there is no code."""

_MCP_CODE = re.compile(r"(?i:mcp error):? (-?\d{1,6})\b")

_MCP_FAILURES = {
    -32001: Outcome("timeout", "protocol", "McpError", -32001),
    -32601: Outcome("error", "not_found", "McpError", -32601),
    -32602: Outcome("error", "arguments", "McpError", -32602),
    -32000: Outcome("error", "transport", "McpError", -32000),
}

_TIMEOUT = Outcome("timeout", "tool", "Timeout")
_BAD_STATUS = Outcome("error", "tool", "ExitStatus")
_FAILED = Outcome("error", "tool")

_NULL = msgspec.Raw(b"null")


class _Place(msgspec.Struct):
    cwd: str | None = None


class _Shell(msgspec.Struct, rename="camel"):
    exit_code: int | None = None


class _Decision(msgspec.Struct):
    kind: str = ""


class _Error(msgspec.Struct):
    code: str | None = None
    message: str = ""


class _Data(msgspec.Struct, rename="camel"):
    # of a session
    copilot_version: str | None = None
    context: _Place | None = None
    cwd: str | None = None
    # of a call
    tool_call_id: str | None = None
    tool_name: str | None = None
    mcp_server_name: str | None = None
    mcp_tool_name: str | None = None
    parent_tool_call_id: str | None = None
    success: bool | None = None
    error: msgspec.Raw = _NULL
    shell_execution: _Shell | None = None
    # of a question whether it may run, or of a subagent
    result: msgspec.Raw = _NULL
    agent_name: str | None = None
    duration_ms: float | None = None


class _Event(msgspec.Struct, rename="camel"):
    type: str = ""
    timestamp: str | float | None = None
    agent_id: str | None = None
    data: _Data | None = None


_ERROR = msgspec.json.Decoder(_Error | str | None)
_DECISION = msgspec.json.Decoder(_Decision)


class CopilotCli(LineImporter[_Event]):
    """Reads what the Copilot CLI logs."""

    client = "copilot-cli"
    title = "Copilot CLI"
    own_names: ClassVar = ("github-copilot", "GitHub Copilot")
    marks: ClassVar = re.compile(
        rb'"type": ?"(?:tool\.execution_(?:start|complete)|permission\.completed|abort'
        rb'|session\.(?:start|resume|context_changed)|subagent\.(?:started|completed|failed))"'
    )

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[_Event]:
        """What decodes a line."""
        return msgspec.json.Decoder(_Event)

    def logs(self) -> Iterator[Log]:
        """Yield the logs, those first that were changed longest ago.

        A session that another program goes on with is copied, and the copy is newer.
        """
        (root,) = places.copilot_cli()
        directory = os.path.join(root, "session-state")
        found = [
            log
            for log in find_logs(directory, (".jsonl",), depth=1)
            if os.path.dirname(log.path) == directory or log.path.endswith("/events.jsonl")
        ]
        yield from sorted(found, key=lambda log: (log.fingerprint.modified_ns, log.path))

    def take(self, record: _Event, log: Log, calls: Calls) -> None:
        """Hand over what one line says."""
        data = record.data or _Data()
        if record.type.startswith("session."):
            _note_session(data, calls)
        elif record.type == "abort":
            calls.refuse_all()
        elif data.tool_call_id:
            session = Conversation(
                _session_of(log), calls.context.get("version"), calls.context.get("project")
            )
            if record.type == "tool.execution_start":
                _begin(data, record, session, calls)
            elif record.type == "tool.execution_complete":
                _end(data, record, session, calls)
            elif record.type == "permission.completed":
                if _is_denied(data):
                    calls.refuse(data.tool_call_id, session.id)
            else:
                _note_subagent(data, record, session, calls)


def _session_of(log: Log) -> str:
    """Return the session's id: what a copy begins with has that of the first one."""
    directory, name = os.path.split(log.path)
    return os.path.basename(directory) if name == "events.jsonl" else name.removesuffix(".jsonl")


def _note_session(data: _Data, calls: Calls) -> None:
    """Note what is known of the session."""
    context = calls.context
    if data.copilot_version:
        context["version"] = data.copilot_version
    project = calls.project_of(data.cwd or (data.context.cwd if data.context else None))
    if project:
        context["project"] = project


def _note_subagent(data: _Data, record: _Event, session: Conversation, calls: Calls) -> None:
    """Note of which type a subagent is that starts, or how long one ran that ended."""
    call_id, context = data.tool_call_id or "", calls.context
    if record.type == "subagent.started":
        name = data.agent_name or UNKNOWN_AGENT
        _remember(context, "agents", call_id, name)
        if record.agent_id and record.agent_id not in context["agents"]:
            _remember(context, "agents", record.agent_id, name)
    elif data.duration_ms is not None and calls.tool_of(call_id, session.id):
        _remember(context, "ran", call_id, data.duration_ms)


def _remember(context: dict[str, Any], what: str, name: str, value: str | float) -> None:
    known = context.setdefault(what, {})
    known[name[:255]] = value[:255] if isinstance(value, str) else value
    while len(known) > MOST_REMEMBERED:
        del known[next(iter(known))]


def _begin(data: _Data, record: _Event, conversation: Conversation, calls: Calls) -> None:
    server, tool = data.mcp_server_name or None, data.mcp_tool_name or data.tool_name
    if not data.tool_call_id or not tool:
        return
    if server and not data.mcp_tool_name:
        tool = tool.removeprefix(f"{server}-")
    calls.begin(
        data.tool_call_id,
        tool,
        unix_ms(record.timestamp),
        conversation,
        server=server,
        agent=_agent(data, record, calls.context),
    )


def _agent(data: _Data, record: _Event, context: dict[str, Any]) -> str | None:
    """Return the type of the subagent that calls; None for the main one."""
    ids = [one for one in (record.agent_id, data.parent_tool_call_id) if one]
    known: dict[str, str] = context.get("agents", {})
    return next((known[one] for one in ids if one in known), UNKNOWN_AGENT if ids else None)


def _end(data: _Data, record: _Event, conversation: Conversation, calls: Calls) -> None:
    call_id = data.tool_call_id or ""
    run_ms = calls.context.get("ran", {}).pop(call_id, None)
    outcome = _outcome(data)
    if outcome is None:
        calls.refuse(call_id, conversation.id)
    else:
        calls.end(call_id, unix_ms(record.timestamp), conversation.id, outcome, run_ms=run_ms)


def _is_denied(data: _Data) -> bool:
    try:
        kind = decode(memoryview(data.result), _DECISION).kind
    except MalformedError:
        return False
    return kind.startswith("denied") or kind == "cancelled"


def _outcome(data: _Data) -> Outcome | None:
    """Return how a call ended; None if it did not run, or was given up."""
    if data.success:
        status = data.shell_execution.exit_code if data.shell_execution else None
        return _BAD_STATUS if status else Outcome()
    try:
        found = decode(memoryview(data.error), _ERROR)
    except MalformedError:
        return _FAILED
    error = found if isinstance(found, _Error) else _Error(message=found or "")
    if error.code in _NOT_RUN or error.message.startswith(_DENIED):
        return None
    return _TIMEOUT if error.code == "timeout" else _failure(error.message)


def _failure(message: str) -> Outcome:
    """Return what a message says of a failure besides."""
    match = _MCP_CODE.search(message[:300])
    if match is None:
        return _FAILED
    code = int(match[1])
    return _MCP_FAILURES.get(code, Outcome("error", "protocol", "McpError", code))
