"""Claude Code: a file of JSON lines for each session, and one for each of its subagents.

A call is a block ``tool_use`` in a line of the assistant's, and its result a block ``tool_result``
in a line of the user's. The format is not documented; this was read in logs of versions 1.0 to
2.1, and in what other readers of them say.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import msgspec

from devflow_analytics_capture import places
from devflow_analytics_capture.importers.claude_code_agents import SPAWNS, Agents
from devflow_analytics_capture.importers.importer import LineImporter, Retention
from devflow_analytics_capture.logs.calls import Conversation, Outcome
from devflow_analytics_capture.logs.decoding import MalformedError, decode, unix_ms
from devflow_analytics_capture.logs.log import find_logs
from devflow_analytics_capture.logs.small_file import read_small
from devflow_analytics_capture.names import split_mcp_name
from devflow_analytics_capture.noting.failures import failure_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devflow_analytics_capture.logs.calls import Calls
    from devflow_analytics_capture.logs.log import Log

KEPT_DAYS = 30
"""How long Claude Code keeps its logs unless its settings say otherwise."""

MOST_DAYS = 100_000
"""Settings that say more than that are a mistake."""

_MEASURED = frozenset(("Agent", "Glob", "Grep", "Task", "WebFetch", "WebSearch"))
"""The tools of whose calls the time is logged."""


_NULL = msgspec.Raw(b"null")


class _Block(msgspec.Struct):
    type: str = ""
    id: str | None = None
    name: str | None = None
    tool_use_id: str | None = None
    is_error: bool | None = None
    content: msgspec.Raw = _NULL


class _Message(msgspec.Struct):
    content: list[_Block] | str | None = None


class _Origin(msgspec.Struct, rename="camel"):
    session_id: str | None = None


class _Line(msgspec.Struct, rename="camel"):
    type: str = ""
    timestamp: str | float | None = None
    session_id: str | None = None
    version: str | None = None
    cwd: str | None = None
    is_sidechain: bool | None = None
    agent_id: str | None = None
    attribution_agent: str | None = None
    forked_from: _Origin | None = None
    tool_denial_kind: str | None = None
    message: _Message | None = None
    tool_use_result: msgspec.Raw = _NULL


class _Measured(msgspec.Struct, rename="camel"):
    duration_ms: float | None = None
    duration_seconds: float | None = None
    total_duration_ms: float | None = None
    status: str | None = None


class _Text(msgspec.Struct):
    text: str | None = None


_MEASURED_DECODER = msgspec.json.Decoder(_Measured)
_CONTENT_DECODER = msgspec.json.Decoder(str | list[_Text] | None)


class ClaudeCode(LineImporter[_Line]):
    """Reads what Claude Code logs."""

    client = "claude-code"
    title = "Claude Code"
    marks: ClassVar = re.compile(rb'"tool_(?:use|result)"')

    def __init__(self) -> None:
        self._agents = Agents()

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[_Line]:
        """What decodes a line."""
        return msgspec.json.Decoder(_Line)

    def logs(self) -> Iterator[Log]:
        """Yield the logs: sessions in the order of their last change, each before its subagents.

        A session that is resumed or forked may be a copy of another one, which is older.
        """
        sessions: dict[str, list[Log]] = defaultdict(list)
        for root in places.claude_code():
            for log in find_logs(os.path.join(root, "projects"), (".jsonl",), depth=5):
                session, _, subagent = log.path.partition("/subagents/")
                if not subagent:
                    session = log.path.removesuffix(".jsonl")
                elif not os.path.basename(log.path).startswith("agent-"):
                    continue
                sessions[session].append(log)
        for logs in sessions.values():
            logs.sort(key=lambda log: ("/subagents/" in log.path, log.path))
        yield from (
            log
            for _, logs in sorted(
                sessions.items(), key=lambda item: (item[1][0].fingerprint.modified_ns, item[0])
            )
            for log in logs
        )

    def retention(self) -> Retention | None:
        """Return how long the logs are kept."""
        kept: list[Retention] = []
        for root in places.claude_code():
            if os.path.isdir(os.path.join(root, "projects")):
                settings = os.path.join(root, "settings.json")
                days: object = None
                with suppress(OSError, ValueError, LookupError, TypeError, RecursionError):
                    days = json.loads(read_small(settings))["cleanupPeriodDays"]
                if type(days) is not int or not 0 < days < MOST_DAYS:
                    days = KEPT_DAYS
                kept.append(Retention(days, "cleanupPeriodDays", settings))
        return min(kept, default=None)

    def take(self, record: _Line, log: Log, calls: Calls) -> None:
        """Hand over what one line says."""
        if record.type not in {"assistant", "user"} or record.message is None:
            return
        blocks = record.message.content
        if not isinstance(blocks, list):
            return
        if record.type == "assistant":
            for block in blocks:
                if block.type == "tool_use" and block.id and block.name:
                    self._begin(block, record, log, calls)
        else:
            results = [b for b in blocks if b.type == "tool_result" and b.tool_use_id]
            for block in results:
                self._end(block, record, calls, is_alone=len(results) == 1)

    def _begin(self, block: _Block, record: _Line, log: Log, calls: Calls) -> None:
        assert block.id  # noqa: S101  for type checkers
        assert block.name  # noqa: S101  for type checkers
        server, tool = split_mcp_name(block.name)
        conversation = _conversation(record)
        calls.begin(
            block.id,
            tool,
            unix_ms(record.timestamp),
            conversation,
            server=server,
            agent=self._agent(record, log) if record.is_sidechain else None,
        )

    def _end(self, block: _Block, record: _Line, calls: Calls, *, is_alone: bool) -> None:
        assert block.tool_use_id  # noqa: S101  for type checkers
        conversation_id = _conversation(record).id
        called = calls.tool_of(block.tool_use_id, conversation_id)
        if called is None:
            return
        server, tool = called
        is_measured = is_alone and server is None and tool in _MEASURED
        measured = _measured(record) if is_measured else None
        outcome = _outcome(block, record)
        if outcome is None or (tool == "Bash" and _is_interrupted(record)):
            calls.refuse(block.tool_use_id, conversation_id)
            return
        calls.end(
            block.tool_use_id,
            unix_ms(record.timestamp),
            conversation_id,
            outcome,
            run_ms=_run_ms(tool, measured) if measured else None,
        )

    def _agent(self, record: _Line, log: Log) -> str:
        """Return the type of the subagent that a line is of."""
        return record.attribution_agent or self._agents.type_of(
            log.path, record.agent_id or "", record.session_id or ""
        )


def _conversation(record: _Line) -> Conversation:
    """Return whose line it is: a copy in a session that branched off is the first one's."""
    origin = record.forked_from.session_id if record.forked_from else None
    return Conversation(origin or record.session_id or "", record.version, record.cwd)


