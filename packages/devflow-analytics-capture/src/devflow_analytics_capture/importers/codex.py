"""Codex: a file of JSON lines for each thread, called a rollout; some are compressed.

There are three generations. Until September 2025 items stand bare, without times. Then each line
has a time, a type and a payload; a call is a ``response_item`` such as ``function_call``, and its
result another one; MCP calls have an ``mcp_tool_call_end`` too. Since 2026 lines may have an
``ordinal``; in such a rollout the model writes a script, in a call of ``exec``, and every call that
the script makes is an ``item_completed``. Then the script is none: it would count twice.

This was read in Codex's own source, and in logs of versions 0.104 to 0.128.
"""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from devflow_analytics_capture import places
from devflow_analytics_capture.importers.codex_fields import SOURCE, Kind, Line, Source
from devflow_analytics_capture.importers.codex_outcomes import (
    duration_ms,
    outcome_of_end,
    outcome_of_output,
    outcome_of_status,
)
from devflow_analytics_capture.importers.importer import UNKNOWN_AGENT, LineImporter, Progress
from devflow_analytics_capture.importers.unzipping import unzipped
from devflow_analytics_capture.logs.calls import Conversation
from devflow_analytics_capture.logs.decoding import MalformedError, decode, unix_ms
from devflow_analytics_capture.logs.log import Resume, find_logs
from devflow_analytics_capture.names import is_counted, split_mcp_name

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from devflow_analytics_capture.importers.codex_fields import Item, Payload
    from devflow_analytics_capture.importers.codex_outcomes import Ended
    from devflow_analytics_capture.logs.calls import Calls
    from devflow_analytics_capture.logs.log import Log

COPIED_WITHIN_MS = 2_000
"""How soon after a thread began a line is a copy from its parent, where turns have no ids."""

LONGEST_ID = 255
"""How much is kept of an id, in characters."""

_ZIPPED = ".jsonl.zst"

_BEGINNINGS = frozenset(
    ("custom_tool_call", "function_call", "local_shell_call", "tool_search_call")
)
_ENDS = frozenset(
    (
        *("custom_tool_call_output", "function_call_output", "local_shell_call_output"),
        "tool_search_output",
    )
)
_TURNS = frozenset(("task_started", "turn_started"))

_SCRIPTS = frozenset(("exec", "wait"))
"""The tools that run a script of the model's, in rollouts that log what it calls."""

_OF_A_SCRIPT = "exec-"
"""How the ids of calls begin that a script makes."""

_ITEMS = {
    "FileChange": "apply_patch",
    "CommandExecution": "exec_command",
    "ImageView": "view_image",
    "Sleep": "sleep",
}
"""The tools of kinds of items that do not name theirs."""

_UUID_7 = re.compile(r"(?P<time>[0-9a-f]{8}-[0-9a-f]{4})-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")

_NAME = re.compile(r"rollout-.{19}-(?P<thread>.+?)(?:_[^_]*)?\.jsonl(?:\.zst)?", re.DOTALL)

