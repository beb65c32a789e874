"""Servers with version 1 of the official SDK."""

from __future__ import annotations

import inspect
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import mcp.types
from mcp.server.fastmcp import FastMCP
from mcp.server.fastmcp.exceptions import ToolError
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import McpError
from starlette.applications import Starlette
from starlette.routing import Mount

from matrix.cases import LIBRARY
from servers.schema import schema

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping


def protocol_error(code: int, message: str) -> McpError:
    return McpError(mcp.types.ErrorData(code=code, message=message))


def is_error(text: str) -> mcp.types.CallToolResult:
    content = [mcp.types.TextContent(type="text", text=text)]
    return mcp.types.CallToolResult(content=content, isError=True)


LIBRARY.ToolError = ToolError
LIBRARY.protocol_error = protocol_error
LIBRARY.is_error = is_error


class High:
    """Tools are functions."""

    def __init__(self, name: str, *, stateless: bool) -> None:
        self.server = FastMCP(name, stateless_http=stateless, log_level="CRITICAL")

    def add(self, tools: Mapping[str, Callable[..., Any]]) -> None:
        for tool in tools.values():
            self.server.add_tool(tool)

    def run_stdio(self) -> None:
        self.server.run("stdio")

    def app(self) -> Starlette:
        return self.server.streamable_http_app()


class Low:
    """The server answers the requests itself."""

    def __init__(self, name: str, *, stateless: bool) -> None:
        self.server: Server[object] = Server(name)
        self.stateless = stateless

    def add(self, tools: Mapping[str, Callable[..., Any]]) -> None:
        listed = [
            mcp.types.Tool(name=name, inputSchema=schema(tool)) for name, tool in tools.items()
        ]

        @self.server.list_tools()
        async def list_tools() -> list[mcp.types.Tool]:
            return listed

        @self.server.call_tool()
        async def call_tool(name: str, arguments: dict[str, Any]) -> Any:
            if name not in tools:
                raise ValueError(f"Unknown tool: {name}")
            answer = tools[name](**arguments)
            answer = await answer if inspect.isawaitable(answer) else answer
            if isinstance(answer, str):
                return [mcp.types.TextContent(type="text", text=answer)]
            return answer

    def run_stdio(self) -> None:
        anyio.run(self._run_stdio)

    async def _run_stdio(self) -> None:
        async with stdio_server() as streams:
            await self.server.run(*streams, self.server.create_initialization_options())

    def app(self) -> Starlette:
        manager = StreamableHTTPSessionManager(self.server, stateless=self.stateless)

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            async with manager.run():
                yield

        return Starlette(routes=[Mount("/mcp", manager.handle_request)], lifespan=lifespan)
