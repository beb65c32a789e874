"""The keys of a call in ``--json`` and ``--csv``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devflow_analytics_cli.output import pick

if TYPE_CHECKING:
    from devflow_analytics_reports import Call

KEYS = (
    *("time", "tool", "duration_ms", "status", "error_type", "session", "server", "agent"),
    *("source", "error_kind", "error_code", "request_bytes", "result_bytes", "started_ms"),
    *("duration_kind", "id"),
)

HELP = """
      time            when it was recorded, in Unix seconds
      tool            the tool's name
      duration_ms     how long it took, in milliseconds
      status          success, error or timeout
      error_type      the exception's class or a code, or null
      session         the session's id
      server          the MCP server, or null
      agent           type of the subagent that called, or null
      source          who saw it: recorder, proxy, hook, import, or null
      error_kind, error_code, request_bytes, result_bytes, started_ms, duration_kind, id
                      as the columns of tool_calls that docs/schema.md lists
"""
"""What the help says of them."""


def call_keys(call: Call) -> dict[str, object]:
    """Return the keys of a call."""
    return {"time": call.timestamp, **pick(call, *KEYS[1:])}
