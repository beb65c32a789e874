"""MCP clients: in which files their servers are, and where in those.

What a client's parser accepts beyond JSON was read in its documentation or source in 2026. A file
that its own client cannot read is an error here too.
"""

from __future__ import annotations

import os
from glob import escape, glob
from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_capture import places
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
    """A client of MCP servers."""

    id: str
    """Its name in the database, where the client does not say one itself."""
    title: str
    """Its name for people."""
    files: Callable[[], list[str]]
    """The files of a person's own settings, in all places where they may be."""
    project_files: tuple[str, ...]
    """Those of a project, from its directory; they are shared with others."""
    syntax: Syntax | None
    servers: Callable[[Object], Servers]
    """Where in its settings servers are: in which objects, and for which directory each is."""
    has_lists: bool = False
    """Whether a command and its arguments are one list."""


def _config(*parts: str) -> list[str]:
    """Return a path in the directory for settings: the one that is named, and the usual one."""
    usual = os.path.expanduser("~/.config")
    named = os.environ.get("XDG_CONFIG_HOME") or usual
    return [os.path.join(root, *parts) for root in dict.fromkeys((named, usual))]


def _support(*parts: str) -> list[str]:
    """Return where programs on macOS and Linux that are built with Electron keep a file."""
    return [
        *_config(*parts),
        os.path.expanduser(os.path.join("~/Library/Application Support", *parts)),
    ]


def _claude_code() -> list[str]:
    if os.environ.get("CLAUDE_CONFIG_DIR", "").strip(" ,"):
        return [os.path.join(root, ".claude.json") for root in places.claude_code()]
    return [os.path.expanduser("~/.claude.json")]


def _vscode() -> list[str]:
    users = [
        *_support("Code", "User"),
        *_support("Code - Insiders", "User"),
        os.path.expanduser("~/.vscode-server/data/User"),
        os.path.expanduser("~/.vscode-server-insiders/data/User"),
    ]
    found = []
    for user in users:
        found.append(os.path.join(user, "mcp.json"))
        found += sorted(glob(os.path.join(escape(user), "profiles", "*", "mcp.json")))
    return found


def _opencode() -> list[str]:
    names = ("opencode.json", "opencode.jsonc", "config.json")
    named = [os.environ.get("OPENCODE_CONFIG", "")]
    own = os.environ.get("OPENCODE_CONFIG_DIR")
    if own:
        named += [os.path.join(own, name) for name in names[:2]]
    found = [os.path.expanduser(path) for path in named if path]
    return found + [path for name in names for path in _config("opencode", name)]


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
    Client("claude-code", "Claude Code", _claude_code, (".mcp.json",), JSON, _claude_code_servers),
    Client(
        "claude-desktop",
        "Claude Desktop",
        lambda: _support("Claude", "claude_desktop_config.json"),
        (),
        JSON,
        _under("mcpServers"),
    ),
    Client(
        "cursor",
        "Cursor",
        lambda: [os.path.expanduser("~/.cursor/mcp.json")],
        (".cursor/mcp.json",),
        JSONC,
        _under("mcpServers"),
    ),
    Client("vscode", "VS Code", _vscode, (".vscode/mcp.json",), JSONC, _under("servers")),
    Client(
        "codex",
        "Codex",
        lambda: [os.path.join(root, "config.toml") for root in places.codex()],
        (".codex/config.toml",),
        TOML,
        _under("mcp_servers"),
    ),
    Client(
        "gemini-cli",
        "Gemini CLI",
        lambda: [os.path.join(root, "settings.json") for root in places.gemini_cli()],
        (".gemini/settings.json",),
        JSON_WITH_COMMENTS,
        _under("mcpServers"),
    ),
    Client(
        "windsurf",
        "Windsurf",
        lambda: [
            os.path.expanduser(f"~/.codeium/{name}/mcp_config.json")
            for name in ("windsurf", "windsurf-next")
        ],
        (),
        JSON,
        _under("mcpServers"),
    ),
    Client(
        "zed",
        "Zed",
        lambda: _config("zed", "settings.json"),
        (".zed/settings.json",),
        JSONC,
        _under("context_servers"),
    ),
    Client(
        "opencode",
        "opencode",
        _opencode,
        ("opencode.json", "opencode.jsonc", ".opencode/opencode.json", ".opencode/opencode.jsonc"),
        JSONC,
        _opencode_servers,
        has_lists=True,
    ),
)

CLIENTS = {client.id: client for client in _CLIENTS}
"""All that are known, by their names."""
