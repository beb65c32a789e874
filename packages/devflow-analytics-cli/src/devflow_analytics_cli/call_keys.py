"""The keys of one call in ``--json`` and ``--csv``: the same wherever calls are listed."""

from __future__ import annotations

from devflow_analytics_cli.output import pick

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_reports import Call

HELP = """\
  time           when it was recorded, in Unix seconds
  tool           name of the tool
  duration_ms    how long it took, in milliseconds
  status         success, error or timeout
  error_type     the exception's class or a code, or null
  session        id of its session
  server         the MCP server; null if built in, or not known
  agent          type of the subagent that called; null for the main one
  source         recorder, proxy, hook or import, or null
  error_kind     how it failed, or null
  error_code     code of the JSON-RPC error or HTTP status, or null
  request_bytes  size of the arguments, or null
  result_bytes   size of the result, or null
  started_ms     when it began, in Unix milliseconds, or null
  duration_kind  wall if the duration is an upper bound, or null
  id             id of the call"""
"""What the help of a command says of them."""

KEYS = tuple(line.split()[0] for line in HELP.splitlines())


def call_keys(call: Call) -> dict[str, object]:
    """Return a call by the names of `KEYS`."""
    return {"time": call.timestamp, **pick(call, *KEYS[1:])}
