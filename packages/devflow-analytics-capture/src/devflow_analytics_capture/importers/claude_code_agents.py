"""Of which types Claude Code's subagents are: newer versions say it beside their logs.

In older ones only the session says it: which type it asked for, and then which id that one got. So
its log is looked through for that, whenever it itself was imported.
"""

from __future__ import annotations

import io
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from devflow_analytics_capture.importers.importer import UNKNOWN_AGENT
from devflow_analytics_capture.logs.decoding import MalformedError, decode
from devflow_analytics_capture.logs.lines import marked_lines
from devflow_analytics_capture.logs.small_file import read_small

if TYPE_CHECKING:
    from collections.abc import Iterator

SPAWNS = frozenset(("Agent", "Task"))
"""The tools that start a subagent."""

DEFAULT_AGENT = "general-purpose"
"""The type of a subagent for which none was asked."""

_MARKS = re.compile(rb'"name": ?"(?:Agent|Task)"|"agentId": ?"')

_NULL = msgspec.Raw(b"null")


class _Block(msgspec.Struct):
    type: str = ""
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = _NULL
    tool_use_id: str | None = None


class _Message(msgspec.Struct):
    content: list[_Block] | str | None = None


class _Line(msgspec.Struct, rename="camel"):
    type: str = ""
    message: _Message | None = None
    tool_use_result: msgspec.Raw = _NULL


class _Asked(msgspec.Struct):
    subagent_type: str | None = None


class _Spawned(msgspec.Struct, rename="camel"):
    agent_id: str | None = None
    agent_type: str | None = None


_LINE = msgspec.json.Decoder(_Line)
_ASKED = msgspec.json.Decoder(_Asked)
_SPAWNED = msgspec.json.Decoder(_Spawned)


class Agents:
    """The types of subagents, each looked for once."""

    def __init__(self) -> None:
        self._types: dict[str, str] = {}
        """By the subagents' logs."""
        self._sessions: dict[str, dict[str, str]] = {}
        """By the subagents' ids, by the sessions' logs."""

    def type_of(self, path: str, agent_id: str, session_id: str) -> str:
        """Return the type of a subagent.

        Args:
            path: its log.
            agent_id: its id.
            session_id: the id of the session that it is of.
        """
        if path not in self._types:
            self._types[path] = _type_beside(path) or self._type_in_session(
                _session_of(path, session_id), agent_id
            )
        return self._types[path]

    def _type_in_session(self, session: str, agent_id: str) -> str:
        if session not in self._sessions:
            self._sessions[session] = {}
            with suppress(OSError):
                self._sessions[session].update(_spawned_by(session))
        return self._sessions[session].get(agent_id, UNKNOWN_AGENT)


def _type_beside(path: str) -> str | None:
    with suppress(OSError, MalformedError):
        meta = read_small(f"{path.removesuffix('.jsonl')}.meta.json")
        return decode(meta, _SPAWNED).agent_type
    return None


def _session_of(path: str, session_id: str) -> str:
    """Return the log of the session that a subagent is of: it lies above, or beside."""
    session, _, is_below = path.partition("/subagents/")
    if not is_below:  # an id is what a log says, and must not lead elsewhere
        name = os.path.basename(session_id.replace("\0", ""))
        session = os.path.join(os.path.dirname(path), name)
    return f"{session}.jsonl"


def _spawned_by(path: str) -> Iterator[tuple[str, str]]:
    """Yield the ids and types of the subagents that a session has started.

    Raises:
        OSError: its log cannot be read.
    """
    asked: dict[str, str] = {}
    with io.FileIO(path, opener=_without_waiting) as file:
        for line in marked_lines(file, 0, os.fstat(file.fileno()).st_size, _MARKS):
            with suppress(MalformedError):
                record = decode(line.content or b"{}", _LINE)
                spawned = _spawned(record.tool_use_result)
                for block in _blocks(record):
                    if block.type == "tool_use" and block.id and block.name in SPAWNS:
                        kind = decode(memoryview(block.input), _ASKED).subagent_type
                        asked[block.id] = kind or DEFAULT_AGENT
                    elif spawned and spawned.agent_id and block.tool_use_id:
                        kind = spawned.agent_type or asked.get(block.tool_use_id)
                        yield spawned.agent_id, kind or UNKNOWN_AGENT


def _without_waiting(path: str, flags: int) -> int:
    """Open a file, even if it is a FIFO."""
    return os.open(path, flags | os.O_NONBLOCK)


def _spawned(raw: msgspec.Raw) -> _Spawned | None:
    return decode(memoryview(raw), _SPAWNED) if bytes(memoryview(raw)[:1]) == b"{" else None


def _blocks(record: _Line) -> list[_Block]:
    """Return what a message is made of; nothing if the line is no message."""
    blocks = record.message.content if record.message else None
    is_message = record.type in {"assistant", "user"}
    return blocks if is_message and isinstance(blocks, list) else []