def _measured(record: _Line) -> _Measured | None:
    raw = record.tool_use_result
    if bytes(memoryview(raw)[:1]) != b"{":
        return None
    try:
        return decode(memoryview(raw), _MEASURED_DECODER)
    except MalformedError:
        return None


def _is_interrupted(record: _Line) -> bool:
    """Tell whether a command was cut short; a text cannot contain these quotes."""
    return b'"interrupted":true' in bytes(memoryview(record.tool_use_result))


def _run_ms(tool: str, measured: _Measured) -> float | None:
    if tool in SPAWNS:  # of one that goes on by itself, it says nothing
        return measured.total_duration_ms if measured.status == "completed" else None
    if measured.duration_ms is None and measured.duration_seconds is not None:
        return measured.duration_seconds * 1000
    return measured.duration_ms


def _outcome(block: _Block, record: _Line) -> Outcome | None:
    """Return how a call ended; None if it was denied or interrupted."""
    if record.tool_denial_kind:
        return None
    if not block.is_error:
        return Outcome()
    failure = failure_of(_text(block))
    return Outcome(*failure) if failure else None


def _text(block: _Block) -> str:
    """Return the beginning of what a result says."""
    try:
        content = decode(memoryview(block.content), _CONTENT_DECODER)
    except MalformedError:
        return ""
    if isinstance(content, list):
        content = next((part.text for part in content if part.text), None)
    return (content or "")[:300].lstrip()
