"""The fields of Codex's logs that are read; of all others nothing is even decoded."""

from __future__ import annotations

import msgspec

NULL = msgspec.Raw(b"null")


class Invocation(msgspec.Struct):
    """Whose tool an MCP call calls."""

    server: str | None = None
    tool: str | None = None


class Item(msgspec.Struct):
    """What happened in a turn, in the newest generation: a call, a message, or anything else."""

    type: str = ""
    id: str | None = None
    call_id: str | None = None
    server: str | None = None
    namespace: str | None = None
    tool: str | None = None
    kind: str | None = None
    status: str | None = None
    success: bool | None = None
    exit_code: int | None = None
    duration: msgspec.Raw = NULL
    duration_ms: float | None = None
    result: msgspec.Raw = NULL
    error: msgspec.Raw = NULL
    started_at_ms: float | None = None
    completed_at_ms: float | None = None


class Payload(msgspec.Struct):
    """What a line is about, whatever its type."""

    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    output: msgspec.Raw = NULL
    # of session_meta
    session_id: str | None = None
    cwd: str | None = None
    cli_version: str | None = None
    history_mode: str | None = None
    agent_role: str | None = None
    thread_source: str | None = None
    subagent_history_start_ordinal: int | None = None
    # of a turn
    turn_id: str | None = None
    # of the ends of calls; of session_meta, too
    source: msgspec.Raw = NULL
    invocation: Invocation | None = None
    status: str | None = None
    duration: msgspec.Raw = NULL
    result: msgspec.Raw = NULL
    error: msgspec.Raw = NULL
    item: Item | None = None
    started_at_ms: float | None = None
    completed_at_ms: float | None = None


class Line(msgspec.Struct):
    """A line of a rollout."""

    timestamp: str | None = None
    ordinal: int | None = None
    type: str = ""
    payload: Payload | None = None


class Spawn(msgspec.Struct):
    """How a subagent was made."""

    agent_role: str | None = None


class Kind(msgspec.Struct):
    """Which subagent a thread is of, if the agent made it."""

    other: str | None = None
    thread_spawn: Spawn | None = None


class Source(msgspec.Struct):
    """What began a thread, if no person did."""

    subagent: str | Kind | None = None


SOURCE = msgspec.json.Decoder(str | Source | None)
"""Decodes what began a thread."""