_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Codex(LineImporter[Line]):
    """Reads what Codex logs."""

    client = "codex"
    title = "Codex"
    # one literal beginning for all: the search is twice as fast
    marks: ClassVar = re.compile(
        rb'"type": ?"(?:(?:function|custom_tool|local_shell)_call(?:_output)?'
        rb"|tool_search_(?:call|output)"
        rb"|mcp_tool_call_end|exec_command_end|patch_apply_end|item_completed|session_meta"
        rb'|task_started|turn_started|turn_context|turn_aborted)"'
    )
    passed_over: ClassVar = re.compile(
        rb'\{"timestamp": ?"[^"]{0,40}", ?(?:"ordinal": ?\d+, ?)?"type": ?"compacted"'
    )

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[Line]:
        """What decodes a line."""
        return msgspec.json.Decoder(Line)

    def logs(self) -> Iterator[Log]:
        """Yield the logs in the order of their making: a thread is older than its forks.

        Where a rollout lies both compressed and not, Codex reads the latter.
        """
        (root,) = places.codex()
        found = [
            log._replace(resume=Resume.AT_START) if log.path.endswith(_ZIPPED) else log
            for directory, depth in (("sessions", 3), ("archived_sessions", 0))
            for log in find_logs(os.path.join(root, directory), (".jsonl", _ZIPPED), depth=depth)
            if os.path.basename(log.path).startswith("rollout-")
        ]
        paths = {log.path for log in found}
        yield from sorted(
            (
                log
                for log in found
                if log.path.removesuffix(".zst") == log.path
                or log.path.removesuffix(".zst") not in paths
            ),
            key=lambda log: (os.path.basename(log.path), log.path),
        )

    def read(self, log: Log, file: io.FileIO, position: int, calls: Calls) -> Iterator[Progress]:
        """Read a log, as `Importer.read` says.

        Raises:
            UnreadableLogError: it is compressed, and this Python cannot read that.
        """
        if not log.path.endswith(_ZIPPED):
            yield from super().read(log, file, position, calls)
            return
        with unzipped(file) as whole:
            endless = log._replace(fingerprint=log.fingerprint._replace(size=2**62))
            for progress in super().read(endless, whole, 0, calls):
                yield progress._replace(position=file.tell())

    def take(self, record: Line, log: Log, calls: Calls) -> None:
        """Hand over what one line says."""
        payload, context = record.payload, calls.context
        if payload is None:
            if record.type in _BEGINNINGS:  # of the first generation
                calls.counts["untimed"] += 1
            return
        at_ms = unix_ms(record.timestamp)
        if record.type == "session_meta":
            _begin_thread(payload, at_ms, calls)
            return
        if "thread" not in context:
            found = _NAME.fullmatch(os.path.basename(log.path))
            context["thread"] = found["thread"] if found else calls.key(log.path, "")
        if record.type == "turn_context" or payload.type in _TURNS:
            _begin_turn(payload, at_ms, context)
        elif context.get("copied") or (record.ordinal or 0) < context.get("from", 0):
            pass
        elif record.type == "response_item":
            _take_item_of_model(payload, at_ms, calls)
        elif record.type == "event_msg":
            _take_event(payload, at_ms, calls)


def _begin_thread(payload: Payload, at_ms: int | None, calls: Calls) -> None:
    """Take in whose log it is: what stands first; what follows is a copy of a parent's."""
    context = calls.context
    thread = (payload.id or "")[:LONGEST_ID]
    if "thread" in context:
        if thread != context["thread"]:
            context["copied"] = True
        return
    context["thread"] = thread
    context["born"] = at_ms
    # as Codex itself tells MCP servers: the thread that a person began
    context["session"] = (payload.session_id or thread)[:LONGEST_ID]
    context["version"] = (payload.cli_version or "")[:LONGEST_ID] or None
    project = calls.project_of(payload.cwd)
    if project:
        context["project"] = project
    if payload.history_mode == "paginated":
        context["items"] = True
    if payload.subagent_history_start_ordinal:
        context["from"] = payload.subagent_history_start_ordinal
    agent = _agent(payload)
    if agent:
        context["agent"] = agent[:255]


def _agent(payload: Payload) -> str | None:
    """Return the type of the subagent whose thread it is, if it is one's."""
    try:
        source = decode(memoryview(payload.source), SOURCE)
    except MalformedError:
        source = None
    kind = source.subagent if isinstance(source, Source) else None
    if kind is None and payload.thread_source in {None, "user"}:
        return payload.agent_role
    if isinstance(kind, Kind):
        spawned = kind.thread_spawn.agent_role if kind.thread_spawn else None
        kind = spawned or kind.other
    return payload.agent_role or kind or UNKNOWN_AGENT


def _begin_turn(payload: Payload, at_ms: int | None, context: dict[str, Any]) -> None:
    """Find out whether what follows was copied from the thread that this one branched off.

    Copies have the times at which they were copied. Ids of turns and of threads begin with the
    time of their making.
    """
    if not context.get("copied"):
        return
    turn, thread = (_UUID_7.fullmatch(id_) for id_ in (payload.turn_id or "", context["thread"]))
    if turn and thread:
        is_copy = turn["time"] < thread["time"]
    else:
        born = context.get("born")
        is_copy = at_ms is None or born is None or at_ms - born <= COPIED_WITHIN_MS
    context["copied"] = is_copy


def _conversation(context: dict[str, Any]) -> Conversation:
    return Conversation(
        context.get("session") or context["thread"], context.get("version"), context.get("project")
    )


def _id(call_id: str, context: dict[str, Any]) -> str:
    """Return an id for a call: within its thread only, if that is all it is good for."""
    return f"{context['thread']}\0{call_id}" if is_counted(call_id) else call_id


