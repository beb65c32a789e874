"""From what an agent says of a call to the line for its row: names and numbers, and no more."""

from devflow_analytics_capture.names import is_counted, split_mcp_name
from devflow_analytics_capture.noting.failures import failure_of
from devflow_analytics_capture.noting.line import SUCCESS, line, named_id, new_id
from devflow_analytics_capture.noting.parsing import parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Values: TypeAlias = dict[str, object]

LONGEST_CALL_MS = 366 * 86_400_000
"""What takes longer is no call."""

_FAILURE = ("error", "tool", None, None)


def line_of(
    client: str, payload: "Values", now_ms: int, *, keeps_project: bool = False
) -> bytes | None:
    """Return the line for the call that a payload tells of; None if it tells of none.

    Args:
        client: the name of the agent.
        payload: what the agent says.
        now_ms: when the call ended, in Unix milliseconds.
        keeps_project: whether the last part of the working directory is kept.
    """
    call = _of_cursor(payload, now_ms) if client == "cursor" else _of_claude_code(client, payload)
    session, tool, duration = _name(call, "session"), _name(call, "tool"), call.get("duration")
    if session is None or tool is None or not isinstance(duration, (int, float)):
        return None
    if isinstance(duration, bool) or not 0 <= duration < LONGEST_CALL_MS:
        return None
    failure = call.get("failure")
    started_ms = int(now_ms - duration)
    return line(
        call=str(call["id"]),
        tool=tool,
        duration_ms=duration,
        outcome=failure if isinstance(failure, tuple) else SUCCESS,
        ended_ms=now_ms,
        started_ms=started_ms,
        session=named_id(client, session),
        session_started_at=started_ms // 1000,
        source="hook",
        agent=_name(call, "agent"),
        server=_name(call, "server"),
        client=client,
        client_version=_name(call, "version"),
        project=_last_part(_name(call, "folder")) if keeps_project else None,
    )


def _of_claude_code(client: str, payload: "Values") -> "Values":
    """Return what Claude Code tells of a call; nothing if it tells of none."""
    native_id, name = _name(payload, "tool_use_id"), _name(payload, "tool_name")
    event = payload.get("hook_event_name")
    if native_id is None or name is None or payload.get("is_interrupt"):
        return {}
    failure: tuple[str, str, str | None, int | None] | None = None
    if event == "PostToolUseFailure":
        failure = failure_of(_name(payload, "error") or "")
        if failure is None:
            return {}
    elif event != "PostToolUse":
        return {}
    session = _name(payload, "session_id")
    if is_counted(native_id):
        native_id = f"{session}\0{native_id}"
    server, tool = split_mcp_name(name)
    return {
        "id": named_id(client, native_id),
        "session": session,
        "tool": tool,
        "server": server,
        # the main agent may have a type, too, but has no id
        "agent": payload.get("agent_type") if payload.get("agent_id") else None,
        "failure": failure,
        "duration": payload.get("duration_ms"),
        "folder": payload.get("cwd"),
    }


def _of_cursor(payload: "Values", now_ms: int) -> "Values":
    """Return what Cursor tells of a call; nothing if it tells of none.

    It gives the call no id, and says only in the result whether it failed.
    """
    name, folders = _name(payload, "tool_name"), payload.get("workspace_roots")
    if name is None or payload.get("hook_event_name") != "afterMCPExecution":
        return {}
    server, tool = split_mcp_name(name.removeprefix("MCP:"))
    return {
        "id": new_id(now_ms),
        "session": payload.get("conversation_id"),
        "tool": tool,
        "server": payload.get("mcp_server_name") or payload.get("server_name") or server,
        "failure": _FAILURE if _tells_of_error(_name(payload, "result_json") or "") else None,
        "duration": payload.get("duration"),
        "version": payload.get("cursor_version"),
        "folder": folders[0] if isinstance(folders, list) and folders else None,
    }


def _tells_of_error(result: str) -> bool:
    # in a text that quotes it, there are backslashes before the quotes
    return '"isError"' in result and parsed(result).get("isError") is True


def _last_part(folder: str | None) -> str | None:
    return (folder or "").replace("\\", "/").rstrip("/").rpartition("/")[2] or None


def _name(values: "Values", key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) and value else None
