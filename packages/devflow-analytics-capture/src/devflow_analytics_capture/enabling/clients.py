"""MCP clients: what their settings are like, and where in them servers are.

What a client's parser accepts beyond JSON was read in its documentation or source in 2026. A file
that its own client cannot read is an error here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_capture.enabling.paths import PATHS
from devflow_analytics_capture.settings.document import Array, Object, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devflow_analytics_capture.settings.document import Value

    Servers = Iterator[tuple[str | None, Object]]


class Syntax(NamedTuple):
    """What a client's parser accepts beyond JSON."""

    comments: bool = False
    trailing_commas: bool = False


JSON = Syntax()
JSON_WITH_COMMENTS = Syntax(comments=True)
JSONC = Syntax(comments=True, trailing_commas=True)
TOML = None
"""No JSON at all."""


class Client(NamedTuple):
    """A client of MCP servers, and what its settings are like."""

    id: str
    """Its name in the database, where the client does not say one itself."""
    project_files: tuple[str, ...]
    """Its files in a project, from the project's directory; they are shared with others."""
    syntax: Syntax | None
    servers: Callable[[Object], Servers]
    """Where in its settings servers are: in which objects, and for which directory each is."""
    has_lists: bool = False
    """Whether a command and its arguments are one list."""

    @property
    def title(self) -> str:
        """Its name for people."""
        return PATHS[self.id][0]

    def files(self) -> list[str]:
        """Return the files of a person's own settings, in all places where they may be."""
        return PATHS[self.id][1]()


def _under(*keys: str) -> Callable[[Object], Servers]:
    def find(root: Object) -> Servers:
        value: Value | None = root
        for key in keys:
            value = value.get(key) if isinstance(value, Object) else None
        if isinstance(value, Object):
            yield None, value

    return find


def _claude_code_servers(root: Object) -> Servers:
    yield from _under("mcpServers")(root)
    for _, projects in _under("projects")(root):
        for project in projects.items:
            if isinstance(project.value, Object):
                for _, servers in _under("mcpServers")(project.value):
                    yield project.key, servers


def _opencode_servers(root: Object) -> Servers:
    for _, servers in _under("mcp")(root):
        inner = servers.get("servers")  # of version 2; or a server of that name, which is told so:
        if isinstance(inner, Object) and not {"type", "command", "url", "enabled"}.intersection(
            member.key for member in inner.items if isinstance(member.value, (Scalar, Array))
        ):
            yield None, inner
        else:
            yield None, servers


_CLIENTS = (
    Client("claude-code", (".mcp.json",), JSON, _claude_code_servers),
    Client("claude-desktop", (), JSON, _under("mcpServers")),
    Client("cursor", (".cursor/mcp.json",), JSONC, _under("mcpServers")),
    Client("vscode", (".vscode/mcp.json",), JSONC, _under("servers")),
    Client("codex", (".codex/config.toml",), TOML, _under("mcp_servers")),
    Client("gemini-cli", (".gemini/settings.json",), JSON_WITH_COMMENTS, _under("mcpServers")),
    Client("windsurf", (".devin/mcp_config.json",), JSON_WITH_COMMENTS, _under("mcpServers")),
    Client("zed", (".zed/settings.json",), JSONC, _under("context_servers")),
    Client(
        "opencode",
        ("opencode.json", "opencode.jsonc", ".opencode/opencode.json", ".opencode/opencode.jsonc"),
        JSONC,
        _opencode_servers,
        has_lists=True,
    ),
)

CLIENTS = {client.id: client for client in _CLIENTS}
"""All that are known, by their names."""
