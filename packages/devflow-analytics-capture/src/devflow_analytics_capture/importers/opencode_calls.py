"""A call of opencode's, wherever it stands, and what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_capture.logs.calls import Outcome
from devflow_analytics_capture.logs.decoding import unix_ms
from devflow_analytics_capture.names import is_counted

if TYPE_CHECKING:
    from devflow_analytics_capture.logs.calls import Calls, Conversation

_DENIED = (
    "The user rejected permission",
    "Permission denied",
    "The user has specified a rule which prevents",
    "The user dismissed this question",
    "Tool execution aborted",
    "Tool execution was interrupted",
    "[Tool execution was interrupted]",
)
"""How the errors begin of calls that did not run, or were given up."""

_UNKNOWN_TOOL = "invalid"
"""The tool that is put in the place of one that there is not, or that was called wrongly."""


class Tool(NamedTuple):
    """A call as it stands in the database or in a file."""

    call_id: object
    tool: object
    status: object
    began: object = None
    ended: object = None
    exit_status: object = None
    is_interrupted: object = None
    error: object = None
    made: object = None


def take(tool: Tool, conversation: Conversation, agent: str | None, calls: Calls) -> bool:
    """Hand over a call as far as it came; False if it has no name or no id."""
    if not isinstance(tool.call_id, str) or not isinstance(tool.tool, str) or not tool.tool:
        return False
    began_ms, ended_ms = _unix_ms(tool.began), _unix_ms(tool.ended)
    native_id = tool.call_id
    if is_counted(native_id):  # copies have the same time, and other calls have not
        native_id = f"{native_id}\0{tool.tool}\0{began_ms}"
    if tool.status in {"pending", "running"}:
        at_ms = _unix_ms(tool.made) if began_ms is None else began_ms
        if native_id == tool.call_id or began_ms is not None:
            calls.begin(native_id, tool.tool, at_ms, conversation, agent=agent)
    elif tool.status in {"completed", "error"}:
        outcome = _outcome(tool)
        if outcome is None:
            if not calls.refuse(native_id, conversation.id):
                calls.counts["refused"] += 1
            return True
        wall_ms = None if began_ms is None or ended_ms is None else max(0, ended_ms - began_ms)
        calls.add(
            native_id, tool.tool, ended_ms, conversation, outcome, wall_ms=wall_ms, agent=agent
        )
    return True


def _outcome(tool: Tool) -> Outcome | None:
    """Return how a call ended; None if it did not run, or was given up."""
    if tool.status == "error":
        error = tool.error if isinstance(tool.error, str) else ""
        if tool.is_interrupted or error.removeprefix("Error: ").startswith(_DENIED):
            return None
        return Outcome("error", "tool")
    if tool.tool == _UNKNOWN_TOOL:
        return Outcome("error", "arguments", "InvalidTool")
    if isinstance(tool.exit_status, int) and tool.exit_status:
        return Outcome("error", "tool", "ExitStatus")
    return Outcome()


def _unix_ms(time: object) -> int | None:
    return unix_ms(time) if isinstance(time, (str, int, float)) else None
