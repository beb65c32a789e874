"""How calls of Codex's ended, and how long they ran: from what it logs of their ends.

Most ends are a text that the model is given. Only its head is looked at, which Codex writes; the
rest is the tool's.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from devflow_analytics_capture.logs.calls import Outcome
from devflow_analytics_capture.logs.decoding import MalformedError, decode

HEAD = 400
"""How many characters of a text are looked at."""

_DENIED = (
    "exec command rejected by user",
    "patch rejected by user",
    "user rejected MCP tool call",
    "user cancelled MCP tool call",
    "MCP tool call blocked by app configuration",
    "This action was rejected due to unacceptable risk",
    "approval policy is ",
    "aborted by user",
)
"""How the texts begin of calls that did not run, or were given up."""

_FAILED = (
    "failed to parse function arguments",
    "unsupported ",
    "write_stdin failed:",
    "execution error:",
    "exec_command failed",
    "tool call error:",
    "apply_patch verification failed",
    "err:",
)
"""How the texts begin of calls that failed before there was a status."""

_HEADS = ("Chunk ID:", "Exit code:", "Wall time", "Script ", "Total output lines:")
"""How a head of Codex's begins."""

_END_OF_HEAD = re.compile(r"^Output:?$", re.MULTILINE)

_EXIT_STATUS = re.compile(r"^(?:Process exited with code|Exit code:) (-?\d{1,10})$", re.MULTILINE)

_WALL_TIME = re.compile(r"^Wall time:? (\d{1,9}(?:\.\d{1,9})?) seconds$", re.MULTILINE)

_TIMED_OUT = 124
"""The exit status of what was ended because it took too long."""

_BAD_STATUS = Outcome("error", "tool", "ExitStatus")
_TIMEOUT = Outcome("timeout", "tool", "Timeout")
_ERROR = Outcome("error", "tool")

_MCP_FAILURES = (
    (re.compile(r"timed out awaiting|deadline has elapsed"), Outcome("timeout", "protocol")),
    (re.compile(r"(?i:transport|connection) (?:is )?closed"), Outcome("error", "transport")),
    (re.compile(r"(?i:mcp error): -32601\b"), Outcome("error", "not_found", "McpError", -32601)),
    (re.compile(r"(?i:mcp error): -32602\b"), Outcome("error", "arguments", "McpError", -32602)),
    (re.compile(r"unknown MCP server"), Outcome("error", "not_found")),
)
"""What errors of MCP calls say besides."""

_MCP_CODE = re.compile(r"(?i:mcp error): (-?\d{1,6})\b")


class Ended(NamedTuple):
    """How a call ended."""

    outcome: Outcome | None
    """None if it was denied or interrupted."""
    run_ms: float | None = None
    """How long it ran, if that was measured."""


class _Duration(msgspec.Struct):
    secs: float = 0
    nanos: float = 0


class _Part(msgspec.Struct):
    text: str | None = None


class _Answer(msgspec.Struct):
    content: msgspec.Raw = msgspec.Raw(b"null")
    success: bool | None = None


class _Metadata(msgspec.Struct):
    exit_code: int | None = None
    duration_seconds: float | None = None


class _Command(msgspec.Struct):
    metadata: _Metadata


class _Result(msgspec.Struct):
    is_error: bool | None = None
    is_error_in_camel: bool | None = msgspec.field(default=None, name="isError")


class _Either(msgspec.Struct):
    ok: _Result | None = msgspec.field(default=None, name="Ok")
    err: str | None = msgspec.field(default=None, name="Err")
    is_error: bool | None = None
    is_error_in_camel: bool | None = msgspec.field(default=None, name="isError")


class _Error(msgspec.Struct):
    message: str = ""


_DURATION = msgspec.json.Decoder(_Duration)
_OUTPUT = msgspec.json.Decoder(str | list[_Part] | _Answer | None)
_CONTENT = msgspec.json.Decoder(str | list[_Part] | None)
_COMMAND = msgspec.json.Decoder(_Command)
_EITHER = msgspec.json.Decoder(_Either | str | None)
_ERROR_OF_ITEM = msgspec.json.Decoder(_Error | str | None)


def duration_ms(duration: msgspec.Raw, in_ms: float | None = None) -> float | None:
    """Return a duration as Codex writes it, in milliseconds; None if there is none."""
    try:
        found = decode(memoryview(duration), _DURATION)
    except MalformedError:
        return in_ms
    return found.secs * 1000 + found.nanos / 1_000_000


