"""What a server adds to the row that the proxy before it writes: the class of an exception.

Whichever of both comes first, the row is the proxy's. So a line of ours leaves out what the proxy
knows; of what no row can be without, it says the same, and its duration gives way to the proxy's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from devflow_analytics_recorder.conversations import (
    conversation,
    conversation_of_process,
    native_id,
)
from devflow_analytics_recorder.ids import call_id, named_id
from devflow_analytics_recorder.line import VERSION, number, quoted, session_part

if TYPE_CHECKING:
    from devflow_analytics_recorder.integrations.endings import Ending
    from devflow_analytics_recorder.integrations.watch import Request
    from devflow_analytics_recorder.wrapped import Wrapped

REQUEST_TIMEOUT = -32001
"""The code of the JSON-RPC error with which the SDKs say that a request took too long."""

_DIRECT = "direct"
"""What mcp 2 calls it where a client calls a server without a stream."""


def addition(
    proxy: Wrapped, request: Request, duration_ms: float, started_ms: int, ending: Ending
) -> bytes | None:
    """Return the line that adds what only the server knows of a call; None if that is nothing.

    Nothing is added to a call that was cancelled, as the client ended it and only the proxy knows
    why; nor where the proxy may have found another id than we would.

    Args:
        proxy: what records the call itself.
        request: the call.
        duration_ms: how long it ran.
        started_ms: when it began, in Unix milliseconds.
        ending: how it ended.
    """
    outcome = ending.outcome
    if outcome.error_type is None or outcome.error_kind == "cancelled":
        return None
    caller, request_id = request.caller, request.id
    if not caller.client:  # the proxy may have been told one
        return None
    if isinstance(request_id, bool) or not isinstance(request_id, (str, int)):
        return None
    if is_within_process(request.channel):
        return None
    native = native_id(caller.meta)
    if native is not None:
        key = named_id(caller.client, native)
    elif request.answers:  # one call of several requests
        return None
    else:
        key = call_id(proxy.session, request_id)
    named = conversation(caller.meta, caller.client) or conversation_of_process(caller.client)
    end = session_part(
        proxy.session if named is None else named_id(*named),
        "proxy",
        "wall",
        proxy.began_at if named is None else started_ms // 1_000,
        caller.client,
        caller.version,
        None,
    )
    # A proxy does not see the timeout of a tool's own, but the code of the protocol's.
    status = "timeout" if ending.code == REQUEST_TIMEOUT else "error"
    # In the order of `line.FIELDS`.
    line = (
        f'[{VERSION},"{key}",{quoted(request.tool)},{duration_ms!r},"{status}",'
        f"{quoted(outcome.error_type)},{time.time_ns() // 1_000_000_000},null,null,null,null,null,"
        f"{number(started_ms)},null{end}"
    )
    return line.encode()


def is_within_process(channel: object) -> bool:
    """Return whether a request comes from a client in this very process, and from no proxy.

    The stream that mcp makes for such a client has room for a message, and that for stdio has none.
    Since mcp 2 such a client may do without, and the server is told so.
    """
    statistics = getattr(channel, "statistics", None)
    if statistics is not None:
        return bool(statistics().max_buffer_size)
    return getattr(getattr(channel, "transport", None), "kind", None) == _DIRECT
