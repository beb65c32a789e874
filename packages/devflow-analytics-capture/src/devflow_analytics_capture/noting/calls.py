"""From what an agent says of a call to the line for its row: names and numbers, and no more."""

import posix

from devflow_analytics_capture.names import is_counted, split_mcp_name
from devflow_analytics_capture.noting.failures import failure_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Values: TypeAlias = dict[str, object]

LONGEST_NAME = 255
"""In characters; a longer name is cut."""

LONGEST_CALL_MS = 366 * 86_400_000
"""What takes longer is no call."""

_SUCCESS = ("success", None, None, None)
_FAILURE = ("error", "tool", None, None)
_FREE_BITS = ~(0xF << 76 | 3 << 62)


def line_of(
    client: str, payload: "Values", now_ms: int, *, keeps_project: bool = False
) -> str | None:
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
    status, kind, error, code = failure if isinstance(failure, tuple) else _SUCCESS
    started_ms = int(now_ms - duration)
    project = _last_part(_name(call, "folder")) if keeps_project else None
    # In the order of `FIELDS` of the recorder.
    return (
        f'[1,"{call["id"]}",{quoted(tool)},{float(duration)!r},"{status}",{quoted(error)},'
        f"{now_ms // 1000},{quoted(_name(call, 'agent'))},{quoted(kind)},"
        f"{'null' if code is None else code},null,null,{started_ms},"
        f'{quoted(_name(call, "server"))},"{named_id(client, session)}","hook","run",'
        f"{started_ms // 1000},{quoted(client)},{quoted(_name(call, 'version'))},"
        f"{quoted(project)}]\n"
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
        "id": _uuid(now_ms.to_bytes(6, "big") + posix.urandom(10), version=7),
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


def named_id(kind: str, name: str) -> str:
    """Return what the recorder's function of this name does."""
    named = f"devflow-analytics\0{kind}\0{name}".encode("utf-8", "surrogatepass")
    return _uuid(_sha256(named).digest()[:16], version=8)


def _sha256(octets: bytes) -> "Any":  # noqa: ANN401  a hash, without its type's import
    for module in ("_sha2", "_sha256"):  # the second before Python 3.12
        try:
            return __import__(module).sha256(octets)
        except ImportError:
            pass
    return __import__("hashlib").sha256(octets)  # which takes 3 ms longer


def _uuid(octets: bytes, version: int) -> str:
    number = int.from_bytes(octets, "big") & _FREE_BITS | version << 76 | 2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _name(values: "Values", key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) and value else None


def quoted(name: str | None) -> str:
    """Return a name as JSON, as the recorder does."""
    if name is None:
        return "null"
    name = name[:LONGEST_NAME].replace("\0", "\ufffd")
    if not name.isascii():  # there may be half a surrogate pair
        name = name.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    try:
        from _json import encode_basestring_ascii  # noqa: PLC0415
    except ImportError:
        from json.encoder import (  # noqa: PLC0415  costs 10 ms
            py_encode_basestring_ascii as encode_basestring_ascii,
        )
    return encode_basestring_ascii(name)


def parsed(text: str) -> "Values":
    """Return the object that a text is as JSON; an empty one if it is another value.

    Raises:
        ValueError, StopIteration, RecursionError: it is no JSON, or is nested too deeply.
    """
    try:
        from _json import make_scanner  # noqa: PLC0415

        scan = make_scanner(_Decoder)  # type: ignore[arg-type]
    except (ImportError, AttributeError, TypeError):  # a later Python may want more of a decoder
        from json import loads  # noqa: PLC0415  costs 10 ms

        value = loads(text, strict=False)
    else:
        value, end = scan(text, 0)
        if end < len(text):
            raise ValueError
    return value if isinstance(value, dict) else {}


class _Decoder:
    """What the scanner asks of a decoder."""

    strict = False
    object_hook = object_pairs_hook = None
    parse_float, parse_int = float, int

    @staticmethod
    def parse_constant(_: str) -> None:
        """Return what stands for NaN and infinity: nothing."""
