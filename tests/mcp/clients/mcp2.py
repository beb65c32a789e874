"""The client of version 2 of the official SDK."""

from __future__ import annotations

import inspect
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp_types import Implementation

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Mapping

    from matrix.play import Play


@asynccontextmanager
async def connect(play: Play) -> AsyncIterator[Client]:
    """Connect to a server."""
    target: Any
    if play.url:
        options: dict[str, Any] = {"http_client": create_mcp_http_client(headers=play.headers)}
        if "max_sse_event_size" in inspect.signature(streamable_http_client).parameters:
            options["max_sse_event_size"] = None  # or it refuses 10 MB
        target = streamable_http_client(play.url, **options)
    else:
        command, *arguments = play.command
        server = StdioServerParameters(command=command, args=arguments, env=play.env)
        target = stdio_client(server)
    info = Implementation(name=play.client, version=play.client_version)
    mode = "legacy" if play.way in {"legacy", "http"} else "auto"
    async with Client(target, client_info=info, mode=mode) as client:
        yield client


async def call(client: Client, tool: str, arguments: Mapping[str, Any]) -> Any:
    """Call a tool."""
    return await client.call_tool(tool, dict(arguments))


async def cancel(_client: object, _play: Play, calling: asyncio.Task[Any]) -> None:
    """Cancel a call: the client then tells the server."""
    calling.cancel()
