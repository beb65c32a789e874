"""The client of FastMCP, versions 2 to 4."""

from __future__ import annotations

import inspect
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport

if int(version("mcp").partition(".")[0]) > 1:
    from mcp_types import Implementation

    from clients.mcp2 import cancel
else:
    from mcp.types import Implementation

    from clients import mcp1

    async def cancel(client: Client[Any], play: Play, calling: asyncio.Task[Any]) -> None:
        """Cancel the call that was made last."""
        await mcp1.cancel(client.session, play, calling)


if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Mapping

    from matrix.play import Play


@asynccontextmanager
async def connect(play: Play) -> AsyncIterator[Client[Any]]:
    """Connect to a server."""
    transport: Any
    if play.url:
        options: dict[str, Any] = {"headers": play.headers}
        if "max_sse_event_size" in inspect.signature(StreamableHttpTransport).parameters:
            options["max_sse_event_size"] = None  # or it refuses 10 MB
        transport = StreamableHttpTransport(play.url, **options)
    else:
        command, *arguments = play.command
        transport = StdioTransport(command, arguments, env=play.env, keep_alive=False)
    options = {"client_info": Implementation(name=play.client, version=play.client_version)}
    if "mode" in inspect.signature(Client).parameters:
        options["mode"] = "legacy" if play.way in {"legacy", "http"} else "auto"
    async with Client(transport, **options) as client:
        yield client


async def call(client: Client[Any], tool: str, arguments: Mapping[str, Any]) -> Any:
    """Call a tool."""
    return await client.call_tool_mcp(tool, dict(arguments))


__all__ = ["call", "cancel", "connect"]
