"""Gemini CLI: a file for each session, and since 2026 one for each of its subagents.

Until April 2026 a session is one JSON document, written anew at each change; since then it is
lines, of which each is a message as it has become. Only calls that ended are logged, each with the
time at which it was. When it began stands in the id that Gemini CLI makes. This was read in its
source, as far as version 0.56.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar

import msgspec

from devflow_analytics_capture import places
from devflow_analytics_capture.importers.importer import (
    UNKNOWN_AGENT,
    LineImporter,
    Progress,
    Retention,
    UnreadableLogError,
)
from devflow_analytics_capture.logs.calls import EARLIEST_MS, Conversation, Outcome
from devflow_analytics_capture.logs.decoding import MalformedError, decode, unix_ms
from devflow_analytics_capture.logs.log import Resume, find_logs, fingerprint
from devflow_analytics_capture.logs.small_file import read_small

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from devflow_analytics_capture.logs.calls import Calls
    from devflow_analytics_capture.logs.log import Log

LARGEST = 64 * 2**20
"""The largest JSON document that is read, in bytes: it takes so much memory."""

KEPT_DAYS = 30
"""How long Gemini CLI keeps its logs unless its settings say otherwise."""

MOST_TEXT = 2**16
"""How much of a text is looked at, from its beginning or its end, in characters."""

MOST_TAKEN = 1_000
"""How many calls of one message are remembered until the next one; more did not run at once."""

_SAME_MOMENT_MS = 100
"""Calls that ran at the same time are logged together; no model answers so fast."""

_BEGAN = re.compile(r"[-_]([0-9]{13})[-_][0-9a-f]+\Z")
"""The end of an id: when the call began, in Unix milliseconds, and what makes the id unique."""

_DISPLAYED = re.compile(r"(\S+) \((.+) MCP Server\)", re.DOTALL)
"""What Gemini CLI calls a tool of an MCP server."""

_QUALIFIED = re.compile(r"mcp_([^_]+)_(.+)|((?:(?!__).)+)__((?:(?!__).)+)", re.DOTALL)
"""The name of such a tool for the model, since March 2026; before that, if two had the same."""

_NOT_RUN = re.compile(
    r"Tool execution (?:denied by policy|blocked:)"
    r"|Tool execution for .{1,255} requires user confirmation"
    r"|Agent execution stopped by hook:"
    r"|\[Operation Cancelled\]"
)
"""How the errors of calls begin that were not to run."""

_FAILURES = (
    (
        re.compile(
            r"(?:Error: Invalid parameters provided\. Reason: )?params[ /]|Value of params "
        ),
        Outcome("error", "arguments", "InputValidationError"),
    ),
    (re.compile(r'Tool ".{1,255}" not found'), Outcome("error", "not_found", "NoSuchTool")),
)
"""How errors begin that say more than that a call failed."""

_MCP_CODE = re.compile(r"MCP error (-?[0-9]{1,6})\b")

_MCP_ERROR = '{"message":"MCP error '
"""How an error begins that is no answer of an MCP server's, within what is logged of it."""

_MCP_ERROR_END = re.compile(r'\{"message":"(?:[^"\\]|\\.)*","isError":true\}\}\}\}\]', re.DOTALL)

_BY_CODE = {
    -32001: Outcome("timeout", "protocol", "McpError", -32001),
    -32000: Outcome("error", "transport", "McpError"),
    -32602: Outcome("error", "arguments", "McpError", -32602),
}

_PERIODS = {"h": 1 / 24, "d": 1, "w": 7, "m": 30}
"""Units of the setting that says how long logs are kept, in days."""


class _Call(msgspec.Struct, rename="camel"):
    id: str = ""
    name: str = ""
    status: str = ""
    timestamp: str | float | None = None
    display_name: str | None = None
    agent_id: str | None = None
    args: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()
    result_display: msgspec.Raw = msgspec.Raw()


class _Message(msgspec.Struct, rename="camel"):
    id: str | None = None
    timestamp: str | float | None = None
    tool_calls: list[_Call | None] | None = None


class _Record(_Message, rename="camel"):
    """A line, or a whole document: what says whose session it is, a message, or both."""

    session_id: str | None = None
    kind: str | None = None
    messages: list[_Message | None] | None = None


class _Answer(msgspec.Struct):
    error: str | None = None


class _FunctionResponse(msgspec.Struct):
    response: _Answer | None = None


class _Part(msgspec.Struct, rename="camel"):
    function_response: _FunctionResponse | None = None


class _Spawned(msgspec.Struct):
    agent_name: str | None = None


_RESULT_DECODER = msgspec.json.Decoder(list[_Part])
_TEXT_DECODER = msgspec.json.Decoder(str)
_SPAWNED_DECODER = msgspec.json.Decoder(_Spawned)


