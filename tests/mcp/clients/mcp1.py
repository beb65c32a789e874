"""The client of version 1 of the official SDK."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client
from mcp.types import (
    CancelledNotification,
    CancelledNotificationParams,
    ClientNotification,
    Implementation,
)

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Mapping

    from matrix.play import Play


@asynccontextmanager
async def connect(play: Play) -> AsyncIterator[ClientSession]:
    """Connect to a server."""
    async with AsyncExitStack() as stack:
        if play.url:
            http = streamablehttp_client(play.url, headers=play.headers)
            read, write, _ = await stack.enter_async_context(http)
        else:
            command, *arguments = play.command
            server = StdioServerParameters(command=command, args=arguments, env=play.env)
            read, write = await stack.enter_async_context(stdio_client(server))
        client = Implementation(name=play.client, version=play.client_version)
        session = ClientSession(read, write, client_info=client)
        await stack.enter_async_context(session)
        await session.initialize()
        yield session


async def call(session: ClientSession, tool: str, arguments: Mapping[str, Any]) -> Any:
    """Call a tool."""
    return await session.call_tool(tool, dict(arguments))


async def cancel(session: ClientSession, play: Play, calling: asyncio.Task[Any]) -> None:
    """Cancel the call that was made last, as the protocol has it; the client has no means for it.

    Without sessions a server cannot know what is meant, so the client just hangs up.
    """
    if play.way == "stateless":
        calling.cancel()
        return
    params = CancelledNotificationParams(requestId=session._request_id - 1)  # noqa: SLF001
    notification = CancelledNotification(method="notifications/cancelled", params=params)
    await session.send_notification(ClientNotification(notification))