def _take_item_of_model(payload: Payload, at_ms: int | None, calls: Calls) -> None:
    """Take in what the model asks for, or what it is told."""
    context = calls.context
    call_id = payload.call_id or (payload.id if payload.type == "local_shell_call" else None)
    if not call_id:
        return
    if payload.type in _BEGINNINGS:
        name = payload.name or payload.type.removesuffix("_call")
        if not (name in _SCRIPTS and context.get("items")):
            server, tool = _split(payload.namespace, name)
            calls.begin(
                _id(call_id, context),
                tool,
                at_ms,
                _conversation(context),
                server=server,
                agent=context.get("agent"),
            )
    elif payload.type in _ENDS:
        is_mcp = calls.server_of(_id(call_id, context), _conversation(context).id) is not None
        ended = outcome_of_output(memoryview(payload.output), is_mcp=is_mcp)
        _end(call_id, at_ms, ended, calls)


def _split(namespace: str | None, name: str) -> tuple[str | None, str]:
    """Return the server and the tool that a function's name and namespace mean."""
    server = (namespace or "").removesuffix("__").partition("mcp__")[2]
    return (server, name) if server else split_mcp_name(name)


def _end(call_id: str, at_ms: int | None, ended: Ended, calls: Calls) -> None:
    native_id, conversation = _id(call_id, calls.context), _conversation(calls.context)
    if ended.outcome is None:
        calls.refuse(native_id, conversation.id)
    else:
        calls.end(native_id, at_ms, conversation.id, ended.outcome, run_ms=ended.run_ms)


def _take_event(payload: Payload, at_ms: int | None, calls: Calls) -> None:
    """Take in what happened: how a call ended, for the most part."""
    if payload.type == "turn_aborted":
        calls.refuse_all()
    elif payload.type == "item_completed":
        if payload.item is not None:
            _take_item(payload.item, payload, at_ms, calls)
    elif not payload.call_id:
        pass
    elif payload.type == "mcp_tool_call_end":
        invocation = payload.invocation
        if invocation is not None and invocation.tool:
            ended = outcome_of_end(payload.result, payload.error)
            ended = ended._replace(run_ms=duration_ms(payload.duration))
            _add(payload.call_id, invocation.tool, at_ms, ended, calls, server=invocation.server)
    elif payload.status == "declined":  # all else of other ends, the output says better
        calls.refuse(_id(payload.call_id, calls.context), _conversation(calls.context).id)


def _add(  # noqa: PLR0913  what there is to know
    call_id: str,
    tool: str,
    at_ms: int | None,
    ended: Ended,
    calls: Calls,
    *,
    server: str | None = None,
    wall_ms: float | None = None,
) -> None:
    """Take in a call of which the end says all, whether or not its beginning is logged."""
    native_id, conversation = _id(call_id, calls.context), _conversation(calls.context)
    if ended.outcome is None:
        if not calls.refuse(native_id, conversation.id):
            calls.counts["refused"] += 1
        return
    calls.add(
        native_id,
        tool,
        at_ms,
        conversation,
        ended.outcome,
        run_ms=ended.run_ms,
        wall_ms=wall_ms,
        server=server,
        agent=calls.context.get("agent"),
    )


def _take_item(item: Item, payload: Payload, at_ms: int | None, calls: Calls) -> None:
    """Take in an item that is a call, of the model or of its script."""
    call_id = item.call_id or item.id
    kind = item.type[:1].upper() + item.type[1:]
    tool = _tool_of(kind, item)
    if not call_id or not tool or item.status == "inProgress":
        return
    begun_ms = item.started_at_ms or payload.started_at_ms
    done_ms = item.completed_at_ms or payload.completed_at_ms
    wall_ms = done_ms - begun_ms if done_ms and begun_ms and done_ms >= begun_ms else None
    at_ms = unix_ms(done_ms) or at_ms
    if kind == "McpToolCall":
        ended = outcome_of_end(item.result, item.error, item.status)
    else:
        ended = outcome_of_status(item.status, item.exit_code, is_success=item.success)
    ended = ended._replace(run_ms=duration_ms(item.duration, item.duration_ms))
    if kind == "McpToolCall" or call_id.startswith(_OF_A_SCRIPT):
        _add(call_id, tool, at_ms, ended, calls, server=item.server, wall_ms=wall_ms)
    else:  # what the model did not ask for, a person did
        _end(call_id, at_ms, ended, calls)


def _tool_of(kind: str, item: Item) -> str | None:
    """Return the tool that an item means; None if it is no call."""
    if kind in {"McpToolCall", "DynamicToolCall"}:
        return item.tool
    if kind == "CollabAgentToolCall":
        return _CAPITAL.sub("_", item.tool or "").lower()
    return item.kind if kind == "Extension" else _ITEMS.get(kind)