class GeminiCli(LineImporter[_Record]):
    """Reads what Gemini CLI logs."""

    client = "gemini-cli"
    title = "Gemini CLI"
    marks: ClassVar = re.compile(rb'"(?:toolCalls|projectHash)"')

    def __init__(self) -> None:
        self._agents: dict[str, str] = {}
        """The types of subagents, by their ids, as far as logs that were read said them."""
        self._directories: dict[str, str | None] = {}
        """Where people worked, by the directories of their logs."""
        self._refused: set[str] = set()
        """The keys of calls that were denied or interrupted: two logs may have the same one."""

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[_Record]:
        """What decodes a line, or a document."""
        return msgspec.json.Decoder(_Record)

    def logs(self) -> Iterator[Log]:
        """Yield the logs in the order of their last change, but those of subagents last.

        What type a subagent is of, the log says in which it was started.
        """
        found: list[Log] = []
        for project in _projects():
            chats = os.path.join(project, "chats")
            found += find_logs(chats, (".json",), depth=1, resume=Resume.AT_START)
            found += find_logs(chats, (".jsonl",), depth=1)
        yield from sorted(
            found, key=lambda log: (bool(_parent(log)), log.fingerprint.modified_ns, log.path)
        )

    def retention(self) -> Retention | None:
        """Return how long the logs are kept."""
        path = os.path.join(*places.gemini_cli(), "settings.json")
        days: float = KEPT_DAYS
        try:
            kept = json.loads(read_small(path))["general"]["sessionRetention"]
            if kept.get("enabled") is False:
                return None
            age = kept["maxAge"]
            days = int(age[:-1]) * _PERIODS[age[-1]]
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            pass
        return Retention(max(1, int(days)), "general.sessionRetention", path)

    def read(self, log: Log, file: io.FileIO, position: int, calls: Calls) -> Iterator[Progress]:
        """Read a log, as `Importer.read` says."""
        if log.resume is Resume.AT_POSITION:
            yield from super().read(log, file, position, calls)
            return
        size, malformed_at = log.fingerprint.size, None
        if size > LARGEST:
            raise UnreadableLogError(f"it is larger than {LARGEST // 2**20} MiB")
        file.seek(0)
        content = (file.read(size) or b"").strip(b"\0 \t\r\n").removeprefix(b"\xef\xbb\xbf")
        if content:
            try:
                self.take(decode(content, self.decoder), log, calls)
            except MalformedError:
                # one that is being written is read again
                if fingerprint(os.fstat(file.fileno())) == log.fingerprint:
                    malformed_at = 0
        yield Progress(size, malformed_at)

    def take(self, record: _Record, log: Log, calls: Calls) -> None:
        """Hand over what one line, or a document, says."""
        if record.session_id:
            calls.context["session"] = record.session_id[:255]
            calls.context["is_subagent"] = record.kind == "subagent" or bool(_parent(log))
        for message in (record, *(record.messages or ())):
            if message and message.tool_calls:
                self._take_message(message, log, calls)

    def _take_message(self, message: _Message, log: Log, calls: Calls) -> None:
        """Hand over the calls of a message, but for those that it had when it stood there before.

        A message is logged again when something is added to it.
        """
        session = calls.context.get("session")
        if not session:
            raise MalformedError
        called = [call for call in message.tool_calls or () if call and call.id and call.name]
        if not called:
            return
        name = calls.key(f"{session}\0{message.id}", session)
        if calls.context.get("message") != name:
            calls.context.update(message=name, taken=[])
        taken = calls.context["taken"]
        known = set(taken)
        logged_ms = unix_ms(called[0].timestamp)
        for call in called:
            native_id = f"{session}\0{call.id}"  # the ids of two sessions may be the same
            key = calls.key(native_id, session)
            # any other status is on its way to one of these
            if key not in known and call.status in {"success", "error", "cancelled"}:
                known.add(key)
                taken.append(key)
                began_ms = _began_ms(call, message, logged_ms)
                self._take_call(call, native_id, key, began_ms, log, calls)
        del taken[:-MOST_TAKEN]

    def _take_call(  # noqa: PLR0913, PLR0917  what there is to know
        self,
        call: _Call,
        native_id: str,
        key: str,
        began_ms: int | None,
        log: Log,
        calls: Calls,
    ) -> None:
        session: str = calls.context["session"]
        if call.agent_id:
            self._agents[call.agent_id] = _spawned(call)
        outcome = _outcome(call)
        if outcome is None:
            if key not in self._refused:
                self._refused.add(key)
                calls.counts["refused"] += 1
            return
        ended_ms = unix_ms(call.timestamp)
        wall_ms = None
        if began_ms is not None and ended_ms is not None:
            wall_ms = max(0, ended_ms - began_ms)  # clocks are set back
        server, tool = _split_name(call)
        is_subagent = calls.context.get("is_subagent")
        agent = self._agents.get(session, UNKNOWN_AGENT) if is_subagent else None
        calls.add(
            native_id,
            tool,
            ended_ms,
            Conversation(_parent(log) or session, None, self._directory(log)),
            outcome,
            wall_ms=wall_ms,
            server=server,
            agent=agent,
        )

    def _directory(self, log: Log) -> str | None:
        """Return where somebody worked."""
        project = log.path.rpartition(f"{os.sep}chats{os.sep}")[0]
        if project not in self._directories:
            self._directories[project] = _directory(project)
        return self._directories[project]


