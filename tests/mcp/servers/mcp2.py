"""Servers with version 2 of the official SDK."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import anyio
import mcp_types
from mcp.server import Server
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

from matrix.cases import LIBRARY
from servers.schema import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.applications import Starlette


def protocol_error(code: int, message: str) -> MCPError:
    return MCPError(code=code, message=message)


def is_error(text: str) -> mcp_types.CallToolResult:
    return mcp_types.CallToolResult(content=[text_content(text)], is_error=True)


def text_content(text: str) -> mcp_types.TextContent:
    return mcp_types.TextContent(type="text", text=text)


LIBRARY.ToolError = ToolError
LIBRARY.protocol_error = protocol_error
LIBRARY.is_error = is_error


class High:
    """Tools are functions."""

    def __init__(self, name: str, *, stateless: bool) -> None:
        self.server = MCPServer(name, log_level="CRITICAL")
        self.stateless = stateless

    def add(self, tools: Mapping[str, Callable[..., Any]]) -> None:
        for tool in tools.values():
            self.server.add_tool(tool)

    def run_stdio(self) -> None:
        self.server.run("stdio")

    def app(self) -> Starlette:
        return self.server.streamable_http_app(stateless_http=self.stateless)


class Low:
    """The server answers the requests itself."""

    def __init__(self, name: str, *, stateless: bool) -> None:
        self.tools: dict[str, Callable[..., Any]] = {}
        self.stateless = stateless
        self.server: Server[object] = Server(
            name, on_list_tools=self._list_tools, on_call_tool=self._call_tool
        )

    def add(self, tools: Mapping[str, Callable[..., Any]]) -> None:
        self.tools.update(tools)

    async def _list_tools(self, _context: object, _params: object) -> mcp_types.ListToolsResult:
        return mcp_types.ListToolsResult(
            tools=[
                mcp_types.Tool(name=name, input_schema=schema(tool))
                for name, tool in self.tools.items()
            ]
        )

    async def _call_tool(
        self, _context: object, params: mcp_types.CallToolRequestParams
    ) -> mcp_types.CallToolResult:
        if params.name not in self.tools:
            raise ValueError(f"Unknown tool: {params.name}")
        answer = self.tools[params.name](**(params.arguments or {}))
        answer = await answer if inspect.isawaitable(answer) else answer
        if isinstance(answer, mcp_types.CallToolResult):
            return answer
        return mcp_types.CallToolResult(content=[text_content(answer)])

    def run_stdio(self) -> None:
        anyio.run(self._run_stdio)

    async def _run_stdio(self) -> None:
        async with stdio_server() as streams:
            await self.server.run(*streams, self.server.create_initialization_options())

    def app(self) -> Starlette:
        return self.server.streamable_http_app(stateless_http=self.stateless)
