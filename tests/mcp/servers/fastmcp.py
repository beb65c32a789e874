"""Servers with FastMCP, versions 2 to 4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError

try:
    from fastmcp.tools import ToolResult
except ImportError:  # before version 3
    from fastmcp.tools.tool import ToolResult
from matrix.cases import LIBRARY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.applications import Starlette


def protocol_error(code: int, message: str) -> Exception:
    import mcp.shared.exceptions as sdk  # noqa: PLC0415

    if hasattr(sdk, "MCPError"):
        return sdk.MCPError(code=code, message=message)
    import mcp.types  # noqa: PLC0415

    return sdk.McpError(mcp.types.ErrorData(code=code, message=message))


def is_error(text: str) -> ToolResult:
    return ToolResult(content=text, is_error=True)


LIBRARY.ToolError = ToolError
LIBRARY.protocol_error = protocol_error
LIBRARY.is_error = is_error


class High:
    """Tools are functions."""

    def __init__(self, name: str, *, stateless: bool) -> None:
        self.server: FastMCP[Any] = FastMCP(name)
        self.stateless = stateless

    def add(self, tools: Mapping[str, Callable[..., Any]]) -> None:
        for tool in tools.values():
            self.server.tool(tool)

    def run_stdio(self) -> None:
        self.server.run("stdio", show_banner=False)

    def app(self) -> Starlette:
        return self.server.http_app(stateless_http=self.stateless)