def _projects() -> list[str]:
    """Return the directories of the projects, of each one once."""
    try:
        with os.scandir(os.path.join(*places.gemini_cli(), "tmp")) as entries:
            return sorted(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []


def _directory(project: str) -> str | None:
    """Return the directory that somebody worked in, by that of its logs; None if nothing says."""
    try:
        return read_small(os.path.join(project, ".project_root")).decode().strip() or None
    except (OSError, ValueError):
        pass
    name = os.path.basename(project)
    try:
        names = json.loads(read_small(os.path.join(*places.gemini_cli(), "projects.json")))
        for path, short in names["projects"].items():
            if name in {short, sha256(path.encode(errors="surrogatepass")).hexdigest()}:
                return str(path)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        pass
    return None


def _parent(log: Log) -> str | None:
    """Return the id of the session that started the subagent whose log this is, if it is one's."""
    directory, name = os.path.split(log.path)
    above, parent = os.path.split(directory)
    is_nested = os.path.basename(above) == "chats" and not name.startswith("session-")
    return parent if is_nested else None


def _began_ms(call: _Call, message: _Message, logged_ms: int | None) -> int | None:
    """Return when a call began at the earliest, in Unix milliseconds; None if nothing says.

    A message that was logged before its calls was when they began; but later ones may be added to
    it. One that was logged with them says nothing.

    Args:
        call: the call.
        message: where it stands.
        logged_ms: when the first calls of the message were logged.
    """
    if (named := _BEGAN.search(call.id)) and int(named[1]) >= EARLIEST_MS:
        return int(named[1])
    message_ms, ended_ms = unix_ms(message.timestamp), unix_ms(call.timestamp)
    if message_ms is None or logged_ms is None or ended_ms is None:
        return None
    is_first = message_ms < logged_ms and ended_ms - logged_ms <= _SAME_MOMENT_MS
    return message_ms if is_first else None


def _split_name(call: _Call) -> tuple[str | None, str]:
    """Return the server and the name of a tool; None for one that is built in."""
    if displayed := _DISPLAYED.fullmatch(call.display_name or ""):
        return displayed[2], displayed[1]
    if qualified := _QUALIFIED.fullmatch(call.name):
        return qualified[1] or qualified[3], qualified[2] or qualified[4]
    return None, call.name


def _spawned(call: _Call) -> str:
    """Return which type of subagent a call started; a tool may be named as its type is."""
    try:
        named = decode(memoryview(call.args), _SPAWNED_DECODER).agent_name
    except MalformedError:
        named = None
    return (named or call.name)[:255]


def _outcome(call: _Call) -> Outcome | None:
    """Return how a call ended; None if it was denied or interrupted."""
    if call.status == "success":
        return Outcome()
    if call.status == "cancelled":
        return None
    text = _text(call)
    if _NOT_RUN.match(text):
        return None
    for pattern, outcome in _FAILURES:
        if pattern.match(text):
            return outcome
    at = text.rfind(_MCP_ERROR)
    if at >= 0 and _MCP_ERROR_END.fullmatch(text, at):
        text = text[at + len('{"message":"') :]
    if code := _MCP_CODE.match(text):
        number = int(code[1])
        return _BY_CODE.get(number) or Outcome("error", "protocol", "McpError", number)
    return Outcome("error", "tool")


def _text(call: _Call) -> str:
    """Return what a call that failed says, or the beginning and the end of it."""
    text = ""
    with suppress(MalformedError):
        for part in decode(memoryview(call.result), _RESULT_DECODER):
            if part.function_response and part.function_response.response:
                text = part.function_response.response.error or ""
                break
    if not text:  # as in a line that was made short
        with suppress(MalformedError):
            text = decode(memoryview(call.result_display), _TEXT_DECODER)
    return text if len(text) <= 2 * MOST_TEXT else text[:MOST_TEXT] + text[-MOST_TEXT:]