def outcome_of_status(
    status: str | None, exit_code: int | None = None, *, is_success: bool | None = None
) -> Ended:
    """Return what the status of an end means, and the exit status of a command."""
    if status == "declined":
        return Ended(None)
    if exit_code == _TIMED_OUT:
        return Ended(_TIMEOUT)
    if exit_code:
        return Ended(_BAD_STATUS)
    return Ended(_ERROR if status == "failed" or is_success is False else Outcome())


def outcome_of_end(result: msgspec.Raw, error: msgspec.Raw, status: str | None = None) -> Ended:
    """Return what the end of an MCP call says: its result or its error.

    Args:
        result: what the server answered, or why there is no answer.
        error: the latter, where it stands apart.
        status: in a word, if it is logged.
    """
    try:
        found = decode(memoryview(result), _EITHER)
        fault = decode(memoryview(error), _ERROR_OF_ITEM)
    except MalformedError:
        return outcome_of_status(status)
    text = fault.message if isinstance(fault, _Error) else fault
    if text is None and isinstance(found, _Either):
        text = found.err
    if text is not None:
        return Ended(_outcome_of_error(text))
    answer = found if isinstance(found, _Either) else None
    answers = (answer, answer.ok) if answer else ()
    if any(one and (one.is_error or one.is_error_in_camel) for one in answers):
        return Ended(_ERROR)
    return outcome_of_status(status)


def _outcome_of_error(text: str) -> Outcome | None:
    if text.startswith(_DENIED):
        return None
    text = text[: 2 * HEAD]
    for pattern, outcome in _MCP_FAILURES:
        if pattern.search(text):
            return outcome
    code = _MCP_CODE.search(text)
    return Outcome("error", "protocol", "McpError", int(code[1])) if code else _ERROR


def outcome_of_output(output: memoryview, *, is_mcp: bool) -> Ended:
    """Return what the output of a call says, which the model is given.

    Args:
        output: a text, or parts of one, or an object with one; as JSON.
        is_mcp: it is the output of an MCP server, which has no exit status.
    """
    try:
        found = decode(output, _OUTPUT)
        is_success = found.success if isinstance(found, _Answer) else None
        if isinstance(found, _Answer):
            found = decode(memoryview(found.content), _CONTENT)
    except MalformedError:
        return Ended(Outcome())
    if isinstance(found, list):
        found = next((part.text for part in found if part.text), None)
    text = found or ""
    if text.startswith(_DENIED) or text == "aborted":
        return Ended(None)
    if text.startswith("{") and not is_mcp:
        ended = _of_command(text)
    elif text.startswith(_HEADS):
        ended = _of_head(text, is_mcp=is_mcp)
    elif text.startswith("tool call error:"):
        ended = Ended(_outcome_of_error(text))
    else:
        ended = Ended(_ERROR if text.startswith(_FAILED) and not is_mcp else Outcome())
    if is_success is False and ended.outcome == Outcome():
        return ended._replace(outcome=_ERROR)
    return ended


def _of_head(text: str, *, is_mcp: bool) -> Ended:
    """Return what the lines say that Codex puts above an output."""
    end = _END_OF_HEAD.search(text, 0, HEAD)
    head = text[: end.start() if end else HEAD]
    wall_time = _WALL_TIME.search(head)
    run_ms = float(wall_time[1]) * 1000 if wall_time else None
    if is_mcp:
        return Ended(Outcome(), run_ms)
    if "\naborted by user" in head:
        return Ended(None)
    found = _EXIT_STATUS.search(head)
    status = int(found[1]) if found else 0
    if status == _TIMED_OUT:
        return Ended(_TIMEOUT, run_ms)
    has_failed = text.startswith("Script failed")
    return Ended(_BAD_STATUS if status else _ERROR if has_failed else Outcome(), run_ms)


def _of_command(text: str) -> Ended:
    """Return what an output says that is JSON itself, of a command or of a patch."""
    try:
        metadata = decode(text.encode(errors="replace"), _COMMAND).metadata
    except MalformedError:
        return Ended(Outcome())
    seconds = metadata.duration_seconds
    ended = outcome_of_status(None, metadata.exit_code)
    return ended._replace(run_ms=None if seconds is None else seconds * 1000)
